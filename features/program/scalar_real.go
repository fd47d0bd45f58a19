package program

import (
	"math"
	"strconv"

	"quern/features/column"
)

// ParseFloatText reads a decimal number (12, -1.5, .5, 1e-3) to the nearest
// float64, ties to even, or one of nan, inf and infinity in any case, signed or
// not. It returns false for anything else: hexadecimal, underscores, white space,
// and finite numbers that round to infinity.
func ParseFloatText(s []byte) (float64, bool) {
	body := s
	if len(body) > 0 && (body[0] == '+' || body[0] == '-') {
		body = body[1:]
	}
	switch {
	case column.EqualFold(body, "nan"):
		return NaN(), true
	case column.EqualFold(body, "inf"), column.EqualFold(body, "infinity"):
		if s[0] == '-' {
			return math.Inf(-1), true
		}
		return math.Inf(1), true
	}
	if !decimalText(body) { // strconv takes more, and allocates to say no
		return 0, false
	}
	x, err := strconv.ParseFloat(string(s), 64)
	return x, err == nil
}

// decimalText reports whether s is digits with at most one point among them, and
// perhaps an exponent.
func decimalText(s []byte) bool {
	whole := digits(s)
	rest := s[whole:]
	fraction := 0
	if len(rest) > 0 && rest[0] == '.' {
		fraction = digits(rest[1:])
		rest = rest[1+fraction:]
	}
	if whole+fraction == 0 || len(rest) == 0 {
		return whole+fraction > 0
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return false
	}
	rest = rest[1:]
	if len(rest) > 0 && (rest[0] == '+' || rest[0] == '-') {
		rest = rest[1:]
	}
	return len(rest) > 0 && digits(rest) == len(rest)
}

// digits returns how many decimal digits s starts with.
func digits(s []byte) (n int) {
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// AppendReal writes the shortest decimal that reads back as x: as a float32 where
// t is Float32, else as a float64. Outside of [1e-6, 1e21) it has an exponent.
// NaN is nan, infinities are inf and -inf.
func AppendReal(dst []byte, t column.Type, x float64) []byte {
	size := 64
	if t == column.Float32 {
		size = 32
	}
	switch a := math.Abs(x); {
	case x != x:
		return append(dst, "nan"...)
	case math.IsInf(x, 1):
		return append(dst, "inf"...)
	case math.IsInf(x, -1):
		return append(dst, "-inf"...)
	case a != 0 && (a < 1e-6 || a >= 1e21):
		return strconv.AppendFloat(dst, x, 'e', -1, size)
	}
	return strconv.AppendFloat(dst, x, 'f', -1, size)
}

// AppendFormat writes a value as text: a real as AppendReal does, an integer in
// decimal, true or false, a time as AppendTime does, a string as it is, a list as
// [a, b] with quoted strings and null for null. v must not be null.
func AppendFormat(dst []byte, t column.Type, v Value) []byte {
	switch {
	case t == column.Bool:
		return strconv.AppendBool(dst, v.Bool)
	case t.Temporal():
		return AppendTime(dst, t, v.Int)
	case t.Kind() == column.Ints:
		return strconv.AppendInt(dst, v.Int, 10)
	case t.Kind() == column.Floats:
		return AppendReal(dst, t, v.Float)
	case t.IsList():
		return appendListText(dst, t.Elem(), v.List)
	}
	return append(dst, v.Str...)
}

func appendListText(dst []byte, elem column.Type, list []Value) []byte {
	dst = append(dst, '[')
	for i, v := range list {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		switch {
		case v.Null:
			dst = append(dst, "null"...)
		case elem == column.String:
			dst = strconv.AppendQuote(dst, string(v.Str))
		default:
			dst = AppendFormat(dst, elem, v)
		}
	}
	return append(dst, ']')
}
