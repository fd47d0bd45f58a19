package kubelite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
)

// NoImage is an image that cannot be pulled: its pods never start.
const NoImage = "missing"

// process is a pod, from when it is seen to when it is gone.
type process struct {
	node *Node
	pod  *core.Pod
	end  chan time.Duration // grace period of a pod that is deleted
	once sync.Once

	mu    sync.Mutex
	pid   int
	since time.Time
}

func newProcess(n *Node, pod *core.Pod) *process {
	return &process{node: n, pod: pod.DeepCopy(), end: make(chan time.Duration, 1)}
}

func (p *process) job() string { return p.pod.Labels["batch.kubernetes.io/job-name"] }
func (p *process) index() string {
	return p.pod.Labels["batch.kubernetes.io/job-completion-index"]
}

// terminate ends the pod: SIGTERM, and SIGKILL after the grace period. The first call
// counts.
func (p *process) terminate(grace time.Duration) { p.once.Do(func() { p.end <- grace }) }

func (p *process) at() (pid int, since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid, p.since
}

func (p *process) is(pid int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid, p.since = pid, time.Now()
}

// run is the life of the pod.
func (p *process) run() {
	code, deleted, ran := p.inSlot()
	if !ran || p.node.ctx.Err() != nil {
		return
	}
	p.report(func(st *core.PodStatus) {
		st.Phase = core.PodSucceeded
		if code != 0 {
			st.Phase = core.PodFailed
		}
		st.ContainerStatuses = p.containers(core.ContainerState{Terminated: &core.ContainerStateTerminated{ExitCode: int32(code), Reason: reason(code), FinishedAt: meta.Now()}})
	})
	if !deleted {
		select {
		case <-p.end:
		case <-p.node.ctx.Done():
			return
		}
	}
	var none int64
	p.node.o.Client.CoreV1().Pods(p.pod.Namespace).Delete(p.node.ctx, p.pod.Name,
		meta.DeleteOptions{GracePeriodSeconds: &none, Preconditions: &meta.Preconditions{UID: &p.pod.UID}})
}

// inSlot waits for a slot and runs the container in it; ran is false of a pod that was
// deleted before.
func (p *process) inSlot() (code int, deleted, ran bool) {
	select {
	case p.node.slots <- struct{}{}:
		defer func() { <-p.node.slots }()
	case <-p.end:
		return 0, true, false
	case <-p.node.ctx.Done():
		return 0, true, false
	}
	if err := p.bind(); err != nil {
		return 0, true, false
	}
	if p.pod.Spec.Containers[0].Image == NoImage {
		p.report(func(st *core.PodStatus) {
			st.Phase = core.PodPending
			st.ContainerStatuses = p.containers(core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}})
		})
		select {
		case <-p.end:
		case <-p.node.ctx.Done():
		}
		return 0, true, true
	}
	code, deleted = p.repeat()
	return code, deleted, true
}

func reason(code int) string {
	if code == 0 {
		return "Completed"
	}
	return "Error"
}

func (p *process) bind() error {
	if p.pod.Spec.NodeName == "" {
		err := p.node.o.Client.CoreV1().Pods(p.pod.Namespace).Bind(p.node.ctx, &core.Binding{
			ObjectMeta: meta.ObjectMeta{Name: p.pod.Name, UID: p.pod.UID},
			Target:     core.ObjectReference{Kind: "Node", Name: p.node.name},
		}, meta.CreateOptions{})
		if err != nil && !api.IsConflict(err) {
			return err
		}
	}
	return p.report(func(st *core.PodStatus) {
		now := meta.Now()
		st.Phase, st.StartTime = core.PodRunning, &now
		st.ContainerStatuses = p.containers(core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: now}})
		st.Conditions = append(st.Conditions, core.PodCondition{Type: core.PodReady, Status: core.ConditionTrue})
	})
}

func (p *process) containers(state core.ContainerState) []core.ContainerStatus {
	c := &p.pod.Spec.Containers[0]
	return []core.ContainerStatus{{Name: c.Name, Image: c.Image, ImageID: c.Image, Ready: state.Running != nil, State: state}}
}

// report changes the pod's status, whatever else changes the pod meanwhile.
func (p *process) report(change func(*core.PodStatus)) error {
	pods := p.node.o.Client.CoreV1().Pods(p.pod.Namespace)
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		now, err := pods.Get(p.node.ctx, p.pod.Name, meta.GetOptions{})
		if err != nil {
			return err
		}
		if now.UID != p.pod.UID {
			return errors.New("another pod has the name")
		}
		change(&now.Status)
		_, err = pods.UpdateStatus(p.node.ctx, now, meta.UpdateOptions{})
		return err
	})
}

// repeat runs the container, again and again where the pod says so: at once the first
// time, then after 10 s, 20 s and so on, as kubelets do.
func (p *process) repeat() (code int, deleted bool) {
	for wait := time.Duration(0); ; wait = max(10*time.Second, 2*wait) {
		code, deleted = p.attempt()
		if code == 0 || deleted || p.pod.Spec.RestartPolicy == core.RestartPolicyNever || p.node.ctx.Err() != nil {
			return code, deleted
		}
		select {
		case <-time.After(wait):
		case <-p.end:
			return code, true
		case <-p.node.ctx.Done():
			return code, true
		}
	}
}

// attempt runs the container once.
func (p *process) attempt() (code int, deleted bool) {
	cmd, err := p.command()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		os.WriteFile(filepath.Join(p.node.folder(p.pod.Name), "log"), fmt.Appendln(nil, err), 0o666)
		return 128, false // as a container that cannot be created
	}
	p.is(cmd.Process.Pid)
	start := time.Now()
	deleted = p.wait(cmd)
	p.is(0)
	st := cmd.ProcessState
	if code = st.ExitCode(); code < 0 {
		code = 128 + int(st.Sys().(syscall.WaitStatus).Signal())
	}
	r := Run{Namespace: p.pod.Namespace, Pod: p.pod.Name, Job: p.job(), Index: p.index(), Code: code, Start: start, End: time.Now(), CPU: st.UserTime() + st.SystemTime()}
	if usage, ok := st.SysUsage().(*syscall.Rusage); ok {
		r.MaxRSS = usage.Maxrss << 10
	}
	p.node.ended(r)
	return code, deleted
}

// wait waits for the process, and ends it when the pod is deleted.
func (p *process) wait(cmd *exec.Cmd) (deleted bool) {
	done, stop := context.WithCancel(context.Background())
	go func() {
		cmd.Wait()
		stop()
	}()
	group := -cmd.Process.Pid
	select {
	case <-done.Done():
		return false
	case grace := <-p.end:
		syscall.Kill(group, syscall.SIGTERM)
		select {
		case <-done.Done():
		case <-time.After(grace):
		case <-p.node.ctx.Done():
		}
		syscall.Kill(group, syscall.SIGKILL)
	case <-p.node.ctx.Done():
		syscall.Kill(group, syscall.SIGKILL)
	}
	<-done.Done()
	return true
}
