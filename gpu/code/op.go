package code

// Op is an operation of the interpreter. gpu/kernels/program.cuh has the same numbers,
// under the same names.
type Op uint8

// The operations on operands x, y and z. They are strict, null if any operand is,
// unless they say otherwise. Reals are float64 and integers int64, as in
// features/program, whose operation of the same name is meant where nothing is said.
// "at y" is a place in the pool: bytes from its start.
const (
	Null  Op = iota // null
	Load            // column x's value in this row
	Store           // x into column y; no result
	Spill           // x into scratch place y; no result
	Fill            // what is in scratch place x

	AddReal
	SubReal
	MulReal
	DivReal
	FloorDivReal
	ModReal
	NegReal
	AbsReal
	MinReal
	MaxReal
	ClampReal
	SignReal
	Floor
	Ceil
	Round
	Trunc
	Sqrt
	Log
	Log1p
	Exp
	Expm1
	Pow
	Sin // 2/pi is at y
	Cos // 2/pi is at y
	Dot // x + y*z, both rounded

	AddInt
	SubInt
	MulInt
	FloorDivInt // null if y is 0
	ModInt      // null if y is 0
	AbsInt
	MinInt
	MaxInt
	ClampInt
	SignInt

	EqReal
	NeReal
	LtReal
	LeReal
	EqInt // bools too, as 0 and 1
	NeInt
	LtInt
	LeInt

	And // Kleene's
	Or  // Kleene's
	Not
	IsNull
	IsNaN
	IsInf
	Coalesce // x, or y where x is null
	Select   // y where x is true, else z

	ToReal // integer or bool
	ToInt  // real
	Round32
	Narrow // x, which must fit 32 bits

	BucketReal // bins at y
	BucketInt  // bins at y
	Lookup     // x's value in the table at y, null if there is none; null has one or not
	Ordered    // program.OrderedBits
	Xor        // of 64 bits
	Swap       // the bytes of x xor y in reverse order
	XXH3       // of one word; y is from the secret and the seed
	Murmur3    // of one word; y is the seed
	Farm       // of one word
	XXH3Pair   // of two words, to which their parts of the secret are added
	XXH3Mix    // x plus the folded product of y and z
	XXH3End    // the last step of more than two words
	Modulo     // x mod y, both unsigned

	WallDay    // of an instant or a wall clock: its day in the zone at y (0: none)
	WallClock  // likewise: microseconds since midnight
	Offset     // of an instant: microseconds east of UTC in the zone at y
	OffsetWall // of a wall clock: likewise, as ToTimestamp reads it
	DayPart    // part y (program.Part) of a day
	ClockPart  // part y of the microseconds since midnight

	numOps
)

// String returns the name in program.cuh, without OP_, in lower case.
func (op Op) String() string {
	return [numOps]string{
		"null", "load", "store", "spill", "fill",
		"add_real", "sub_real", "mul_real", "div_real", "floordiv_real", "mod_real", "neg_real", "abs_real",
		"min_real", "max_real", "clamp_real", "sign_real", "floor", "ceil", "round", "trunc", "sqrt",
		"log", "log1p", "exp", "expm1", "pow", "sin", "cos", "dot",
		"add_int", "sub_int", "mul_int", "floordiv_int", "mod_int", "abs_int", "min_int", "max_int", "clamp_int", "sign_int",
		"eq_real", "ne_real", "lt_real", "le_real", "eq_int", "ne_int", "lt_int", "le_int",
		"and", "or", "not", "is_null", "is_nan", "is_inf", "coalesce", "select",
		"to_real", "to_int", "round32", "narrow",
		"bucket_real", "bucket_int", "lookup", "ordered", "xor", "swap",
		"xxh3", "murmur3", "farm", "xxh3_pair", "xxh3_mix", "xxh3_end", "modulo",
		"wall_day", "wall_clock", "offset", "offset_wall", "day_part", "clock_part",
	}[op]
}

// strict reports whether the result is null if any operand is.
func (op Op) strict() bool {
	switch op {
	case Null, Load, Store, Spill, Fill, And, Or, IsNull, IsNaN, IsInf, Coalesce, Select, Lookup:
		return false
	}
	return true
}

// result reports whether there is one.
func (op Op) result() bool { return op != Store && op != Spill }

// reals reports whether immediate operands are reals.
func (op Op) reals() bool {
	return op >= AddReal && op <= Dot && op != Sin && op != Cos || op >= EqReal && op <= LeReal
}
