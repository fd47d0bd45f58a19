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
	"errors"
	"sync"

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

// jobsFolder holds the logs of jobs that many processes did. They stay: a process that
// wakes up late must find what became of its job.
const jobsFolder = "_quern/jobs/"

// Writer writes one output. Its parts may be written by several goroutines.
type Writer struct {
	maker
	job      Job
	manifest *Manifest // not nil: finished
	unlock   func()    // nil: not locked
	alone    bool      // no other process writes

	published sync.Mutex // guards parts
	parts     []*record  // by number; nil: not published
}

// Finished reports whether part i is published already.
func (w *Writer) Finished(i int) bool {
	w.published.Lock()
	defer w.published.Unlock()
	return w.manifest != nil || w.parts[i] != nil
}

// assembles reports whether parts are only material for the final files.
func (w *Writer) assembles() bool {
	return Assembles(w.format)
}

// Part starts part i.
func (w *Writer) Part(ctx context.Context, i int) (*Part, error) {
	name := w.partName(i)
	return w.part(ctx, name, name, func(ctx context.Context, object store.Writer, e Entry) error {
		return w.publishPart(ctx, i, object, e)
	})
}

// publishPart publishes part i, then its record.
func (w *Writer) publishPart(ctx context.Context, i int, object store.Writer, e Entry) error {
	r := &record{Job: w.job.Digest, Entry: e}
	err := w.commit(ctx, object, r.File)
	if errors.Is(err, store.ErrExists) {
		return foreignError(w.store, r.File.Name)
	}
	if err != nil {
		return err
	}
	err = publish(ctx, w.store, w.recordName(i), encode(r))
	if err != nil && !errors.Is(err, store.ErrExists) { // another process was faster with the same part
		return err
	}
	w.published.Lock()
	defer w.published.Unlock()
	w.parts[i] = r
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
