package program

import (
	"bytes"
	"cmp"
	"math"

	"quern/features/column"
)

// evalLogic is the meaning of comparison, logic, tests and choice, or nil.
func evalLogic(op Op, args []column.Type) scalar {
	switch op {
	case Eq, Ne, Lt, Le:
		return evalComparison(op, args[0].Kind())
	case And:
		return func(v []Value) (Value, error) { return kleeneAnd(v[0], v[1]), nil }
	case Or:
		return func(v []Value) (Value, error) { return negate(kleeneAnd(negate(v[0]), negate(v[1]))), nil }
	case Not:
		return func(v []Value) (Value, error) { return negate(v[0]), nil }
	case IsNull:
		return func(v []Value) (Value, error) { return boolValue(v[0].Null) }
	case IsNaN:
		return func(v []Value) (Value, error) { return boolValue(!v[0].Null && v[0].Float != v[0].Float) }
	case IsInf:
		return func(v []Value) (Value, error) { return boolValue(!v[0].Null && math.IsInf(v[0].Float, 0)) }
	case Coalesce:
		return func(v []Value) (Value, error) { return choose(!v[0].Null, v[0], v[1]), nil }
	case Select:
		return func(v []Value) (Value, error) { return choose(!v[0].Null && v[0].Bool, v[1], v[2]), nil }
	}
	return nil
}

func choose(first bool, a, b Value) Value {
	if first {
		return a
	}
	return b
}

// negate is Kleene's not: null stays null.
func negate(v Value) Value {
	if v.Null {
		return v
	}
	return Value{Bool: !v.Bool}
}

// kleeneAnd is false if either is false, else null if either is null.
func kleeneAnd(a, b Value) Value {
	switch {
	case !a.Null && !a.Bool, !b.Null && !b.Bool:
		return Value{}
	case a.Null || b.Null:
		return NullValue()
	}
	return Value{Bool: true}
}

// evalComparison compares two values of a kind. A NaN equals nothing and is less
// than nothing.
func evalComparison(op Op, kind column.Kind) scalar {
	return func(v []Value) (Value, error) {
		if kind == column.Floats && (v[0].Float != v[0].Float || v[1].Float != v[1].Float) {
			return boolValue(op == Ne)
		}
		c := compare(kind, v[0], v[1])
		switch op {
		case Eq:
			return boolValue(c == 0)
		case Ne:
			return boolValue(c != 0)
		case Lt:
			return boolValue(c < 0)
		}
		return boolValue(c <= 0)
	}
}

// compare orders two values that are neither null nor NaN.
func compare(kind column.Kind, a, b Value) int {
	switch kind {
	case column.Bools:
		return cmp.Compare(one(a.Bool), one(b.Bool))
	case column.Ints:
		return cmp.Compare(a.Int, b.Int)
	case column.Floats:
		return cmp.Compare(a.Float, b.Float)
	}
	return bytes.Compare(a.Str, b.Str)
}
