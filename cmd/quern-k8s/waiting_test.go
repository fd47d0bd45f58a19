package main

import (
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"quern/shard/record"
)

// TestWaiting: whatever keeps pods from starting is said, and a pod that is about to
// start is not.
func TestWaiting(t *testing.T) {
	o := begun(t)
	suspended := true
	queued := &batch.Job{ObjectMeta: meta.ObjectMeta{Name: "quern-x-p0"}, Spec: batch.JobSpec{Suspend: &suspended}}
	free := &batch.Job{ObjectMeta: meta.ObjectMeta{Name: "quern-x-p0"}}
	pending := func(change func(*core.Pod)) *core.Pod {
		labels := map[string]string{indexLabel: "7"}
		for pair := range strings.SplitSeq(o.TasksOf(0), ",") {
			name, value, _ := strings.Cut(pair, "=")
			labels[name] = value
		}
		p := &core.Pod{ObjectMeta: meta.ObjectMeta{Name: "pod", Namespace: o.Namespace, Labels: labels}, Status: core.PodStatus{Phase: core.PodPending}}
		change(p)
		return p
	}
	container := func(reason, message string) func(*core.Pod) {
		return func(p *core.Pod) {
			waits := core.ContainerStateWaiting{Reason: reason, Message: message}
			p.Status.ContainerStatuses = []core.ContainerStatus{{State: core.ContainerState{Waiting: &waits}}}
		}
	}
	for _, c := range []struct {
		name string
		job  *batch.Job
		pods []runtime.Object
		want string
	}{
		{"a queue", queued, nil, "suspended: a queue"},
		{"a quota", free, nil, "makes no pods, as when a quota is spent: kubectl describe job -n here quern-x-p0"},
		{"no image", free, []runtime.Object{pending(container("ErrImagePull", "not there"))}, "shard 7, pod pod: ErrImagePull not there"},
		{"no room", free, []runtime.Object{pending(func(p *core.Pod) {
			p.Status.Conditions = []core.PodCondition{{Type: core.PodScheduled, Status: core.ConditionFalse, Reason: "Unschedulable", Message: "Insufficient ephemeral-storage"}}
		})}, "Unschedulable Insufficient ephemeral-storage"},
		{"nothing", free, []runtime.Object{pending(container("ContainerCreating", ""))}, ""},
	} {
		s := &submitter{cluster: &cluster{fake.NewClientset(c.pods...), o.Namespace, ""}, options: &o}
		got := s.waiting(t.Context(), c.job, record.Phase{Shards: 9})
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
