package program

// names returns the name of every operation, by number.
func names() [numOps]string {
	return [numOps]string{
		Load: "load", Const: "const",

		Add: "add", Sub: "sub", Mul: "mul", Div: "div", FloorDiv: "floor_div", Mod: "mod",
		Neg: "neg", Abs: "abs", Min: "min", Max: "max", Clamp: "clamp", Sign: "sign",

		Floor: "floor", Ceil: "ceil", Round: "round", Trunc: "trunc", Sqrt: "sqrt",
		Log: "log", Log1p: "log1p", Exp: "exp", Expm1: "expm1", Pow: "pow",
		Sin: "sin", Cos: "cos", Dot: "dot",

		Eq: "eq", Ne: "ne", Lt: "lt", Le: "le",
		And: "and", Or: "or", Not: "not",
		IsNull: "is_null", IsNaN: "is_nan", IsInf: "is_inf",
		Coalesce: "coalesce", Select: "select",

		ToFloat: "to_float", ToInt: "to_int", Round32: "round32", Narrow32: "narrow32",
		Retype: "retype", ParseInt: "parse_int", ParseFloat: "parse_float",
		ParseBool: "parse_bool", ParseTime: "parse_time", Format: "format",
		ToDate: "to_date", ToTimestamp: "to_timestamp", ToDatetime: "to_datetime",

		Bucketize: "bucketize", Hash: "hash", HashMix: "hash_mix", Bucket: "bucket",
		Lookup: "lookup", DatePart: "date_part",

		Lower: "lower", Upper: "upper", Trim: "trim", Substr: "substr", Length: "length",
		Concat: "concat", Contains: "contains", StartsWith: "starts_with",
		EndsWith: "ends_with", Match: "match", Replace: "replace", SplitPart: "split_part",

		ListSlice: "list_slice", ListPad: "list_pad", ListLength: "list_length", ListAt: "list_at",
		ListSum: "list_sum", ListMean: "list_mean", ListMin: "list_min", ListMax: "list_max",
	}
}

// String returns the name that models and texts use: "is_null".
func (op Op) String() string {
	if op == NoOp || op >= numOps {
		return "invalid"
	}
	return names()[op]
}

// Ops returns every operation, in the order of their numbers, without NoOp.
func Ops() []Op {
	all := make([]Op, 0, numOps-1)
	for op := NoOp + 1; op < numOps; op++ {
		all = append(all, op)
	}
	return all
}

// ParseOp returns the operation called name, or NoOp and false.
func ParseOp(name string) (Op, bool) {
	for i, n := range names() {
		if n == name && n != "" {
			return Op(i), true
		}
	}
	return NoOp, false
}

// Strict reports whether the result is null as soon as one argument is null. A
// strict operation may give null for other reasons too (see CanNull).
func (op Op) Strict() bool {
	switch op {
	case NoOp, Load, Const, And, Or, IsNull, IsNaN, IsInf, Coalesce, Select, Lookup, ListPad:
		return false
	}
	return op < numOps
}

// Whole reports whether the operation sees lists whole. All others (but Load and
// Const, which take no arguments) take lists element by element.
func (op Op) Whole() bool { return op >= ListSlice && op <= ListMax }
