package program

import (
	"errors"
	"fmt"
	"sync"

	"quern/features/column"
)

// scalar is the meaning of one instruction: a function of the values of its
// arguments. Strict instructions never see a null. An error is a fault.
type scalar func(args []Value) (Value, error)

// Eval is the meaning of an instruction of type t on one row: what every back end
// must reproduce bit for bit. The error is a fault, and its text the reason.
//
// The instruction must be well typed (Infer) and fit tables; anything else is a bug
// and panics. Load has no meaning without a row; see Evaluator. All NaNs are one
// value: results have the canonical bits. Strings may share memory with args.
//
// Eval prepares the instruction anew on each call (patterns, zones, tables);
// Evaluator does so once. Back ends call Eval for the reason of a fault that they
// have met.
func Eval(op Op, t column.Type, imm Imm, argTypes []column.Type, args []Value, tables []Table) (Value, error) {
	f, err := prepare(op, t, imm, argTypes, tables)
	if err != nil {
		panic("quern: bug: " + err.Error())
	}
	return apply(op, t, f, args)
}

// apply evaluates f: null for a null argument if op is strict, and with the result
// in canonical form.
func apply(op Op, t column.Type, f scalar, args []Value) (Value, error) {
	if op.Strict() && (op.Whole() || !t.IsList()) { // on elements, f sees to it
		for i := range args {
			if args[i].Null {
				return NullValue(), nil
			}
		}
	}
	v, err := f(args)
	if err != nil {
		return Value{}, err
	}
	return normalize(t, v), nil
}

// prepare returns the meaning of an instruction, or why it is ill-formed.
func prepare(op Op, t column.Type, imm Imm, argTypes []column.Type, tables []Table) (scalar, error) {
	if _, err := Infer(op, imm, argTypes, t); err != nil {
		return nil, err
	}
	if shape := shapeOf(op, argTypes); shape != column.Invalid {
		f, err := prepare(op, t.Elem(), imm, elements(shape, argTypes), tables)
		return onElements(op, t, f, argTypes), err
	}
	switch {
	case op.Whole():
		return evalList(op, imm, argTypes[0].Elem()), nil
	case op == Const:
		return func([]Value) (Value, error) { return imm.Value, nil }, nil
	case op == Lookup:
		return evalLookup(imm, argTypes[0], tables)
	case op == Hash || op == HashMix || op == Bucket || op == Bucketize:
		return evalID(op, imm, argTypes), nil
	case op == DatePart || op == ToDate || op == ToTimestamp || op == ToDatetime:
		return evalTime(op, imm, argTypes[0])
	case op == Match:
		return evalMatch(imm)
	}
	for _, f := range []scalar{
		evalInts(op, argTypes), evalFloats(op, imm, argTypes), evalLogic(op, argTypes),
		evalConversion(op, t, imm, argTypes), evalText(op, imm),
	} {
		if f != nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s has no scalar meaning", op)
}

// CanFault reports whether an instruction can fault on some value. It may say so
// of one that cannot, never the reverse.
func CanFault(op Op, imm Imm, args []column.Type) bool {
	args = elements(shapeOf(op, args), args)
	switch op {
	case ListSum:
		return args[0].Elem().Integer()
	case Add, Sub, Mul, FloorDiv, Neg, Abs:
		return args[0].Kind() == column.Ints
	case ToInt:
		return args[0].Real()
	case Retype:
		return args[0] == column.Int64 // if to Date
	case ParseInt, ParseFloat, ParseBool, ParseTime:
		return imm.Int == 0
	case Concat:
		return len(args) > 1
	case Narrow32, ToTimestamp, ToDatetime, Replace:
		return true
	}
	return false
}

// CanNull reports whether an instruction can give null although no argument is
// null. (Lookup can also give a value although its argument is null.)
func CanNull(op Op, imm Imm) bool {
	switch op {
	case Const:
		return imm.Value.Null
	case ParseInt, ParseFloat, ParseBool, ParseTime:
		return imm.Int == 1
	case Load, FloorDiv, Mod, Lookup, SplitPart, ListAt, ListSum, ListMean, ListMin, ListMax:
		return true
	}
	return false
}

// The results of scalars.
func boolValue(x bool) (Value, error)     { return Value{Bool: x}, nil }
func intValue(x int64) (Value, error)     { return Value{Int: x}, nil }
func floatValue(x float64) (Value, error) { return Value{Float: x}, nil }
func textValue(x []byte) (Value, error)   { return Value{Str: x}, nil }

// checkedInt returns x, or the fault of an operation that overflows.
func checkedInt(op Op, x int64, ok bool) (Value, error) {
	if !ok {
		return Value{}, fmt.Errorf("integer overflow in %s", op)
	}
	return intValue(x)
}

func evalLookup(imm Imm, key column.Type, tables []Table) (scalar, error) {
	if imm.Int >= int64(len(tables)) {
		return nil, errors.New("lookup without its table")
	}
	table := &tables[imm.Int]
	index := sync.OnceValue(func() *KeyIndex {
		x, err := table.Index()
		if err != nil {
			panic("quern: bug: a table that was not verified: " + err.Error())
		}
		return x
	})
	return func(a []Value) (Value, error) {
		row := index().find(key, a[0])
		if row < 0 {
			return NullValue(), nil
		}
		return ValueAt(&table.Values, row), nil
	}, nil
}

// evalID is the meaning of what turns values into ids.
func evalID(op Op, imm Imm, args []column.Type) scalar {
	switch op {
	case Hash:
		hash := FindHash(imm.Text)
		return func(a []Value) (Value, error) {
			return intValue(int64(hash(imm.Int, AppendCanonical(nil, args[0], a[0]))))
		}
	case HashMix:
		return func(a []Value) (Value, error) {
			parts := make([]int64, len(a))
			for i := range a {
				parts[i] = a[i].Int
			}
			return intValue(MixHashes(imm.Int, parts))
		}
	case Bucket:
		return func(a []Value) (Value, error) { return intValue(BucketHash(a[0].Int, imm.Int)) }
	}
	right := imm.Int == 1
	if args[0].Integer() {
		return func(a []Value) (Value, error) { return intValue(BucketInt(imm.Floats, a[0].Int, right)) }
	}
	return func(a []Value) (Value, error) {
		return intValue(BucketFloat(imm.Floats, a[0].Float, right, imm.NaN))
	}
}
