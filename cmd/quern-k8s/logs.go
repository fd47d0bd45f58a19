package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"

	core "k8s.io/api/core/v1"

	"quern/features/diag"
	"quern/shard/k8s"
	"quern/shard/record"
)

// logs prints what the pods of shards said: of those that are asked for, all tries; else
// the last try of those that failed.
func logs(ctx context.Context, c *cluster, r *k8s.Request, out io.Writer) error {
	phase, err := c.phaseWithPods(ctx, r)
	if err != nil {
		return err
	}
	var wanted []pod
	if len(r.Shards) == 0 {
		wanted, err = c.failedPods(ctx, r.Options.TasksOf(phase))
	} else {
		wanted, err = c.pods(ctx, r.Options.TasksOf(phase))
		wanted = slices.DeleteFunc(wanted, func(p pod) bool {
			return p.index() >= record.MaxShards || !slices.Contains(r.Shards, uint32(p.index()))
		})
	}
	if err != nil {
		return err
	}
	if len(wanted) == 0 {
		fmt.Fprintf(out, "phase %d has no such pods\n", phase)
	}
	for _, p := range wanted {
		fmt.Fprintf(out, "== shard %s, %s\n", p.shard(), p.ending())
		if err := c.printLog(ctx, p, out); err != nil {
			return err
		}
	}
	return nil
}

// phaseWithPods returns the phase that is asked for, or the last one that has pods.
func (c *cluster) phaseWithPods(ctx context.Context, r *k8s.Request) (uint32, error) {
	if r.Phase != nil {
		return *r.Phase, nil
	}
	all, err := c.pods(ctx, r.Options.AllTasks())
	if err != nil {
		return 0, err
	}
	if len(all) == 0 {
		return 0, diag.New("Q450", "job %s has no pods in namespace %s", r.Options.ID, c.namespace).
			WithHint("pods go with their Job, which goes after --keep")
	}
	last := uint64(0)
	for _, p := range all {
		if n, err := strconv.ParseUint(p.Labels[k8s.PhaseLabel], 10, 32); err == nil {
			last = max(last, n)
		}
	}
	return uint32(last), nil
}

func (c *cluster) printLog(ctx context.Context, p pod, out io.Writer) error {
	from, err := c.CoreV1().Pods(c.namespace).GetLogs(p.Name, &core.PodLogOptions{}).Stream(ctx)
	if err != nil {
		return c.refused(ctx, "cannot read the log of pod "+p.Name, err)
	}
	defer from.Close()
	if _, err := io.Copy(out, from); err != nil {
		return c.refused(ctx, "cannot read the log of pod "+p.Name, err)
	}
	return nil
}
