package bench

import (
	"fmt"

	"quern/features/column"
)

// Workload is a table and a recipe over it.
type Workload struct {
	Name   string
	Doc    string                    // one line
	Rows   int                       // unless told otherwise; 0: as many as the data have
	make   func(rows int) *generated // nil: the data are flights
	files  int                       // how many files the table is; 0: one
	csv    bool                      // flights as CSV
	recipe func() string
	online bool // measured per call, not per run
}

// Workloads returns all workloads, in the order in which they run.
func Workloads() []Workload {
	return []Workload{
		{Name: "criteo", Doc: "13 integers, 26 texts of up to 1M values, dictionary-coded: log, standardize, vocabularies", Rows: 2_000_000, make: criteo, recipe: criteoRecipe},
		{Name: "flights", Doc: "3M real flights, the example's recipe", recipe: flightsRecipe},
		{Name: "flights-csv", Doc: "the same from CSV", csv: true, recipe: flightsRecipe},
		{Name: "dense", Doc: "40 float32 without dictionaries, some null, some NaN: fill, log, standardize", Rows: 2_000_000, make: dense, recipe: denseRecipe},
		{Name: "strings", Doc: "texts of which half are distinct, PLAIN: one vocabulary", Rows: 10_000_000, make: texts, recipe: stringsRecipe},
		{Name: "wide", Doc: "2,000 columns", Rows: 50_000, make: wide, recipe: wideRecipe},
		{Name: "small-files", Doc: "2,000 files", Rows: 1_000_000, make: small, files: 2000, recipe: smallRecipe},
		{Name: "online", Doc: "one row, and 100 rows, of the criteo model through the Go API", Rows: 200_000, make: criteo, recipe: criteoRecipe, online: true},
	}
}

// Recipe returns the recipe, whose source is part-*.parquet and whose output is the folder out,
// both beside it.
func (w Workload) Recipe() string { return w.recipe() }

// Online reports whether w is measured per call: such a workload has no file to file.
func (w Workload) Online() bool { return w.online }

// Find returns the workload called name.
func Find(name string) (Workload, bool) {
	for _, w := range Workloads() {
		if w.Name == name {
			return w, true
		}
	}
	return Workload{}, false
}

// groupRows is how many rows a row group of the generated tables has.
const groupRows = 250_000

// Seeds of the generated tables. They stand for the data: change one, and all figures
// before are of other data.
const (
	criteoSeed = 1 + iota
	denseSeed
	stringsSeed
	wideSeed
	smallSeed
)

// criteoNumbers and criteoTexts are how many columns of each kind a click log has.
const (
	criteoNumbers = 13
	criteoTexts   = 26
)

// criteo looks like a day of advertisement clicks: the shapes (how many nulls, how
// wide, how many values) are those of the public click logs, the values are made up.
func criteo(rows int) *generated {
	t := &generated{seed: criteoSeed, rows: rows, group: groupRows, codec: "snappy"}
	t.fields = append(t.fields, &labels{name: "label", rate: 0.256})
	numbers := [criteoNumbers]struct{ null, mu, sigma float64 }{
		{0.44, 1.0, 1.2}, {0, 3.0, 2.0}, {0.21, 2.0, 2.2}, {0.21, 1.8, 1.0}, {0.025, 8.0, 2.6}, {0.22, 3.5, 1.9}, {0.04, 2.0, 1.6},
		{0, 2.2, 1.0}, {0.04, 4.0, 1.5}, {0.44, 0.2, 0.6}, {0.04, 0.8, 1.2}, {0.76, 0.1, 0.8}, {0.21, 1.8, 1.1},
	}
	for i, n := range numbers {
		f := &integers{name: fmt.Sprintf("i%02d", i+1), typ: column.Int32, mu: n.mu, sigma: n.sigma, null: n.null}
		if i >= 7 {
			f.typ = column.Int64
		}
		if i == 1 {
			f.shift = -2
		}
		t.fields = append(t.fields, f)
	}
	cardinalities := [criteoTexts]int{10, 16, 25, 40, 64, 100, 160, 250, 400, 640, 1000, 1600, 2500, 4000, 6400,
		10_000, 16_000, 25_000, 40_000, 64_000, 100_000, 160_000, 250_000, 400_000, 640_000, 1_000_000}
	nulls := [criteoTexts]float64{2: 0.03, 3: 0.03, 5: 0.12, 11: 0.03, 15: 0.03, 18: 0.44, 19: 0.44, 20: 0.03, 21: 0.76, 23: 0.03, 24: 0.44, 25: 0.1}
	for i, n := range cardinalities {
		t.fields = append(t.fields, &words{name: fmt.Sprintf("c%02d", i+1), salt: uint64(i), null: nulls[i],
			ranks: newZipf(n, 1.05+float64(0.005*float64(i)))})
	}
	return t
}

// dense has 40 columns of real numbers, all different, uncompressed.
func dense(rows int) *generated {
	t := &generated{seed: denseSeed, rows: rows, group: groupRows, codec: "none"}
	for i := range 40 {
		t.fields = append(t.fields, &reals{name: fmt.Sprintf("f%02d", i+1), null: 0.05, nan: 0.05})
	}
	return t
}

// texts has one column of texts, half as many different ones as rows.
func texts(rows int) *generated {
	many := uint32(max(1, rows/1000*628)) // of which 1 - exp(-1/0.628) are drawn
	return &generated{seed: stringsSeed, rows: rows, group: groupRows, codec: "snappy", fields: []field{
		&labels{name: "label", rate: 0.5}, &keys{name: "key", many: many},
	}}
}

// wide has 2,000 columns of three kinds.
func wide(rows int) *generated {
	t := &generated{seed: wideSeed, rows: rows, group: 10_000, codec: "snappy"}
	for i := range 1000 {
		t.fields = append(t.fields, &reals{name: fmt.Sprintf("f%04d", i), null: 0.05})
	}
	ranks := newZipf(1000, 1.1)
	for i := range 500 {
		t.fields = append(t.fields,
			&integers{name: fmt.Sprintf("i%04d", i), typ: column.Int32, mu: 3, sigma: 1, null: 0.1},
			&words{name: fmt.Sprintf("c%04d", i), salt: uint64(i), null: 0.05, ranks: ranks})
	}
	return t
}

// small has ten columns, to be cut into many files.
func small(rows int) *generated {
	t := &generated{seed: smallSeed, rows: rows, group: groupRows, codec: "snappy"}
	ranks := newZipf(10_000, 1.1)
	for i := range 5 {
		t.fields = append(t.fields,
			&reals{name: fmt.Sprintf("f%02d", i), null: 0.05},
			&words{name: fmt.Sprintf("c%02d", i), salt: uint64(i), null: 0.05, ranks: ranks})
	}
	return t
}
