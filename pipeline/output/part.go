package output

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"quern/features/column"
	"quern/pipeline/sink"
	"quern/pipeline/store"
)

// maker makes parts: what writers and attempts have in common.
type maker struct {
	store  store.Store
	format sink.Format
	fields []sink.Field

	mu   sync.Mutex
	idle []*encoder // of finished parts, for the next ones
}

// publisher takes a finished part over: its object, whose bytes are all written, and
// what is known of it.
type publisher func(ctx context.Context, object store.Writer, e Entry) error

// Part is one part in the making. It is used by one goroutine.
type Part struct {
	maker   *maker
	name    string // as the manifest will have it
	publish publisher
	object  store.Writer
	bytes   *tee
	encoder *encoder
	rows    int64
	outside [][2]int64
	done    bool
}

// encoder is the memory of a part in the making, which outlives the part.
type encoder struct {
	sink    sink.Part // nil: never used
	content []content
	digest  digester
}

// part starts the part whose object has one name now, and another one in the manifest.
func (m *maker) part(ctx context.Context, now, name string, publish publisher) (*Part, error) {
	object, err := m.store.Create(ctx, now)
	if err != nil {
		return nil, writeError(m.store, err)
	}
	p := &Part{maker: m, name: name, publish: publish, object: object, bytes: &tee{to: object, hash: sha256.New()}, encoder: m.encoder()}
	if p.encoder.sink == nil {
		p.encoder.sink, err = m.format.NewPart(p.bytes, m.fields)
	} else {
		err = p.encoder.sink.Reset(p.bytes)
	}
	if err != nil {
		object.Abort()
		return nil, writeError(m.store, err)
	}
	return p, nil
}

// encoder returns one that is not in use.
func (m *maker) encoder() *encoder {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.idle); n > 0 {
		e := m.idle[n-1]
		m.idle = m.idle[:n-1]
		clear(e.content)
		return e
	}
	return &encoder{content: make([]content, len(m.fields)), digest: newDigester()}
}

// recycle takes the memory of a finished part back.
func (m *maker) recycle(e *encoder) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.idle = append(m.idle, e)
}

// Expect says, before the first run, how many rows the part will have. It need not be
// called.
func (p *Part) Expect(rows int) {
	if sized, ok := p.encoder.sink.(sink.SizedPart); ok {
		sized.Expect(rows)
	}
}

// Begin begins a run of rows, which follow those before. Their columns come by
// Columns.
func (p *Part) Begin(rows int) error {
	p.rows += int64(rows)
	if apart, ok := p.encoder.sink.(sink.ColumnPart); ok {
		return writeError(p.maker.store, apart.Begin(rows))
	}
	return nil
}

// Columns appends the values of fields, by number, for the rows begun: all of them, or
// the next ones. A sink that is no sink.ColumnPart wants all rows of all fields at once.
func (p *Part) Columns(fields []int, columns []column.Column) error {
	for i, at := range fields {
		p.encoder.digest.add(&p.encoder.content[at], &columns[i])
	}
	if apart, ok := p.encoder.sink.(sink.ColumnPart); ok {
		return writeError(p.maker.store, apart.Columns(fields, columns))
	}
	if len(columns) == 0 {
		return nil
	}
	return writeError(p.maker.store, p.encoder.sink.Write(column.Batch{Rows: columns[0].Len, Columns: columns}))
}

// End ends the run: every field has all its rows.
func (p *Part) End() error {
	if apart, ok := p.encoder.sink.(sink.ColumnPart); ok {
		return writeError(p.maker.store, apart.End())
	}
	return nil
}

// Write appends rows: a run with all its columns.
func (p *Part) Write(batch column.Batch) error {
	if err := p.Begin(batch.Rows); err != nil {
		return err
	}
	all := make([]int, len(batch.Columns))
	for i := range all {
		all[i] = i
	}
	if err := p.Columns(all, batch.Columns); err != nil {
		return err
	}
	return p.End()
}

// Outside notes that rows [from, to) of the part were not learnt from.
func (p *Part) Outside(from, to int64) {
	p.outside = appendRun(p.outside, [2]int64{from, to})
}

// appendRun appends a run of rows, merging it with the last if they touch.
func appendRun(runs [][2]int64, r [2]int64) [][2]int64 {
	if n := len(runs); n > 0 && runs[n-1][1] == r[0] {
		runs[n-1][1] = r[1]
		return runs
	}
	return append(runs, r)
}

// Commit publishes the part, then its record; of an attempt, it notes that the part is
// made.
func (p *Part) Commit(ctx context.Context) error {
	defer p.Abort()
	if err := p.encoder.sink.Close(); err != nil {
		return writeError(p.maker.store, err)
	}
	p.done = true
	e := Entry{Outside: p.outside, File: p.bytes.file(p.name)}
	e.File.Rows = p.rows
	for _, c := range p.encoder.content {
		e.Content = append(e.Content, c.String())
	}
	if err := p.publish(ctx, p.object, e); err != nil {
		return err
	}
	p.maker.recycle(p.encoder)
	p.encoder = nil
	return nil
}

// Abort gives the part up; after Commit it does nothing.
func (p *Part) Abort() {
	if !p.done {
		p.done = true
		p.object.Abort()
	}
}

// file returns the entry of the file whose bytes have passed.
func (t *tee) file(name string) File {
	return File{Name: name, Bytes: t.bytes, SHA256: hex.EncodeToString(t.hash.Sum(nil))}
}
