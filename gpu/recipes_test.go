//go:build linux && cuda && cgo

package gpu_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/cpu"
	"quern/gpu/fake/control"
)

// 200 random recipes over random tables: models and files as by the CPU, and errors too.
func TestRandomRecipes(t *testing.T) {
	b := way{1, 8 << 20, 0, 1}.open(t)
	goal, equal, errors := 200, 0, 0
	var lastErr error
	lastText := ""
	if testing.Short() {
		goal = 25
	}
	for seed := uint64(0); equal < goal; seed++ {
		if errors > goal {
			t.Fatalf("of %d recipes only %d are good; the last: %v\n%s", seed, equal, lastErr, lastText)
		}
		g := generator{rand.New(rand.NewPCG(seed, 5)), 0}
		text := g.recipe(g.source(t))
		b.SetMost([]int{0, 64, 192}[g.IntN(3)])
		control.Set(fmt.Sprintf("seed=%d", seed))
		want, wantErr := makeOf(t, cpu.New(), text, 1+g.IntN(3))
		got, err := makeOf(t, b, text, 1+g.IntN(3))
		if fmt.Sprint(err) != fmt.Sprint(wantErr) {
			t.Fatalf("seed %d: error %v, want %v\n%s", seed, err, wantErr, text)
		}
		if err != nil {
			errors, lastErr, lastText = errors+1, err, text
			continue
		}
		if where := got.same(want); where != "" {
			t.Fatalf("seed %d: %s differ\n%s", seed, where, text)
		}
		equal++
	}
	t.Logf("%d recipes are equal, %d are in error: %+v", equal, errors, b.Counts())
	if c := b.Counts(); c.Device < int64(goal) {
		t.Errorf("the device took little part: %+v", c)
	}
}

// generator makes recipes and their data.
type generator struct {
	*rand.Rand
	features int
}

// The schema of all tables.
const fields = "t: int64, x: float64, y: float64, z: float32, i: int64, k: int64, q: int32, w: string, u: string, b: bool, d: datetime, " +
	"tags: list<string>, ps: list<float64>, ls: list<int64>"

// source writes a table and returns the source of a recipe over it: of text, whose
// columns are dictionaries, or a Parquet file, which has plain ones too.
func (g *generator) source(t *testing.T) string {
	t.Helper()
	var rows bytes.Buffer
	for range 150 + g.IntN(500) {
		row, err := json.Marshal(g.row())
		if err != nil {
			t.Fatal(err)
		}
		rows.Write(append(row, '\n'))
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "rows.jsonl")
	if err := os.WriteFile(path, rows.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("{jsonl: %s, schema: {%s}", path, fields)
	if g.IntN(3) == 0 {
		return text
	}
	m, err := makeOf(t, cpu.New(), fmt.Sprintf(`quern: 1
name: copy
source: %s}
keep: [t, x, y, z, i, k, q, w, u, b, d, tags, ps, ls]
features: [{columns: [i], as: unused, steps: [standardize]}]
output: {parquet: {path: out}}
`, text), 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range m.files {
		if strings.HasSuffix(name, ".parquet") {
			if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	return "{parquet: " + dir + "/*.parquet"
}

// row returns a row, whose values are sometimes missing.
func (g *generator) row() map[string]any {
	words := []string{"", "a", "b", "bb", "c", "12", "-3.5", "Straße"}
	row := map[string]any{
		"x": math.Round(g.NormFloat64()*1e4) / 100, "y": math.Exp(g.NormFloat64() * 3), "z": float32(g.IntN(2000)-500) / 8,
		"t": g.IntN(25), "i": g.IntN(40) - 5, "k": g.Int64() >> g.IntN(63), "q": g.IntN(1 << 20),
		"w": words[g.IntN(len(words))], "u": fmt.Sprint("u", g.IntN(5000)), "b": g.IntN(3) == 0,
		"d":    fmt.Sprintf("20%02d-%02d-%02dT%02d:%02d:00", g.IntN(30), 1+g.IntN(12), 1+g.IntN(28), g.IntN(24), g.IntN(60)),
		"tags": some(g, func() any { return words[g.IntN(len(words))] }),
		"ps":   some(g, func() any { return g.NormFloat64() }),
		"ls":   some(g, func() any { return g.IntN(300) }),
	}
	for name := range row {
		if g.IntN(9) == 0 && name != "t" {
			delete(row, name)
		}
	}
	return row
}

// some returns up to four values, a few of them null.
func some(g *generator, value func() any) []any {
	list := []any{}
	for range g.IntN(5) {
		v := value()
		if g.IntN(9) == 0 {
			v = nil
		}
		list = append(list, v)
	}
	return list
}

// of returns one of some texts.
func (g *generator) of(texts ...string) string { return texts[g.IntN(len(texts))] }

// recipe returns a recipe over a source.
func (g *generator) recipe(source string) string {
	var r strings.Builder
	where := g.of("", "", `, where: "x > -20 or x is null"`, `, where: "b is null or w != 'a'"`)
	fmt.Fprintf(&r, "quern: 1\nname: random\nsource: %s%s}\n", source, where)
	r.WriteString(g.of("", "", "fit: {where: \"k % 3 != 0\"}\n", "fit: {where: \"d < datetime('2015-01-01')\"}\n"))
	r.WriteString(g.of("", "keep: [d, u]\n"))
	r.WriteString(g.of("label: {late: \"t > 10\"}\n", "label: {late: \"t\"}\n"))
	r.WriteString("features:\n")
	for range 1 + g.IntN(6) {
		g.feature(&r)
	}
	r.WriteString("output:\n  parquet: {path: out/rows}\n")
	if g.IntN(3) == 0 { // which has no integers that are null
		fmt.Fprintf(&r, "  tensor: {path: out/tensors, format: %s, layout: %s}\n", g.of("safetensors", "npy"), g.of("rows", "columns"))
	}
	return r.String()
}

// feature writes one feature.
func (g *generator) feature(r *strings.Builder) {
	g.features++
	line := func(columns, steps string) {
		fmt.Fprintf(r, "  - columns: [%s]\n    as: \"f%d_{column}\"\n    steps: [%s]\n", columns, g.features, steps)
	}
	named := func(columns, steps string) {
		fmt.Fprintf(r, "  - columns: [%s]\n    name: f%d\n    steps: [%s]\n", columns, g.features, steps)
	}
	number := func() string { return g.of("x", "y", "z", "i", "k", "q") }
	text := func() string { return g.of("w", "u", "i", "q", "b") }
	switch g.IntN(10) {
	case 0, 1, 2:
		line(g.of("x", "y", "z", "i", "x, y", "i, q", "y, z, q"), g.numbers())
	case 3:
		line(g.of("w", "u", "w, u", "i", "q", "k", "b"), g.categories())
	case 4:
		named(g.of("w, u", "w, i", "i, q", "b, w, i"), fmt.Sprintf("cross: {buckets: %d, seed: %d}", 2+g.IntN(5000), g.IntN(9)))
	case 5:
		line("d", fmt.Sprintf("datetime: {parts: [%s], cyclical: %s}", g.of("month", "weekday, hour", "month, hour"), g.of("true", "false")))
	case 6:
		named(g.of("w", "u", "i", "w, i", "b, w"), fmt.Sprintf("target_encode: {target: late, folds: %s, smoothing: %s}",
			g.of("1", "3, folds_by: [k]", "5, folds_by: [d, u]"), g.of("20", "0", "auto")))
	case 7:
		columns, steps := g.lists()
		line(columns, steps)
	case 8:
		fmt.Fprintf(r, "  - name: f%d\n    expr: \"%s\"\n    steps: [%s]\n", g.features, g.expression(number, 3), g.numbers())
	default:
		line(text(), g.of("count_encode", "count_encode: {normalize: true}", "hash_bucket: {buckets: 50, hash: murmur3}"))
	}
}

// numbers returns steps over numbers.
func (g *generator) numbers() string {
	var steps []string
	if g.IntN(2) == 0 {
		steps = append(steps, "fill: {with: "+g.of("mean", "median", "mode", "0", "-1")+g.of("", ", indicator: true", ", nan: fill")+"}")
	}
	steps = append(steps, g.of("standardize", "min_max", "min_max: {range: [-1, 1], clip: true}", "robust", "clip: {quantiles: [0.01, 0.9]}",
		"clip: {min: 0}", "bucketize: {edges: [-1, 0, 10]}", "bucketize: {quantile: 7}", "bucketize: {uniform: 5}", "cast: {to: float32}"))
	if g.IntN(2) == 0 {
		steps = append(steps, g.of("log1p", "standardize", "standardize: {ddof: 1}", "robust: {lower: 0.1, upper: 0.9}"))
	}
	return strings.Join(steps, ", ")
}

// categories returns steps over anything that has few values.
func (g *generator) categories() string {
	return g.of("categorify", "categorify: {min_count: 3, oov_buckets: 2}", "categorify: {max_size: 4, order: value}",
		"categorify: {oov_buckets: 0, null_id: false}", "count_encode", "hash_bucket: {buckets: 31, seed: 3}", "hash_bucket: {buckets: 7, hash: farm}",
		"one_hot: {max_size: 9, null_column: true}", "one_hot: {max_size: 5}, standardize")
}

// lists returns a column of lists, and steps over it.
func (g *generator) lists() (columns, steps string) {
	end := g.of("pad: {length: 3}", "pool: {by: mean}", "pool: {by: max}", "slice: {start: -2}", "pool: {by: length}")
	switch g.IntN(3) {
	case 0:
		return "tags", g.of("categorify, pad: {length: 4}", "hash_bucket: {buckets: 9}, slice: {end: 2}", "one_hot: {max_size: 6}, pool: {by: max}, fill: {with: false}")
	case 1:
		return "ps", g.of("standardize, ", "fill: {with: 0}, log1p, ", "clip: {quantiles: [0.1, 0.9]}, ", "min_max, ", "") + end
	}
	return "ls", g.of("hash_bucket: {buckets: 64}, ", "categorify: {min_count: 2}, ", "standardize, ", "bucketize: {edges: [10, 200]}, ") + end
}

// expression returns a random expression over numbers.
func (g *generator) expression(number func() string, depth int) string {
	if depth == 0 || g.IntN(4) == 0 {
		return g.of(number(), number(), "0.5", "3.0", "float(q)")
	}
	a, b := g.expression(number, depth-1), g.expression(number, depth-1)
	switch g.IntN(7) {
	case 0:
		return fmt.Sprintf("if(%s > %s, %s, 1.0 * %s)", a, b, number(), b)
	case 1:
		return fmt.Sprintf("%s(%s)", g.of("abs", "floor", "sqrt", "log1p", "exp", "sin", "round"), "1.0 * ("+a+")")
	case 2:
		return fmt.Sprintf("coalesce(1.0 * (%s), 1.0 * (%s))", a, b)
	case 3:
		return fmt.Sprintf("pow(%s, %s)", a, b)
	}
	return fmt.Sprintf("(%s %s 1.0 * %s)", a, g.of("+", "-", "*", "/"), b)
}
