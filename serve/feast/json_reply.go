package feast

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"quern/features/column"
	"quern/serve/fieldstatus"
	"quern/serve/lookup"
)

// jsonEncoder writes replies of /get-online-features. It keeps its memory.
type jsonEncoder struct {
	short bool // Options.ShortFloats
	parts []part
	keys  part   // only its spans
	text  []byte // the spans of all parts
}

const epoch = `"1970-01-01T00:00:00Z"`

// reply appends the reply to a look-up.
func (e *jsonEncoder) reply(dst []byte, keys *lookup.Keys, b *lookup.Block, metadata bool) []byte {
	e.prepare(b)
	dst = append(dst, `{"results":[`...)
	for i := range keys.Columns {
		if repeated(b.Query, i) {
			continue
		}
		dst = append(dst, `{"values":[`...)
		dst = e.values(dst, b, -1, &keys.Columns[i])
		dst = append(e.ended(dst, &e.keys), ',')
	}
	for f := range b.Values {
		dst = append(dst, `{"values":[`...)
		dst = e.values(dst, b, f, &b.Values[f])
		dst = append(e.column(dst, b, f), ',')
	}
	dst = append(dst[:len(dst)-1], `],"metadata":{"feature_names":[`...)
	for i, k := range b.Query.Keys {
		if !repeated(b.Query, i) {
			dst = append(appendString(dst, k.Name), ',')
		}
	}
	for i := range b.Query.Fields {
		dst = append(appendString(dst, b.Query.Fields[i].Name), ',')
	}
	dst = append(dst[:len(dst)-1], ']')
	if metadata {
		dst = viewMetadata(dst, b.Query)
	}
	return append(dst, `}}`...)
}

// repeated reports whether an earlier key has the name of key i: two views want it
// in two types, and the reply has it once.
func repeated(q *lookup.Query, i int) bool {
	for _, k := range q.Keys[:i] {
		if k.Name == q.Keys[i].Name {
			return true
		}
	}
	return false
}

// viewMetadata appends names and versions of the views. As in protobuf's JSON, a
// version 0 is not there.
func viewMetadata(dst []byte, q *lookup.Query) []byte {
	dst = append(dst, `,"feature_view_metadata":[`...)
	for i := range q.Parts {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendString(dst, q.Parts[i].View.Name)
		if n := q.Parts[i].View.Number; n != 0 {
			dst = append(dst, `,"version":`...)
			dst = strconv.AppendInt(dst, int64(n), 10)
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// prepare writes what the columns of each part and the keys have in common.
func (e *jsonEncoder) prepare(b *lookup.Block) {
	e.text, e.parts = e.text[:0], sized(e.parts, len(b.Parts))
	for i := range b.Parts {
		p, state := &e.parts[i], &b.Parts[i]
		p.scan(state)
		p.statuses = len(e.text)
		e.text = append(e.text, `],"statuses":[`...)
		for r, s := range state.Status {
			e.text = appendStatus(e.text, s, r)
		}
		p.times = len(e.text)
		e.text = append(e.text, `],"event_timestamps":[`...)
		for r, t := range state.Event {
			if r > 0 {
				e.text = append(e.text, ',')
			}
			e.text = appendTime(e.text, t)
		}
		e.text = append(e.text, `]}`...)
		p.end = len(e.text)
	}
	e.keys.statuses = len(e.text)
	e.text = append(e.text, `],"statuses":[`...)
	for r := range b.Rows {
		e.text = appendStatus(e.text, fieldstatus.Present, r)
	}
	e.text = append(e.text, `],"event_timestamps":[`...)
	for r := range b.Rows {
		if r > 0 {
			e.text = append(e.text, ',')
		}
		e.text = append(e.text, epoch...)
	}
	e.text = append(e.text, `]}`...)
	e.keys.end = len(e.text)
}

// ended appends what follows a column whose statuses are those of its part.
func (e *jsonEncoder) ended(dst []byte, p *part) []byte {
	return append(dst, e.text[p.statuses:p.end]...)
}

// column appends what follows column f.
func (e *jsonEncoder) column(dst []byte, b *lookup.Block, f int) []byte {
	p := &e.parts[b.Query.Fields[f].Part]
	if p.alike(&b.Values[f]) {
		return e.ended(dst, p)
	}
	dst = append(dst, `],"statuses":[`...)
	for r := range b.Rows {
		s, _ := b.Status(f, r)
		dst = appendStatus(dst, s, r)
	}
	return append(dst, e.text[p.times:p.end]...)
}

func appendStatus(dst []byte, s fieldstatus.Status, r int) []byte {
	if r > 0 {
		dst = append(dst, ',')
	}
	if s == fieldstatus.Present {
		return append(dst, `"PRESENT"`...)
	}
	return append(append(append(dst, '"'), s.String()...), '"')
}

// values appends the values of a column of the block, or of a key where f is -1.
func (e *jsonEncoder) values(dst []byte, b *lookup.Block, f int, v *lookup.Cells) []byte {
	var mask column.Bitmap // nil: all are shown
	simple := true
	if f >= 0 && !e.parts[b.Query.Fields[f].Part].plain(v) {
		mask, simple = e.parts[b.Query.Fields[f].Part].mask(v)
	}
	switch {
	case simple && v.Type == column.Float32 && !e.short:
		return appendFloats(dst, v.Float32s[:b.Rows], mask)
	case simple && v.Type == column.Float64:
		return appendFloats(dst, v.Float64s[:b.Rows], mask)
	}
	for r := range b.Rows {
		if r > 0 {
			dst = append(dst, ',')
		}
		shown := simple && mask.Get(r)
		if !simple {
			_, shown = b.Status(f, r)
		}
		if !shown {
			dst = append(dst, "null"...)
			continue
		}
		dst = e.value(dst, &v.Vector, r, v.Binary)
	}
	return dst
}

// appendFloats appends floats with commas between them, and null where mask says so.
func appendFloats[T float32 | float64](dst []byte, xs []T, mask column.Bitmap) []byte {
	dst = slices.Grow(dst, len(xs)*(maxFloat+1)+maxFloat)
	n := len(dst)
	dst = dst[:cap(dst)]
	for i, x := range xs {
		if i > 0 {
			dst[n] = ','
			n++
		}
		if !mask.Get(i) {
			n += copy(dst[n:], "null")
			continue
		}
		n += putNumber(dst[n:n+maxFloat], float64(x))
	}
	return dst[:n]
}

// putNumber is putFloat, and the strings of protobuf's JSON for what is no number.
func putNumber(w []byte, x float64) int {
	switch {
	case x-x == 0:
		return putFloat(w, x)
	case x > 0:
		return copy(w, `"Infinity"`)
	case x < 0:
		return copy(w, `"-Infinity"`)
	}
	return copy(w, `"NaN"`)
}

// value appends value r of a vector: numbers as Python's json writes them, strings
// in quotes, binary ones in base64, times as whole seconds since 1970, as Feast's
// UNIX_TIMESTAMP (what is finer is cut off, towards the past), lists as arrays.
func (e *jsonEncoder) value(dst []byte, v *column.Vector, r int, isBinary bool) []byte {
	switch t := v.Type; {
	case t.IsList():
		return e.list(dst, v, r, isBinary)
	case t == column.Bool:
		return strconv.AppendBool(dst, v.Bools[r])
	case t == column.Float32 && e.short:
		return appendShort(dst, v.Float32s[r])
	case t.Real():
		dst = slices.Grow(dst, maxFloat)
		n := len(dst)
		return dst[:n+putNumber(dst[n:n+maxFloat], v.Float(r))]
	case t.Integer():
		return strconv.AppendInt(dst, v.Int(r), 10)
	case t.Temporal():
		return strconv.AppendInt(dst, unixSeconds(v, r), 10)
	case isBinary:
		dst = base64.StdEncoding.AppendEncode(append(dst, '"'), v.Text.At(r))
		return append(dst, '"')
	}
	return appendString(dst, v.Text.At(r))
}

func (e *jsonEncoder) list(dst []byte, v *column.Vector, r int, isBinary bool) []byte {
	dst = append(dst, '[')
	lo, hi := v.List(r)
	for i := lo; i < hi; i++ {
		if i > lo {
			dst = append(dst, ',')
		}
		if v.Elements.Null(i) {
			dst = append(dst, "null"...)
			continue
		}
		dst = e.value(dst, &v.Elements.Values, v.Elements.Slot(i), isBinary)
	}
	return append(dst, ']')
}

// appendShort appends the shortest decimal that parses to the float32 x.
func appendShort(dst []byte, x float32) []byte {
	if x-x != 0 {
		dst = slices.Grow(dst, maxFloat)
		n := len(dst)
		return dst[:n+putNumber(dst[n:n+maxFloat], float64(x))]
	}
	format := byte('f')
	if a := math.Abs(float64(x)); a != 0 && (a < 1e-4 || a >= 1e16) {
		format = 'e'
	}
	from := len(dst)
	dst = strconv.AppendFloat(dst, float64(x), format, -1, 32)
	if format == 'f' && !slices.Contains(dst[from:], '.') {
		dst = append(dst, ".0"...)
	}
	return dst
}

// unixSeconds returns a time as whole seconds since 1970-01-01T00:00:00Z.
func unixSeconds(v *column.Vector, r int) int64 {
	if v.Type == column.Date {
		return v.Int(r) * 86400
	}
	return floorDiv(v.Int(r), 1e6)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// appendString appends s as a JSON string. Only what must be is escaped. Bytes that
// are not UTF-8 become U+FFFD: JSON has no form for them.
func appendString[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			dst = appendEscape(append(dst, s[from:i]...), c)
			i++
			from = i
			continue
		}
		r, size := utf8.DecodeRuneInString(string(s[i:min(i+utf8.UTFMax, len(s))]))
		if r == utf8.RuneError && size == 1 {
			dst = append(append(dst, s[from:i]...), "\ufffd"...)
			from = i + 1
		}
		i += size
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// appendEscape appends c as Python's json does.
func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}
