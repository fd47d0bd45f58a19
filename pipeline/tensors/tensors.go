// Package tensors reads finished outputs of safetensors back, for programs that train in
// Go: arrays in slices of their element type, checked against the manifest, and which
// rows the model has learnt from.
//
// A slice is what tensor libraries take without a copy; with gorgonia.org/tensor:
//
//	part, err := out.Read(ctx, 0)
//	x := part.Array("features")
//	dense := tensor.New(tensor.WithShape(x.Shape...), tensor.WithBacking(x.Data))
//
// and rows from up to to of a float32 matrix of d columns are the slice
// x.Data.([]float32)[from*d : to*d]. examples/train does so.
//
// Files are not trusted: whatever their bytes, Open and Read return an error (Q320,
// Q321) or arrays that have the shapes that they say, and take no more memory than the
// files are long.
package tensors

import (
	"context"
	"path"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/output"
	"quern/pipeline/sink"
	"quern/pipeline/sink/safetensors"
	"quern/pipeline/sink/tensor"
	"quern/pipeline/store"
)

// Output is a finished output of tensors. It is safe for concurrent use.
type Output struct {
	manifest *output.Manifest
	fields   []sink.Field
	layouts  [2][]tensor.Array // by rows, by columns: which it is, the files tell
	store    store.Store
}

// Open reads the manifest of the output in st, and no tensors yet. Errors: Q321 not
// finished, Q320 damaged, Q514 no output of safetensors.
func Open(ctx context.Context, st store.Store) (*Output, error) {
	m, err := output.ReadManifest(ctx, st)
	if err != nil {
		return nil, err
	}
	o := &Output{manifest: m, store: st}
	if err := o.checkFiles(); err != nil {
		return nil, err
	}
	if o.fields, err = fieldsOf(m); err != nil {
		return nil, err
	}
	for i := range o.layouts {
		layout, err := tensor.Layout(o.fields, i == 1)
		if err == nil { // else names clash in this layout: then it is the other one
			o.layouts[i] = layout
		}
	}
	return o, nil
}

// checkFiles holds the manifest's numbers of rows against each other.
func (o *Output) checkFiles() error {
	rows, m := int64(0), o.manifest
	for _, f := range m.Files {
		if path.Ext(f.Name) != (safetensors.Format{}).Suffix() {
			return diag.New("Q514", "%s: %s is no file of safetensors", o.store.Location(), f.Name).
				WithHint("write the tensors with format: safetensors")
		}
		if f.Rows < 0 || f.Rows > m.Rows-rows {
			return o.contradicts()
		}
		rows += f.Rows
	}
	at := int64(0)
	for _, run := range m.OutsideFit {
		if run[0] < at || run[1] <= run[0] || run[1] > m.Rows {
			return o.contradicts()
		}
		at = run[1]
	}
	if rows != m.Rows {
		return o.contradicts()
	}
	return nil
}

func (o *Output) contradicts() error {
	return diag.New("Q320", "%s: the manifest contradicts itself", o.store.Location())
}

// fieldsOf returns the fields of the sink that wrote the output of a manifest.
func fieldsOf(m *output.Manifest) ([]sink.Field, error) {
	var fields []sink.Field
	for _, f := range m.Fields {
		typ, ok := column.ParseType(f.Type)
		if !ok {
			return nil, diag.New("Q320", "the manifest has a column of type %q", f.Type)
		}
		fields = append(fields, sink.Field{Field: column.Field{Name: f.Name, Type: typ}, Role: program.Role(f.Role), Width: f.Width})
	}
	return fields, nil
}

// Manifest returns the manifest. It belongs to o.
func (o *Output) Manifest() *output.Manifest { return o.manifest }

// Parts returns how many parts the output has. Their rows follow each other.
func (o *Output) Parts() int { return len(o.manifest.Files) }

// Split returns which rows of part i the model has learnt from, and which not, as runs
// [from, to) counted from the part's first row. Rows that it has learnt from bear
// training values (out of fold, say) if the output was written by a run, or by a
// transform for training; the others always bear what serving gives.
func (o *Output) Split(i int) (fit, outside [][2]int) {
	start := int64(0)
	for _, f := range o.manifest.Files[:i] {
		start += f.Rows
	}
	rows := o.manifest.Files[i].Rows
	at := int64(0)
	for _, run := range o.manifest.OutsideFit {
		from, to := max(run[0]-start, 0), min(run[1]-start, rows)
		if from >= to {
			continue
		}
		fit = appendRun(fit, at, from)
		outside = appendRun(outside, from, to)
		at = to
	}
	return appendRun(fit, at, rows), outside
}

// appendRun appends a run unless it is empty.
func appendRun(runs [][2]int, from, to int64) [][2]int {
	if from >= to {
		return runs
	}
	return append(runs, [2]int{int(from), int(to)})
}
