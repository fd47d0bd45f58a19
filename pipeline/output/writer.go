// Package output publishes what sinks write: a folder of parts whose names and
// borders follow from the plan alone, and a manifest that comes last.
//
//	part-00000.parquet ...        whole from the moment they have their name
//	_quern/claim.json             which job the parts belong to, and all their names
//	_quern/parts/part-00000.json  size, digest and content of a published part
//	_quern/attempts/...           parts in the making
//	_quern/lock                   held by the process that writes
//	_quern/manifest.json          last: the output is finished, and the rest of _quern goes
//
// A folder without a manifest is unfinished: Verify refuses it, and another run of
// the same job takes over the parts that are whole and writes the rest.
//
// Parts are published without waiting for the disk: a process that is killed leaves
// whole parts, because the kernel has their bytes. All of them are made durable
// together, just before the manifest, which is made durable before it has its name.
// So after a loss of power a folder has a manifest and everything that it names, or
// it has none, and the next run checks each part against its digest.
package output

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"sync"

	"quern/features/column"
	"quern/pipeline/sink"
	"quern/pipeline/store"
)

// Job identifies what is written. Parts of another job are never mixed in.
type Job struct {
	Digest    string       // of everything that decides the bytes: model, chunks, options
	Model     string       // the model's digest, for the manifest
	Fields    []sink.Field // of the rows
	Parts     int
	Overwrite bool // replace a finished output
}

const claimName = "_quern/claim.json"

// Writer writes one output. Its parts may be written by several goroutines.
type Writer struct {
	store    store.Store
	format   sink.Format
	job      Job
	manifest *Manifest // not nil: finished
	unlock   func()    // nil: not locked
	alone    bool      // no other process writes

	mu    sync.Mutex
	parts []*record  // by number; nil: not published
	idle  []*encoder // of finished parts, for the next ones
}

// Finished reports whether part i is published already.
func (w *Writer) Finished(i int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.manifest != nil || w.parts[i] != nil
}

// assembles reports whether parts are only material for the final files.
func (w *Writer) assembles() bool {
	_, ok := w.format.(sink.Assembler)
	return ok
}

// Part is one part in the making. It is used by one goroutine.
type Part struct {
	w       *Writer
	number  int
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

// Part starts part i.
func (w *Writer) Part(ctx context.Context, i int) (*Part, error) {
	object, err := w.store.Create(ctx, w.partName(i))
	if err != nil {
		return nil, writeError(w.store, err)
	}
	p := &Part{w: w, number: i, object: object, bytes: &tee{to: object, hash: sha256.New()}, encoder: w.encoder()}
	if p.encoder.sink == nil {
		p.encoder.sink, err = w.format.NewPart(p.bytes, w.job.Fields)
	} else {
		err = p.encoder.sink.Reset(p.bytes)
	}
	if err != nil {
		object.Abort()
		return nil, writeError(w.store, err)
	}
	return p, nil
}

// encoder returns one that is not in use.
func (w *Writer) encoder() *encoder {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.idle); n > 0 {
		e := w.idle[n-1]
		w.idle = w.idle[:n-1]
		clear(e.content)
		return e
	}
	return &encoder{content: make([]content, len(w.job.Fields)), digest: newDigester()}
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
		return writeError(p.w.store, apart.Begin(rows))
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
		return writeError(p.w.store, apart.Columns(fields, columns))
	}
	if len(columns) == 0 {
		return nil
	}
	return writeError(p.w.store, p.encoder.sink.Write(column.Batch{Rows: columns[0].Len, Columns: columns}))
}

// End ends the run: every field has all its rows.
func (p *Part) End() error {
	if apart, ok := p.encoder.sink.(sink.ColumnPart); ok {
		return writeError(p.w.store, apart.End())
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

// Commit publishes the part, then its record.
func (p *Part) Commit(ctx context.Context) error {
	defer p.Abort()
	if err := p.encoder.sink.Close(); err != nil {
		return writeError(p.w.store, err)
	}
	p.done = true
	r := &record{Job: p.w.job.Digest, Outside: p.outside, File: p.bytes.file(p.w.partName(p.number))}
	r.File.Rows = p.rows
	for _, c := range p.encoder.content {
		r.Content = append(r.Content, c.String())
	}
	err := p.w.commit(ctx, p.object, r.File)
	if errors.Is(err, store.ErrExists) {
		return foreignError(p.w.store, r.File.Name)
	}
	if err != nil {
		return err
	}
	err = publish(ctx, p.w.store, p.w.recordName(p.number), encode(r))
	if err != nil && !errors.Is(err, store.ErrExists) { // another process was faster with the same part
		return err
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	p.w.parts[p.number] = r
	p.w.idle, p.encoder = append(p.w.idle, p.encoder), nil
	return nil
}

// commit publishes the object of a file. If just these bytes have the name already,
// those are kept: another process wrote them, or an attempt that died before it
// could say so.
func (w *Writer) commit(ctx context.Context, object store.Writer, f File) error {
	err := object.Commit()
	if errors.Is(err, store.ErrExists) && checkFile(ctx, w.store, f) == nil {
		return nil
	}
	return writeError(w.store, err)
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
