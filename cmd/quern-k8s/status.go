package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	batch "k8s.io/api/batch/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quern/shard/k8s"
)

// status prints, phase by phase, what the log says is settled and what the cluster says
// is going on, and why pods failed.
func status(ctx context.Context, c *cluster, r *k8s.Request, out io.Writer) error {
	t, err := openTruth(ctx, &r.Options)
	if err != nil {
		return err
	}
	list, err := c.BatchV1().Jobs(c.namespace).List(ctx, meta.ListOptions{LabelSelector: r.Options.Selector()})
	if err != nil {
		return c.refused(ctx, "cannot list jobs", err)
	}
	byPhase := map[string]*batch.Job{} // "": the coordinator
	for i := range list.Items {
		byPhase[list.Items[i].Labels[k8s.PhaseLabel]] = &list.Items[i]
	}
	fmt.Fprintf(out, "job %s: %s\n", t.status.Job, t.summary())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PHASE\tSHARDS\tDONE\tFAILED\tJOB\tSTATE\tRUNNING\tENDED BADLY\tGIVEN UP")
	for i := range t.status.Phases {
		p := &t.status.Phases[i]
		done, failed := p.Settled()
		fmt.Fprintf(w, "%d\t%d\t%d\t%d\t%s\n", p.Number, p.Shards, done, failed, jobCells(byPhase[fmt.Sprint(p.Number)]))
	}
	if job := byPhase[""]; job != nil {
		fmt.Fprintf(w, "-\t-\t-\t-\t%s\n", jobCells(job))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if t.done() {
		return nil
	}
	return c.printFailed(ctx, out, r.Options.TasksOf(t.open().Number))
}

// summary says in a few words how far the job is.
func (t *truth) summary() string {
	switch n, _ := t.failed(); {
	case t.done():
		return fmt.Sprintf("done, %d rows", t.status.Manifest.Rows)
	case n > int(t.status.Plan.AllowFailed):
		return fmt.Sprintf("cannot be done: %d shards failed", n)
	}
	return fmt.Sprintf("in phase %d", t.open().Number)
}

func jobCells(job *batch.Job) string {
	if job == nil {
		return "-\tnot there\t-\t-\t-"
	}
	state := "at work"
	if end := ended(job); end != nil {
		state = string(end.Type)
		if end.Reason != "" && end.Type == batch.JobFailed {
			state += ": " + end.Reason
		}
	} else if job.Spec.Suspend != nil && *job.Spec.Suspend {
		state = "suspended"
	}
	given := "-"
	if list := job.Status.FailedIndexes; list != nil && *list != "" {
		given = *list
	}
	return fmt.Sprintf("%s\t%s\t%d\t%d\t%s", job.Name, state, job.Status.Active, job.Status.Failed, given)
}

func (c *cluster) printFailed(ctx context.Context, out io.Writer, selector string) error {
	failed, err := c.failedPods(ctx, selector)
	for i, p := range failed {
		if i == shown {
			fmt.Fprintf(out, "and %d more\n", len(failed)-shown)
			break
		}
		fmt.Fprintf(out, "shard %s: %s\n", p.shard(), p.ending())
	}
	return err
}
