package bench

import (
	_ "embed"
	"fmt"
	"strings"
)

// flightsText is the example's recipe; a test compares the two.
//
//go:embed recipes/flights.yaml
var flightsText string

func flightsRecipe() string { return flightsText }

// chain is one feature of a recipe: columns NAME01 .. NAMEn with the same steps.
func chain(pattern string, from, n int, steps string) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(pattern, from+i)
	}
	return fmt.Sprintf("  - columns: [%s]\n    steps: [%s]\n", strings.Join(names, ", "), steps)
}

// frame puts features into a recipe; source and output are set later.
func frame(name, keep string, features ...string) string {
	if keep != "" {
		keep = "keep: [" + keep + "]\n"
	}
	return fmt.Sprintf("quern: 1\nname: %s\nsource:\n  parquet: part-*.parquet\n%sfeatures:\n%soutput:\n  parquet: {path: out}\n",
		name, keep, strings.Join(features, ""))
}

// numbers is what is done to skewed numbers: as usual for click logs.
const numbers = "{fill: {with: 0}}, {clip: {min: 0}}, log1p, standardize"

func criteoRecipe() string {
	return frame("criteo", "label",
		chain("i%02d", 1, criteoNumbers, numbers),
		chain("c%02d", 1, criteoTexts, "categorify"))
}

// denseRecipe writes without compression: random numbers do not get smaller.
func denseRecipe() string {
	text := frame("dense", "", chain("f%02d", 1, 40, "{fill: {with: 0, nan: fill}}, log1p, standardize"))
	return strings.Replace(text, "{path: out}", "{path: out, codec: none}", 1)
}

func stringsRecipe() string {
	return frame("strings", "label", "  - columns: [key]\n    steps: [categorify]\n")
}

func wideRecipe() string {
	return frame("wide", "",
		chain("f%04d", 0, 1000, "{fill: {with: mean}}, standardize"),
		chain("i%04d", 0, 500, numbers),
		chain("c%04d", 0, 500, "categorify"))
}

func smallRecipe() string {
	return frame("small", "",
		chain("f%02d", 0, 5, "{fill: {with: mean}}, standardize"),
		chain("c%02d", 0, 5, "categorify"))
}
