package serve

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"quern/features/column"
	"quern/serve/lookup"
)

// appendAnswer writes the reply of POST /v1/lookup into x.out.
func (x *exchange) appendAnswer(f form) {
	b := &x.block
	switch f {
	case formJSON:
		x.out = appendAnswer(x.out[:0], b)
	case formArrow:
		x.tensorAnswer(b)
		x.arrowAnswer(b.Query)
	default:
		x.tensorAnswer(b)
		x.appendTensor(f)
	}
}

// appendAnswer writes an answer as JSON.
func appendAnswer(dst []byte, b *lookup.Block) []byte {
	dst = append(dst, `{"versions":{`...)
	for i := range b.Query.Parts {
		p := &b.Query.Parts[i]
		dst = comma(dst, i)
		dst = append(appendText(dst, p.Name), ':')
		dst = appendText(dst, p.View.Version)
	}
	dst = append(dst, `},"rows":[`...)
	names := make([]string, len(b.Query.Fields)) // as JSON, with what stands around them
	for f := range names {
		names[f] = string(append(appendText(comma(nil, f), b.Query.Fields[f].Name), ':'))
	}
	for r := range b.Rows {
		dst = append(comma(dst, r), `{"features":{`...)
		plain := true
		for f := range b.Query.Fields {
			status, shown := b.Status(f, r)
			plain = plain && status == lookup.Present
			dst = append(dst, names[f]...)
			if !shown {
				dst = append(dst, "null"...)
				continue
			}
			dst = AppendValue(dst, &b.Values[f], r)
		}
		dst = append(dst, '}')
		if !plain {
			dst = appendStatuses(dst, b, r)
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

// appendStatuses writes the statuses of a row that are not PRESENT.
func appendStatuses(dst []byte, b *lookup.Block, r int) []byte {
	dst = append(dst, `,"status":{`...)
	n := 0
	for f := range b.Query.Fields {
		if status, _ := b.Status(f, r); status != lookup.Present {
			dst = append(appendText(comma(dst, n), b.Query.Fields[f].Name), `:"`...)
			dst = append(append(dst, status.String()...), '"')
			n++
		}
	}
	return append(dst, '}')
}

func comma(dst []byte, i int) []byte {
	if i > 0 {
		return append(dst, ',')
	}
	return dst
}

// appendText writes a JSON string. Bytes that are not UTF-8 become U+FFFD: JSON has no form
// for them.
func appendText[T string | []byte](dst []byte, s T) []byte {
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

// AppendValue writes row r of a column, which is not null, as JSON: numbers in the fewest
// digits that tell them from others of their type; NaN and the infinities as text, as
// protobuf's JSON has them; times in RFC 3339; bytes in base64.
func AppendValue(dst []byte, c *lookup.Cells, r int) []byte {
	return appendValue(dst, &c.Vector, r, c.Binary)
}

func appendValue(dst []byte, v *column.Vector, r int, binary bool) []byte {
	if v.Null(r) {
		return append(dst, "null"...)
	}
	switch t := v.Type; {
	case t.IsList():
		dst = append(dst, '[')
		lo, hi := v.List(r)
		for i := lo; i < hi; i++ {
			dst = appendValue(comma(dst, i-lo), &v.Elements.Values, v.Elements.Slot(i), binary)
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
		return appendText(dst, v.Text.At(r))
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
