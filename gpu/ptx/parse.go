package ptx

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// Limits that keep hostile text from costing memory.
const (
	maxVariable = 16 << 20 // bytes of one initialised or shared array
	maxRegister = 1 << 20  // of one .reg <N>
	maxDepth    = 64       // of nested braces
)

// parser walks over the tokens. Its methods panic with an *Error, which Parse
// catches: the grammar stays readable.
type parser struct {
	tokens []token
	at     int
	module *Module
}

// Parse reads one PTX file. Text that is no PTX, or uses more of PTX than our
// kernels do, is an *Error with the line. It never panics.
func Parse(text []byte) (m *Module, err error) {
	tokens, err := scan(string(text))
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, module: &Module{}}
	defer func() {
		if e := recover(); e != nil {
			f, ok := e.(*Error)
			if !ok {
				panic(e)
			}
			m, err = nil, f
		}
	}()
	p.file()
	return p.module, nil
}

func (p *parser) fail(reason string, args ...any) {
	panic(fault(p.tokens[p.at].line, reason, args...))
}

func (p *parser) peek() string { return p.tokens[p.at].text }
func (p *parser) line() int    { return p.tokens[p.at].line }

func (p *parser) next() string {
	t := p.tokens[p.at].text
	if t == "" {
		p.fail("the text ends too early")
	}
	p.at++
	return t
}

// take consumes t if it comes next.
func (p *parser) take(t string) bool {
	if p.peek() != t {
		return false
	}
	p.at++
	return true
}

func (p *parser) expect(t string) {
	if !p.take(t) {
		p.fail("expected %q, found %q", t, p.peek())
	}
}

// name consumes an identifier.
func (p *parser) name() string {
	t := p.peek()
	if t == "" {
		return p.next() // fails
	}
	if !wordByte(t[0]) || t[0] == '.' || '0' <= t[0] && t[0] <= '9' {
		p.fail("expected a name, found %q", t)
	}
	return p.next()
}

// count consumes an integer from 0 to limit.
func (p *parser) count(limit int) int {
	n, err := strconv.ParseUint(strings.TrimSuffix(p.peek(), "U"), 0, 63)
	if err != nil || n > uint64(limit) {
		p.fail("expected a number up to %d, found %q", limit, p.peek())
	}
	p.at++
	return int(n)
}

// restOfLine skips what stands on the line of the current token.
func (p *parser) restOfLine() {
	for line := p.line(); p.peek() != "" && p.line() == line; {
		p.at++
	}
}

func (p *parser) file() {
	for p.peek() != "" {
		switch d := p.peek(); d {
		case ".version":
			p.at++
			p.module.Version = p.next()
		case ".target":
			p.at++
			p.module.Target = p.next()
			for p.take(",") {
				p.fail("target with %q: not known", p.next())
			}
		case ".address_size":
			p.at++
			if p.next() != "64" {
				p.fail("addresses must have 64 bits")
			}
		case ".file":
			p.restOfLine()
		default:
			p.declaration()
		}
	}
	if p.module.Version == "" || p.module.Target == "" {
		p.fail("no .version or no .target: this is not PTX")
	}
}

// declaration reads an entry or a variable of the file.
func (p *parser) declaration() {
	for p.take(".visible") || p.take(".weak") {
	}
	switch d := p.peek(); d {
	case ".entry":
		p.at++
		p.entry()
	case ".global", ".const":
		p.module.Vars = append(p.module.Vars, p.variable())
		p.unique()
	case ".extern":
		p.at++
		if p.peek() != ".shared" {
			p.fail(".extern %s: only shared memory may be external", p.peek())
		}
		p.module.Vars = append(p.module.Vars, p.variable())
		p.unique()
	case ".func":
		p.fail("device function: mark it __forceinline__, calls are not translated")
	default:
		p.fail("unknown directive %q", d)
	}
}

// unique refuses a second variable of one name.
func (p *parser) unique() {
	last := p.module.Vars[len(p.module.Vars)-1]
	for _, v := range p.module.Vars[:len(p.module.Vars)-1] {
		if v.Name == last.Name {
			p.fail("variable %s is declared twice", v.Name)
		}
	}
}

// variable reads ".space .align N .type name[size] = {...};".
func (p *parser) variable() *Var {
	v := &Var{Line: p.line(), Space: p.next()[1:], Align: 1}
	if p.take(".align") {
		v.Align = p.count(4096)
	}
	t := strings.TrimPrefix(p.next(), ".")
	element := width(t) / 8
	if element == 0 || t == "pred" {
		p.fail("variable of type %q: not known", t)
	}
	v.Align = max(v.Align, element)
	if v.Align&(v.Align-1) != 0 {
		p.fail("alignment %d is no power of two", v.Align)
	}
	v.Name = p.name()
	v.Size = element
	for p.take("[") {
		if p.take("]") {
			v.Size = 0
			continue
		}
		v.Size *= p.count(maxVariable)
		if v.Size > maxVariable {
			p.fail("variable %s has more than %d bytes", v.Name, maxVariable)
		}
		p.expect("]")
	}
	if p.take("=") {
		v.Init = make([]byte, 0, v.Size)
		p.initial(v, t, 0)
		if len(v.Init) > v.Size {
			p.fail("variable %s has more values than room", v.Name)
		}
		v.Init = append(v.Init, make([]byte, v.Size-len(v.Init))...)
	}
	p.expect(";")
	return v
}

// initial reads one value, or values in braces, of type t.
func (p *parser) initial(v *Var, t string, depth int) {
	if depth > maxDepth {
		p.fail("braces nested too deep")
	}
	if p.take("{") {
		for !p.take("}") {
			p.initial(v, t, depth+1)
			if p.peek() != "}" {
				p.expect(",")
			}
		}
		return
	}
	if len(v.Init) > v.Size {
		p.fail("variable %s has more values than room", v.Name)
	}
	o := p.number()
	bits := o.Value
	switch {
	case t == "f32" && o.Kind == Float64:
		bits = uint64(math.Float32bits(float32(math.Float64frombits(bits))))
	case (o.Kind == Float32) != (t == "f32") || (o.Kind == Float64) != (t == "f64"):
		p.fail("initial value of %s is not of type %s", v.Name, t)
	}
	v.Init = append(v.Init, binary.LittleEndian.AppendUint64(nil, bits)[:width(t)/8]...)
}

// number reads an integer or a float in hexadecimal (0f..., 0d...).
func (p *parser) number() Operand {
	negative := p.take("-")
	t := p.next()
	for _, f := range []struct {
		prefix string
		kind   Kind
		digits int
	}{{"0f", Float32, 8}, {"0F", Float32, 8}, {"0d", Float64, 16}, {"0D", Float64, 16}} {
		if digits, ok := strings.CutPrefix(t, f.prefix); ok {
			bits, err := strconv.ParseUint(digits, 16, 64)
			if err != nil || len(digits) != f.digits || negative {
				p.fail("float %q is malformed", t)
			}
			return Operand{Kind: f.kind, Value: bits}
		}
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(t, "U"), 0, 64)
	if err != nil {
		p.at--
		p.fail("expected a number, found %q", t)
	}
	if negative {
		n = -n
	}
	return Operand{Kind: Integer, Value: n}
}
