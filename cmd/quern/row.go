package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"quern/cmd/quern/phrase"
	"quern/cmd/quern/table"
	"quern/cmd/quern/trace"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
)

// explainRow prints what every step of a model makes of one row of its source.
func (a *app) explainRow(ctx context.Context, path string, sources []string, row int64, feature string) error {
	if row < 0 {
		return usage("--row %d: rows are counted from 0", row)
	}
	m, r, err := a.modelOf(ctx, path)
	if err != nil {
		return err
	}
	o, err := a.options()
	if err != nil {
		return err
	}
	output, err := outputOf(m, feature)
	if err != nil {
		return err
	}
	replaceSource(r, sources)
	if err := retype(ctx, r, m, o); err != nil {
		return err
	}
	src, err := pipeline.Open(ctx, r, o)
	if err != nil {
		return err
	}
	defer src.Close()
	schema, err := readable(src.Schema(), m)
	if err != nil {
		return err
	}
	at, err := findRow(ctx, src, schema, row)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, "row %s of the source: %s\n", phrase.Thousands(row), at.place)
	for i, f := range schema {
		fmt.Fprintf(a.out, "  %s = %s\n", f.Name, table.CellText(f.Type, at.values[i]))
	}
	taken, err := a.explainConditions(m, at)
	if err != nil {
		return err
	}
	serving, err := a.explainSteps(m, r, at, output)
	if err != nil || !taken {
		return err
	}
	return a.explainTraining(m, r, at, output, serving)
}

// modelOf reads a model, or the one that stands beside a recipe.
func (a *app) modelOf(ctx context.Context, path string) (*model.Model, *recipe.Recipe, error) {
	if filepath.Ext(path) == ".quern" {
		return a.readModelRecipe(ctx, path)
	}
	r, err := readRecipe(path)
	if err != nil {
		return nil, nil, err
	}
	fitted := beside("", r)
	if _, err := os.Stat(fitted); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, diag.New("Q511", "%s is not fitted: there is no %s", path, fitted).WithHint("quern fit %s", path)
	}
	return a.readModelRecipe(ctx, fitted)
}

// outputOf finds an output of the serving program; -1: all of them.
func outputOf(m *model.Model, name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	fields := m.Serving.Fields()
	if at := fields.Find(name); at >= 0 {
		return at, nil
	}
	e := diag.New("Q519", "the model has no feature %q", name)
	if near := diag.Nearest(name, fields.Names()); near != "" {
		e = e.WithHint("did you mean %q?", near)
	}
	return -1, e
}

// readable returns the columns of the model that a source has, of the same types.
// Those that the features are made of must be there; a label's may be missing.
func readable(have column.Schema, m *model.Model) (column.Schema, error) {
	var mistakes diag.List
	var schema column.Schema
	for _, f := range m.Schema {
		at := have.Find(f.Name)
		needed := needs(m, f.Name)
		switch {
		case at >= 0 && have[at].Type == f.Type:
			schema = append(schema, f)
		case at < 0 && needed:
			mistakes = append(mistakes, diag.New("Q305", "the source has no column %q, which the model reads", f.Name))
		case needed:
			mistakes = append(mistakes, diag.New("Q306", "column %q is %v in the source and %v in the model", f.Name, have[at].Type, f.Type))
		}
	}
	return schema, mistakes.Err()
}

// foundRow is a row of a source.
type foundRow struct {
	place  string
	schema column.Schema
	values []program.Value
}

// inputs picks a program's inputs out of the row; false if one is not there.
func (r *foundRow) inputs(p *program.Program) ([]program.Value, bool) {
	in := make([]program.Value, len(p.Inputs))
	for i, f := range p.Inputs {
		at := r.schema.Find(f.Name)
		if at < 0 {
			return nil, false
		}
		in[i] = r.values[at]
	}
	return in, true
}

// findRow reads one row, counted from 0 over all chunks.
func findRow(ctx context.Context, src source.Source, schema column.Schema, row int64) (*foundRow, error) {
	reader, err := src.NewReader(schema.Names())
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	left := row
	for _, c := range src.Chunks() {
		if left < 0 {
			break
		}
		if c.Rows >= 0 && left >= c.Rows {
			left -= c.Rows
			continue
		}
		batch, err := reader.Read(ctx, c)
		if err != nil {
			return nil, err
		}
		if left >= int64(batch.Rows) {
			left -= int64(batch.Rows)
			continue
		}
		data := diag.Data{File: c.File, RowGroup: c.Group, Row: left}
		found := &foundRow{place: data.String(), schema: schema}
		for i := range batch.Columns {
			col := &batch.Columns[i]
			found.values = append(found.values, program.ValueAt(&col.Values, col.Slot(int(left))))
		}
		return found, nil
	}
	return nil, diag.New("Q515", "there is no row %d: the source has %d rows, from 0", row, row-left)
}

// explainConditions says whether the row is read, and whether it is learnt from; taken
// is whether it may be.
func (a *app) explainConditions(m *model.Model, at *foundRow) (taken bool, err error) {
	read, known, err := holds(m.Where, at)
	if err != nil {
		return false, err
	}
	if known && !read {
		fmt.Fprintln(a.out, "source.where does not hold: the row is not read at all")
		return false, nil
	}
	taken, known, err = holds(m.Taken, at)
	switch {
	case err != nil || !known:
		taken = err == nil && m.Taken == nil
	case taken:
		fmt.Fprintln(a.out, "fit.where holds: the model learns from rows like this")
	default:
		fmt.Fprintln(a.out, "fit.where does not hold: the model does not learn from rows like this")
	}
	return taken, err
}

// holds evaluates a condition; known is false where there is none, or where the row
// lacks one of its columns.
func holds(p *program.Program, at *foundRow) (yes, known bool, err error) {
	if p == nil {
		return false, false, nil
	}
	in, known := at.inputs(p)
	if !known {
		return false, false, nil
	}
	x, err := trace.Of(p, in)
	if err != nil || x.Fault != nil {
		return false, false, err
	}
	v := x.Values[p.Outputs[0].Register]
	return v.Bool && !v.Null, true, nil
}

// explainSteps prints every instruction of the serving program with its value,
// under the step of the recipe that it comes from, and then the features, whose values
// it returns.
func (a *app) explainSteps(m *model.Model, r *recipe.Recipe, at *foundRow, output int) ([]program.Value, error) {
	p := m.Serving
	in, _ := at.inputs(p) // readable saw to it that they are all there
	x, err := trace.Of(p, in)
	if err != nil {
		return nil, err
	}
	for _, s := range x.Steps(output) {
		fmt.Fprintf(a.out, "\n%s\n", stepTitle(r, s.Path))
		for _, line := range s.Lines {
			fmt.Fprintln(a.out, "  "+line)
		}
	}
	if x.Fault != nil {
		e := diag.New("Q401", "%s", x.Fault.Reason)
		if o := p.Code[x.Fault.Register].Origin; o >= 0 {
			e = diag.New("Q401", "%s: %s", p.Origins[o].Path, x.Fault.Reason)
		}
		return nil, e
	}
	fmt.Fprintln(a.out)
	values := make([]program.Value, len(p.Outputs))
	for i, f := range p.Fields() {
		values[i] = x.Values[p.Outputs[i].Register]
		if output < 0 || output == i {
			fmt.Fprintf(a.out, "feature %s = %s\n", f.Name, table.CellText(written(r, f.Type), values[i]))
		}
	}
	return values, nil
}

// explainTraining prints the features that have another value where the row is one to
// learn from: those are what a run writes.
func (a *app) explainTraining(m *model.Model, r *recipe.Recipe, at *foundRow, output int, serving []program.Value) error {
	in, known := at.inputs(m.Training)
	if !known {
		fmt.Fprintln(a.out, "training output may differ; the source lacks a column that it is made of")
		return nil
	}
	x, err := trace.Of(m.Training, in)
	if err != nil {
		return err
	}
	if x.Fault != nil {
		fmt.Fprintln(a.out, "training output has no value: "+x.Fault.Reason)
		return nil
	}
	said := false
	for i, f := range m.Training.Fields() {
		v := x.Values[m.Training.Outputs[i].Register]
		if output >= 0 && output != i || program.EqualValues(f.Type, v, serving[i]) {
			continue
		}
		if !said {
			fmt.Fprintln(a.out, "training output (run, and transform --training) differs for this row:")
		}
		said = true
		fmt.Fprintf(a.out, "training %s = %s\n", f.Name, table.CellText(written(r, f.Type), v))
	}
	return nil
}

// written returns the type in which a feature of type t is written: reals in the
// outputs' dtype.
func written(r *recipe.Recipe, t column.Type) column.Type {
	p, n := r.Output.Parquet, r.Output.Tensor
	wide := p == nil && n == nil || p != nil && p.DType == recipe.Float64 || n != nil && n.DType == recipe.Float64
	if t == column.Float64 && !wide {
		return column.Float32
	}
	return t
}

// stepTitle names a place in the recipe: "features[0].steps[2] log1p of distance".
func stepTitle(r *recipe.Recipe, path string) string {
	var feature, step int
	n, _ := fmt.Sscanf(path, "features[%d].steps[%d]", &feature, &step)
	if n == 0 || feature >= len(r.Features) {
		return path
	}
	f := &r.Features[feature]
	of := f.Name.Text
	if of == "" {
		var names []string
		for _, c := range f.Columns {
			names = append(names, c.Text)
		}
		of = strings.Join(names, ", ")
	}
	switch {
	case n == 2 && step < len(f.Steps):
		return fmt.Sprintf("%s %s of %s", path, f.Steps[step].Name, of)
	case f.Expr.Text != "":
		return fmt.Sprintf("%s %s: %s", path, of, f.Expr.Text)
	}
	return fmt.Sprintf("%s %s", path, of)
}
