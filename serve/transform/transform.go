package transform

import (
	"runtime"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/lookup"
)

// Use says what the rows of a call are for, which decides what columns they need.
type Use int

// The uses.
const (
	Serve Use = iota // the columns that the serving program reads
	Push             // and the model's key and event time, and what source.where reads
	uses
)

// Transformer computes features by the programs of one model. It is safe for concurrent use.
type Transformer struct {
	model    *model.Model
	digest   string
	features column.Schema
	keys     column.Schema
	cells    int // values of a row of features
	shapes   [uses]*shape
	idle     [uses]chan *Call

	serving backend.Executable
	where   backend.Executable // nil: the model reads all rows
}

// New compiles the programs of m. be is the processor: sessions are kept for the next
// request, and none is closed. A model whose recipe cannot be read is an error.
func New(m *model.Model, be backend.Backend) (*Transformer, error) {
	if m.Serving == nil {
		return nil, diag.New("Q624", "model %s has no serving program", m.Name)
	}
	t := &Transformer{model: m, digest: m.Digest()}
	r, err := recipe.Parse(m.Name, m.Recipe)
	if err != nil {
		return nil, err
	}
	t.features = served(m, r)
	for _, name := range m.Key {
		t.keys = append(t.keys, m.Schema[m.Schema.Find(name)])
	}
	if t.serving, err = be.Compile(m.Serving); err != nil {
		return nil, err
	}
	if m.Where != nil {
		if t.where, err = be.Compile(m.Where); err != nil {
			return nil, err
		}
	}
	for _, width := range m.Serving.Widths() {
		t.cells += max(1, width)
	}
	t.cells = max(1, t.cells)
	for use := range uses {
		t.shapes[use] = newShape(m, use)
		t.idle[use] = make(chan *Call, 2*runtime.GOMAXPROCS(0))
	}
	return t, nil
}

// served returns the features as the recipe's Parquet output has them, and a published
// view: pipeline.Stream's Features.
func served(m *model.Model, r *recipe.Recipe) column.Schema {
	fields := m.Serving.Fields()
	if p := r.Output.Parquet; p != nil && p.DType == recipe.Float64 {
		return fields
	}
	for i := range fields {
		if m.Serving.Outputs[i].Role == program.RoleFeature && fields[i].Type.Elem() == column.Float64 {
			fields[i].Type = column.Float32.Like(fields[i].Type)
		}
	}
	return fields
}

// Digest returns the model's digest.
func (t *Transformer) Digest() string { return t.digest }

// Features returns the names and types of the features. The caller does not change it.
func (t *Transformer) Features() column.Schema { return t.features }

// Cells returns how many values a row of features has: lists that are padded count with all
// their elements. It is at least 1, and what limits on rows are divided by.
func (t *Transformer) Cells() int { return t.cells }

// Columns returns the columns that rows must have. Those of the event time and the creation
// time are among them only where the model has them.
func (t *Transformer) Columns(use Use) column.Schema {
	s := t.shapes[use]
	fields := make(column.Schema, s.needed)
	for i := range fields {
		fields[i] = column.Field{Name: s.columns[i].name, Type: s.columns[i].typ}
	}
	return fields
}

// Fits reports whether rows of v can be made by t: its keys are the model's, and so are
// its features, in order and type.
func (t *Transformer) Fits(v *lookup.View) bool {
	if len(v.Keys) != len(t.keys) || len(v.Fields) != len(t.features) {
		return false
	}
	for i, k := range v.Keys {
		if k != t.keys[i] {
			return false
		}
	}
	for i, f := range v.Fields {
		if f.Name != t.features[i].Name || f.Type != t.features[i].Type || f.Binary {
			return false
		}
	}
	return true
}

// Begin returns the memory of a call, which Close gives back.
func (t *Transformer) Begin(use Use) *Call {
	select {
	case c := <-t.idle[use]:
		return c
	default:
	}
	s := t.shapes[use]
	c := &Call{t: t, use: use, shape: s, cells: make([]lookup.Cells, len(s.columns)), seen: make([]uint64, len(s.columns)),
		session: t.serving.NewSession(), args: make([]column.Column, len(s.serving)), Features: make([]column.Column, len(t.features))}
	if use == Push && t.where != nil {
		c.filter, c.asked = t.where.NewSession(), make([]column.Column, len(s.where))
	}
	return c
}
