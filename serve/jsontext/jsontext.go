// Package jsontext writes values as JSON: those of replies of the server's own calls, and of
// requests of its Go client. Feast's calls have a form of their own (package feast).
package jsontext

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"quern/features/column"
)

// AppendText writes a JSON string. Bytes that are not UTF-8 become U+FFFD: JSON has no form
// for them.
func AppendText[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', "01"[c>>4], "0123456789abcdef"[c&15])
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
			dst = utf8.AppendRune(dst, r)
			i += size
			continue
		}
		i++
	}
	return append(dst, '"')
}

// AppendValue writes slot r of a vector: null; numbers in the fewest digits that tell them from
// others of their type; NaN and the infinities as text, as protobuf's JSON has them; times in
// RFC 3339; texts as strings or, if they are binary, in base64; lists as arrays.
func AppendValue(dst []byte, v *column.Vector, r int, binary bool) []byte {
	if v.Null(r) {
		return append(dst, "null"...)
	}
	switch t := v.Type; {
	case t.IsList():
		dst = append(dst, '[')
		lo, hi := v.List(r)
		for i := lo; i < hi; i++ {
			if i > lo {
				dst = append(dst, ',')
			}
			dst = AppendValue(dst, &v.Elements.Values, v.Elements.Slot(i), binary)
		}
		return append(dst, ']')
	case t == column.Bool:
		return strconv.AppendBool(dst, v.Bools[r])
	case t == column.Float32:
		return appendFloat(dst, float64(v.Float32s[r]), 32)
	case t == column.Float64:
		return appendFloat(dst, v.Float64s[r], 64)
	case t == column.String && binary:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v.Text.At(r)), '"')
	case t == column.String:
		return AppendText(dst, v.Text.At(r))
	case t == column.Date:
		return appendTime(dst, time.Unix(int64(v.Int32s[r])*86400, 0), time.DateOnly)
	case t == column.Timestamp:
		return appendTime(dst, time.UnixMicro(v.Int64s[r]), time.RFC3339Nano)
	case t == column.Datetime:
		return appendTime(dst, time.UnixMicro(v.Int64s[r]), "2006-01-02T15:04:05.999999999")
	}
	return strconv.AppendInt(dst, v.Int(r), 10)
}

func appendTime(dst []byte, t time.Time, layout string) []byte {
	return append(t.UTC().AppendFormat(append(dst, '"'), layout), '"')
}

func appendFloat(dst []byte, x float64, bits int) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, `"NaN"`...)
	case math.IsInf(x, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(x, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, x, 'g', -1, bits)
}
