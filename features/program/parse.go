package program

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"quern/features/column"
)

// Parse reads the text of a program, as Text writes it. Blank lines and lines
// that start with # are skipped, reals may be decimal. The contents of the tables
// come from tables, by name, and must have the digest that the text says; tables
// that the text does not name are ignored.
//
// Parse checks the form; the caller checks the meaning (Verify). Errors name the
// line.
func Parse(text string, tables ...Table) (*Program, error) {
	return (&parser{tables: tables, inputs: map[string]int{}, named: map[string]int{}}).parse(text)
}

// ParseVouched is Parse of a text and tables of which the caller knows that they belong
// together: the digests that the text says of tables are believed, which for large ones
// saves most of the work.
func ParseVouched(text string, tables ...Table) (*Program, error) {
	return (&parser{tables: tables, vouched: true, inputs: map[string]int{}, named: map[string]int{}}).parse(text)
}

func (p *parser) parse(text string) (*Program, error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.Trim(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		p.rest = line
		if err := p.line(); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
	if !p.started {
		return nil, fmt.Errorf("line %d: the text does not start with %q", number+1, header)
	}
	return &p.program, nil
}

// parser reads a line from the front of rest.
type parser struct {
	program Program
	rest    string
	started bool
	tables  []Table        // as supplied
	vouched bool           // they have the digests that the text says
	inputs  map[string]int // numbers by name
	named   map[string]int // numbers of the program's tables, by name
}

func (p *parser) line() error {
	if !p.started {
		if p.rest != header {
			return fmt.Errorf("the text does not start with %q", header)
		}
		p.started = true
		return nil
	}
	if p.rest[0] == '%' {
		return p.instr()
	}
	var err error
	switch word := p.word(); word {
	case "input":
		err = p.input()
	case "table":
		err = p.table()
	case "origin":
		err = p.origin()
	case "output":
		err = p.output()
	case "observe":
		err = p.observe()
	default:
		return fmt.Errorf("unknown line %.40q", word)
	}
	if err == nil && p.rest != "" {
		return fmt.Errorf("unexpected %.40q", p.rest)
	}
	return err
}

func (p *parser) input() error {
	name, err := p.quoted()
	if err != nil {
		return err
	}
	t, err := p.typeWord()
	if err != nil {
		return err
	}
	if _, ok := p.inputs[name]; ok {
		return fmt.Errorf("a second input called %q", name)
	}
	p.inputs[name] = len(p.program.Inputs)
	p.program.Inputs = append(p.program.Inputs, column.Field{Name: name, Type: t})
	return nil
}

func (p *parser) table() error {
	name, err := p.quoted()
	if err != nil {
		return err
	}
	if _, ok := p.named[name]; ok {
		return fmt.Errorf("a second table called %q", name)
	}
	supplied, err := p.supplied(name)
	if err != nil {
		return err
	}
	digest := supplied.Digest()
	want := fmt.Sprintf("%s %s rows=%d sha256=%s", supplied.Keys.Type, supplied.Values.Type, supplied.Keys.Len, hex.EncodeToString(digest[:]))
	if p.rest != want {
		return fmt.Errorf("table %q is %q, not what was supplied: %q", name, p.rest, want)
	}
	p.rest = ""
	p.named[name] = len(p.program.Tables)
	p.program.Tables = append(p.program.Tables, *supplied)
	return nil
}

// supplied returns the table called name that the caller gave.
func (p *parser) supplied(name string) (*Table, error) {
	for i := range p.tables {
		if t := &p.tables[i]; t.Name == name {
			if p.vouched {
				t.believe(p.rest)
			}
			return t, checkTable(t)
		}
	}
	return nil, fmt.Errorf("table %q was not supplied", name)
}

func (p *parser) origin() error {
	path, err := p.quoted()
	if err != nil {
		return err
	}
	first, second, ok := strings.Cut(p.word(), ":")
	line, err1 := strconv.Atoi(first)
	col, err2 := strconv.Atoi(second)
	if !ok || err1 != nil || err2 != nil {
		return errors.New("an origin's place is LINE:COLUMN")
	}
	p.program.Origins = append(p.program.Origins, Origin{Path: path, Line: line, Col: col})
	return nil
}

func (p *parser) output() error {
	name, err := p.quoted()
	if err != nil {
		return err
	}
	r, err := p.register()
	if err != nil {
		return err
	}
	p.program.Outputs = append(p.program.Outputs, Output{Name: name, Register: r, Role: Role(p.word())})
	return nil
}

func (p *parser) observe() error {
	stat, err := strconv.Atoi(p.word())
	if err != nil {
		return errors.New("an observation starts with the number of its statistic")
	}
	args, err := p.registers()
	p.program.Observes = append(p.program.Observes, Observed{Stat: stat, Args: args})
	return err
}

// instr reads "%2 float64 = div %0 %1 @0".
func (p *parser) instr() error {
	r, err := p.register()
	if err != nil {
		return err
	}
	if int(r) != len(p.program.Code) {
		return fmt.Errorf("the next register is %%%d, not %%%d", len(p.program.Code), r)
	}
	in := Instr{Origin: -1}
	if in.Type, err = p.typeWord(); err != nil {
		return err
	}
	if p.word() != "=" {
		return errors.New("= is missing")
	}
	word := p.word()
	var ok bool
	if in.Op, ok = ParseOp(word); !ok {
		return fmt.Errorf("unknown operation %.40q", word)
	}
	if in.Args, err = p.registers(); err != nil {
		return err
	}
	if err := p.immediates(&in); err != nil {
		return err
	}
	if err := p.instrOrigin(&in); err != nil {
		return err
	}
	p.program.Code = append(p.program.Code, in)
	return nil
}

// instrOrigin reads "@0", if it is there, and the end of the line.
func (p *parser) instrOrigin(in *Instr) error {
	if p.rest == "" {
		return nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(p.rest, "@"), 10, 31)
	if err != nil || p.rest[0] != '@' {
		return fmt.Errorf("unexpected %.40q", p.rest)
	}
	in.Origin = int32(n)
	return nil
}

// immediates reads the immediates that the operation has, in the order that Text
// writes them.
func (p *parser) immediates(in *Instr) error {
	k := keysOf(in.Op)
	var err error
	switch {
	case k.value:
		in.Imm.Value, err = p.value(in.Type)
	case k.input:
		in.Imm.Int, err = p.numberOf(p.inputs)
	case k.table:
		if err = p.key("table"); err == nil {
			in.Imm.Int, err = p.numberOf(p.named)
		}
	case k.part:
		in.Imm.Part, err = p.part()
	}
	if err == nil && k.text != "" && (k.text != "zone" || strings.HasPrefix(p.rest, "zone=")) {
		if err = p.key(k.text); err == nil {
			in.Imm.Text, err = p.quoted()
		}
	}
	if err == nil && k.floats != "" {
		in.Imm.Floats, err = p.floats(k.floats)
	}
	if err == nil && k.int != "" {
		in.Imm.Int, err = p.integer(k.int)
	}
	if err == nil && k.extra != "" {
		in.Imm.Extra, err = p.integer(k.extra)
	}
	if err == nil && k.nan != "" {
		in.Imm.NaN, err = p.integer(k.nan)
	}
	return err
}

// value reads a constant of type t.
func (p *parser) value(t column.Type) (Value, error) {
	if t.Kind() == column.Strings && strings.HasPrefix(p.rest, `"`) {
		s, err := p.quoted()
		return Value{Str: []byte(s)}, err
	}
	word := p.word()
	var v Value
	var err error
	switch {
	case word == "null":
		return NullValue(), nil
	case t.Kind() == column.Bools && (word == "true" || word == "false"):
		v.Bool = word == "true"
	case t.Kind() == column.Ints:
		v.Int, err = strconv.ParseInt(word, 10, 64)
	case t.Kind() == column.Floats:
		v.Float, err = parseFloat(word)
	default:
		err = errors.New("wrong")
	}
	if err != nil {
		return Value{}, fmt.Errorf("%.40q is no constant of type %s", word, t)
	}
	return v, nil
}

// parseFloat reads a real, decimal or hexadecimal.
func parseFloat(word string) (float64, error) {
	x, err := strconv.ParseFloat(word, 64)
	return Canon(x), err
}

// floats reads "name=[0x1p+00 0x1p+01]".
func (p *parser) floats(name string) ([]float64, error) {
	if err := p.key(name); err != nil {
		return nil, err
	}
	inside, after, ok := strings.Cut(strings.TrimPrefix(p.rest, "["), "]")
	if !ok || !strings.HasPrefix(p.rest, "[") {
		return nil, fmt.Errorf("%s are not a list in brackets", name)
	}
	p.rest = strings.TrimLeft(after, " \t")
	var list []float64
	for word := range strings.FieldsSeq(inside) {
		x, err := parseFloat(word)
		if err != nil {
			return nil, fmt.Errorf("%.40q is no number", word)
		}
		list = append(list, x)
	}
	return list, nil
}

// integer reads "name=12".
func (p *parser) integer(name string) (int64, error) {
	if err := p.key(name); err != nil {
		return 0, err
	}
	word := p.word()
	x, err := strconv.ParseInt(word, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no integer", word)
	}
	return x, nil
}

// part reads "part=month".
func (p *parser) part() (Part, error) {
	if err := p.key("part"); err != nil {
		return NoPart, err
	}
	word := p.word()
	part, ok := ParsePart(word)
	if !ok {
		return NoPart, fmt.Errorf("unknown part %.40q", word)
	}
	return part, nil
}

// numberOf reads a quoted name and returns its number.
func (p *parser) numberOf(known map[string]int) (int64, error) {
	name, err := p.quoted()
	if err != nil {
		return 0, err
	}
	n, ok := known[name]
	if !ok {
		return 0, fmt.Errorf("%q is not declared above", name)
	}
	return int64(n), nil
}

// key reads "name=".
func (p *parser) key(name string) error {
	after, ok := strings.CutPrefix(p.rest, name+"=")
	if !ok {
		return fmt.Errorf("%s= is missing", name)
	}
	p.rest = after
	return nil
}

// word reads up to the next space.
func (p *parser) word() string {
	end := strings.IndexAny(p.rest, " \t")
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = strings.TrimLeft(p.rest[end:], " \t")
	return word
}

// quoted reads a string in double quotes.
func (p *parser) quoted() (string, error) {
	prefix, err := strconv.QuotedPrefix(p.rest)
	if err != nil || prefix[0] != '"' {
		return "", errors.New("a string in double quotes is missing")
	}
	after := p.rest[len(prefix):]
	if after != "" && after[0] != ' ' && after[0] != '\t' {
		return "", fmt.Errorf("a space is missing after %.40s", prefix)
	}
	p.rest = strings.TrimLeft(after, " \t")
	s, err := strconv.Unquote(prefix)
	return s, err
}

func (p *parser) typeWord() (column.Type, error) {
	word := p.word()
	t, ok := column.ParseType(word)
	if !ok {
		return column.Invalid, fmt.Errorf("unknown type %.40q", word)
	}
	return t, nil
}

// register reads "%12".
func (p *parser) register() (Register, error) {
	word := p.word()
	digits, ok := strings.CutPrefix(word, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil {
		return None, fmt.Errorf("%.40q is no register", word)
	}
	return Register(n), nil
}

// registers reads registers as long as there are any.
func (p *parser) registers() ([]Register, error) {
	var list []Register
	for strings.HasPrefix(p.rest, "%") {
		r, err := p.register()
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}
