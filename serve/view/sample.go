package view

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/serve/row"
	"quern/serve/segment"
)

// sampled is how many keys of a version are computed again.
const sampled = 256

// sampler keeps, of the keys with the least hashes, the row that wins and the source's
// values that it was made of. It is safe for concurrent use.
type sampler struct {
	layout *row.Layout
	seed   uint64
	keys   []int         // numbers of the key's columns among Stream.Inputs
	limit  atomic.Uint64 // hashes above it are of no interest
	mu     sync.Mutex
	least  []*sample // by hash
}

// sample is a row as it was encoded, and what it was made of.
type sample struct {
	hash   row.Hash
	row    row.Row
	inputs SourceRow
}

func newSampler(l *row.Layout, stream *pipeline.Stream) *sampler {
	s := &sampler{layout: l}
	for _, f := range stream.Keys {
		s.keys = append(s.keys, stream.Inputs.Find(f.Name))
	}
	s.limit.Store(math.MaxUint64)
	return s
}

// add looks at a run of rows and its encoding.
func (s *sampler) add(from *pipeline.StreamRows, rows *row.Rows) {
	for i, r := range rows.From {
		one := rows.At(i)
		if h := row.HashKey(s.layout.Key(one), s.seed); h.Hi <= s.limit.Load() {
			s.keep(h, one, from, r)
		}
	}
}

// keep takes a row in, if it wins.
func (s *sampler) keep(h row.Hash, one row.Row, from *pipeline.StreamRows, r int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, found := slices.BinarySearchFunc(s.least, h, func(a *sample, h row.Hash) int {
		return cmp.Or(cmp.Compare(a.hash.Hi, h.Hi), cmp.Compare(a.hash.Lo, h.Lo))
	})
	if found && s.layout.Compare(one, s.least[at].row) <= 0 || !found && at >= sampled {
		return
	}
	new := &sample{hash: h, row: row.Row{Fixed: slices.Clone(one.Fixed), Heap: slices.Clone(one.Heap)}, inputs: CopyRow(from, r)}
	if found {
		s.least[at] = new
		return
	}
	s.least = slices.Insert(s.least, at, new)
	if s.least = s.least[:min(len(s.least), sampled)]; len(s.least) == sampled {
		s.limit.Store(s.least[sampled-1].hash.Hi)
	}
}

// replay computes the sampled rows again, one by one, by the interpreter of programs, and
// looks them up in the segments. Any bit that differs is Q665.
func (s *sampler) replay(m *model.Model, stream *pipeline.Stream, segments []*segment.Segment) error {
	if len(s.least) == 0 {
		return nil
	}
	again, err := s.compute(m, stream)
	if err != nil {
		return err
	}
	found, err := s.lookup(again, segments)
	if err != nil {
		return err
	}
	for i, r := range found {
		want := again.At(i)
		if r.Missing() {
			return diag.New("Q665", "a key of the source is not found: %x", s.layout.Key(want))
		}
		if s.layout.Event(r) != s.layout.Event(want) {
			return diag.New("Q665", "key %x: event time %d, computed again %d", s.layout.Key(want), s.layout.Event(r), s.layout.Event(want))
		}
		if s.layout.CompareContent(r, want) != 0 {
			return diag.New("Q665", "key %x: %s", s.layout.Key(want), s.difference(r, want))
		}
	}
	return nil
}

// difference names a feature in which two rows differ.
func (s *sampler) difference(a, b row.Row) string {
	for f, field := range s.layout.Schema().Fields {
		var got [2][]byte
		for i, r := range []row.Row{a, b} {
			got[i] = fmt.Append(nil, s.layout.Null(r, f))
			switch field.Type.Kind() {
			case column.Floats:
				got[i] = fmt.Append(got[i], math.Float64bits(s.layout.Float64(r, f)))
			case column.Ints:
				got[i] = fmt.Append(got[i], s.layout.Int64(r, f))
			}
		}
		if !bytes.Equal(got[0], got[1]) {
			return fmt.Sprintf("feature %s is %s, computed again %s", field.Name, got[0], got[1])
		}
	}
	return "its bytes are others than those computed again"
}

// compute makes the rows of the samples from the source's values.
func (s *sampler) compute(m *model.Model, stream *pipeline.Stream) (*row.Rows, error) {
	e, err := m.Serving.Evaluator()
	if err != nil {
		return nil, err
	}
	source := make([]SourceRow, len(s.least))
	for i, one := range s.least {
		source[i] = one.inputs
	}
	features, err := Interpret(e, m, stream, source)
	if err != nil {
		return nil, diag.New("Q665", "a row that was computed fails").Because(err)
	}
	return Compose(s.layout, m, stream, features, source)
}

// lookup finds the rows of keys.
func (s *sampler) lookup(of *row.Rows, segments []*segment.Segment) ([]row.Row, error) {
	var keys row.Keys
	keys.Reset(s.layout)
	for _, one := range s.least {
		s.putKey(&keys, one)
	}
	found := make([]row.Row, of.Len())
	for _, seg := range segments {
		err := segment.Guard(func() error { return seg.Lookup(&keys, found) })
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// putKey appends the key of a sample, from the source's values: a way to its row that
// shares nothing with how rows are encoded.
func (s *sampler) putKey(keys *row.Keys, one *sample) {
	for i, f := range s.layout.Schema().Keys {
		v := one.inputs[s.keys[i]]
		switch f.Type.Kind() {
		case column.Strings:
			keys.PutBytes(v.Str)
		case column.Bools:
			n := int64(0)
			if v.Bool {
				n = 1
			}
			keys.PutInt(n)
		default:
			keys.PutInt(v.Int)
		}
	}
}
