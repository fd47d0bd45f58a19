package jsontext

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"quern/features/column"
)

// TestText: what is written reads back as the text, with U+FFFD for each byte that is not
// UTF-8, which is what encoding/json makes of them too.
func TestText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	texts := []string{"", `"`, `\`, "\x00\x1f\x7f", "é\u2028😀", "\xff", "a\xf0\x9f", "\xed\xa0\x80", "</script>"}
	for range 2000 {
		b := make([]byte, random.IntN(12))
		for i := range b {
			b[i] = byte(random.UintN(256))
		}
		texts = append(texts, string(b))
	}
	for _, text := range texts {
		marshalled, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, got, fromBytes string
		if err := json.Unmarshal(marshalled, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(AppendText(nil, text), &got); err != nil || got != want {
			t.Errorf("%q reads back as %q, %v; encoding/json makes it %q", text, got, err, want)
		}
		if err := json.Unmarshal(AppendText(nil, []byte(text)), &fromBytes); err != nil || fromBytes != want {
			t.Errorf("bytes %q read back as %q, %v", text, fromBytes, err)
		}
	}
}

// TestFloats: every float reads back with its bits, in the fewest digits.
func TestFloats(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 2))
	v := column.Vector{Type: column.Float32, Len: 1, Float32s: make([]float32, 1)}
	w := column.Vector{Type: column.Float64, Len: 1, Float64s: make([]float64, 1)}
	for range 20_000 {
		narrow, wide := math.Float32frombits(random.Uint32()), math.Float64frombits(random.Uint64())
		v.Float32s[0], w.Float64s[0] = narrow, wide
		if narrow-narrow == 0 { // finite
			var got float32
			if text := AppendValue(nil, &v, 0, false); json.Unmarshal(text, &got) != nil || math.Float32bits(got) != math.Float32bits(narrow) || len(text) > 15 {
				t.Fatalf("%v is %s", narrow, text)
			}
		}
		if wide-wide == 0 {
			var got float64
			if text := AppendValue(nil, &w, 0, false); json.Unmarshal(text, &got) != nil || math.Float64bits(got) != math.Float64bits(wide) || len(text) > 24 {
				t.Fatalf("%v is %s", wide, text)
			}
		}
	}
}

// TestValues: a value of each type.
func TestValues(t *testing.T) {
	text := func(s string) column.Vector {
		v := column.Vector{Type: column.String, Len: 1}
		v.Text.Append([]byte(s))
		return v
	}
	floats := func(x float64) column.Vector {
		return column.Vector{Type: column.Float64, Len: 1, Float64s: []float64{x}}
	}
	null := floats(1)
	null.Valid = column.NewBitmap(1)
	list := column.Vector{Type: column.ListOf(column.Float64), Len: 1, Offsets: []uint32{0, 3}, Elements: &column.Column{Len: 3,
		Values: column.Vector{Type: column.Float64, Len: 2, Float64s: []float64{0.5, math.Inf(-1)}}, Index: []int32{1, 0, 1}}}
	for _, c := range []struct {
		v      column.Vector
		binary bool
		want   string
	}{
		{v: null, want: "null"},
		{v: column.Vector{Type: column.Bool, Len: 1, Bools: []bool{true}}, want: "true"},
		{v: column.Vector{Type: column.Int64, Len: 1, Int64s: []int64{math.MinInt64}}, want: "-9223372036854775808"},
		{v: column.Vector{Type: column.Int32, Len: 1, Int32s: []int32{-7}}, want: "-7"},
		{v: floats(math.NaN()), want: `"NaN"`},
		{v: floats(math.Inf(1)), want: `"Infinity"`},
		{v: floats(math.Copysign(0, -1)), want: "-0"},
		{v: column.Vector{Type: column.Date, Len: 1, Int32s: []int32{-1}}, want: `"1969-12-31"`},
		{v: column.Vector{Type: column.Timestamp, Len: 1, Int64s: []int64{1_500_000}}, want: `"1970-01-01T00:00:01.5Z"`},
		{v: column.Vector{Type: column.Datetime, Len: 1, Int64s: []int64{-1}}, want: `"1969-12-31T23:59:59.999999"`},
		{v: text("a\"b"), want: `"a\"b"`},
		{v: text("\x00\xff"), binary: true, want: `"` + base64.StdEncoding.EncodeToString([]byte("\x00\xff")) + `"`},
		{v: list, want: `["-Infinity",0.5,"-Infinity"]`},
	} {
		if got := string(AppendValue([]byte("x"), &c.v, 0, c.binary)); got != "x"+c.want || !json.Valid([]byte(strings.TrimPrefix(got, "x"))) {
			t.Errorf("%v: %s, want %s", c.v.Type, got, c.want)
		}
	}
}
