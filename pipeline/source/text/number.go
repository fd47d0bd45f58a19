package text

import (
	"math"
	"strconv"

	"quern/features/column"
)

// parseInt reads decimal digits after an optional sign; false if s is none of
// int64, or anything else.
func parseInt(s []byte) (int64, bool) {
	digits := unsigned(s)
	if len(digits) == 0 {
		return 0, false
	}
	negative := s[0] == '-'
	var x uint64
	for _, c := range digits {
		d := uint64(c - '0')
		if d > 9 || x > (1<<63)/10 { // x*10 + 9 stays within uint64
			return 0, false
		}
		x = x*10 + d
	}
	switch {
	case negative && x <= 1<<63:
		return -int64(x), true // -(1<<63) wraps to itself, as it should
	case !negative && x < 1<<63:
		return int64(x), true
	}
	return 0, false
}

// plainInt reads an integer as most are written, of at most 18 digits and of the class
// intCell; false for all other texts, integers among them.
func plainInt(s []byte) (int64, bool) {
	digits, negative := s, false
	if len(s) > 0 && s[0] == '-' {
		digits, negative = s[1:], true
	}
	if len(digits) == 0 || len(digits) > 18 || digits[0] == '0' && (negative || len(digits) > 1) {
		return 0, false
	}
	x := int64(0)
	for _, c := range digits {
		d := c - '0'
		if d > 9 {
			return 0, false
		}
		x = x*10 + int64(d)
	}
	if negative {
		x = -x
	}
	return x, true
}

// plainFloat reads a real as most are written, of the class realCell or intCell: at most
// 19 digits, a point or none, and no exponent; false for all other texts. Both numbers
// of the quotient are exact, so that it is rounded once.
func plainFloat(s []byte) (x float64, class classes, ok bool) {
	negative := len(s) > 0 && s[0] == '-'
	digits := unsigned(s)
	if len(digits) == 0 || len(digits) > 20 || len(digits) > 1 && digits[0] == '0' && digits[1] != '.' || len(digits) < len(s) && !negative {
		return 0, 0, false
	}
	n, point := uint64(0), len(digits)-1
	for i, c := range digits {
		d := c - '0'
		switch {
		case d <= 9:
			n = n*10 + uint64(d)
		case c == '.' && class == 0 && len(digits) > 1:
			point, class = i, realCell
		default:
			return 0, 0, false
		}
	}
	if n >= 1<<53 || class == 0 && len(digits) > 18 || negative && n == 0 && class == 0 {
		return 0, 0, false
	}
	if class == 0 {
		class = intCell
	}
	x = float64(n) / pow10(len(digits)-1-point)
	if negative {
		x = -x
	}
	return x, class, true
}

// unsigned returns s without its sign.
func unsigned(s []byte) []byte {
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		return s[1:]
	}
	return s
}

// number is the shape of a decimal number.
type number struct {
	ok       bool   // it is a number
	negative bool   // it has a minus sign
	decimal  bool   // it has a point or an exponent
	exponent bool   // it has an exponent
	whole    int    // how many digits stand before the point
	digits   uint64 // all digits as an integer, if there are at most 19
	exact    bool   // there are
	power    int    // the number is digits times ten to the power
}

// scanNumber reads [+-]digits[.digits][e[+-]digits], where the digits on one side of
// the point may be missing.
func scanNumber(s []byte) (n number) {
	i, count := 0, 0
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		n.negative = s[0] == '-'
		i = 1
	}
	start := i
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		n.digits = n.digits*10 + uint64(s[i]-'0')
	}
	n.whole = i - start
	count = n.whole
	if i < len(s) && s[i] == '.' {
		n.decimal = true
		i++
		point := i
		for ; i < len(s) && s[i]-'0' <= 9; i++ {
			n.digits = n.digits*10 + uint64(s[i]-'0')
		}
		n.power = point - i
		count += i - point
	}
	n.exact = count <= 19
	if count == 0 {
		return n
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		n.decimal, n.exponent = true, true
		power, ok := parseInt(s[i+1:])
		if !ok || power < -10_000 || power > 10_000 {
			n.exact = false
			if !onlyDigits(unsigned(s[i+1:])) {
				return n
			}
		} else {
			n.power += int(power)
		}
		i = len(s)
	}
	n.ok = i == len(s)
	return n
}

// onlyDigits reports whether s is one or more digits.
func onlyDigits(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return len(s) > 0
}

// parseFloat reads the float64 nearest to a decimal number, or nan, inf or infinity
// in any case and with any sign. Numbers beyond float64 are refused.
func parseFloat(s []byte) (float64, bool) {
	n := scanNumber(s)
	if !n.ok {
		return parseSpecial(s)
	}
	// Both numbers are exact in float64, so that one operation rounds once.
	if n.exact && n.digits < 1<<53 && n.power >= -22 && n.power <= 22 {
		x := float64(n.digits)
		if n.power < 0 {
			x /= pow10(-n.power)
		} else {
			x *= pow10(n.power)
		}
		if n.negative {
			x = -x
		}
		return x, true
	}
	x, err := strconv.ParseFloat(string(s), 64)
	return x, err == nil
}

// parseFloat32 reads the float32 nearest to the number.
func parseFloat32(s []byte) (float32, bool) {
	n := scanNumber(s)
	if !n.ok {
		x, ok := parseSpecial(s)
		return float32(x), ok
	}
	if n.exact && n.digits < 1<<24 && n.power >= -10 && n.power <= 10 {
		x := float32(n.digits)
		if n.power < 0 {
			x /= float32(pow10(-n.power))
		} else {
			x *= float32(pow10(n.power))
		}
		if n.negative {
			x = -x
		}
		return x, true
	}
	x, err := strconv.ParseFloat(string(s), 32)
	return float32(x), err == nil
}

// pow10 returns ten to the power n, 0 <= n <= 22: these are exact.
func pow10(n int) float64 {
	table := [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
		1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22}
	return table[n]
}

// parseSpecial reads nan, inf and infinity. The NaN is the one that programs
// compute with: bits 0x7FF8000000000000.
func parseSpecial(s []byte) (float64, bool) {
	body := unsigned(s)
	switch {
	case !isSpecial(body):
		return 0, false
	case body[0]|0x20 == 'n':
		return math.Float64frombits(0x7FF8000000000000), true
	case s[0] == '-':
		return math.Inf(-1), true
	}
	return math.Inf(1), true
}

// isSpecial reports whether s is nan, inf or infinity, in any case.
func isSpecial(s []byte) bool {
	return column.EqualFold(s, "nan") || column.EqualFold(s, "inf") || column.EqualFold(s, "infinity")
}

// appendValue appends the value of type v.Type that s stands for, and returns false
// if it stands for none. v.Len stays.
func appendValue(v *column.Vector, s []byte) bool {
	var ok bool
	switch v.Type {
	case column.Bool:
		var x bool
		x, ok = column.ParseBool(s)
		v.Bools = append(v.Bools, x)
	case column.Int32:
		var x int64
		x, ok = parseInt(s)
		ok = ok && x == int64(int32(x))
		v.Int32s = append(v.Int32s, int32(x))
	case column.Date:
		var x int64
		x, ok = parseTime(column.Date, s)
		v.Int32s = append(v.Int32s, int32(x))
	case column.Int64:
		var x int64
		x, ok = parseInt(s)
		v.Int64s = append(v.Int64s, x)
	case column.Datetime, column.Timestamp:
		var x int64
		x, ok = parseTime(v.Type, s)
		v.Int64s = append(v.Int64s, x)
	case column.Float32:
		var x float32
		x, ok = parseFloat32(s)
		v.Float32s = append(v.Float32s, x)
	case column.Float64:
		var x float64
		x, ok = parseFloat(s)
		v.Float64s = append(v.Float64s, x)
	case column.String:
		v.Text.Append(s)
		return true
	default:
		panic("quern: bug: column without a type")
	}
	return ok
}
