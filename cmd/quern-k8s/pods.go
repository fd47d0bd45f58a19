package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// indexLabel is where the Job controller says which shard a pod does.
const indexLabel = "batch.kubernetes.io/job-completion-index"

// pod is a pod of a phase.
type pod struct{ *core.Pod }

// shard returns the pod's shard in digits; "" of a pod without one.
func (p pod) shard() string { return p.Labels[indexLabel] }

func (p pod) index() uint64 {
	n, err := strconv.ParseUint(p.shard(), 10, 32)
	if err != nil {
		return 1 << 32
	}
	return n
}

func (p pod) failed() bool { return p.Status.Phase == core.PodFailed }

// ending says how a pod stands, in a few words.
func (p pod) ending() string {
	for _, s := range p.Status.ContainerStatuses {
		switch {
		case s.State.Terminated != nil:
			t := s.State.Terminated
			text := fmt.Sprintf("pod %s: exit code %d", p.Name, t.ExitCode)
			if t.Reason != "" && t.Reason != "Error" && t.Reason != "Completed" {
				text += ", " + t.Reason
			}
			return text
		case s.State.Waiting != nil && s.State.Waiting.Reason != "":
			return fmt.Sprintf("pod %s: %s", p.Name, s.State.Waiting.Reason)
		}
	}
	if p.Status.Reason != "" {
		return fmt.Sprintf("pod %s: %s %s", p.Name, p.Status.Phase, p.Status.Reason)
	}
	return fmt.Sprintf("pod %s: %s", p.Name, p.Status.Phase)
}

// waiting says why a pod does not start; "" if it has started, or is about to.
func (p pod) waiting() string {
	if p.Status.Phase != core.PodPending {
		return ""
	}
	for _, s := range p.Status.ContainerStatuses {
		if w := s.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" && w.Reason != "" {
			return strings.TrimSpace(w.Reason + " " + w.Message)
		}
	}
	for _, c := range p.Status.Conditions {
		if c.Type == core.PodScheduled && c.Status == core.ConditionFalse {
			return strings.TrimSpace(c.Reason + " " + c.Message)
		}
	}
	return ""
}

// pods returns pods by a selector, by shard, the newest of each shard first.
func (c *cluster) pods(ctx context.Context, selector string) ([]pod, error) {
	var all []pod
	for next := ""; ; {
		list, err := c.CoreV1().Pods(c.namespace).List(ctx, meta.ListOptions{LabelSelector: selector, Limit: 500, Continue: next})
		if err != nil {
			return nil, c.refused(ctx, "cannot list pods", err)
		}
		for i := range list.Items {
			all = append(all, pod{&list.Items[i]})
		}
		if next = list.Continue; next == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b pod) int {
		return cmp.Or(cmp.Compare(a.index(), b.index()), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// failedPods returns the last pod of each shard whose last pod failed, of those that a
// selector selects.
func (c *cluster) failedPods(ctx context.Context, selector string) ([]pod, error) {
	all, err := c.pods(ctx, selector)
	if err != nil {
		return nil, err
	}
	last := slices.CompactFunc(all, func(a, b pod) bool { return a.shard() == b.shard() })
	return slices.DeleteFunc(last, func(p pod) bool { return !p.failed() }), nil
}
