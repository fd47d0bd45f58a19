package program

import (
	"encoding/hex"
	"math"
	"strconv"

	"quern/features/column"
)

// header is the first line of a program's text. The number is that of the form.
const header = "quern program 1"

// Text returns the program as text that Parse reads back exactly, if p is
// verified. One line each:
//
//	input "distance" float64
//	table "origin" string int64 rows=12 sha256=5f0e...
//	origin "features[2].steps[1]" 14:15
//	%0 float64 = load "distance"
//	%1 float64 = const 0x1.8p+00
//	%2 float64 = div %0 %1 @0
//	output "distance" %2 feature
//	observe 0 %0 %2
//
// An instruction names its register, type, operation, arguments, immediates
// (key=value, see keysOf) and origin (@0). Strings are quoted as in Go, so that any bytes
// survive; reals are hexadecimal. A table's contents are not in the text: the line
// has its types, row count and digest (see Table.Digest), which costs a pass over it.
func (p *Program) Text() string {
	w := textWriter{p: p}
	w.add(header, "\n")
	for _, f := range p.Inputs {
		w.add("input ", strconv.Quote(f.Name), " ", f.Type.String(), "\n")
	}
	for i := range p.Tables {
		w.table(&p.Tables[i])
	}
	for _, o := range p.Origins {
		w.add("origin ", strconv.Quote(o.Path), " ", strconv.Itoa(o.Line), ":", strconv.Itoa(o.Col), "\n")
	}
	for i := range p.Code {
		w.instr(i)
	}
	for _, o := range p.Outputs {
		w.add("output ", strconv.Quote(o.Name), " ", registerText(o.Register), " ", string(o.Role), "\n")
	}
	for _, o := range p.Observes {
		w.add("observe ", strconv.Itoa(o.Stat))
		w.registers(o.Args)
		w.add("\n")
	}
	return string(w.buf)
}

// String returns Text.
func (p *Program) String() string { return p.Text() }

type textWriter struct {
	p   *Program
	buf []byte
}

func (w *textWriter) add(parts ...string) {
	for _, s := range parts {
		w.buf = append(w.buf, s...)
	}
}

func (w *textWriter) table(t *Table) {
	digest := t.Digest()
	w.add("table ", strconv.Quote(t.Name), " ", t.Keys.Type.String(), " ", t.Values.Type.String(),
		" rows=", strconv.Itoa(t.Keys.Len), " sha256=", hex.EncodeToString(digest[:]), "\n")
}

func (w *textWriter) instr(i int) {
	in := &w.p.Code[i]
	w.add(registerText(Register(i)), " ", in.Type.String(), " = ", in.Op.String())
	w.registers(in.Args)
	w.immediates(in)
	if in.Origin >= 0 {
		w.add(" @", strconv.Itoa(int(in.Origin)))
	}
	w.add("\n")
}

func (w *textWriter) registers(list []Register) {
	for _, r := range list {
		w.add(" ", registerText(r))
	}
}

func registerText(r Register) string { return "%" + strconv.Itoa(int(r)) }

// immediates writes the immediates that the operation has. A zone is left out
// where there is none.
func (w *textWriter) immediates(in *Instr) {
	k, imm := keysOf(in.Op), &in.Imm
	if k.value {
		w.add(" ", valueText(in.Type, imm.Value))
	}
	if k.input {
		w.add(" ", nameText(imm.Int, len(w.p.Inputs), func(i int64) string { return w.p.Inputs[i].Name }))
	}
	if k.table {
		w.add(" table=", nameText(imm.Int, len(w.p.Tables), func(i int64) string { return w.p.Tables[i].Name }))
	}
	if k.part {
		w.add(" part=", imm.Part.String())
	}
	if k.text != "" && (k.text != "zone" || imm.Text != "") {
		w.add(" ", k.text, "=", strconv.Quote(imm.Text))
	}
	if k.floats != "" {
		w.add(" ", k.floats, "=[")
		for i, x := range imm.Floats {
			if i > 0 {
				w.add(" ")
			}
			w.add(floatText(x))
		}
		w.add("]")
	}
	if k.int != "" {
		w.add(" ", k.int, "=", strconv.FormatInt(imm.Int, 10))
	}
	if k.extra != "" {
		w.add(" ", k.extra, "=", strconv.FormatInt(imm.Extra, 10))
	}
	if k.nan != "" {
		w.add(" ", k.nan, "=", strconv.FormatInt(imm.NaN, 10))
	}
}

// nameText quotes the name of element i, or writes a number that Parse refuses.
func nameText(i int64, n int, name func(int64) string) string {
	if i < 0 || i >= int64(n) {
		return strconv.FormatInt(i, 10)
	}
	return strconv.Quote(name(i))
}

func valueText(t column.Type, v Value) string {
	switch {
	case v.Null:
		return "null"
	case t.Kind() == column.Bools:
		return strconv.FormatBool(v.Bool)
	case t.Kind() == column.Ints:
		return strconv.FormatInt(v.Int, 10)
	case t.Kind() == column.Floats:
		return floatText(v.Float)
	}
	return strconv.Quote(string(v.Str))
}

// floatText writes the exact value: hexadecimal, nan, inf or -inf.
func floatText(x float64) string {
	if x != x || math.IsInf(x, 0) {
		return string(AppendReal(nil, column.Float64, x))
	}
	return strconv.FormatFloat(x, 'x', -1, 64)
}
