package view_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quern/cpu"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/row"
	"quern/serve/view"
)

// everything is a recipe with features of every type, one with the name of a key, and reals
// that are NaN and infinite. %s are the key and the type of reals in outputs.
const everything = `quern: 1
name: everything
source:
  jsonl: rows.jsonl
  where: "keep = 1"
  schema: {d: date, at: timestamp, w: datetime, x: float64}
key: [%s]
time: at
keep: [city, at]
features:
  - columns: [id, n, s, b, d, w, li, ls, lf, lb]
  - columns: [x]
  - name: logarithm
    expr: "log(x)"
  - name: ratio
    expr: "x / float(n)"
output:
  parquet: {path: out%s}
online:
  ttl: 7d
  services: {all: [x, id], few: [s]}
`

// table is a source, and a model that was fitted to it.
type table struct {
	folder string
	recipe *recipe.Recipe
	model  *model.Model
	o      pipeline.Options
}

// newTable writes lines as the source of a recipe, and fits it.
func newTable(t testing.TB, text string, lines []string) *table {
	t.Helper()
	x := &table{folder: t.TempDir(), o: pipeline.Options{Backend: cpu.New(), Workers: 2}}
	x.write(t, lines)
	var err error
	if x.recipe, err = recipe.Parse(filepath.Join(x.folder, "recipe.yaml"), []byte(text)); err != nil {
		t.Fatal(err)
	}
	fitted, err := pipeline.Fit(t.Context(), x.recipe, x.o)
	if err != nil {
		t.Fatal(err)
	}
	x.model = fitted.Model
	return x
}

// write replaces the source.
func (x *table) write(t testing.TB, lines []string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(x.folder, "rows.jsonl"), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// publish publishes the source to a store.
func (x *table) publish(t testing.TB, s *view.Store, change func(*view.PublishOptions)) (*view.Published, error) {
	o := view.PublishOptions{Options: x.o}
	if change != nil {
		change(&o)
	}
	return s.Publish(context.Background(), x.model, x.recipe, o)
}

// mustPublish is publish, which has to work.
func (x *table) mustPublish(t testing.TB, s *view.Store, change func(*view.PublishOptions)) *view.Published {
	t.Helper()
	p, err := x.publish(t, s, change)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// simple is a view of one number by an id.
const simple = `quern: 1
name: simple
source: {jsonl: rows.jsonl, schema: {id: int64, at: timestamp, n: int64}}
key: [id]
time: at
features:
  - columns: [n]
`

// simpleRows are n rows of simple, with the numbers 1000 + i.
func simpleRows(n int) []string {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"id": %d, "at": "2001-06-01T00:00:00Z", "n": %d}`, i, 1000+i)
	}
	return lines
}

// randomRows are n rows of everything, of about n/3 keys, with many ties.
func randomRows(rnd *rand.Rand, n int) []string {
	lines := make([]string, n)
	for i := range lines {
		var b strings.Builder
		fmt.Fprintf(&b, `{"keep": %d`, min(1, rnd.IntN(20)))
		field := func(name string, value string) {
			if rnd.IntN(12) == 0 {
				value = "null"
			}
			fmt.Fprintf(&b, `, %q: %s`, name, value)
		}
		list := func(element func() string) string {
			parts := make([]string, rnd.IntN(4))
			for j := range parts {
				parts[j] = element()
			}
			return "[" + strings.Join(parts, ",") + "]"
		}
		number := func() string {
			return []string{"null", "0", "-0.0", "1e30", "0.1", fmt.Sprint(rnd.NormFloat64())}[rnd.IntN(6)]
		}
		text := func() string {
			return []string{`""`, `"a"`, `"Ω日本"`, `"a\u0000b"`, fmt.Sprintf("%q", fmt.Sprint(rnd.IntN(1000)))}[rnd.IntN(5)]
		}
		whole := func() string { return fmt.Sprint(rnd.Int64N(1<<53) - 1<<52) }
		field("id", fmt.Sprint(rnd.IntN(n/6+1)-n/12))
		field("city", text())
		field("at", fmt.Sprintf(`"2001-0%d-01T00:00:00.%06dZ"`, 1+rnd.IntN(9), rnd.IntN(3)))
		field("n", fmt.Sprint(rnd.IntN(5)-2))
		field("s", text())
		field("b", fmt.Sprint(rnd.IntN(2) == 0))
		field("d", fmt.Sprintf(`"1969-12-%02d"`, 1+rnd.IntN(31)))
		field("w", `"1969-12-31T23:59:59.999999"`)
		field("x", number())
		field("li", list(whole))
		field("ls", list(text))
		field("lf", list(number))
		field("lb", list(func() string { return fmt.Sprint(rnd.IntN(2) == 0) }))
		lines[i] = b.String() + "}"
	}
	return lines
}

// outputs are the rows of the model's Parquet output: each column's values as texts that
// tell all bits.
func (x *table) outputs(t testing.TB) map[string][]string {
	t.Helper()
	o := x.o
	o.Overwrite = true
	if _, err := pipeline.Transform(t.Context(), x.model, x.recipe, false, o); err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(filepath.Join(x.folder, "read.yaml"),
		[]byte("quern: 1\nname: read\nsource: {parquet: 'out/*.parquet'}\nfeatures:\n  - columns: [id]\n"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := pipeline.Open(t.Context(), r, x.o)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	names := src.Schema().Names()
	reader, err := src.NewReader(names)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	all := map[string][]string{}
	for _, chunk := range src.Chunks() {
		batch, err := reader.Read(t.Context(), chunk)
		if err != nil {
			t.Fatal(err)
		}
		for c := range batch.Columns {
			v := &batch.Columns[c]
			for i := range batch.Rows {
				all[names[c]] = append(all[names[c]], bitsOf(v.Type(), program.ValueAt(&v.Values, v.Slot(i))))
			}
		}
	}
	return all
}

// bitsOf writes a value so that different bits are different texts.
func bitsOf(t column.Type, v program.Value) string {
	if v.Null {
		return "null"
	}
	switch t.Kind() {
	case column.Lists:
		var parts []string
		for _, e := range v.List {
			parts = append(parts, bitsOf(t.Elem(), e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case column.Strings:
		return fmt.Sprintf("%q", v.Str)
	case column.Bools:
		return fmt.Sprint(v.Bool)
	case column.Floats:
		return realBits(t, v.Float)
	}
	return fmt.Sprint(v.Int)
}

// served is field f of a row, as bitsOf writes it.
func served(t testing.TB, l *row.Layout, r row.Row, f int) string {
	t.Helper()
	typ := l.Schema().Fields[f].Type
	if l.Null(r, f) {
		return "null"
	}
	switch typ.Kind() {
	case column.Lists:
		list, err := l.List(r, f)
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for i := range list.Len {
			parts = append(parts, servedElement(t, list, i))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case column.Strings:
		text, err := l.Bytes(r, f)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%q", text)
	case column.Bools:
		return fmt.Sprint(l.Bool(r, f))
	case column.Floats:
		return realBits(typ, l.Float64(r, f))
	}
	return fmt.Sprint(l.Int64(r, f))
}

func servedElement(t testing.TB, list row.List, i int) string {
	if list.Null(i) {
		return "null"
	}
	switch list.Type.Kind() {
	case column.Strings:
		text, err := list.Bytes(i)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%q", text)
	case column.Bools:
		return fmt.Sprint(list.Bool(i))
	case column.Floats:
		if list.Type == column.Float32 {
			return realBits(list.Type, float64(list.Float32(i)))
		}
		return realBits(list.Type, list.Float64(i))
	}
	return fmt.Sprint(list.Int64(i))
}

// rowsOf returns the bytes of all rows of a version, in the order of its segments.
func rowsOf(t testing.TB, v *view.View) (all []row.Row) {
	t.Helper()
	for _, seg := range v.Segments {
		for i := range seg.Info().Rows {
			r, err := seg.Row(i)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, r)
		}
	}
	return all
}

// clockAt is a clock that a test moves.
type clockAt struct{ at time.Time }

func (c *clockAt) now() time.Time { return c.at }

// openWhole opens a version and reads all of it.
func openWhole(s *view.Store, name, version, mirror string) (*view.View, error) {
	v, err := s.Open(context.Background(), name, version, mirror)
	if err != nil {
		return nil, err
	}
	if err := v.Verify(context.Background()); err != nil {
		v.Close()
		return nil, err
	}
	return v, nil
}

// find looks keys up in all shards.
func find(v *view.View, keys *row.Keys, rows []row.Row) error {
	for _, s := range v.Segments {
		if err := s.Lookup(keys, rows); err != nil {
			return err
		}
	}
	return nil
}
