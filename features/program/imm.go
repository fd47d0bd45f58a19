package program

import (
	"errors"
	"fmt"
	"math"
	"regexp"

	"quern/features/column"
)

// Limits of what Verify accepts. They are far above what recipes make and keep
// what a damaged or hostile program can ask for within bounds.
const (
	maxCode    = 1 << 20 // instructions, inputs, outputs, tables, origins; each
	maxArgs    = 1 << 16 // arguments of an instruction or of an observation
	maxPattern = 1 << 12 // bytes of a regular expression
)

// MaxPad is how long ListPad can make a list: 65,536 elements are beyond the
// sequences of any model, and a row of them is half a megabyte.
const MaxPad = 1 << 16

// immKeys names the immediates of an operation as the text form does. An empty
// name: the operation does not have that immediate, and it must be zero.
type immKeys struct {
	value  bool
	input  bool // Int is an input column
	table  bool // Int is a table
	part   bool
	int    string
	extra  string
	nan    string
	floats string
	text   string
}

// keysOf returns the names of op's immediates.
func keysOf(op Op) immKeys {
	switch op {
	case Load:
		return immKeys{input: true}
	case Const:
		return immKeys{value: true}
	case Lookup:
		return immKeys{table: true}
	case Dot:
		return immKeys{floats: "coefficients"}
	case ParseInt, ParseFloat, ParseBool, ParseTime:
		return immKeys{int: "null_on_fault"}
	case ToDate, ToTimestamp, ToDatetime:
		return immKeys{text: "zone"}
	case DatePart:
		return immKeys{part: true, text: "zone"}
	case Bucketize:
		return immKeys{floats: "edges", int: "right_closed", nan: "nan"}
	case Hash:
		return immKeys{text: "function", int: "seed"}
	case HashMix:
		return immKeys{int: "seed"}
	case Bucket:
		return immKeys{int: "buckets"}
	case Match:
		return immKeys{text: "pattern"}
	case SplitPart:
		return immKeys{int: "field"}
	case ListSlice:
		return immKeys{int: "start", extra: "end"}
	case ListPad:
		return immKeys{int: "length", extra: "before"}
	case ListAt:
		return immKeys{int: "position"}
	}
	return immKeys{}
}

// checkImm checks what can be known of an instruction's immediates without its
// program: ranges, the pattern, the zone, and that no other immediate is set.
func checkImm(op Op, imm Imm, t column.Type) error {
	if err := checkUnused(keysOf(op), imm); err != nil {
		return err
	}
	switch op {
	case Load, Lookup:
		return checkRange("index", imm.Int, 0, maxCode)
	case Const:
		return checkConst(t, imm.Value)
	case Dot:
		return checkFloats(imm.Floats)
	case ParseInt, ParseFloat, ParseBool, ParseTime:
		return checkRange("null_on_fault", imm.Int, 0, 1)
	case Bucketize:
		return checkEdges(imm)
	case Hash:
		return checkHash(imm)
	case Bucket:
		return checkRange("buckets", imm.Int, 1, math.MaxInt64)
	case SplitPart:
		return checkRange("field", imm.Int, 0, math.MaxInt64)
	case ListPad:
		if err := checkRange("length", imm.Int, 0, MaxPad); err != nil {
			return err
		}
		return checkRange("before", imm.Extra, 0, 1)
	case Match:
		_, err := compilePattern(imm.Text)
		return err
	case DatePart:
		if imm.Part == NoPart || imm.Part >= numParts {
			return errors.New("no such part of a date")
		}
	}
	if imm.Text != "" && keysOf(op).text == "zone" {
		_, err := LoadZone(imm.Text)
		return err
	}
	return nil
}

// checkUnused refuses immediates that the operation does not have: equal meanings
// would have different forms.
func checkUnused(k immKeys, imm Imm) error {
	v := imm.Value
	used := k.int != "" || k.input || k.table
	switch {
	case v.List != nil:
		return errors.New("a list is no immediate value")
	case !k.value && (v.Null || v.Bool || v.Int != 0 || math.Float64bits(v.Float) != 0 || v.Str != nil):
		return errors.New("has no immediate value")
	case !used && imm.Int != 0:
		return errors.New("has no immediate integer")
	case k.extra == "" && imm.Extra != 0:
		return errors.New("has no second immediate integer")
	case k.nan == "" && imm.NaN != 0:
		return errors.New("has no immediate for NaN")
	case k.floats == "" && imm.Floats != nil:
		return errors.New("has no immediate numbers")
	case k.text == "" && imm.Text != "":
		return errors.New("has no immediate text")
	case !k.part && imm.Part != NoPart:
		return errors.New("has no immediate part")
	}
	return nil
}

func checkRange(name string, x, low, high int64) error {
	if x < low || x > high {
		return fmt.Errorf("%s is %d, not within %d and %d", name, x, low, high)
	}
	return nil
}

// checkConst checks that v is a value of t in canonical form: only the field of
// t's kind is set, and a value of a narrow type fits its storage.
func checkConst(t column.Type, v Value) error {
	if t.IsList() {
		return errors.New("there are no constant lists")
	}
	if normalize(t, v).same(v) {
		return checkFits(t, v)
	}
	return fmt.Errorf("constant is not in the form of %s", t)
}

// checkFits checks that v can be stored as t.
func checkFits(t column.Type, v Value) error {
	switch {
	case v.Null:
	case (t == column.Int32 || t == column.Date) && v.Int != int64(int32(v.Int)):
		return fmt.Errorf("%d is out of the range of %s", v.Int, t)
	case t == column.Float32 && math.Float64bits(RoundTo32(v.Float)) != math.Float64bits(v.Float):
		return fmt.Errorf("%v is no float32", v.Float)
	}
	return nil
}

// checkFloats checks that every NaN is the canonical one.
func checkFloats(list []float64) error {
	for _, x := range list {
		if math.Float64bits(Canon(x)) != math.Float64bits(x) {
			return errors.New("a NaN that is not the canonical one")
		}
	}
	return nil
}

func checkEdges(imm Imm) error {
	if err := checkRange("right_closed", imm.Int, 0, 1); err != nil {
		return err
	}
	for i, x := range imm.Floats {
		if x != x {
			return errors.New("an edge is NaN")
		}
		if i > 0 && !(imm.Floats[i-1] < x) {
			return errors.New("edges do not ascend")
		}
	}
	return nil
}

func checkHash(imm Imm) error {
	if FindHash(imm.Text) == nil {
		return fmt.Errorf("unknown hash function %q", imm.Text)
	}
	if !seedFits(imm.Text, imm.Int) {
		return fmt.Errorf("hash function %s does not take the seed %d", imm.Text, imm.Int)
	}
	return nil
}

func compilePattern(pattern string) (*regexp.Regexp, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("pattern has %d bytes; %d are allowed", len(pattern), maxPattern)
	}
	return regexp.Compile(pattern)
}
