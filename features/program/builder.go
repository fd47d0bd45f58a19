package program

import (
	"encoding/binary"
	"fmt"
	"math"

	"quern/features/column"
)

// Builder makes programs. Equal instructions get the same register, constants
// fold nowhere (a program says what it does), and Finish drops what nothing uses.
// Ill-typed use is our own fault and panics; callers check types first (Infer).
//
// A Builder keeps what it is given (tables, immediates): the caller must not
// change them afterwards.
type Builder struct {
	program Program
	origin  int32
	seen    map[string]Register
	digests [][32]byte // of the tables
}

// NewBuilder returns a builder of programs over the columns of schema.
func NewBuilder(schema column.Schema) *Builder {
	return &Builder{program: Program{Inputs: schema}, origin: -1, seen: map[string]Register{}}
}

// Load returns the register of an input column.
func (b *Builder) Load(col int) Register {
	if col < 0 || col >= len(b.program.Inputs) {
		panic(fmt.Sprintf("quern: bug: load of column %d of %d", col, len(b.program.Inputs)))
	}
	return b.EmitTyped(Load, b.program.Inputs[col].Type, Imm{Int: int64(col)})
}

// Emit returns the register of an instruction whose type follows from its
// arguments (for Load and Lookup: from the program).
func (b *Builder) Emit(op Op, imm Imm, args ...Register) Register {
	return b.EmitTyped(op, b.declared(op, imm), imm, args...)
}

// declared returns the type that the program declares for an instruction.
func (b *Builder) declared(op Op, imm Imm) column.Type {
	switch {
	case op == Load && imm.Int >= 0 && imm.Int < int64(len(b.program.Inputs)):
		return b.program.Inputs[imm.Int].Type
	case op == Lookup && imm.Int >= 0 && imm.Int < int64(len(b.program.Tables)):
		return b.program.Tables[imm.Int].Values.Type
	}
	return column.Invalid
}

// EmitTyped returns the register of an instruction of type t: for Retype,
// ParseTime and Const, whose type is a choice.
func (b *Builder) EmitTyped(op Op, t column.Type, imm Imm, args ...Register) Register {
	if op == Const {
		imm.Value = normalize(t, imm.Value)
	}
	types := make([]column.Type, len(args))
	for i, r := range args {
		types[i] = b.Type(r)
	}
	if t != column.Invalid {
		t = t.Like(shapeOf(op, types)) // the caller speaks of elements
	}
	t, err := Infer(op, imm, types, t)
	if err == nil {
		in := Instr{Op: op, Type: t, Args: args, Imm: imm}
		err = checkPlace(&b.program, &in, types)
	}
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	return b.intern(Instr{Op: op, Type: t, Args: append([]Register(nil), args...), Imm: imm, Origin: b.origin})
}

// intern returns the register of an equal instruction, or adds in.
func (b *Builder) intern(in Instr) Register {
	key := string(appendKey(nil, &in))
	if r, ok := b.seen[key]; ok {
		return r
	}
	r := Register(len(b.program.Code))
	b.program.Code = append(b.program.Code, in)
	b.seen[key] = r
	return r
}

// appendKey writes bytes that are equal for equal instructions: operation, type,
// arguments and immediates, with lengths where they vary, but not the origin.
func appendKey(dst []byte, in *Instr) []byte {
	word := func(x uint64) { dst = binary.LittleEndian.AppendUint64(dst, x) }
	v := in.Imm.Value
	dst = append(dst, byte(in.Op), byte(in.Type), byte(in.Imm.Part), byte(one(v.Null)), byte(one(v.Bool)))
	word(uint64(v.Int))
	word(math.Float64bits(v.Float))
	word(uint64(in.Imm.Int))
	word(uint64(in.Imm.Extra))
	word(uint64(in.Imm.NaN))
	for _, s := range []string{string(v.Str), in.Imm.Text} {
		word(uint64(len(s)))
		dst = append(dst, s...)
	}
	word(uint64(len(in.Imm.Floats)))
	for _, x := range in.Imm.Floats {
		word(math.Float64bits(x))
	}
	for _, r := range in.Args {
		word(uint64(r))
	}
	return dst
}

// Type returns the type of a register.
func (b *Builder) Type(r Register) column.Type {
	if r < 0 || int(r) >= len(b.program.Code) {
		panic(fmt.Sprintf("quern: bug: no register %d", r))
	}
	return b.program.Code[r].Type
}

// Elem returns the type of a register, or of its elements if it holds lists.
func (b *Builder) Elem(r Register) column.Type { return b.Type(r).Elem() }

// ConstFloat returns the register of a Float64 constant.
func (b *Builder) ConstFloat(x float64) Register {
	return b.ConstTyped(column.Float64, Value{Float: x})
}

// ConstInt returns the register of an Int64 constant.
func (b *Builder) ConstInt(x int64) Register { return b.ConstTyped(column.Int64, Value{Int: x}) }

// ConstBool returns the register of a Bool constant.
func (b *Builder) ConstBool(x bool) Register { return b.ConstTyped(column.Bool, Value{Bool: x}) }

// ConstString returns the register of a String constant.
func (b *Builder) ConstString(s string) Register {
	return b.ConstTyped(column.String, Value{Str: []byte(s)})
}

// ConstNull returns the register of the null of type t.
func (b *Builder) ConstNull(t column.Type) Register { return b.ConstTyped(t, NullValue()) }

// ConstTyped returns the register of a constant of type t.
func (b *Builder) ConstTyped(t column.Type, v Value) Register {
	return b.EmitTyped(Const, t, Imm{Value: v})
}

// SetOrigin says which part of the recipe the instructions that follow come from.
// An instruction that is there already keeps its first origin.
func (b *Builder) SetOrigin(o Origin) {
	for i, known := range b.program.Origins {
		if known == o {
			b.origin = int32(i)
			return
		}
	}
	b.origin = int32(len(b.program.Origins))
	b.program.Origins = append(b.program.Origins, o)
}

// AddTable adds a table and returns its number, for Lookup. A table that is there
// already is found again; another one of the same name is a bug.
func (b *Builder) AddTable(t Table) int {
	t = t.remembered()
	if err := checkTable(&t); err != nil {
		panic("quern: bug: " + err.Error())
	}
	digest := t.Digest()
	for i := range b.program.Tables {
		if b.program.Tables[i].Name != t.Name {
			continue
		}
		if b.digests[i] != digest {
			panic(fmt.Sprintf("quern: bug: two tables are called %q", t.Name))
		}
		return i
	}
	b.program.Tables = append(b.program.Tables, t)
	b.digests = append(b.digests, digest)
	return len(b.program.Tables) - 1
}

// Lookup returns the register of a table's value for the key r.
func (b *Builder) Lookup(table int, r Register) Register {
	return b.Emit(Lookup, Imm{Int: int64(table)}, r)
}

// Output lets a register leave the program under a name of its own.
func (b *Builder) Output(name string, r Register, role Role) {
	b.Type(r)
	b.program.Outputs = append(b.program.Outputs, Output{Name: name, Register: r, Role: role})
}

// Observe lets statistic number stat of the caller's list see a tuple of registers.
func (b *Builder) Observe(stat int, args ...Register) {
	for _, r := range args {
		b.Type(r)
	}
	b.program.Observes = append(b.program.Observes, Observed{Stat: stat, Args: append([]Register(nil), args...)})
}

// Append adds the instructions of p, with inputs in the place of its columns, and
// returns the registers of its outputs. p must be verified, and inputs must have
// the types of its columns; its outputs and observations are not taken over.
func (b *Builder) Append(p *Program, inputs []Register) []Register {
	tables := make([]int, len(p.Tables))
	for i, t := range p.Tables {
		tables[i] = b.AddNumbered(t)
	}
	before := b.origin
	registers := make([]Register, len(p.Code))
	for i, in := range p.Code {
		b.origin = before
		if in.Origin >= 0 {
			b.SetOrigin(p.Origins[in.Origin])
		}
		registers[i] = b.appendOne(p, in, inputs, tables, registers)
	}
	b.origin = before
	outputs := make([]Register, len(p.Outputs))
	for i, o := range p.Outputs {
		outputs[i] = registers[o.Register]
	}
	return outputs
}

func (b *Builder) appendOne(p *Program, in Instr, inputs []Register, tables []int, registers []Register) Register {
	switch in.Op {
	case Load:
		r := inputs[in.Imm.Int]
		if b.Type(r) != in.Type {
			panic(fmt.Sprintf("quern: bug: input %q is %s, not %s", p.Inputs[in.Imm.Int].Name, b.Type(r), in.Type))
		}
		return r
	case Lookup:
		in.Imm.Int = int64(tables[in.Imm.Int])
	}
	return b.EmitTyped(in.Op, in.Type, in.Imm, renumber(in.Args, registers)...)
}

// renumber maps registers.
func renumber(args, to []Register) []Register {
	out := make([]Register, len(args))
	for i, r := range args {
		out[i] = to[r]
	}
	return out
}
