package infer

import (
	"fmt"
	"strings"

	"quern/cmd/quern/phrase"
	"quern/features"
	"quern/features/column"
	"quern/pipeline/recipe"
)

// How long padded lists are: as the longest, unless few are that long.
const (
	shortList   = 16 // lists of so many elements are padded to the longest in any case
	mostPadding = 2  // how many times as long as 95 % of the lists the longest may be
	maxPad      = 1024
)

// listSteps proposes steps for a column of lists, or says why there are none.
func (t Table) listSteps(p Profile) ([]recipe.Step, []string) {
	values, elem := p.Rows-p.Nulls, p.Type.Elem()
	why := []string{lengthsText(p.Lengths)}
	no := func(reason string) ([]recipe.Step, []string) { return nil, []string{reason} }
	switch {
	case values == p.NaNs:
		return no("its lists hold no value at all")
	case elem.Numeric() && p.Numbers == nil:
		return no("its lists hold no finite number")
	case p.Distinct == 1:
		return no("its lists hold one value only")
	case elem == column.String && p.Distinct == values && values >= fewRows:
		return no(fmt.Sprintf("all %s elements differ: ids, or free text", phrase.Thousands(values)))
	case elem == column.String, elem.Integer() && namesIDs(p.Name):
		return t.paddedSteps(p, why)
	case elem.Temporal():
		why = append(why, "pooled to how many there are; for the last one take pool: {by: max} and datetime")
		return pooledSteps(features.PoolLength, why)
	case elem == column.Bool:
		why = append(why, "pooled to the share of true")
		return pooledSteps(features.PoolMean, why)
	}
	why = append(why, fmt.Sprintf("%s to %s, median %s, pooled to the mean of each list", short(p.Numbers.Min), short(p.Numbers.Max), short(p.Numbers.Median)))
	return pooledSteps(features.PoolMean, why)
}

// paddedSteps makes ids of elements, and lists of one length.
func (t Table) paddedSteps(p Profile, why []string) ([]recipe.Step, []string) {
	if p.Type.Elem() != column.String {
		why = append(why, "ids by the column's name")
	}
	element := p
	element.Field.Type = p.Type.Elem()
	steps, reasons := t.textSteps(element)
	why = append(why, strings.Replace(strings.Join(reasons, "; "), " rows, ", " elements, ", 1))
	pad, because := padOf(p.Lengths)
	return append(steps, recipe.Step{Operator: pad}), append(why, because)
}

// padOf pads to the longest list, or to what is enough for nearly all.
func padOf(l *Lengths) (*features.Pad, string) {
	pad := features.NewPad()
	pad.Length = int(max(1, l.Longest))
	because := "padded to the longest"
	if l.Longest > shortList && l.Longest > mostPadding*l.Most || l.Longest > maxPad {
		pad.Length = int(min(max(1, l.Most), maxPad))
		because = fmt.Sprintf("padded or cut to %d, on the right: side: left would keep the last ones", pad.Length)
	}
	return pad, because
}

// pooledSteps makes a number of every list, and standardizes it. A list without
// elements has none: it is filled.
func pooledSteps(by features.PoolBy, why []string) ([]recipe.Step, []string) {
	fill := features.NewFill()
	fill.With = features.Median
	return []recipe.Step{{Operator: &features.Pool{By: by}}, {Operator: fill}, {Operator: features.NewStandardize()}}, why
}

// lengthsText describes how long lists are.
func lengthsText(l *Lengths) string {
	parts := []string{share(l.Nulls, l.Rows, "nulls")}
	if l.Empty > 0 {
		parts = append(parts, share(l.Empty, l.Rows, "empty"))
	}
	if l.Most < l.Longest {
		parts = append(parts, "95 % have at most "+phrase.Counted(l.Most, "element"))
	}
	return strings.Join(append(parts, "the longest has "+phrase.Counted(l.Longest, "element")), ", ")
}

// namesIDs reports whether a column's name says that it holds ids: item_ids, ids,
// movieId.
func namesIDs(name string) bool {
	stem := strings.TrimSuffix(name, "s")
	lower := strings.ToLower(stem)
	return lower == "id" || strings.HasSuffix(lower, "_id") || strings.HasSuffix(stem, "Id") || strings.HasSuffix(stem, "ID")
}
