package featurestest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

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
	scalar *features.Sample // what the sample applies to lists, element by element; or nil
}

// baseRows is how many rows the ordinary table has: more than a word of a bitmap
// and no multiple of anything.
const baseRows = 131

// listRows is how many lists the ordinary table of a lifted sample has. The operator
// itself is checked on scalars: what is new is that its values stand in lists.
const listRows = 41

// newFixture binds and fits a sample. All that is random in its checks follows from
// its name and the round.
func newFixture(be backend.Backend, e features.Entry, s sample, round uint64) (*fixture, error) {
	h := fnv.New64a()
	fmt.Fprint(h, e.Name, "/", s.Name, "/", round)
	f := &fixture{be: be, entry: e, sample: s.Sample, schema: s.Fields(), lanes: len(s.In), seed: h.Sum64()}
	if r, ok := s.Operator.(features.Reader); ok {
		f.lanes -= len(r.Reads())
	}
	var err error
	if f.bound, err = features.Bind(s.Operator, f.schema); err != nil {
		return nil, err
	}
	rows := baseRows
	if f.scalar = s.scalar; f.scalar != nil {
		rows = listRows
	}
	f.calm = calmTable(newRand(f.seed), f.schema, rows)
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

// modesOf lists the modes that differ in m: where training and serving are one
// program, it is checked once.
func modesOf(m *model.Model) []string {
	if m.Serving.Text() == m.Training.Text() {
		return modes()[:1]
	}
	return modes()
}

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
	if f.Type.IsList() {
		if err := wellFormed(src); err != nil {
			return fmt.Errorf("output %s: %w", f.Name, err)
		}
		v = &src.Values.Elements.Values
	}
	if f.Type.Elem().Narrow() && (v.Int64s != nil || v.Float64s != nil) {
		return fmt.Errorf("output %s is not in storage form", f.Name)
	}
	for i := range src.Len {
		program.AppendStored(&dst.Values, program.ValueAt(&src.Values, src.Slot(i)))
	}
	dst.Len = dst.Values.Len
	return nil
}

// wellFormed checks what holds of every column of lists.
func wellFormed(c *column.Column) error {
	v := &c.Values
	switch {
	case c.Index != nil:
		return errors.New("a column of lists has an index")
	case v.Len != c.Len || len(v.Offsets) != v.Len+1 || v.Elements == nil:
		return fmt.Errorf("%d offsets for %d lists of %d rows", len(v.Offsets), v.Len, c.Len)
	case v.Elements.Type() != v.Type.Elem():
		return fmt.Errorf("lists of %s have elements of %s", v.Type.Elem(), v.Elements.Type())
	case v.Offsets[0] != 0 || int(v.Offsets[v.Len]) != v.Elements.Len:
		return fmt.Errorf("offsets go from %d to %d, with %d elements", v.Offsets[0], v.Offsets[v.Len], v.Elements.Len)
	}
	for i := range v.Len {
		if lo, hi := v.List(i); lo > hi || lo < hi && v.Null(i) {
			return fmt.Errorf("list %d, null: %v, goes from %d to %d", i, v.Null(i), lo, hi)
		}
	}
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
	if t.IsList() {
		var texts []string
		for _, e := range v.List {
			texts = append(texts, show(t.Elem(), e))
		}
		return "[" + strings.Join(texts, " ") + "]"
	}
	if t.Kind() == column.Floats {
		return fmt.Sprintf("%x", v.Float)
	}
	return string(program.AppendFormat(nil, t, v))
}
