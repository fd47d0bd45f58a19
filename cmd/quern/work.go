package main

import (
	"context"
	"fmt"
	"strings"

	"quern/cmd/quern/phrase"
	"quern/internal/memory"
	"quern/pipeline"
)

// job is something long: it fits or transforms.
type job struct {
	overwrite bool
	do        func(context.Context, pipeline.Options) (*pipeline.Result, error)
	next      string // the command to try when there is no output to look at
	resumes   bool   // repeated after an interrupt, it finishes what is there
}

// work runs a job with the common options, shows its progress and ends with the
// summary line.
func (a *app) work(ctx context.Context, j job) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	if err := a.compute(&o); err != nil {
		return err
	}
	o.Overwrite, a.resumes = j.overwrite, j.resumes
	stop := a.show(o.Progress)
	result, err := j.do(ctx, o)
	stop()
	if err != nil {
		return err
	}
	if a.flags.quiet {
		return nil
	}
	fmt.Fprintln(a.err, summary(result, o.Backend.Name(), memory.Peak()))
	next := j.next
	if len(result.Outputs) > 0 {
		next = "cat " + relative(result.Outputs[0].Path)
	}
	a.suggest(next)
	return nil
}

// suggest tells the next command to try, if there is one.
func (a *app) suggest(command string) {
	if command != "" {
		fmt.Fprintf(a.err, "next: %s %s\n", a.program, command)
	}
}

// summary is the end of a run: what came in and went out, how fast, on what, and the
// model.
func summary(r *pipeline.Result, device string, peak int64) string {
	seconds := max(r.Seconds, 1e-9)
	var b strings.Builder
	fmt.Fprintf(&b, "rows in %s, ", phrase.Thousands(r.RowsIn))
	if len(r.Outputs) > 0 {
		fmt.Fprintf(&b, "out %s, rejected %s, ", phrase.Thousands(r.RowsOut), phrase.Thousands(r.RowsIn-r.RowsOut))
	}
	fmt.Fprintf(&b, "%.2f s, %s rows/s, %.3g GB/s, %s, peak %d MiB, model %s",
		r.Seconds, phrase.Thousands(int64(float64(r.RowsIn)/seconds)), float64(r.BytesIn)/seconds/1e9, device, peak>>20, r.Digest[:12])
	return b.String()
}
