package infer

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"quern/cmd/quern/phrase"
	"quern/features"
	"quern/features/column"
	"quern/pipeline/recipe"
)

// Table is what is known of a table.
type Table struct {
	Profiles []Profile
	Looked   int64             // rows that the profiles are made of
	Rows     int64             // of the table; -1: unknown
	Unusable map[string]string // columns that cannot be used, with the reason
}

// The thresholds. They decide on proposals, not on numbers: whoever knows better
// edits the recipe.
const (
	fewRows     = 50   // below, that all values differ says nothing
	vocabulary  = 1000 // most values that get an id each
	rareRows    = 10_000
	heavyTail   = 2.0 // how far beyond the 1 % and 99 % quantiles values reach, in units of their distance
	skewed      = 1.0 // skewness beyond which a logarithm helps
	maxBuckets  = 1 << 20
	wholeYear   = 300 // days after which months come round
	wholeWeek   = 7
	wholeDay    = 1
	clockPeriod = "hour"
)

// Recipe proposes features for every column that can become one. Features and Comment
// are filled in; source, name and outputs are the caller's.
func Recipe(t Table) *recipe.Recipe {
	r := &recipe.Recipe{Version: recipe.Version}
	var out []string
	for _, p := range t.Profiles {
		f, why := t.feature(p)
		if f == nil {
			out = append(out, fmt.Sprintf("  %s (%v): %s", p.Name, p.Type, why))
			continue
		}
		f.Comment = fmt.Sprintf("%s: %s", p.Type, why)
		r.Features = append(r.Features, *f)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Unusable)) {
		out = append(out, fmt.Sprintf("  %s: %s", name, t.Unusable[name]))
	}
	r.Comment = t.head(out)
	return r
}

// head is the comment at the top.
func (t Table) head(left []string) string {
	rows := phrase.Thousands(uint64(t.Looked)) + " rows"
	if t.Rows > t.Looked {
		rows += " of " + phrase.Thousands(uint64(t.Rows))
	}
	lines := []string{
		"A first recipe, proposed from " + rows + ". Edit it: `quern check` tells what is wrong.",
		"",
		"Take out every column that is not known yet when the features are served, and add",
		"what is to be predicted, such as: label: {late: \"delay > 15\"}",
	}
	if len(left) > 0 {
		lines = append(append(lines, "", "Left out:"), left...)
	}
	return strings.Join(lines, "\n")
}

// feature proposes a feature for a column, and says why; nil: the column is left out.
func (t Table) feature(p Profile) (*recipe.Feature, string) {
	values := p.Rows - p.Nulls
	switch {
	case !utf8.ValidString(p.Name):
		return nil, "its name is not UTF-8, so no recipe can name it"
	case strings.TrimSpace(p.Name) == "":
		return nil, "its name is blank, so no recipe can name it"
	case strings.HasPrefix(p.Name, "features."):
		return nil, "its name would read as that of a feature"
	case p.Lengths != nil:
		steps, why := t.listSteps(p)
		if steps == nil {
			return nil, why[0]
		}
		return &recipe.Feature{Columns: []recipe.Name{{Text: p.Name}}, Steps: steps}, strings.Join(why, "; ")
	case values == p.NaNs:
		return nil, "it has no value at all"
	case p.Type.Numeric() && p.Numbers == nil:
		return nil, "it has no finite number"
	case p.Distinct == 1:
		return nil, "it has one value only, " + share(p.Nulls, p.Rows, "nulls")
	case p.Distinct == values && values >= fewRows && (p.Type.Integer() || p.Type == column.String):
		return nil, fmt.Sprintf("all %s values differ: an id, or free text", phrase.Thousands(values))
	}
	f := &recipe.Feature{Columns: []recipe.Name{{Text: p.Name}}}
	var why []string
	switch {
	case p.Type == column.Bool:
		f.Steps, why = boolSteps(p)
	case p.Type == column.String:
		f.Steps, why = t.textSteps(p)
	case p.Type.Temporal():
		f.Steps, why = timeSteps(p)
		if f.Steps == nil {
			return nil, "its times span less than a day or a week, so nothing comes round"
		}
	default:
		f.Steps, why = numberSteps(p)
	}
	return f, strings.Join(why, "; ")
}

// boolSteps fills nulls, if there are any.
func boolSteps(p Profile) ([]recipe.Step, []string) {
	if p.Nulls == 0 {
		return nil, []string{"true or false, no nulls"}
	}
	fill := features.NewFill()
	fill.With = features.MostFrequent
	return []recipe.Step{{Operator: fill}}, []string{share(p.Nulls, p.Rows, "nulls") + ", filled with the more frequent value"}
}

// numberSteps fills, tames the tails, takes a logarithm and standardizes.
func numberSteps(p Profile) ([]recipe.Step, []string) {
	s := p.Numbers
	why := []string{fmt.Sprintf("%s to %s, median %s, %s, %s", short(s.Min), short(s.Max), short(s.Median),
		phrase.Counted(p.Distinct, "value"), share(p.Nulls, p.Rows, "nulls"))}
	var steps []recipe.Step
	clip := recipe.Step{Operator: &features.Clip{Quantiles: []features.Literal{"0.01", "0.99"}, Rule: features.RuleLinear}}
	reach := max(s.Max-s.High, s.Low-s.Min)
	tails := reach > heavyTail*(s.High-s.Low) && s.High > s.Low
	if p.Infs > 0 {
		steps = append(steps, clip)
		why = append(why, share(p.Infs, p.Rows, "infinities")+", clipped first")
	}
	fill := features.NewFill()
	fill.With = features.Median
	if p.NaNs > 0 {
		fill.NaN = features.FillAlsoNaN
		why = append(why, share(p.NaNs, p.Rows, "NaNs")+", filled as nulls are")
	}
	steps = append(steps, recipe.Step{Operator: fill})
	if tails && p.Infs == 0 {
		steps = append(steps, clip)
		why = append(why, fmt.Sprintf("99 %% are at most %s, so the tails are clipped", short(s.High)))
	}
	if s.Skew > skewed && s.Min >= 0 {
		steps = append(steps, recipe.Step{Operator: &features.Log1p{}})
		why = append(why, fmt.Sprintf("skewed to the right (%.1f) and never negative, hence log1p", s.Skew))
	}
	return append(steps, recipe.Step{Operator: features.NewStandardize()}), why
}

// textSteps gives few values an id each, and many a hash bucket.
func (t Table) textSteps(p Profile) ([]recipe.Step, []string) {
	why := []string{fmt.Sprintf("%s in %s rows, %s", phrase.Counted(p.Distinct, "value"), phrase.Thousands(p.Rows), share(p.Nulls, p.Rows, "nulls"))}
	if p.Distinct <= vocabulary {
		op := features.NewCategorify()
		if p.Rows >= rareRows {
			op.MinCount = 10
			why = append(why, "few enough for an id each; values seen less than 10 times share one")
		} else {
			why = append(why, "few enough for an id each")
		}
		return []recipe.Step{{Operator: op}}, why
	}
	op := features.NewHashBucket()
	op.Buckets = min(maxBuckets, 1<<bits.Len64(2*p.Distinct-1))
	return []recipe.Step{{Operator: op}}, append(why, "too many for a vocabulary: hashed, about two buckets a value")
}

// timeSteps takes the parts that come round within the span of the data.
func timeSteps(p Profile) ([]recipe.Step, []string) {
	op := &features.Datetime{Cyclical: true}
	for _, part := range []struct {
		name string
		days float64
	}{{"month", wholeYear}, {"weekday", wholeWeek}, {clockPeriod, wholeDay}} {
		if p.Times.Days >= part.days && (part.name != clockPeriod || p.Times.Clock) {
			op.Parts = append(op.Parts, part.name)
		}
	}
	if len(op.Parts) == 0 {
		return nil, nil
	}
	why := []string{fmt.Sprintf("%.0f days, %s; parts as points of a circle, so that the end meets the start", p.Times.Days, share(p.Nulls, p.Rows, "nulls"))}
	if p.Type == column.Timestamp {
		op.Zone = "UTC"
		why = append(why, "set zone to where the clocks are read")
	}
	return []recipe.Step{{Operator: op}}, why
}

// share writes "no nulls", "3.2 % nulls".
func share(n, of uint64, what string) string {
	switch {
	case n == 0:
		return "no " + what
	case of == 0:
		return "all " + what
	}
	percent := 100 * float64(n) / float64(of)
	if percent < 0.1 {
		return fmt.Sprintf("%s %s", phrase.Thousands(n), what)
	}
	return fmt.Sprintf("%.1f %% %s", percent, what)
}

// short writes a number with at most six digits.
func short(x float64) string {
	if x == float64(int64(x)) && x > -1e15 && x < 1e15 {
		return strconv.FormatInt(int64(x), 10)
	}
	return strconv.FormatFloat(x, 'g', 6, 64)
}
