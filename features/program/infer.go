package program

import (
	"fmt"

	"quern/features/column"
)

// Infer is the type rule: it returns the type of an instruction's result, or why
// there is none, in a plain sentence. want is the type that the instruction
// declares; it is needed by Load, Const, Lookup, Retype and ParseTime, whose result does
// not follow from the arguments, and may be Invalid (derive it) for all others.
//
// What only the program knows (that a column or a table exists, and its types) is
// checked by Verify.
func Infer(op Op, imm Imm, args []column.Type, want column.Type) (column.Type, error) {
	if op == NoOp || op >= numOps {
		return column.Invalid, fmt.Errorf("no such operation: %d", op)
	}
	for _, t := range args {
		if t.Kind() == column.NoKind {
			return column.Invalid, fmt.Errorf("%s: an argument has no type", op)
		}
	}
	shape := shapeOf(op, args)
	declared := want
	if shape != column.Invalid {
		declared = want.Elem()
	}
	got, err := derive(op, imm, elements(shape, args), declared)
	if err != nil {
		return column.Invalid, fmt.Errorf("%s: %w", op, err)
	}
	if got.Kind() == column.NoKind {
		return column.Invalid, fmt.Errorf("%s%s: not defined for these types", op, typeList(args))
	}
	if err := checkImm(op, imm, got); err != nil {
		return column.Invalid, fmt.Errorf("%s: %w", op, err)
	}
	got = got.Like(shape)
	if want != column.Invalid && want != got {
		return column.Invalid, fmt.Errorf("%s%s gives %s, not %s", op, typeList(args), got, want)
	}
	return got, nil
}

// typeList writes "(int64, string)".
func typeList(args []column.Type) string {
	s := "("
	for i, t := range args {
		if i > 0 {
			s += ", "
		}
		s += t.String()
	}
	return s + ")"
}

// arity returns how many arguments op takes: at least low, at most high.
func arity(op Op) (low, high int) {
	switch op {
	case Load, Const:
		return 0, 0
	case Dot, HashMix, Concat:
		return 1, maxArgs
	case Clamp, Select, Substr, Replace:
		return 3, 3
	case Add, Sub, Mul, Div, FloorDiv, Mod, Min, Max, Pow, Eq, Ne, Lt, Le, And, Or,
		Coalesce, Contains, StartsWith, EndsWith, SplitPart, ListPad:
		return 2, 2
	}
	return 1, 1
}

// derive returns the type of the result, or Invalid where op is not defined.
func derive(op Op, imm Imm, args []column.Type, want column.Type) (column.Type, error) {
	low, high := arity(op)
	if len(args) < low || len(args) > high {
		return column.Invalid, fmt.Errorf("takes %s, not %d", countText(low, high), len(args))
	}
	switch op {
	case Load, Const:
		return want, nil
	case Lookup:
		return only(want == column.Int64 || want == column.Float64, want), nil
	case Sub:
		if args[0].Temporal() && args[0] == args[1] {
			return column.Int64, nil
		}
		return arithmetic(args), nil
	case Add, Mul, FloorDiv, Mod, Neg, Abs, Min, Max, Clamp, Sign:
		return arithmetic(args), nil
	case Div, Floor, Ceil, Round, Trunc, Sqrt, Log, Log1p, Exp, Expm1, Pow, Sin, Cos:
		return only(all(args, column.Type.Real), column.Float64), nil
	case Dot:
		if len(imm.Floats) != len(args)+1 {
			return column.Invalid, fmt.Errorf("%d arguments need %d coefficients, not %d", len(args), len(args)+1, len(imm.Floats))
		}
		return only(all(args, column.Type.Real), column.Float64), nil
	case Eq, Ne, Lt, Le:
		return only(Comparable(args[0], args[1]), column.Bool), nil
	case And, Or, Not:
		return only(all(args, isBool), column.Bool), nil
	case IsNull:
		return column.Bool, nil
	case IsNaN, IsInf:
		return only(args[0].Real(), column.Bool), nil
	case Coalesce:
		return only(args[0] == args[1], args[0]), nil
	case Select:
		return only(isBool(args[0]) && args[1] == args[2], args[1]), nil
	case Bucketize:
		return only(args[0].Numeric(), column.Int64), nil
	case Hash:
		return column.Int64, nil
	case HashMix, Bucket:
		return only(all(args, isInt64), column.Int64), nil
	case DatePart:
		return deriveDatePart(imm, args[0])
	}
	if op.Whole() {
		return deriveList(op, args), nil
	}
	if op >= ToFloat && op <= ToDatetime {
		return deriveConversion(op, imm, args[0], want)
	}
	return deriveText(op, args), nil
}

func deriveDatePart(imm Imm, t column.Type) (column.Type, error) {
	if !t.Temporal() {
		return column.Invalid, nil
	}
	if t == column.Date && imm.Part.Clock() {
		return column.Invalid, fmt.Errorf("a date has no %s", imm.Part)
	}
	return column.Int64, checkZone(t == column.Timestamp, imm)
}

func deriveConversion(op Op, imm Imm, from, want column.Type) (column.Type, error) {
	isString := from == column.String
	switch op {
	case ToFloat:
		return only(from.Integer() || isBool(from), column.Float64), nil
	case ToInt:
		return only(from.Real() || isBool(from), column.Int64), nil
	case Round32:
		return only(from.Real(), column.Float32), nil
	case Narrow32:
		return only(from.Integer(), column.Int32), nil
	case Retype:
		return only(retypes(from, want), want), nil
	case ParseInt:
		return only(isString, column.Int64), nil
	case ParseFloat:
		return only(isString, column.Float64), nil
	case ParseBool:
		return only(isString, column.Bool), nil
	case ParseTime:
		return only(isString && want.Temporal(), want), nil
	case Format:
		return column.String, nil
	case ToDate:
		ok := from == column.Datetime || from == column.Timestamp
		return zoned(ok, from == column.Timestamp, imm, column.Date)
	case ToTimestamp:
		return zoned(from == column.Date || from == column.Datetime, true, imm, column.Timestamp)
	case ToDatetime:
		ok := from == column.Timestamp || from == column.Date
		return zoned(ok, from == column.Timestamp, imm, column.Datetime)
	}
	return column.Invalid, nil
}

// zoned returns t where ok, once the zone is there if and only if it is needed.
func zoned(ok, needed bool, imm Imm, t column.Type) (column.Type, error) {
	if !ok {
		return column.Invalid, nil
	}
	return t, checkZone(needed, imm)
}

func checkZone(needed bool, imm Imm) error {
	switch {
	case needed && imm.Text == "":
		return fmt.Errorf("needs a time zone")
	case !needed && imm.Text != "":
		return fmt.Errorf("takes no time zone")
	}
	return nil
}

// retypes reports whether Retype goes from one type to the other.
func retypes(from, to column.Type) bool {
	switch {
	case from == column.Int64:
		return to.Temporal()
	case from.Temporal():
		return to == column.Int64
	case from == column.Int32:
		return to == column.Int64
	}
	return from == column.Float32 && to == column.Float64
}

func deriveText(op Op, args []column.Type) column.Type {
	switch op {
	case Lower, Upper, Trim, Concat, Replace, SplitPart:
		return only(all(args, isText), column.String)
	case Substr:
		return only(isText(args[0]) && args[1].Integer() && args[2].Integer(), column.String)
	case Length:
		return only(isText(args[0]), column.Int64)
	case Contains, StartsWith, EndsWith, Match:
		return only(all(args, isText), column.Bool)
	}
	return column.Invalid
}

// arithmetic returns the type of a number made of numbers: all integers or all
// reals, never both.
func arithmetic(args []column.Type) column.Type {
	switch {
	case all(args, column.Type.Integer):
		return column.Int64
	case all(args, column.Type.Real):
		return column.Float64
	}
	return column.Invalid
}

// Comparable reports whether values of two types can be compared (and looked up
// in each other's tables): they have one kind, and times have one type.
func Comparable(a, b column.Type) bool {
	if a.Temporal() || b.Temporal() {
		return a == b
	}
	return a.Kind() == b.Kind()
}

func only(ok bool, t column.Type) column.Type {
	if ok {
		return t
	}
	return column.Invalid
}

func all(args []column.Type, is func(column.Type) bool) bool {
	for _, t := range args {
		if !is(t) {
			return false
		}
	}
	return true
}

func isBool(t column.Type) bool  { return t == column.Bool }
func isInt64(t column.Type) bool { return t == column.Int64 }
func isText(t column.Type) bool  { return t == column.String }

func countText(low, high int) string {
	switch {
	case low == high && low == 1:
		return "1 argument"
	case low == high:
		return fmt.Sprintf("%d arguments", low)
	}
	return fmt.Sprintf("at least %d", low)
}
