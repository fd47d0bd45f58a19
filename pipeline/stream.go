package pipeline

import (
	"context"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	"quern/pipeline/source"
)

// Stream hands out what a model serves for the rows of a source, a run of rows at a time,
// for whoever does not write it as files. It is made by OpenStream and closed once.
type Stream struct {
	// Features are the outputs of the model's serving program, as the recipe's Parquet output
	// has them: reals are Float32 unless it asks for float64.
	Features column.Schema
	Keys     column.Schema // the columns of the model's key
	Inputs   column.Schema // the columns that are read: those of the programs, the key, the time
	Timed    bool          // rows have the model's event time: it names one, and the source has it

	in      *inputs
	o       Options
	file    string
	where   *stage
	serving *stage
	keys    []int // numbers of Keys among Inputs
	event   int   // number of the event time among Inputs, where Timed
	takes   *target
}

// StreamRows is a run of rows of a Stream. Its memory is valid until the function that got
// it returns.
type StreamRows struct {
	Rows           int
	Keys, Features []*column.Column
	Event          *column.Column  // nil without Stream.Timed
	Inputs         []column.Column // by Stream.Inputs
}

// StreamCount is how many rows a Stream read, and how many source.where kept.
type StreamCount struct{ Read, Kept int64 }

// OpenStream opens the source of r, which is m's recipe, perhaps with another source.
// Columns that the source lacks, or has with another type than the model, are Q305 and
// Q306; but without the column of the event time there are no event times, with a notice.
func OpenStream(ctx context.Context, m *model.Model, r *recipe.Recipe, o Options) (*Stream, error) {
	in, err := openInput(ctx, r, nil, o)
	if err != nil {
		return nil, err
	}
	s := &Stream{in: in, o: o, file: r.File}
	if err := s.compile(m, r); err != nil {
		in.Close()
		return nil, err
	}
	return s, nil
}

// compile checks the source's schema and compiles the programs.
func (s *Stream) compile(m *model.Model, r *recipe.Recipe) error {
	have := s.in.Schema()
	for _, name := range m.Key {
		s.Keys = append(s.Keys, m.Schema[m.Schema.Find(name)])
	}
	if err := provides(have, m.Serving, m.Where, &program.Program{Inputs: s.Keys}); err != nil {
		return err
	}
	columns := union(inputsOf(m.Where, m.Serving), m.Key)
	if at := m.Schema.Find(m.Time); at >= 0 {
		found := have.Find(m.Time)
		if s.Timed = found >= 0 && have[found].Type == m.Schema[at].Type; s.Timed {
			columns = union(columns, []string{m.Time})
			s.event = positions([]string{m.Time}, columns)[0]
		} else {
			s.o.notice("the source has no column " + m.Time + " of the model's type: its rows have no event time")
		}
	}
	for _, name := range columns {
		s.Inputs = append(s.Inputs, m.Schema[m.Schema.Find(name)])
	}
	s.keys = positions(m.Key, columns)
	return s.compilePrograms(m, r, columns)
}

// compilePrograms compiles what reads columns.
func (s *Stream) compilePrograms(m *model.Model, r *recipe.Recipe, columns []string) error {
	var computed []sink.Field
	for i, f := range m.Serving.Fields() {
		computed = append(computed, sink.Field{Field: f, Role: m.Serving.Outputs[i].Role})
	}
	spec := targetSpec{keeps: true}
	if p := r.Output.Parquet; p != nil {
		spec.dtype = p.DType
	}
	s.takes = spec.target(computed)
	for _, f := range s.takes.fields {
		s.Features = append(s.Features, f.Field)
	}
	var err error
	if s.where, err = newStage(s.o.Backend, m.Where, columns); err != nil {
		return err
	}
	s.serving, err = newStage(backend.Choose(s.o.Backend, m.Serving, s.Rows()), m.Serving, columns)
	return err
}

// Rows returns how many rows the source has, before source.where; -1: not known.
func (s *Stream) Rows() int64 { return rowsOf(s.in.chunks) }

// Bytes returns the stored size of the source.
func (s *Stream) Bytes() int64 { return s.in.bytes() }

// Close closes the source.
func (s *Stream) Close() error { return s.in.Close() }

// Run reads the source once and hands each run of rows to each, which several workers
// call at the same time, in no order.
func (s *Stream) Run(ctx context.Context, each func(*StreamRows) error) (StreamCount, error) {
	chunks := s.in.chunks
	meter := s.o.Progress.begin("publish", chunks)
	counts := make([]StreamCount, len(chunks))
	err := forEach(ctx, s.o.workersFor(chunks, len(chunks), 1), len(chunks),
		func() (*streamer, error) {
			reader, err := s.in.NewReader(s.Inputs.Names())
			if err != nil {
				return nil, err
			}
			return &streamer{Stream: s, reader: reader, filter: s.where.filter(), session: s.serving.exe.NewSession(),
				narrow: writer{transformer: &transformer{targets: []*target{s.takes}}}}, nil
		},
		func(ctx context.Context, w *streamer, i int) (err error) {
			counts[i], err = w.chunk(ctx, &chunks[i], each)
			meter.done(chunks[i], int(counts[i].Read))
			return err
		},
		func(w *streamer) error { return w.close() })
	var total StreamCount
	for _, c := range counts {
		total.Read, total.Kept = total.Read+c.Read, total.Kept+c.Kept
	}
	return total, err
}

// streamer is one worker of a Stream.
type streamer struct {
	*Stream
	reader  source.Reader
	filter  *filter
	session backend.Session
	picker  picker
	narrow  writer // for its buffers of narrowed columns
	rows    StreamRows
}

func (w *streamer) close() error {
	w.filter.close()
	w.session.Close()
	return w.reader.Close()
}

// chunk hands out the rows of one chunk.
func (w *streamer) chunk(ctx context.Context, c *source.Chunk, each func(*StreamRows) error) (n StreamCount, err error) {
	batch, err := w.reader.Read(ctx, *c)
	if err != nil {
		return n, err
	}
	kept, all, err := w.filter.rows(batch)
	if err != nil {
		return n, locateRun(w.file, err, w.where.program, c, nil)
	}
	chosen := newChosen(batch.Rows, kept, all)
	picked, which := w.picker.pick(batch, &chosen)
	n = StreamCount{int64(batch.Rows), int64(picked.Rows)}
	step := stepOf(picked, allOf(len(w.Inputs)), true)
	for from := 0; from < picked.Rows; from += step {
		if err := w.slice(picked, from, min(picked.Rows, from+step), c, which, each); err != nil {
			return n, err
		}
	}
	return n, nil
}

// allOf returns 0 to n-1.
func allOf(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// slice computes and hands out some rows of a chunk.
func (w *streamer) slice(batch column.Batch, from, to int, c *source.Chunk, which []int32, each func(*StreamRows) error) error {
	r := &w.rows
	r.Rows = to - from
	r.Inputs, r.Keys, r.Features = r.Inputs[:0], r.Keys[:0], r.Features[:0]
	for i := range batch.Columns {
		r.Inputs = append(r.Inputs, column.Cut(&batch.Columns[i], from, to))
	}
	args := make([]column.Column, len(w.serving.inputs))
	for i, at := range w.serving.inputs {
		args[i] = r.Inputs[at]
	}
	result, err := w.session.Run(column.Batch{Rows: r.Rows, Columns: args}, nil)
	if err != nil {
		return locateRun(w.file, shifted(err, from), w.serving.program, c, which)
	}
	_, features := w.narrow.narrowed(0, allOf(len(result.Columns)), result.Columns)
	for i := range features {
		r.Features = append(r.Features, &features[i])
	}
	for _, at := range w.keys {
		r.Keys = append(r.Keys, &r.Inputs[at])
	}
	if w.Timed {
		r.Event = &r.Inputs[w.event]
	}
	return each(r)
}
