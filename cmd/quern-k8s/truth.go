package main

import (
	"context"
	"fmt"
	"strings"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
	"quern/shard/commitlog"
	"quern/shard/k8s"
	"quern/shard/record"
)

// truth reads the commit log of a job.
type truth struct {
	log    *commitlog.Log
	status commitlog.Status // as it was read last
	uri    string
}

func openTruth(ctx context.Context, o *k8s.Options) (*truth, error) {
	root, ok := strings.CutSuffix(o.Job, "/"+strings.TrimSuffix(record.NamesOf(o.ID).Prefix(), "/"))
	if !ok {
		return nil, diag.New("Q450", "%s is not the folder of job %s", o.Job, o.ID)
	}
	places := store.Places{s3.Scheme: s3.NewClient(s3.FromEnvironment()).Open}
	st, err := places.Store(ctx, root)
	if err != nil {
		return nil, err
	}
	t := &truth{log: commitlog.New(st), status: commitlog.Status{Job: o.ID}, uri: o.Job}
	return t, t.read(ctx)
}

// read brings status up to date.
func (t *truth) read(ctx context.Context) error {
	err := t.log.Update(ctx, &t.status)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case t.status.Plan == nil:
		return diag.New("Q450", "cannot read the plan of the job %s", t.uri).Because(err)
	}
	return diag.New("Q454", "cannot read the log of the job %s", t.uri).Because(err)
}

// done reports whether the job is.
func (t *truth) done() bool { return t.status.Manifest != nil }

// open returns the first phase that is not closed.
func (t *truth) open() *commitlog.PhaseStatus { return &t.status.Phases[len(t.status.Phases)-1] }

// closed reports whether a phase is.
func (t *truth) closed(phase uint32) bool { return t.done() || t.open().Number > phase }

// failed returns how many shards failed for good, in whatever phase, and what is said of
// the first of them.
func (t *truth) failed() (n int, reasons []string) {
	counted := map[uint32]bool{}
	for i := range t.status.Phases {
		for _, c := range t.status.Phases[i].Claims {
			if c == nil || !c.Failed() || counted[c.Shard] {
				continue
			}
			counted[c.Shard] = true
			if n++; n <= shown {
				reasons = append(reasons, fmt.Sprintf("phase %d, shard %d: %s", c.Phase, c.Shard, c.Failure))
			}
		}
	}
	return n, reasons
}

// doomed is the error of a job of which more shards failed than may; nil: not so.
func (t *truth) doomed() error {
	n, reasons := t.failed()
	if n <= int(t.status.Plan.AllowFailed) {
		return nil
	}
	var list diag.List
	for _, r := range reasons {
		list.Add(diag.New("Q451", "%s", r), "Q451")
	}
	if n > len(reasons) {
		list.Add(diag.New("Q451", "and %d more shards", n-len(reasons)), "Q451")
	}
	return list.Err()
}

// shown is how many mistakes of many are printed.
const shown = 10
