package oracle

import (
	"context"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
)

// adversary is a column on which sums in floating point go wrong.
type adversary struct {
	name string
	typ  column.Type
	next func(r *rand.Rand) float64
}

func adversaries() []adversary {
	f32, f64 := column.Float32, column.Float64
	return []adversary{
		{"shifted", f64, func(r *rand.Rand) float64 { return 1e9 + pick(r, -0.5, 0.5) }},
		{"far", f64, func(r *rand.Rand) float64 { return 1e15 + float64(r.IntN(3))/8 }},
		{"cancelling", f64, func(r *rand.Rand) float64 { return pick(r, 1e200, -1e200, 1, 1e-200) }},
		{"huge", f64, func(r *rand.Rand) float64 { return r.NormFloat64() * 1e300 }},
		{"denormal", f64, func(r *rand.Rand) float64 { return float64(r.IntN(1000)-300) * 5e-324 }},
		{"tenths", f64, func(r *rand.Rand) float64 { return float64(r.IntN(10)) / 10 }},
		{"equal", f64, func(*rand.Rand) float64 { return 0.1 }},
		{"extreme32", f32, func(r *rand.Rand) float64 { return pick[float64](r, math.MaxFloat32, -math.MaxFloat32, 1, 0x1p-149) }},
		{"denormal32", f32, func(r *rand.Rand) float64 { return float64(r.IntN(500)) * 0x1p-149 }},
		{"shifted32", f32, func(r *rand.Rand) float64 { return 1e9 + pick[float64](r, -64, 64) }},
		{"mixed32", f32, func(r *rand.Rand) float64 {
			return float64(float32(r.NormFloat64() * math.Pow(2, float64(r.IntN(60)-30))))
		}},
		{"integers", column.Int64, func(r *rand.Rand) float64 { return float64(r.Int64N(1<<53) - 1<<52) }},
	}
}

// truth is what must be learnt of a column, rounded once from the definition.
func truth(values []float64) map[string]float64 {
	n, s1, s2 := big.NewRat(int64(len(values)), 1), new(big.Rat), new(big.Rat)
	for _, v := range values {
		x := new(big.Rat).SetFloat64(v)
		s1.Add(s1, x)
		s2.Add(s2, x.Mul(x, x))
	}
	mean := new(big.Rat).Quo(s1, n)
	spread := new(big.Rat).Mul(n, s2)
	spread.Sub(spread, new(big.Rat).Mul(s1, s1))
	spread.Quo(spread, new(big.Rat).Mul(n, new(big.Rat).Sub(n, big.NewRat(1, 1))))
	sorted := slices.Sorted(slices.Values(values))
	return map[string]float64{
		"mean": nearest(mean), "std": squareRoot(spread),
		"lower": quantileOf(sorted, big.NewRat(1, 100)), "median": quantileOf(sorted, big.NewRat(1, 2)),
		"upper": quantileOf(sorted, big.NewRat(99, 100)),
	}
}

func nearest(x *big.Rat) float64 {
	f, _ := x.Float64()
	return f
}

// squareRoot returns the square root, computed far beyond float64 and rounded once.
func squareRoot(x *big.Rat) float64 {
	if x.Sign() == 0 {
		return 0
	}
	f := new(big.Float).SetPrec(6000).SetRat(x)
	r, _ := f.Sqrt(f).Float64()
	return r
}

// quantileOf interpolates between the two neighbours of the exact rank.
func quantileOf(sorted []float64, q *big.Rat) float64 {
	at := new(big.Rat).Mul(q, big.NewRat(int64(len(sorted)-1), 1))
	low := new(big.Int).Quo(at.Num(), at.Denom())
	i := int(low.Int64())
	below := new(big.Rat).SetFloat64(sorted[i])
	share := at.Sub(at, new(big.Rat).SetInt(low))
	if share.Sign() == 0 {
		return sorted[i]
	}
	step := new(big.Rat).SetFloat64(sorted[i+1])
	step.Sub(step, below)
	return nearest(below.Add(below, step.Mul(step, share)))
}

// truthRecipe standardizes (sample deviation) and scales robustly every column.
const truthRecipe = `quern: 1
name: truth
source: {parquet: part-*.parquet}
features:
  - columns: [%[1]s]
    as: "{column}_z"
    steps: [standardize: {ddof: 1}]
  - columns: [%[1]s]
    as: "{column}_r"
    steps: [robust: {lower: 0.01, upper: 0.99}]
output:
  parquet: {path: out}
`

func TestFittedNumbersEqualMathBig(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(7, 11))
	values := map[string][]float64{}
	list := ""
	for part, rows := range []int{1025, 1, 600, 257} {
		var fields []sink.Field
		batch := column.Batch{Rows: rows}
		for _, a := range adversaries() {
			m := maker{Field: column.Field{Name: a.name, Type: a.typ}, nulls: 0.1, make: func(r *rand.Rand, _ int) value {
				x := a.next(r)
				values[a.name] = append(values[a.name], x)
				if a.typ == column.Int64 {
					return whole(int64(x))
				}
				return real(x)
			}}
			c := makeColumn(m, r, 0, rows, part%2 == 1)
			values[a.name] = dropNulls(values[a.name], rows, &c)
			fields, batch.Columns = append(fields, sink.Field{Field: m.Field}), append(batch.Columns, c)
			if part == 0 {
				list += ", " + a.name
			}
		}
		writeParquet(t, filepath.Join(dir, fmt.Sprintf("part-%d.parquet", part)), fields, batch)
	}
	learnt := fit(t, dir, fmt.Sprintf(truthRecipe, list[2:]))
	for _, a := range adversaries() {
		for name, want := range truth(values[a.name]) {
			if got, ok := learnt[a.name+" "+name]; !ok || math.Float64bits(got) != math.Float64bits(want) {
				t.Errorf("%s of %s: learnt %v (%v), truth %v", name, a.name, got, ok, want)
			}
		}
	}
}

// dropNulls returns values without those of the last rows that c made null.
func dropNulls(values []float64, rows int, c *column.Column) []float64 {
	before := len(values) - rows
	kept := values[:before]
	for i, x := range values[before:] {
		if !c.Null(i) {
			kept = append(kept, x)
		}
	}
	return kept
}

// Thirteen million rows of one value: a running sum of 0.1 would drift.
func TestManyEqualValuesHaveTheirMeanAndNoSpread(t *testing.T) {
	const files, rows = 200, 1 << 16
	dir := t.TempDir()
	fields := []sink.Field{{Field: column.Field{Name: "equal", Type: column.Float64}}}
	c := column.Column{Len: rows, Values: column.Vector{Type: column.Float64, Len: 1, Float64s: []float64{0.1}}, Index: make([]int32, rows)}
	first := filepath.Join(dir, "part-000.parquet")
	writeParquet(t, first, fields, column.Batch{Rows: rows, Columns: []column.Column{c}})
	for i := 1; i < files; i++ {
		if err := os.Link(first, filepath.Join(dir, fmt.Sprintf("part-%03d.parquet", i))); err != nil {
			t.Fatal(err)
		}
	}
	learnt := fit(t, dir, fmt.Sprintf(truthRecipe, "equal"))
	want := map[string]float64{"n": files * rows, "mean": 0.1, "std": 0, "lower": 0.1, "median": 0.1, "upper": 0.1}
	for name, x := range want {
		if got, ok := learnt["equal "+name]; !ok || got != x {
			t.Errorf("%s: learnt %v (%v), truth %v", name, got, ok, x)
		}
	}
}

// fit fits a recipe and returns what it has learnt, by "column number".
func fit(t *testing.T, dir, text string) map[string]float64 {
	t.Helper()
	r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	result, err := pipeline.Fit(context.Background(), r, pipeline.Options{Backend: cpu.New(), Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	learnt := map[string]float64{}
	for _, step := range result.Model.Learnt {
		for _, n := range step.Numbers {
			if x, err := strconv.ParseFloat(n.Text, 64); err == nil {
				learnt[step.Feature+" "+n.Name] = x
			}
		}
	}
	return learnt
}
