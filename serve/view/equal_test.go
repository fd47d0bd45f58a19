package view_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"quern/features/column"
	"quern/serve/row"
	"quern/serve/view"
)

// realBits writes the bits of a real of type t.
func realBits(t column.Type, x float64) string {
	if t == column.Float32 {
		return fmt.Sprintf("%08x", math.Float32bits(float32(x)))
	}
	return fmt.Sprintf("%016x", math.Float64bits(x))
}

// winners are, of the rows of a Parquet output, those that may be served: by key, those of
// the latest event time. It knows nothing of how views are built.
func winners(out map[string][]string, keys []string) (byKey map[string][]int, nullKeys int) {
	byKey = map[string][]int{}
	for i := range out["at"] {
		key, null := "", false
		for _, k := range keys {
			key += out[k][i] + "|"
			null = null || out[k][i] == "null"
		}
		if null {
			nullKeys++
			continue
		}
		before := byKey[key]
		switch {
		case len(before) == 0 || micros(out["at"][i]) > micros(out["at"][before[0]]):
			byKey[key] = []int{i}
		case micros(out["at"][i]) == micros(out["at"][before[0]]):
			byKey[key] = append(before, i)
		}
	}
	return byKey, nullKeys
}

// micros reads an event time; null is before all others.
func micros(text string) int64 {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	return row.NoTime
}

// TestServedRowsAreTheModelsOutput: every row of a version is, bit for bit, the row of the
// model's Parquet output that has the key's latest event time; one of them where several
// have. Every type, null, NaN and the infinities are among them.
func TestServedRowsAreTheModelsOutput(t *testing.T) {
	rows := 12000
	if testing.Short() {
		rows = 3000
	}
	for _, c := range []struct {
		keys  []string
		dtype string
		o     func(*view.PublishOptions)
	}{
		{[]string{"id"}, "", nil},
		{[]string{"id", "city"}, ", dtype: float64", func(o *view.PublishOptions) { o.Shards = 3 }},
		{[]string{"city"}, "", func(o *view.PublishOptions) { o.Shards = 2 }},
	} {
		list := fmt.Sprint(c.keys)
		t.Run(list, func(t *testing.T) {
			lines := randomRows(rand.New(rand.NewPCG(7, uint64(len(list)))), rows)
			names := c.keys[0]
			if len(c.keys) > 1 {
				names += ", " + c.keys[1]
			}
			x := newTable(t, fmt.Sprintf(everything, names, c.dtype), lines)
			out := x.outputs(t)
			byKey, nullKeys := winners(out, c.keys)
			s := &view.Store{Folder: t.TempDir()}
			p := x.mustPublish(t, s, c.o)
			if p.Rows != int64(len(byKey)) || p.NullKeys != int64(nullKeys) || p.SourceRows != int64(rows) ||
				p.Left != int64(len(out["at"])) || p.Older != p.Left-p.NullKeys-p.Rows {
				t.Errorf("counts %+v, want %d keys, %d null keys, %d rows", p.Manifest, len(byKey), nullKeys, len(out["at"]))
			}
			v, err := openWhole(s, "everything", "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			compareRows(t, v, out, byKey, c.keys)
			permuted(t, x, s, v, lines, c.o)
		})
	}
}

// compareRows looks every key up and compares what is served with the output.
func compareRows(t *testing.T, v *view.View, out map[string][]string, byKey map[string][]int, names []string) {
	t.Helper()
	l := v.Layout()
	nulls, special := 0, 0
	for _, candidates := range byKey {
		var keys row.Keys
		keys.Reset(l)
		for i, f := range l.Schema().Keys {
			text := out[names[i]][candidates[0]]
			if f.Type == column.String {
				plain, err := strconv.Unquote(text)
				if err != nil {
					t.Fatal(err)
				}
				keys.PutBytes([]byte(plain))
				continue
			}
			keys.PutInt(micros(text))
		}
		found := make([]row.Row, 1)
		if err := find(v, &keys, found); err != nil || found[0].Missing() {
			t.Fatalf("key %s of row %d is not found: %v", out[names[0]][candidates[0]], candidates[0], err)
		}
		if event := micros(out["at"][candidates[0]]); l.Event(found[0]) != event {
			t.Fatalf("event time %d, want %d", l.Event(found[0]), event)
		}
		if !oneOf(t, l, found[0], out, candidates) {
			t.Fatalf("the row of key %s is none of rows %v of the output", out[names[0]][candidates[0]], candidates)
		}
		for f, field := range l.Schema().Fields {
			if l.Null(found[0], f) {
				nulls++
			} else if x := 0.0; field.Type.Kind() == column.Floats {
				if x = l.Float64(found[0], f); math.IsNaN(x) || math.IsInf(x, 0) {
					special++
				}
			}
		}
	}
	if nulls == 0 || special == 0 {
		t.Errorf("%d nulls, %d special numbers: the test does not test", nulls, special)
	}
}

// oneOf reports whether a served row is one of the output's.
func oneOf(t *testing.T, l *row.Layout, r row.Row, out map[string][]string, candidates []int) bool {
	for _, i := range candidates {
		same := true
		for f, field := range l.Schema().Fields {
			same = same && served(t, l, r, f) == out[field.Name][i]
		}
		if same {
			return true
		}
	}
	return false
}

// permuted publishes the same rows in another order, in as little memory as there can be, by
// one worker: the rows are the same bytes, so ties do not depend on any of this.
func permuted(t *testing.T, x *table, s *view.Store, before *view.View, lines []string, o func(*view.PublishOptions)) {
	t.Helper()
	lines = append([]string(nil), lines...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	x.write(t, lines)
	little := func(p *view.PublishOptions) {
		if o != nil {
			o(p)
		}
		p.Memory, p.Workers = 1, 1
	}
	if o == nil && len(lines) > 10000 { // one segment's rows do not fit, so they are spilled
		_, err := x.publish(t, s, func(p *view.PublishOptions) { little(p); p.SpillDir = "/nowhere/at/all" })
		if codeOf(err) != "Q656" {
			t.Errorf("nothing was spilled: %v", err)
		}
	}
	x.mustPublish(t, s, little)
	v, err := openWhole(s, "everything", "", "")
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	a, b := rowsOf(t, before), rowsOf(t, v)
	if len(a) != len(b) {
		t.Fatalf("%d rows, then %d", len(a), len(b))
	}
	for i := range a {
		if string(a[i].Fixed) != string(b[i].Fixed) || string(a[i].Heap) != string(b[i].Heap) {
			t.Fatalf("row %d depends on the order of the source", i)
		}
	}
}
