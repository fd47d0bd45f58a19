package features

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"

	"quern/features/column"
	"quern/features/program"
)

// drawReals draws a float64 or float32 column that is hard on sloppy sums: a
// common offset with small differences, extremes, ties, nulls and NaN.
func drawReals(r *rapid.T, t column.Type) *table {
	value := rapid.OneOf(
		rapid.Float64Range(-10, 10),
		rapid.Map(rapid.IntRange(-3, 3), func(i int) float64 { return 1e9 + float64(i)/4 }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, 5e-324, -5e-324, 1e300, -1e300, 3.4e38, 1e-45}),
	)
	sizes := []int{0, 1, 2, 3, 31, 32, 33, 64}
	in := &table{fields: []column.Field{{Name: "x", Type: t}}}
	for range rapid.SampledFrom(sizes).Draw(r, "n") {
		v := program.Value{Float: value.Draw(r, "x")}
		switch rapid.IntRange(0, 9).Draw(r, "kind") {
		case 0:
			v = program.NullValue()
		case 1:
			v.Float = program.NaN()
		}
		if t == column.Float32 {
			v.Float = program.RoundTo32(v.Float)
			if math.IsInf(v.Float, 0) {
				v.Float = 0
			}
		}
		in.rows = append(in.rows, []cell{v})
	}
	return in
}

// drawType draws a type for drawReals.
func drawType(r *rapid.T) column.Type {
	return rapid.SampledFrom([]column.Type{column.Float64, column.Float32}).Draw(r, "type")
}

// present returns the exact values that a statistic learns from, ascending.
func present(in *table) []*big.Rat {
	var out []*big.Rat
	for _, row := range in.rows {
		if v := row[0]; !v.Null && v.Float == v.Float {
			out = append(out, new(big.Rat).SetFloat64(v.Float))
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Cmp(out[j]) < 0 })
	return out
}

// ratFloat rounds to nearest even.
func ratFloat(x *big.Rat) float64 {
	f, _ := x.Float64()
	return f
}

// meanAndStd are the textbook formulas in two passes over exact numbers.
func meanAndStd(xs []*big.Rat, ddof int) (mean, std float64) {
	if len(xs) == 0 {
		return 0, 0
	}
	sum := new(big.Rat)
	for _, x := range xs {
		sum.Add(sum, x)
	}
	exact := sum.Quo(sum, big.NewRat(int64(len(xs)), 1))
	mean = ratFloat(exact)
	if len(xs) <= ddof {
		return mean, 0
	}
	squares := new(big.Rat)
	for _, x := range xs {
		d := new(big.Rat).Sub(x, exact)
		squares.Add(squares, d.Mul(d, d))
	}
	squares.Quo(squares, big.NewRat(int64(len(xs)-ddof), 1))
	root := new(big.Float).SetPrec(6000).SetRat(squares)
	std, _ = root.Sqrt(root).Float64()
	return mean, std
}

// quantileOf is the definition of a quantile on sorted exact values.
func quantileOf(xs []*big.Rat, q *big.Rat, rule Rule) *big.Rat {
	n := int64(len(xs))
	if rule == RuleInvertedCDF {
		rank := new(big.Rat).Mul(q, big.NewRat(n, 1)) // the least k with k >= q n
		k := new(big.Int).Div(new(big.Int).Add(rank.Num(), new(big.Int).Sub(rank.Denom(), big.NewInt(1))), rank.Denom()).Int64()
		return xs[max(k-1, 0)]
	}
	rank := new(big.Rat).Mul(q, big.NewRat(n-1, 1))
	k := new(big.Int).Div(rank.Num(), rank.Denom()).Int64()
	if rule == RuleLower || k == n-1 {
		return xs[k]
	}
	part := rank.Sub(rank, big.NewRat(k, 1))
	step := new(big.Rat).Sub(xs[k+1], xs[k])
	return step.Add(step.Mul(step, part), xs[k])
}

// sameBits compares floats, all NaNs being one.
func sameBits(a, b float64) bool {
	return math.Float64bits(a) == math.Float64bits(b) || a != a && b != b
}

// learntFloats returns the fitted numbers by name.
func learntFloats(r *rapid.T, out *stepResult) map[string]float64 {
	m := map[string]float64{}
	for _, n := range out.learnt {
		if n.Text == "yes" {
			m[n.Name] = 1
			continue
		}
		var f float64
		if _, err := fmt.Sscan(n.Text, &f); err != nil {
			r.Fatalf("%s: %q: %v", n.Name, n.Text, err)
		}
		m[n.Name] = f
	}
	return m
}

// runDrawn runs an operator on all rows of a drawn table.
func runDrawn(t *testing.T, r *rapid.T, op Operator, in *table) *stepResult {
	out, err := runOperator(t, op, "", in, len(in.rows))
	if err != nil {
		r.Fatal(err)
	}
	return out
}

// checkRows compares the first output with what want computes from each number;
// NaN must stay NaN and null null.
func checkRows(r *rapid.T, in *table, out *stepResult, want func(x float64) float64) {
	for i, row := range in.rows {
		got, x := out.serving[i][0], row[0]
		if got.Null != x.Null {
			r.Fatalf("row %d: null %v became null %v", i, x.Null, got.Null)
		}
		if x.Null {
			continue
		}
		y := x.Float
		if y == y {
			y = want(y)
		}
		if in.fields[0].Type == column.Float32 {
			y = program.RoundTo32(y)
		}
		if !sameBits(got.Float, y) {
			r.Fatalf("row %d: %v became %v, want %v", i, x.Float, got.Float, y)
		}
	}
}

func TestStandardizeIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := drawReals(r, drawType(r))
		op := NewStandardize()
		op.DDOF = rapid.IntRange(0, 1).Draw(r, "ddof")
		out := runDrawn(t, r, op, in)
		mean, std := meanAndStd(present(in), op.DDOF)
		learnt := learntFloats(r, out)
		if !sameBits(learnt["mean"], mean) || !sameBits(learnt["std"], std) || (learnt["constant"] == 1) != (std == 0) {
			r.Fatalf("learnt %v, want mean %x, std %x", learnt, mean, std)
		}
		checkRows(r, in, out, func(x float64) float64 {
			if std == 0 {
				return 0
			}
			return (x - mean) / std
		})
	})
}

func TestQuantilesAreTheirDefinition(t *testing.T) {
	rules := []Rule{RuleLinear, RuleLower, RuleInvertedCDF}
	rapid.Check(t, func(r *rapid.T) {
		in := drawReals(r, drawType(r))
		op := NewRobust()
		op.Rule = rapid.SampledFrom(rules).Draw(r, "rule")
		op.Lower = rapid.SampledFrom([]Literal{"0", "0.01", "0.25", "1e-1"}).Draw(r, "lower")
		op.Upper = rapid.SampledFrom([]Literal{"0.5", "0.75", "0.999", "1"}).Draw(r, "upper")
		out := runDrawn(t, r, op, in)
		xs := present(in)
		if len(xs) == 0 {
			checkRows(r, in, out, func(float64) float64 { return 0 })
			return
		}
		lower, _ := op.Lower.Rat()
		upper, _ := op.Upper.Rat()
		var q [3]float64
		for i, at := range []*big.Rat{lower, big.NewRat(1, 2), upper} {
			q[i] = ratFloat(quantileOf(xs, at, op.Rule))
		}
		learnt := learntFloats(r, out)
		for i, name := range []string{"lower", "median", "upper"} {
			if learnt[name] != q[i] {
				r.Fatalf("%s is %x, want %x", name, learnt[name], q[i])
			}
		}
		checkRows(r, in, out, func(x float64) float64 {
			if q[0] == q[2] {
				return x - learnt["median"]
			}
			return (x - learnt["median"]) / (learnt["upper"] - learnt["lower"])
		})
	})
}

func TestMinMaxMapsTheEndsExactly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := drawReals(r, drawType(r))
		op := NewMinMax()
		op.Clip = rapid.Bool().Draw(r, "clip")
		out := runDrawn(t, r, op, in)
		xs := present(in)
		checkRows(r, in, out, func(x float64) float64 {
			lo, hi := ratFloat(xs[0]), ratFloat(xs[len(xs)-1])
			y := (x - lo) / (hi - lo)
			switch {
			case lo == hi:
				return 0
			case x == lo && y != 0 || x == hi && y != 1 || y < 0 || y > 1:
				r.Fatalf("%v of %v..%v is mapped to %v", x, lo, hi, y)
			}
			return y
		})
	})
}

func TestBucketizeCountsTheBorders(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := drawReals(r, drawType(r))
		op := NewBucketize()
		n := rapid.IntRange(2, 9).Draw(r, "n")
		uniform := rapid.Bool().Draw(r, "uniform")
		if uniform {
			op.Uniform = n
		} else {
			op.Quantile = n
		}
		op.Closed = rapid.SampledFrom([]Side{ClosedLeft, ClosedRight, ClosedLeftMax}).Draw(r, "closed")
		out := runDrawn(t, r, op, in)
		xs := present(in)
		var edges []float64
		if len(xs) > 0 {
			for k := 1; k < n; k++ {
				at := big.NewRat(int64(k), int64(n))
				edge := quantileOf(xs, at, RuleLinear)
				if uniform {
					width := new(big.Rat).Sub(xs[len(xs)-1], xs[0])
					edge = width.Add(width.Mul(width, at), xs[0])
				}
				edges = append(edges, ratFloat(edge))
			}
			below := func(x *big.Rat, e float64) bool { // x is in the interval below e
				return ratFloat(x) < e || ratFloat(x) == e && op.Closed == ClosedRight
			}
			edges = slices.DeleteFunc(edges, func(e float64) bool {
				max := xs[len(xs)-1]
				return !below(xs[0], e) || below(max, e) || op.Closed == ClosedLeftMax && ratFloat(max) == e
			})
		}
		edges = slices.CompactFunc(edges, func(a, b float64) bool { return a == b })
		for i, row := range in.rows {
			x, got := row[0], out.serving[i][0]
			var want int64
			for _, e := range edges {
				if e < x.Float || e == x.Float && op.Closed != ClosedRight {
					want++
				}
			}
			if x.Float != x.Float {
				want = int64(n)
			}
			if got.Null != x.Null || !x.Null && got.Int != want {
				r.Fatalf("row %d: %v became %v, want %d; borders %v", i, x, got, want, edges)
			}
		}
	})
}

func TestFillIsItsDefinition(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := drawReals(r, drawType(r))
		op := &Fill{With: rapid.SampledFrom([]FillWith{Mean, Median, MostFrequent}).Draw(r, "with"), NaN: FillAlsoNaN, Indicator: true}
		out, err := runOperator(t, op, "", in, len(in.rows))
		xs := present(in)
		if len(xs) == 0 {
			if err == nil {
				r.Fatal("learnt from nothing")
			}
			return
		}
		if err != nil {
			r.Fatal(err)
		}
		want, _ := meanAndStd(xs, 0)
		switch op.With {
		case Median:
			want = ratFloat(quantileOf(xs, big.NewRat(1, 2), RuleLinear))
		case MostFrequent:
			want = mostFrequent(in)
		}
		if in.fields[0].Type == column.Float32 {
			want = program.RoundTo32(want)
		}
		for i, row := range in.rows {
			x, got, flag := row[0], out.serving[i][0], out.serving[i][1]
			missing := x.Null || x.Float != x.Float
			if flag.Bool != missing || got.Null || missing && got.Float != want || !missing && !sameBits(got.Float, x.Float) {
				r.Fatalf("row %d: %v became %v, %v; want %v", i, x, got, flag, want)
			}
		}
	})
}

// mostFrequent counts values the slow way.
func mostFrequent(in *table) float64 {
	best, most := 0.0, 0
	for _, row := range in.rows {
		n := 0
		for _, other := range in.rows {
			if !row[0].Null && !other[0].Null && row[0].Float == other[0].Float {
				n++
			}
		}
		if x := row[0].Float; x == x && (n > most || n == most && x < best) {
			best, most = x, n
		}
	}
	return best
}

func TestClipIsIdempotentAndBounded(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := drawReals(r, drawType(r))
		out := runDrawn(t, r, &Clip{Quantiles: []Literal{"0.1", "0.8"}}, in)
		xs := present(in)
		checkRows(r, in, out, func(x float64) float64 {
			lo := ratFloat(quantileOf(xs, big.NewRat(1, 10), RuleLinear))
			hi := ratFloat(quantileOf(xs, big.NewRat(8, 10), RuleLinear))
			if x < lo {
				return lo
			} else if x > hi {
				return hi
			}
			return x
		})
	})
}

// TestDatePartsAgreeWithTime compares the parts of instants in zones with package
// time, and their angles with package math.
func TestDatePartsAgreeWithTime(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}
	rapid.Check(t, func(r *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(r, "zone")
		location, err := time.LoadLocation(zone)
		if err != nil {
			r.Skip("no zone data on this machine")
		}
		micros := rapid.Int64Range(-2e15, 4e15).Draw(r, "at")
		at := time.UnixMicro(micros).In(location)
		in := &table{fields: []column.Field{{Name: "x", Type: column.Timestamp}}, rows: [][]cell{{{Int: micros}}}}
		op := &Datetime{Parts: []string{"month", "weekday", "hour"}, Zone: zone}
		want := []int{int(at.Month()), (int(at.Weekday()) + 6) % 7, at.Hour()}
		out := runDrawn(t, r, op, in)
		for i, w := range want {
			if got := out.serving[0][i].Int; got != int64(w) {
				r.Fatalf("%s of %s is %d, want %d", op.Parts[i], at, got, w)
			}
		}
		op.Cyclical = true
		round := runDrawn(t, r, op, in)
		for i, period := range []float64{12, 7, 24} {
			first := []int{1, 0, 0}[i]
			angle := 2 * math.Pi * float64(want[i]-first) / period
			sin, cos := round.serving[0][2*i].Float, round.serving[0][2*i+1].Float
			if math.Abs(sin-math.Sin(angle)) > 1e-15 || math.Abs(cos-math.Cos(angle)) > 1e-15 {
				r.Fatalf("%s %d: %v, %v", op.Parts[i], want[i], sin, cos)
			}
		}
	})
}

// TestLiteralIsExact: decimals are what they say, and nothing hostile gets in.
func TestLiteralIsExact(t *testing.T) {
	for text, want := range map[Literal]*big.Rat{
		"0.01": big.NewRat(1, 100), "1e-2": big.NewRat(1, 100), "+3": big.NewRat(3, 1),
		"1_000": big.NewRat(1000, 1), "0x1F": big.NewRat(31, 1), "-.5": big.NewRat(-1, 2),
	} {
		if got, ok := text.Rat(); !ok || got.Cmp(want) != 0 {
			t.Errorf("%q is %v, want %v", string(text), got, want)
		}
	}
	for _, text := range []Literal{"", "1/2", ".inf", "nan", "1e999999999", "1e-999999999", "0x1p999999999", "12x", "1e", "--1"} {
		if got, ok := text.Rat(); ok {
			t.Errorf("%q is taken as %v", string(text), got)
		}
	}
	if _, ok := Literal("1e309").Float64(); ok {
		t.Error("1e309 is no float64")
	}
	if _, ok := Literal("9223372036854775808").Int64(); ok {
		t.Error("2^63 is no int64")
	}
}

// TestDecodeSurvivesEverything: whatever shape an option has, Decode reports it or
// Bind does; neither panics.
func TestDecodeSurvivesEverything(t *testing.T) {
	shapes := []any{nil, true, Literal("3"), Literal("0.5"), Literal("1e999999"), "x", "", []any{}, []any{nil, "a", Literal("1")},
		[]any{[]any{}, map[string]any{}}, map[string]any{}, map[string]any{"value": "mean"}, map[string]any{"value": nil}}
	for _, e := range Catalogue() {
		for _, o := range e.Doc.Options {
			for _, shape := range shapes {
				op := e.New()
				mistakes := Decode(op, map[string]any{o.Key: shape})
				for _, m := range mistakes {
					if m.Path == "" || m.Err.Message == "" {
						t.Errorf("%s: %s: %v has no place or no text: %v", e.Name, o.Key, shape, m)
					}
				}
				for _, typ := range column.Types() {
					if _, reads := op.(Reader); len(mistakes) == 0 && !reads {
						op.Bind([]column.Field{{Name: "a", Type: typ}})
					}
				}
			}
		}
	}
}

// TestWordsOfGoAreChecked: an operator made in Go cannot smuggle in a word that a
// recipe could not say.
func TestWordsOfGoAreChecked(t *testing.T) {
	for _, op := range []Operator{
		&Standardize{Center: true, Infinities: "ignor"}, &Standardize{Center: true, Constant: "zer"},
		&MinMax{Range: []Literal{"0", "1"}, Infinities: "ignor"}, &Fill{With: Mean, NaN: "kep"},
		&Robust{Lower: "0", Upper: "1", Rule: "linaer"}, &Clip{Min: "0", Rule: "lowr"},
		&Bucketize{Uniform: 2, Closed: "lef"}, &Cast{To: "int64", OnError: "nul"},
	} {
		_, err := op.Bind([]column.Field{{Name: "x", Type: column.Float64}})
		var option *OptionError
		if !errors.As(err, &option) || option.Err.Code != "Q071" || option.Err.Hint == "" {
			t.Errorf("%+v: %v", op, err)
		}
	}
}
