package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	"quern/pipeline/sink/npy"
	"quern/pipeline/sink/parquet"
	"quern/pipeline/sink/safetensors"
	"quern/pipeline/store"
)

// target is one output of a run: a folder, a format, and which of the computed
// columns it takes in which type.
type target struct {
	path   string // as the user knows it
	writer *output.Writer
	takes  []int        // positions among the computed columns
	fields []sink.Field // as written: reals in the output's dtype
}

// targetSpec is a target that is not open yet.
type targetSpec struct {
	path   string
	format sink.Format
	dtype  recipe.DType
	keeps  bool // takes kept columns: tables do, tensors never
}

// targetSpecs returns the outputs that a recipe names.
func targetSpecs(r *recipe.Recipe) []targetSpec {
	var specs []targetSpec
	if p := r.Output.Parquet; p != nil {
		specs = append(specs, targetSpec{r.Resolve(p.Path.Text), parquet.Format{Codec: string(p.Codec)}, p.DType, true})
	}
	if t := r.Output.Tensor; t != nil {
		var format sink.Format = safetensors.Format{Columns: t.Layout == recipe.Columns}
		if t.Format == recipe.NPY {
			format = npy.Format{Columns: t.Layout == recipe.Columns}
		}
		specs = append(specs, targetSpec{r.Resolve(t.Path.Text), format, t.DType, false})
	}
	return specs
}

// fields returns what the target takes of the computed columns, and from where.
func (s targetSpec) fields(computed []sink.Field) (fields []sink.Field, takes []int) {
	for i, f := range computed {
		if f.Role == program.RoleKeep && !s.keeps {
			continue
		}
		if f.Role == program.RoleFeature && f.Type == column.Float64 && s.dtype != recipe.Float64 {
			f.Type = column.Float32
		}
		fields, takes = append(fields, f), append(takes, i)
	}
	return fields, takes
}

// bindTargets checks that the outputs can hold what the recipe computes, and that
// their folders are apart.
func (b *binder) bindTargets() {
	if p, t := b.Recipe.Output.Parquet, b.Recipe.Output.Tensor; p != nil && t != nil && p.Path.Text != "" && t.Path.Text != "" {
		first, second := b.Recipe.Resolve(p.Path.Text), b.Recipe.Resolve(t.Path.Text)
		if within(first, second) || within(second, first) {
			b.mistake(diag.New("Q042", "outputs %s and %s are in each other's way", p.Path.Text, t.Path.Text).
				At(t.Path.Place).WithHint("give each a folder of its own, side by side"))
		}
	}
	for _, s := range targetSpecs(b.Recipe) {
		if s.keeps {
			continue // a table holds every type
		}
		for i, f := range b.outputs {
			b.bindTarget(s, sink.Field{Field: f, Role: program.RoleFeature}, b.places[i])
		}
		for _, l := range b.labels {
			b.bindTarget(s, sink.Field{Field: column.Field{Name: l.name, Type: l.typ}, Role: program.RoleLabel}, l.at.Place)
		}
	}
}

// bindTarget checks one computed column against one output: whoever cannot write it
// says so before any row is read.
func (b *binder) bindTarget(s targetSpec, f sink.Field, place diag.Place) {
	fields, _ := s.fields([]sink.Field{f})
	_, err := s.format.NewPart(io.Discard, fields)
	if a, ok := s.format.(sink.Assembler); ok && err == nil {
		_, err = a.Files(fields)
	}
	if err != nil {
		b.mistake(placed(err, "Q036", place, nil))
	}
}

// within reports whether path is folder or lies in it.
func within(folder, path string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

// open begins the target's output.
func (s targetSpec) open(ctx context.Context, computed []sink.Field, job output.Job) (*target, error) {
	t := &target{path: s.path}
	t.fields, t.takes = s.fields(computed)
	st, err := store.NewLocal(s.path)
	if err != nil {
		return nil, err
	}
	job.Fields = t.fields
	t.writer, err = output.Begin(ctx, st, s.format, job)
	return t, err
}

// narrowed returns the columns for target j: those that it takes, reals rounded to
// its dtype (once, to nearest even).
func (w *writer) narrowed(j int) []column.Column {
	t := w.targets[j]
	if w.casts[j] == nil {
		w.casts[j] = make([]column.Column, len(t.takes))
	}
	for i, at := range t.takes {
		c, cast := &w.out[at], &w.casts[j][i]
		if c.Type() == t.fields[i].Type {
			*cast = *c
			continue
		}
		narrow(cast, c)
	}
	return w.casts[j]
}

// narrow fills dst with the Float64 column src as Float32, reusing dst's memory.
func narrow(dst, src *column.Column) {
	buffer := dst.Values.Float32s
	if cap(buffer) < src.Values.Len || buffer == nil {
		buffer = make([]float32, src.Values.Len)
	}
	buffer = buffer[:src.Values.Len]
	for i, x := range src.Values.Float64s {
		buffer[i] = float32(x)
	}
	*dst = column.Column{Len: src.Len, Index: src.Index,
		Values: column.Vector{Type: column.Float32, Len: src.Values.Len, Valid: src.Values.Valid, Float32s: buffer}}
}

// refuseFinished returns an error (Q430) if all of the recipe's outputs are finished
// and may not be replaced: better before hours of fitting than after.
func refuseFinished(ctx context.Context, r *recipe.Recipe, o Options) error {
	if o.Overwrite {
		return nil
	}
	var stores []store.Store
	for _, spec := range targetSpecs(r) {
		st, err := store.NewLocal(spec.path)
		if err != nil {
			return err
		}
		stores = append(stores, st)
	}
	return output.AllFinished(ctx, stores)
}

// begin begins the outputs. If all of them are finished, that is an error.
func (t *transformer) begin(ctx context.Context, result *Result, r *recipe.Recipe, in *inputs, training bool, computed []sink.Field, o Options) error {
	specs := targetSpecs(r)
	for _, spec := range specs {
		st, err := store.NewLocal(spec.path)
		if err != nil {
			return err
		}
		if err := output.Probe(ctx, st); err != nil {
			return err
		}
	}
	parts := partsOf(in.chunks)
	var writers []*output.Writer
	for _, spec := range specs {
		job := output.Job{Model: result.Digest, Parts: len(parts), Overwrite: o.Overwrite}
		job.Digest = jobDigest(result.Digest, training, r.Source, in, spec, computed)
		target, err := spec.open(ctx, computed, job)
		if err != nil {
			return err
		}
		t.targets, writers = append(t.targets, target), append(writers, target.writer)
	}
	return output.NothingToDo(writers)
}

// close lets other runs write to the outputs.
func (t *transformer) close() {
	for _, target := range t.targets {
		target.writer.Close()
	}
}

// jobDigest identifies everything that decides the bytes of an output. The chunks'
// digests are in it so that no run continues what another began before the source was
// edited.
func jobDigest(modelDigest string, training bool, src recipe.Source, in *inputs, spec targetSpec, computed []sink.Field) string {
	h := sha256.New()
	fmt.Fprintf(h, "quern output 1\nmodel %s\ntraining %v\nformat %s %+v %s\n", modelDigest, training, spec.format.Suffix(), spec.format, spec.dtype)
	fmt.Fprintf(h, "source %s %+v\n", src.Format, src.CSV)
	for _, t := range src.Schema {
		fmt.Fprintf(h, "type %q %v\n", t.Name.Text, t.Type)
	}
	for _, f := range computed {
		fmt.Fprintf(h, "column %q %v %s\n", f.Name, f.Type, f.Role)
	}
	for _, c := range in.chunks {
		fmt.Fprintf(h, "chunk %q %d rows %d bytes %d digest %q\n", c.File, c.Group, c.Rows, c.Bytes, c.Digest)
	}
	return hex.EncodeToString(h.Sum(nil))
}
