package bench

import (
	"context"
	"fmt"
	"strings"

	"quern/features/column"
	"quern/pipeline/recipe"
)

// operatorTable is an operator over a table of some columns of one kind.
type operatorTable struct {
	name  string
	steps string
	field func(i int) field
	extra string // of the recipe
}

// operatorColumns is how many columns an operator is measured on.
const operatorColumns = 8

// operatorTables returns what is measured operator by operator.
func operatorTables() []operatorTable {
	number := func(i int) field { return &reals{name: fmt.Sprintf("x%d", i), null: 0.05} }
	whole := func(i int) field {
		return &plain{of: &integers{name: fmt.Sprintf("x%d", i), typ: column.Int64, mu: 6, sigma: 1, null: 0.05}}
	}
	text := func(i int) field {
		return &words{name: fmt.Sprintf("x%d", i), salt: uint64(i), null: 0.05, ranks: newZipf(10_000, 1.1)}
	}
	instant := func(i int) field { return &instants{name: fmt.Sprintf("x%d", i)} }
	return []operatorTable{
		{name: "fill", steps: "{fill: {with: median}}", field: number},
		{name: "clip", steps: "{clip: {quantiles: [0.01, 0.99]}}", field: number},
		{name: "log1p", steps: "{clip: {min: 0}}, log1p", field: number},
		{name: "standardize", steps: "standardize", field: number},
		{name: "min_max", steps: "min_max", field: number},
		{name: "robust", steps: "robust", field: number},
		{name: "bucketize", steps: "{bucketize: {quantile: 32}}", field: number},
		{name: "chain", steps: "{fill: {with: 0}}, {clip: {min: 0}}, log1p, standardize", field: number},
		{name: "categorify numbers", steps: "categorify", field: whole},
		{name: "categorify texts", steps: "categorify", field: text},
		{name: "count_encode", steps: "count_encode", field: whole},
		{name: "hash_bucket", steps: "{hash_bucket: {buckets: 100000}}", field: whole},
		{name: "target_encode", steps: "{target_encode: {target: y, folds_by: [when]}}", field: whole, extra: "label: {y: label}\n"},
		{name: "datetime", steps: "{datetime: {parts: [month, weekday, hour]}}", field: instant},
	}
}

// operator compares an operator over rows made in memory.
func (c *comparer) operator(ctx context.Context, x operatorTable) ([]*Compared, error) {
	r, err := recipe.Parse(x.name, []byte(x.recipe()))
	if err != nil {
		return nil, err
	}
	return c.both(ctx, x.name, r, x.held(c.Operators))
}

// recipe returns the operator's recipe: each column is a feature.
func (x operatorTable) recipe() string {
	var features strings.Builder
	for i := range operatorColumns {
		fmt.Fprintf(&features, "  - columns: [x%d]\n    steps: [%s]\n", i, x.steps)
	}
	return fmt.Sprintf("quern: 1\nname: operator\nsource: {parquet: none.parquet}\n%sfeatures:\n%soutput: {parquet: {path: out}}\n", x.extra, &features)
}

// held makes the rows, in chunks of row groups' size.
func (x operatorTable) held(rows int) *held {
	h := &held{}
	for from := 0; from < rows; from += groupRows {
		n := min(groupRows, rows-from)
		fields := []field{&labels{name: "label", rate: 0.3}, &instants{name: "when"}}
		for i := range operatorColumns {
			fields = append(fields, x.field(i))
		}
		batch := column.Batch{Rows: n}
		h.schema = nil
		for i, f := range fields {
			s := newStream(uint64(i), uint64(from))
			h.schema = append(h.schema, f.field())
			batch.Columns = append(batch.Columns, f.fill(&s, n))
		}
		h.batches = append(h.batches, batch)
	}
	return h
}

// plain is a field whose columns are no dictionaries.
type plain struct{ of field }

func (f *plain) field() column.Field { return f.of.field() }

func (f *plain) fill(s *stream, rows int) column.Column {
	coded := f.of.fill(s, rows)
	all := make([]int32, rows)
	for i := range all {
		all[i] = int32(i)
	}
	var c column.Column
	takePlain(&c, &coded, all)
	return c
}

// instants are times of five years, plain.
type instants struct{ name string }

func (f *instants) field() column.Field { return column.Field{Name: f.name, Type: column.Datetime} }

func (f *instants) fill(s *stream, rows int) column.Column {
	values := make([]int64, rows)
	for i := range values {
		values[i] = 1_600_000_000_000_000 + int64(s.below(5*365*86400))*1_000_000
	}
	return column.Column{Len: rows, Values: column.Vector{Type: column.Datetime, Len: rows, Int64s: values}}
}
