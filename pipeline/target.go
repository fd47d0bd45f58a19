package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"slices"
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
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// target is one output of a run: a folder, a format, and which of the computed
// columns it takes in which type.
type target struct {
	path   string // as the user knows it
	parts  partMaker
	fields []sink.Field // as written: reals in the output's dtype

	fieldOf []int // per computed column: its number among fields; -1: it is not taken
}

// partMaker makes the parts of an output: the writer of a run in this process, or an
// attempt of one of many.
type partMaker interface {
	Finished(part int) bool
	Part(ctx context.Context, part int) (*output.Part, error)
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
		specs = append(specs, targetSpec{r.Resolve(p.Path.Text), parquet.Format{Codec: string(p.Codec), Plain: p.Encoding == recipe.PlainValues}, p.DType, true})
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
		if f.Role == program.RoleFeature && f.Type.Elem() == column.Float64 && s.dtype != recipe.Float64 {
			f.Type = column.Float32.Like(f.Type)
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
		var fields []sink.Field
		var places []diag.Place
		for i, f := range b.outputs {
			fields, places = append(fields, sink.Field{Field: f, Role: program.RoleFeature}), append(places, b.places[i])
		}
		for _, l := range b.labels {
			fields = append(fields, sink.Field{Field: column.Field{Name: l.name, Type: l.typ}, Role: program.RoleLabel})
			places = append(places, l.at.Place)
		}
		b.bindTarget(s, fields, places)
	}
}

// bindTarget checks the computed columns against one output: whoever cannot write them
// says so before any row is read. A column of lists may also be in others' way, so once
// each column has a place by itself, every one with lists is put to those before it.
func (b *binder) bindTarget(s targetSpec, fields []sink.Field, places []diag.Place) {
	clean := true
	for i := range fields {
		if err := s.refusal(fields[i : i+1]); err != nil {
			b.mistake(placed(err, "Q036", places[i], nil))
			clean = false
		}
	}
	together := slices.DeleteFunc(slices.Clone(fields), func(f sink.Field) bool { return f.Type.IsList() })
	for i, f := range fields {
		if !clean || !f.Type.IsList() {
			continue
		}
		together = append(together, f)
		if err := s.refusal(together); err != nil {
			b.mistake(placed(err, "Q036", places[i], nil))
			together = together[:len(together)-1]
		}
	}
}

// refusal returns why the output cannot have computed columns, or nil.
func (s targetSpec) refusal(computed []sink.Field) error {
	fields, _ := s.fields(computed)
	_, err := s.format.NewPart(io.Discard, fields)
	if a, ok := s.format.(sink.Assembler); ok && err == nil {
		_, err = a.Files(fields)
	}
	return err
}

// within reports whether path is folder or lies in it.
func within(folder, path string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

// target returns the target of what is computed.
func (s targetSpec) target(computed []sink.Field) *target {
	t := &target{path: s.path}
	var takes []int
	t.fields, takes = s.fields(computed)
	t.fieldOf = make([]int, len(computed))
	for i := range t.fieldOf {
		t.fieldOf[i] = slices.Index(takes, i)
	}
	return t
}

// narrowed returns what target j takes of columns, which are the computed columns of
// the given numbers: the numbers of its own fields, and the columns with reals rounded
// to its dtype (once, to nearest even).
func (w *writer) narrowed(j int, computed []int, columns []column.Column) ([]int, []column.Column) {
	t := w.targets[j]
	w.at, w.out = w.at[:0], w.out[:0]
	casts := 0
	for i := range columns {
		field := t.fieldOf[computed[i]]
		if field < 0 {
			continue
		}
		c := &columns[i]
		if c.Type() != t.fields[field].Type {
			if casts == len(w.casts) {
				w.casts = append(w.casts, new(column.Column))
			}
			narrow(w.casts[casts], c)
			c = w.casts[casts]
			casts++
		}
		w.at, w.out = append(w.at, field), append(w.out, *c)
	}
	return w.at, w.out
}

// columnTargets reports whether all outputs of a recipe take columns apart.
func columnTargets(r *recipe.Recipe) bool { return r.Output.Tensor == nil }

// narrow fills dst with the Float64 column src as Float32, reusing dst's memory; lists
// element by element.
func narrow(dst, src *column.Column) {
	if src.Type().IsList() {
		elements := dst.Values.Elements
		if elements == nil {
			elements = &column.Column{}
		}
		narrow(elements, src.Values.Elements)
		*dst = *src
		dst.Values.Type, dst.Values.Elements = column.ListOf(column.Float32), elements
		return
	}
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
		st, err := o.Places.Store(ctx, spec.path)
		if err != nil {
			return err
		}
		stores = append(stores, st)
	}
	return output.AllFinished(ctx, stores)
}

// begin begins the outputs. If all of them are finished, that is an error. The writers
// are there, to be closed, after an error too.
func (t *transformer) begin(ctx context.Context, w *written, o Options) (writers []*output.Writer, err error) {
	specs := targetSpecs(w.recipe)
	stores := make([]store.Store, len(specs))
	for i, spec := range specs {
		if stores[i], err = o.Places.Store(ctx, spec.path); err != nil {
			return nil, err
		}
		if err := output.Probe(ctx, stores[i]); err != nil {
			return nil, err
		}
	}
	for i, spec := range specs {
		target := spec.target(w.fields)
		job := w.job(spec, target)
		job.Overwrite = o.Overwrite
		writer, err := output.Begin(ctx, stores[i], spec.format, job)
		if err != nil {
			return writers, err
		}
		target.parts = writer
		t.targets, writers = append(t.targets, target), append(writers, writer)
	}
	return writers, output.NothingToDo(writers)
}

// written is everything that decides the bytes of outputs.
type written struct {
	recipe   *recipe.Recipe
	model    string // its digest
	training bool
	fields   []sink.Field // that are computed
	chunks   []source.Chunk
}

// job returns the job of an output.
func (w *written) job(spec targetSpec, t *target) output.Job {
	return output.Job{Digest: w.digest(spec), Model: w.model, Fields: t.fields, Parts: len(PartsOf(w.chunks))}
}

// digest identifies everything that decides the bytes of an output. The chunks' digests
// are in it so that no run continues what another began before the source was edited.
func (w *written) digest(spec targetSpec) string {
	h := sha256.New()
	fmt.Fprintf(h, "quern output 1\nmodel %s\ntraining %v\nformat %s %+v %s\n", w.model, w.training, spec.format.Suffix(), spec.format, spec.dtype)
	src := w.recipe.Source
	fmt.Fprintf(h, "source %s %+v\n", src.Format, src.CSV)
	for _, t := range src.Schema {
		fmt.Fprintf(h, "type %q %v\n", t.Name.Text, t.Type)
	}
	for _, f := range w.fields {
		fmt.Fprintf(h, "column %q %v %s\n", f.Name, f.Type, f.Role)
	}
	for _, c := range w.chunks {
		fmt.Fprintf(h, "chunk %q %d rows %d bytes %d digest %q\n", c.File, c.Group, c.Rows, c.Bytes, c.Digest)
	}
	return hex.EncodeToString(h.Sum(nil))
}
