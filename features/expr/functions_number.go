package expr

import (
	"quern/features/column"
	"quern/features/program"
)

// op builds the instruction op of all arguments.
func op(code program.Op) func(*checker, *node, []*term) *term {
	return func(_ *checker, _ *node, args []*term) *term { return plain(code, args...) }
}

// folded builds op over any number of arguments, from the left.
func folded(code program.Op) func(*checker, *node, []*term) *term {
	return func(_ *checker, _ *node, args []*term) *term { return fold(code, args) }
}

// rounding builds op for reals; integers are whole already.
func rounding(code program.Op) func(*checker, *node, []*term) *term {
	return func(_ *checker, _ *node, args []*term) *term {
		if args[0].typ.Integer() {
			return args[0].as(column.Int64)
		}
		return plain(code, args[0])
	}
}

func numberFunctions() []function {
	const group = "numbers"
	one := func(name, doc string, w need, build func(*checker, *node, []*term) *term) function {
		return function{Function: Function{Signature: name, Group: group, Doc: doc}, needs: []need{w}, build: build}
	}
	return []function{
		one("abs(x number) -> number", "The absolute value. The smallest int64 has none: a fault.", number, op(program.Abs)),
		one("sign(x number) -> number", "-1, 0 or 1, in the type of x. NaN and -0 stay.", number, op(program.Sign)),
		one("floor(x number) -> number", "The largest whole number that is not above x. Integers stay.", number, rounding(program.Floor)),
		one("ceil(x number) -> number", "The smallest whole number that is not below x. Integers stay.", number, rounding(program.Ceil)),
		one("round(x number) -> number", "The nearest whole number; halves go to the even one. Integers stay.", number, rounding(program.Round)),
		one("trunc(x number) -> number", "x without its fraction. Integers stay.", number, rounding(program.Trunc)),
		one("sqrt(x number) -> float64", "The square root, correctly rounded; NaN below 0.", realOf, op(program.Sqrt)),
		one("log(x number) -> float64", "The natural logarithm: -inf at 0, NaN below.", realOf, op(program.Log)),
		one("log1p(x number) -> float64", "log(1 + x), accurate near 0: -inf at -1, NaN below.", realOf, op(program.Log1p)),
		one("exp(x number) -> float64", "e to the power of x.", realOf, op(program.Exp)),
		one("expm1(x number) -> float64", "exp(x) - 1, accurate near 0.", realOf, op(program.Expm1)),
		{Function: Function{Signature: "pow(x number, y number) -> float64", Group: group,
			Doc: "x to the power of y. NaN for negative x unless y is whole; pow(x, 0) is 1, for NaN too."},
			needs: []need{realOf, realOf}, build: op(program.Pow)},
		one("sin(x number) -> float64", "The sine of x radians; NaN for an infinity.", realOf, op(program.Sin)),
		one("cos(x number) -> float64", "The cosine of x radians; NaN for an infinity.", realOf, op(program.Cos)),
		{Function: Function{Signature: "least(x number, y number, ...) -> number", Group: group,
			Doc: "The smallest argument; NaN if any is NaN."}, needs: []need{number, number}, more: true, build: folded(program.Min)},
		{Function: Function{Signature: "greatest(x number, y number, ...) -> number", Group: group,
			Doc: "The largest argument; NaN if any is NaN."}, needs: []need{number, number}, more: true, build: folded(program.Max)},
		{Function: Function{Signature: "clip(x number, low number, high number) -> number", Group: group,
			Doc: "low below low, high above high, else x. NaN stays."}, needs: []need{number, number, number}, build: op(program.Clamp)},
		{Function: Function{Signature: "is_nan(x number) -> bool", Group: group, Doc: "Whether x is NaN.", Null: "false for null"},
			needs: []need{realOf}, build: op(program.IsNaN)},
		{Function: Function{Signature: "is_inf(x number) -> bool", Group: group, Doc: "Whether x is infinite.", Null: "false for null"},
			needs: []need{realOf}, build: op(program.IsInf)},
	}
}

func choiceFunctions() []function {
	const group = "choice"
	return []function{
		{Function: Function{Signature: "if(condition bool, a T, b T) -> T", Group: group,
			Doc:  "a where condition is true, else b. Both are computed: a fault in either counts.",
			Null: "a null condition counts as false; the branch that is taken may be null"},
			needs: []need{boolean, sameType, sameType}, build: op(program.Select)},
		{Function: Function{Signature: "coalesce(a T, b T, ...) -> T", Group: group,
			Doc: "The first argument that is not null. NaN is not null.", Null: "null if all arguments are null"},
			needs: []need{sameType, sameType}, more: true, build: folded(program.Coalesce)},
		{Function: Function{Signature: "nullif(a T, b T) -> T", Group: group,
			Doc: "null where a = b, else a.", Null: "a where b is null"},
			needs: []need{sameType, sameType}, build: nullIf},
		{Function: Function{Signature: "is_null(x T) -> bool", Group: group,
			Doc: "Whether x is null, as x is null. NaN is not null.", Null: "true for null, never null"},
			needs: []need{anyValue}, build: op(program.IsNull)},
	}
}

func nullIf(_ *checker, _ *node, args []*term) *term {
	null := constant(args[0].typ, program.NullValue())
	return plain(program.Select, plain(program.Eq, args...), null, args[0])
}

func idFunctions() []function {
	return []function{{Function: Function{Signature: "hash(x T, ...) -> int64", Group: "ids",
		Doc: "A 64-bit hash (XXH3) of the canonical bytes of all arguments in order. Equal values have equal hashes, on every machine, for ever; it may be negative, and hash(x) % 100 is not."},
		needs: []need{anyValue}, more: true, build: hashOf}}
}

func hashOf(_ *checker, _ *node, args []*term) *term {
	hashes := make([]*term, len(args))
	for i, a := range args {
		hashes[i] = apply(program.Hash, program.Imm{Text: "xxh3"}, a)
	}
	if len(hashes) == 1 {
		return hashes[0]
	}
	return plain(program.HashMix, hashes...)
}
