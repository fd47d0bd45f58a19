package output

import (
	"context"

	"quern/pipeline/sink"
	"quern/pipeline/store"
)

// Reserve claims the folder for a job that many processes do, whose log is at log. It
// does what Begin does, without taking anything up: what a run in one process left
// unfinished is removed. A finished output is an error (Q430), and so is one that another
// such job has claimed (Q436), unless job.Overwrite. Of job, Fields, Parts and Overwrite
// count: they say which files the output will have. abandoned is the log of a job that
// was never begun, whose claim means nothing; or "".
func Reserve(ctx context.Context, st store.Store, format sink.Format, job Job, log, abandoned string) error {
	w := &Writer{maker: maker{store: st, format: format, fields: job.Fields}, job: job, parts: make([]*record, job.Parts)}
	if err := w.lock(ctx); err != nil {
		return writeError(st, err)
	}
	defer w.Close()
	return writeError(st, w.reserve(ctx, log, abandoned))
}

func (w *Writer) reserve(ctx context.Context, log, abandoned string) error {
	old, err := readManifest(ctx, w.store)
	if err != nil {
		return err
	}
	was, err := w.claimed(ctx)
	if err != nil {
		return err
	}
	switch {
	case was != nil && was.Log == log:
		return nil
	case w.job.Overwrite:
	case old != nil:
		return finishedError(w.store)
	case was != nil && was.Log != "" && was.Log != abandoned:
		return sharedError(w.store, was.Log)
	}
	return w.anew(ctx, old, was, &claim{Log: log})
}

// Log returns where the log of the job is that has claimed the folder; "" if none that
// many processes do has.
func Log(ctx context.Context, st store.Store) (string, error) {
	was, err := (&Writer{maker: maker{store: st}}).claimed(ctx)
	if err != nil || was == nil {
		return "", writeError(st, err)
	}
	return was.Log, nil
}
