package program

import (
	"math"

	"quern/features/column"
	"quern/features/real"
)

// evalInts is the meaning of arithmetic on integers (and of the difference of
// times), or nil.
func evalInts(op Op, args []column.Type) scalar {
	if len(args) == 0 || args[0].Kind() != column.Ints {
		return nil
	}
	checked := func(f func(a, b int64) (int64, bool)) scalar {
		return func(v []Value) (Value, error) {
			x, ok := f(v[0].Int, v[1].Int)
			return checkedInt(op, x, ok)
		}
	}
	switch op {
	case Add:
		return checked(AddInt)
	case Sub:
		return checked(SubInt)
	case Mul:
		return checked(MulInt)
	case FloorDiv:
		return unlessZero(checked(FloorDivInt))
	case Mod:
		return unlessZero(func(v []Value) (Value, error) { return intValue(ModInt(v[0].Int, v[1].Int)) })
	case Min:
		return func(v []Value) (Value, error) { return intValue(min(v[0].Int, v[1].Int)) }
	case Max:
		return func(v []Value) (Value, error) { return intValue(max(v[0].Int, v[1].Int)) }
	case Clamp:
		return func(v []Value) (Value, error) { return intValue(ClampInt(v[0].Int, v[1].Int, v[2].Int)) }
	case Neg:
		return func(v []Value) (Value, error) { x, ok := NegInt(v[0].Int); return checkedInt(op, x, ok) }
	case Abs:
		return func(v []Value) (Value, error) { x, ok := AbsInt(v[0].Int); return checkedInt(op, x, ok) }
	case Sign:
		return func(v []Value) (Value, error) { return intValue(SignInt(v[0].Int)) }
	}
	return nil
}

// unlessZero is null where the second argument is 0.
func unlessZero(f scalar) scalar {
	return func(v []Value) (Value, error) {
		if v[1].Int == 0 {
			return NullValue(), nil
		}
		return f(v)
	}
}

// evalFloats is the meaning of arithmetic on reals, or nil.
func evalFloats(op Op, imm Imm, args []column.Type) scalar {
	if len(args) == 0 || !args[0].Real() {
		return nil
	}
	if f := RealUnary(op); f != nil {
		return func(v []Value) (Value, error) { return floatValue(f(v[0].Float)) }
	}
	if f := RealBinary(op); f != nil {
		return func(v []Value) (Value, error) { return floatValue(f(v[0].Float, v[1].Float)) }
	}
	switch op {
	case Clamp:
		return func(v []Value) (Value, error) {
			return floatValue(ClampFloat(v[0].Float, v[1].Float, v[2].Float))
		}
	case Dot:
		return func(v []Value) (Value, error) {
			x := make([]float64, len(v))
			for i := range v {
				x[i] = v[i].Float
			}
			return floatValue(DotFloat(x, imm.Floats))
		}
	}
	return nil
}

// RealUnary returns the meaning of a real function of one real, or nil. Its NaNs
// may have any bits.
func RealUnary(op Op) func(float64) float64 {
	switch op {
	case Neg:
		return func(x float64) float64 { return -x }
	case Abs:
		return math.Abs
	case Sign:
		return SignFloat
	case Floor:
		return math.Floor
	case Ceil:
		return math.Ceil
	case Round:
		return math.RoundToEven
	case Trunc:
		return math.Trunc
	case Sqrt:
		return math.Sqrt
	case Log:
		return real.Log
	case Log1p:
		return real.Log1p
	case Exp:
		return real.Exp
	case Expm1:
		return real.Expm1
	case Sin:
		return real.Sin
	case Cos:
		return real.Cos
	case Round32:
		return RoundTo32
	}
	return nil
}

// RealBinary returns the meaning of a real function of two reals, or nil. Its
// NaNs may have any bits.
func RealBinary(op Op) func(a, b float64) float64 {
	switch op {
	case Add:
		return func(a, b float64) float64 { return a + b }
	case Sub:
		return func(a, b float64) float64 { return a - b }
	case Mul:
		return func(a, b float64) float64 { return a * b }
	case Div:
		return func(a, b float64) float64 { return a / b }
	case FloorDiv:
		return FloorDivFloat
	case Mod:
		return ModFloat
	case Min:
		return MinFloat
	case Max:
		return MaxFloat
	case Pow:
		return real.Pow
	}
	return nil
}
