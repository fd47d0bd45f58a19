package model

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"math"

	"quern/features/column"
	"quern/features/program"
)

// goldenRows is how many golden rows a model has. Texts in them are at most goldenText bytes
// long: rows hold a candidate many times over, and a model of three long texts would be
// mostly copies of them.
const (
	goldenRows = 64
	goldenText = 4 << 10
)

// MakeGolden makes up the golden rows and notes what the programs make of them.
func (m *Model) MakeGolden() error {
	m.Golden.Rows = nil
	byType := map[column.Type][]program.Value{}
	for i, f := range m.Schema {
		if byType[f.Type] == nil {
			byType[f.Type] = m.candidates(f.Type)
		}
		candidates := byType[f.Type]
		values := make([]program.Value, goldenRows)
		for r := range values {
			// Columns step through their candidates at different paces, so that
			// tuples of several columns meet in many ways.
			values[r] = candidates[(r*(2*i+1)+r/len(candidates))%len(candidates)]
		}
		v := program.StoredVector(f.Type, values...)
		m.Golden.Rows = append(m.Golden.Rows, column.Column{Len: v.Len, Values: v})
	}
	var err error
	m.Golden.Digest, err = m.replay()
	return err
}

// candidates returns values worth trying in a column of a type: null, the edges of its type,
// the constants that programs compare numbers with, and the first keys of the
// tables that programs look strings up in. Candidates of a list are lists of these.
func (m *Model) candidates(t column.Type) []program.Value {
	if t.IsList() {
		return candidateLists(m.candidates(t.Elem()))
	}
	values := append([]program.Value{program.NullValue()}, edgesOf(t)...)
	for _, p := range m.programs() {
		if *p.program == nil {
			continue
		}
		for _, in := range (*p.program).Code {
			if in.Op == program.Const && !in.Imm.Value.Null && in.Type.Kind() == t.Kind() && len(in.Imm.Value.Str) <= goldenText {
				values = append(values, fitting(t, in.Imm.Value)...)
			}
		}
		for i := range (*p.program).Tables {
			table := &(*p.program).Tables[i]
			if table.Keys.Type != t {
				continue
			}
			for slot := range min(3, table.Keys.Len) {
				if key := program.ValueAt(&table.Keys, slot); len(key.Str) <= goldenText {
					values = append(values, key)
				}
			}
		}
	}
	return values[:min(len(values), goldenRows)]
}

// candidateLists returns lists worth trying: null, the empty one, and from every
// candidate on one element, or a few; so that null elements come alone, and among
// others.
func candidateLists(elements []program.Value) []program.Value {
	lists := []program.Value{program.NullValue(), {List: []program.Value{}}}
	for i := range elements {
		n := [...]int{1, 3, 2, 7}[i%4]
		list := make([]program.Value, n)
		for k := range list {
			list[k] = elements[(i+k)%len(elements)]
		}
		if n > 3 {
			list[3] = program.NullValue()
		}
		lists = append(lists, program.Value{List: list})
	}
	return lists[:min(len(lists), goldenRows)]
}

// fitting returns v if it can be stored in a column of type t.
func fitting(t column.Type, v program.Value) []program.Value {
	if t == column.Float32 && float64(float32(v.Float)) != v.Float {
		v.Float = float64(float32(v.Float))
	}
	if t.Narrow() && t.Kind() == column.Ints && v.Int != int64(int32(v.Int)) {
		return nil
	}
	return []program.Value{v}
}

// edgesOf returns values at the edges of a type.
func edgesOf(t column.Type) []program.Value {
	switch t {
	case column.Bool:
		return []program.Value{{Bool: false}, {Bool: true}}
	case column.String:
		return []program.Value{{Str: []byte{}}, {Str: []byte("a")}, {Str: []byte("\xff")}, {Str: []byte("no such value")}}
	case column.Float32:
		return reals(1, -1, 0.5, 1e6, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, math.MaxFloat32, math.SmallestNonzeroFloat32)
	case column.Float64:
		return reals(1, -1, 0.1, 1e6, math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), 0, math.MaxFloat64, math.SmallestNonzeroFloat64)
	case column.Timestamp, column.Datetime: // 1970, 2000-02-29 23:59:59.999999, 1899, 2038
		return integers(0, 951868799999999, -2208988800000001, 2147483648000000)
	case column.Date:
		return integers(0, 11016, -25568, 24855)
	}
	return integers(0, 1, -1, 2, 100, 1<<31-1, -1<<31)
}

func reals(xs ...float64) (values []program.Value) {
	for _, x := range xs {
		values = append(values, program.Value{Float: x})
	}
	return values
}

func integers(xs ...int64) (values []program.Value) {
	for _, x := range xs {
		values = append(values, program.Value{Int: x})
	}
	return values
}

// replay runs every program over the golden rows and returns the digest of all
// outputs. A fault is an outcome like any other.
func (m *Model) replay() (string, error) {
	h := sha256.New()
	for _, p := range m.programs() {
		if *p.program == nil {
			continue
		}
		if err := m.replayProgram(h, p.name, *p.program); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (m *Model) replayProgram(h hash.Hash, name string, p *program.Program) error {
	e, err := p.Evaluator()
	if err != nil {
		return fmt.Errorf("program %s: %w", name, err)
	}
	rows := make([][]program.Value, goldenRows)
	for _, f := range p.Inputs {
		at := m.Schema.Find(f.Name)
		if at < 0 || m.Schema[at].Type != f.Type {
			return fmt.Errorf("program %s reads a column %q that the schema does not have so", name, f.Name)
		}
		for r := range rows {
			rows[r] = append(rows[r], program.ValueAt(&m.Golden.Rows[at].Values, r))
		}
	}
	registers, faults := e.Rows(rows)
	for r, fault := range faults {
		if fault != nil {
			fmt.Fprintf(h, "%s row %d: fault %s\n", name, r, fault)
			continue
		}
		for _, o := range p.Outputs {
			hashValue(h, p.Code[o.Register].Type, registers[r][o.Register])
		}
	}
	return nil
}

// hashValue adds a value's exact bits: a kind, then 8 bytes, or a length and bytes, or a
// length and elements.
func hashValue(h hash.Hash, t column.Type, v program.Value) {
	if v.Null {
		h.Write([]byte{0})
		return
	}
	bits := uint64(v.Int)
	switch t.Kind() {
	case column.Bools:
		bits = 0
		if v.Bool {
			bits = 1
		}
	case column.Floats:
		bits = math.Float64bits(program.Canon(v.Float))
	case column.Strings:
		bits = uint64(len(v.Str))
	case column.Lists:
		bits = uint64(len(v.List))
	}
	h.Write(binary.LittleEndian.AppendUint64([]byte{byte(t.Kind())}, bits))
	if t.Kind() == column.Strings {
		h.Write(v.Str)
	}
	for _, x := range v.List {
		hashValue(h, t.Elem(), x)
	}
}
