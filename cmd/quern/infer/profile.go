// Package infer writes a first recipe for a table: it looks at the rows and chooses
// steps that suit most models, each with the reason why.
package infer

import (
	"context"
	"errors"
	"math"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/pipeline/source"
)

// Profile is what the rows say of one column. Counts are among the rows looked at; of
// a column of lists they are of the elements of all lists, and so is what follows.
type Profile struct {
	column.Field
	Rows, Nulls, NaNs, Infs uint64
	Distinct                uint64   // values other than null
	Numbers                 *Shape   // of finite numbers; nil: there are none
	Times                   *Span    // of dates and times; nil: there are none
	Lengths                 *Lengths // of lists; nil: the column holds none
}

// Lengths describes how long the lists of a column are.
type Lengths struct {
	Rows, Nulls, Empty uint64
	Most, Longest      int64 // 95 % of the lists that are not null have at most Most elements
}

// Shape describes the finite values of a numeric column.
type Shape struct {
	Min, Low, Median, High, Max float64 // Low and High are the 1 % and 99 % quantiles (rule lower)
	Skew                        float64 // third standardized moment of the values kept within Low and High
}

// Span describes the values of a date or time column.
type Span struct {
	Days  float64 // between the first and the last
	Clock bool    // the times of day differ
}

// Look reads at most rows rows (0: all), of chunks that are spread evenly over the
// source, and profiles every column. looked is how many rows it saw.
func Look(ctx context.Context, src source.Source, be backend.Backend, rows int64, res stat.Resources) (profiles []Profile, looked int64, err error) {
	schema := src.Schema()
	if len(schema) == 0 {
		return nil, 0, nil
	}
	w, err := newWatcher(schema, be, res)
	if err != nil {
		return nil, 0, err
	}
	defer w.close()
	reader, err := src.NewReader(schema.Names())
	if err != nil {
		return nil, 0, err
	}
	defer reader.Close()
	for _, c := range spread(src.Chunks(), rows) {
		batch, err := reader.Read(ctx, c)
		if err != nil {
			return nil, 0, err
		}
		// The programs have the columns that Finish kept: all, in the same order.
		if _, err := w.session.Run(batch, w.stats); err != nil {
			return nil, 0, err
		}
		looked += int64(batch.Rows)
	}
	for i, f := range schema {
		p, err := w.profile(i, f)
		if err != nil {
			return nil, 0, err
		}
		profiles = append(profiles, p)
	}
	return profiles, looked, nil
}

// spread returns chunks with about so many rows in all, evenly over the source.
func spread(chunks []source.Chunk, rows int64) []source.Chunk {
	var total int64
	for _, c := range chunks {
		if c.Rows < 0 {
			return chunks // text is read whole anyway, to find the types
		}
		total += c.Rows
	}
	if rows <= 0 || total <= rows {
		return chunks
	}
	take := max(1, int(float64(len(chunks))*float64(rows)/float64(total)))
	var some []source.Chunk
	for i := range take {
		some = append(some, chunks[i*len(chunks)/take])
	}
	return some
}

// watcher counts the values of every column: a tally and the values with their counts,
// and the lengths of lists with theirs.
type watcher struct {
	session backend.Session
	stats   []stat.Statistic
	first   []int // per column: the first of its statistics
}

func newWatcher(schema column.Schema, be backend.Backend, res stat.Resources) (*watcher, error) {
	b := program.NewBuilder(schema)
	w := &watcher{}
	watch := func(kind stat.Kind, t column.Type, r program.Register) error {
		s, err := stat.New(stat.Spec{Kind: kind, Types: []column.Type{t}}, res)
		if err == nil {
			b.Observe(len(w.stats), r)
			w.stats = append(w.stats, s)
		}
		return err
	}
	for i, f := range schema {
		r := b.Load(i)
		w.first = append(w.first, len(w.stats))
		err := errors.Join(watch(stat.KindTally, f.Type.Elem(), r), watch(stat.KindValueCounts, f.Type.Elem(), r))
		if f.Type.IsList() {
			err = errors.Join(err, watch(stat.KindValueCounts, column.Int64, b.Emit(program.ListLength, program.Imm{}, r)))
		}
		if err != nil {
			return nil, err
		}
	}
	exe, err := be.Compile(b.Finish())
	if err != nil {
		return nil, err
	}
	w.session = exe.NewSession()
	return w, nil
}

func (w *watcher) close() {
	w.session.Close()
	for _, s := range w.stats {
		s.Close() //nolint:errcheck // nothing of it is used any more
	}
}

// profile sums up column i.
func (w *watcher) profile(i int, f column.Field) (Profile, error) {
	first := w.first[i]
	tally, counts := w.stats[first].(*stat.Tally), w.stats[first+1].(*stat.ValueCounts)
	p := Profile{Field: f, Rows: tally.Rows(), Nulls: tally.Nulls(), NaNs: tally.NaNs(), Infs: tally.PosInfs() + tally.NegInfs()}
	finite := p.Rows - p.Nulls - p.NaNs - p.Infs
	numbers := newNumbers(f.Type.Elem(), finite)
	err := each(counts, f.Type.Elem(), func(c stat.Cell, count uint64) {
		if !c.Null {
			p.Distinct++
			numbers.add(c, count)
		}
	})
	if finite > 0 && err == nil {
		p.Numbers, p.Times = numbers.shape(), numbers.span()
	}
	if f.Type.IsList() && err == nil {
		p.Lengths, err = lengths(w.stats[first+2].(*stat.ValueCounts))
	}
	return p, err
}

// each calls f with the values that were counted, in ascending order.
func each(counts *stat.ValueCounts, t column.Type, f func(c stat.Cell, count uint64)) error {
	types, cells := []column.Type{t}, make([]stat.Cell, 1)
	return counts.Each(func(key []byte, count uint64) bool {
		if err := stat.DecodeKey(types, key, cells); err != nil {
			panic("quern: bug: own key does not decode: " + err.Error())
		}
		f(cells[0], count)
		return true
	})
}

// lengths sums up the lengths of lists.
func lengths(counts *stat.ValueCounts) (*Lengths, error) {
	l := &Lengths{}
	var values []int64
	var times []uint64
	err := each(counts, column.Int64, func(c stat.Cell, count uint64) {
		l.Rows += count
		switch {
		case c.Null:
			l.Nulls += count
			return
		case c.Int == 0:
			l.Empty = count
		}
		values, times = append(values, c.Int), append(times, count)
	})
	passed := uint64(0)
	for i, n := range values {
		if float64(passed) < 0.95*float64(l.Rows-l.Nulls) {
			l.Most = n
		}
		passed, l.Longest = passed+times[i], n
	}
	return l, err
}

// numbers follows the values of a column in ascending order, with their counts.
type numbers struct {
	typ    column.Type
	total  uint64
	values []float64
	counts []uint64
	time   int64 // of day, of the first value
	clock  bool  // others have another
}

func newNumbers(t column.Type, total uint64) *numbers { return &numbers{typ: t, total: total} }

func (n *numbers) add(c stat.Cell, count uint64) {
	x := float64(c.Int)
	switch {
	case n.typ.Kind() == column.Floats:
		x = c.Float
	case n.typ.Kind() != column.Ints:
		return
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return
	}
	if n.typ == column.Datetime || n.typ == column.Timestamp {
		_, time := program.SplitDay(c.Int)
		if len(n.values) == 0 {
			n.time = time
		}
		n.clock = n.clock || time != n.time
	}
	n.values, n.counts = append(n.values, x), append(n.counts, count)
}

// quantile returns the value of rank q * (n-1), rounded down.
func (n *numbers) quantile(q float64) float64 {
	rank, passed := uint64(q*float64(n.total-1)), uint64(0)
	for i, c := range n.counts {
		if passed += c; passed > rank {
			return n.values[i]
		}
	}
	return n.values[len(n.values)-1]
}

// shape describes a numeric column; nil for others. It decides on a proposal only,
// so plain floating-point sums are good enough.
func (n *numbers) shape() *Shape {
	if !n.typ.Numeric() || len(n.values) == 0 {
		return nil
	}
	s := &Shape{Min: n.values[0], Low: n.quantile(0.01), Median: n.quantile(0.5), High: n.quantile(0.99), Max: n.values[len(n.values)-1]}
	moment := func(center float64, power int) float64 {
		sum := 0.0
		for i, x := range n.values {
			d, term := min(max(x, s.Low), s.High)-center, 1.0
			for range power {
				term *= d
			}
			sum += term * (float64(n.counts[i]) / float64(n.total))
		}
		return sum
	}
	mean := moment(0, 1)
	if spread := math.Sqrt(moment(mean, 2)); spread > 0 {
		s.Skew = moment(mean, 3) / (spread * spread * spread)
	}
	return s
}

// span describes a temporal column; nil for others.
func (n *numbers) span() *Span {
	if !n.typ.Temporal() || len(n.values) == 0 {
		return nil
	}
	days := n.values[len(n.values)-1] - n.values[0]
	if n.typ != column.Date {
		days /= 86_400e6
	}
	return &Span{Days: days, Clock: n.clock}
}
