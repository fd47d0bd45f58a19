package featurestest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"

	"quern/features"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
)

// fixture is a sample with an ordinary table and the model that it teaches. It is
// shared by all checks of the sample, which only read it.
type fixture struct {
	be     backend.Backend
	entry  features.Entry
	sample features.Sample
	schema column.Schema
	bound  features.Bound // not fitted
	lanes  int
	calm   table
	model  *model.Model
	bytes  []byte // of the model
	seed   uint64
}

// baseRows is how many rows the ordinary table has: more than a word of a bitmap
// and no multiple of anything.
const baseRows = 131

// newFixture binds and fits a sample. All that is random in its checks follows from
// its name and the round.
func newFixture(be backend.Backend, e features.Entry, s features.Sample, round uint64) (*fixture, error) {
	h := fnv.New64a()
	fmt.Fprint(h, e.Name, "/", s.Name, "/", round)
	f := &fixture{be: be, entry: e, sample: s, schema: s.Fields(), lanes: len(s.In), seed: h.Sum64()}
	if r, ok := s.Operator.(features.Reader); ok {
		f.lanes -= len(r.Reads())
	}
	var err error
	if f.bound, err = s.Operator.Bind(f.schema); err != nil {
		return nil, err
	}
	f.calm = calmTable(newRand(f.seed), f.schema, baseRows)
	if f.model, err = f.fit(f.calm.whole(newRand(f.seed+1), plain), pipeline.Options{Workers: 1}); err != nil {
		return nil, err
	}
	f.bytes, err = f.model.Bytes()
	return f, err
}

// recipe returns a recipe with one feature: the lanes, and the sample's operator.
func (f *fixture) recipe() *recipe.Recipe {
	feature := recipe.Feature{Steps: []recipe.Step{{Name: f.entry.Name, Operator: f.sample.Operator}}}
	for i := range f.lanes {
		feature.Columns = append(feature.Columns, recipe.Name{Text: features.SampleLane(i)})
	}
	if f.needsName() {
		feature.Name.Text = "feature"
	}
	return &recipe.Recipe{
		Version: recipe.Version, Name: recipe.Name{Text: "sample"},
		Source:   recipe.Source{Format: recipe.Parquet, Files: []recipe.Name{{Text: "sample.parquet"}}},
		Features: []recipe.Feature{feature},
	}
}

// needsName reports whether the lanes meet in an output that has no name of its own.
func (f *fixture) needsName() bool {
	c, ok := f.sample.Operator.(features.Combiner)
	out := f.bound.Out()
	if !ok || c.Arity() != features.All || f.lanes == 1 || len(out) == f.lanes {
		return false
	}
	for _, o := range out {
		if o.Name == "" {
			return true
		}
	}
	return false
}

// fit learns the sample's recipe from chunks.
func (f *fixture) fit(chunks []column.Batch, o pipeline.Options) (*model.Model, error) {
	return f.fitRecipe(f.recipe(), f.schema, chunks, o)
}

func (f *fixture) fitRecipe(r *recipe.Recipe, schema column.Schema, chunks []column.Batch, o pipeline.Options) (*model.Model, error) {
	o.Backend = f.be
	result, err := pipeline.FitSource(context.Background(), r, NewSource(schema, chunks...), o)
	if err != nil {
		return nil, err
	}
	return result.Model, nil
}

// fitBytes learns from chunks and returns the model file. An error of the user's is
// an outcome too: then outcome is its code.
func (f *fixture) fitBytes(chunks []column.Batch, o pipeline.Options) (outcome string, err error) {
	m, err := f.fit(chunks, o)
	if err != nil {
		return userError(err)
	}
	b, err := m.Bytes()
	return string(b), err
}

// userError returns the code of err, which must be a user's error that the
// catalogue explains; any other is returned as it is.
func userError(err error) (code string, other error) {
	var e *diag.Error
	if !errors.As(err, &e) {
		return "", err
	}
	if _, ok := diag.Lookup(e.Code); !ok {
		return "", fmt.Errorf("code %s is not in the catalogue: %w", e.Code, err)
	}
	return "error " + string(e.Code), nil
}

// programs are the two programs of a model by name.
func programs(m *model.Model) map[string]*program.Program {
	return map[string]*program.Program{"serving": m.Serving, "training": m.Training}
}

// modes lists the keys of programs, in order.
func modes() []string { return []string{"serving", "training"} }

// run runs p over batches, one after the other in one session, and returns the rows
// of all outputs together, plain.
func (f *fixture) run(p *program.Program, batches ...column.Batch) ([]column.Column, error) {
	exe, err := f.be.Compile(p)
	if err != nil {
		return nil, err
	}
	session := exe.NewSession()
	defer session.Close()
	return runSession(session, f.schema, p, batches...)
}

func runSession(session backend.Session, schema column.Schema, p *program.Program, batches ...column.Batch) ([]column.Column, error) {
	all := make([]column.Column, len(p.Outputs))
	for i, o := range p.Fields() {
		all[i].Values.Type = o.Type
	}
	for _, b := range batches {
		out, err := session.Run(columnsNamed(schema, b, p), nil)
		if err != nil {
			return nil, err
		}
		if out.Rows != b.Rows || len(out.Columns) != len(all) {
			return nil, fmt.Errorf("%d rows of %d columns give %d rows of %d columns", b.Rows, len(all), out.Rows, len(out.Columns))
		}
		for i := range out.Columns {
			if err := appendOutput(&all[i], &out.Columns[i], p.Fields()[i]); err != nil {
				return nil, err
			}
		}
	}
	return all, nil
}

// appendOutput appends the rows of an output, which must be of the declared type
// and in storage form.
func appendOutput(dst, src *column.Column, f column.Field) error {
	v := &src.Values
	if v.Type != f.Type {
		return fmt.Errorf("output %s is %v, not %v", f.Name, v.Type, f.Type)
	}
	if f.Type.Narrow() && (v.Int64s != nil || v.Float64s != nil) {
		return fmt.Errorf("output %s is not in storage form", f.Name)
	}
	for i := range src.Len {
		program.AppendStored(&dst.Values, program.ValueAt(v, src.Slot(i)))
	}
	dst.Len = dst.Values.Len
	return nil
}

// differ says where got, in the rows of order, differs from want; "" if nowhere.
// Row i of want is row order[i] of got; nil: the same rows.
func differ(got, want []column.Column, order []int) string {
	for i := range want {
		if got[i].Len != want[i].Len {
			return fmt.Sprintf("output %d has %d rows, not %d", i, got[i].Len, want[i].Len)
		}
		for r := range want[i].Len {
			at := r
			if order != nil {
				at = order[r]
			}
			x, y := program.ValueAt(&got[i].Values, at), program.ValueAt(&want[i].Values, r)
			if !program.EqualValues(want[i].Type(), x, y) {
				return fmt.Sprintf("output %d, row %d: %s, not %s", i, r, show(want[i].Type(), x), show(want[i].Type(), y))
			}
		}
	}
	return ""
}

// show writes a value for people, floats with all their bits.
func show(t column.Type, v program.Value) string {
	if v.Null {
		return "null"
	}
	if t.Kind() == column.Floats {
		return fmt.Sprintf("%x", v.Float)
	}
	return string(program.AppendFormat(nil, t, v))
}
