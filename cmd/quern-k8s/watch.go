package main

import (
	"context"
	"fmt"
	"time"

	batch "k8s.io/api/batch/v1"
	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"quern/features/diag"
	"quern/shard/record"
)

// The waits between requests to a cluster that does not answer: short at first, because
// most outages are, and bounded, because a submitter is patient.
const (
	firstWait, lastWait = time.Second, 30 * time.Second
	talkEvery           = 5 * time.Second // lines of progress
)

// watch waits until a Job has ended and says how far it is. A cluster that does not
// answer for a while is waited for: nothing depends on being seen.
func (s *submitter) watch(ctx context.Context, job *batch.Job, phase record.Phase) (*batch.Job, error) {
	p := &progress{phase: phase, say: s.say}
	wait := firstWait
	for {
		if p.show(job); ended(job) != nil {
			return job, nil
		}
		latest, err := s.follow(ctx, job, p)
		if latest != nil {
			job, wait = latest, firstWait
			continue
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case api.IsNotFound(err):
			return nil, diag.New("Q455", "job %s was deleted while it was at work", job.Name)
		case err != nil && !passing(err):
			return nil, s.refused(ctx, "cannot watch job "+job.Name, err)
		case err != nil:
			s.say("the cluster does not answer (%v): again in %v", err, wait)
			if err := sleep(ctx, wait); err != nil {
				return nil, err
			}
			wait = min(2*wait, lastWait)
		}
	}
}

// follow reads the Job and its changes, until it ends or the connection does. It returns
// the last state that it saw; nil: none.
func (s *submitter) follow(ctx context.Context, job *batch.Job, p *progress) (*batch.Job, error) {
	jobs := s.BatchV1().Jobs(s.namespace)
	latest, err := jobs.Get(ctx, job.Name, meta.GetOptions{})
	if err != nil {
		return nil, err
	}
	if latest.UID != job.UID {
		return nil, diag.New("Q455", "job %s was replaced while it was at work", job.Name)
	}
	if ended(latest) != nil {
		return latest, nil
	}
	w, err := jobs.Watch(ctx, meta.ListOptions{FieldSelector: "metadata.name=" + job.Name, ResourceVersion: latest.ResourceVersion})
	if err != nil {
		return nil, err
	}
	defer w.Stop()
	idle := time.NewTicker(idleTime)
	defer idle.Stop()
	for {
		select {
		case event, more := <-w.ResultChan():
			now, ok := event.Object.(*batch.Job)
			if !more || !ok || event.Type == watch.Deleted {
				return latest, ctx.Err() // the next Get tells why
			}
			if latest = now; ended(latest) != nil {
				return latest, nil
			}
			p.show(latest)
			idle.Reset(idleTime)
		case <-idle.C:
			p.tell(s.waiting(ctx, latest, p.phase))
		}
	}
}

// idleTime is how long a Job may stand still before we look what its pods wait for.
const idleTime = 15 * time.Second

// waiting says what keeps pods of a phase from starting: a queue, a quota, an image that
// is not there, or no node that has room; "" if nothing does.
func (s *submitter) waiting(ctx context.Context, job *batch.Job, phase record.Phase) string {
	if job.Spec.Suspend != nil && *job.Spec.Suspend {
		return fmt.Sprintf("phase %d: job %s is suspended: a queue has not let it begin, or somebody stopped it", phase.Number, job.Name)
	}
	all, err := s.pods(ctx, s.options.TasksOf(phase.Number))
	if err != nil {
		return ""
	}
	if len(all) == 0 {
		return fmt.Sprintf("phase %d: the cluster makes no pods, as when a quota is spent: kubectl describe job -n %s %s says why",
			phase.Number, s.namespace, job.Name)
	}
	for _, p := range all {
		if why := p.waiting(); why != "" {
			return fmt.Sprintf("phase %d: pods cannot start, such as shard %s, pod %s: %s", phase.Number, p.shard(), p.Name, why)
		}
	}
	return ""
}

// progress prints how far a Job is, when it has changed, and not too often.
type progress struct {
	phase record.Phase
	say   func(format string, args ...any)
	last  string
	told  string
	at    time.Time
}

func (p *progress) show(job *batch.Job) {
	st := &job.Status
	line := fmt.Sprintf("phase %d: %d of %d shards, %d pods running", p.phase.Number, st.Succeeded, p.phase.Shards, st.Active)
	if st.Failed > 0 {
		line += fmt.Sprintf(", %d ended badly", st.Failed)
	}
	if list := st.FailedIndexes; list != nil && *list != "" {
		line += ", given up: " + *list
	}
	if line == p.last || time.Since(p.at) < talkEvery && ended(job) == nil {
		return
	}
	p.last, p.at = line, time.Now()
	p.say("%s", line)
}

// tell prints what may be wrong, once.
func (p *progress) tell(why string) {
	if why != "" && why != p.told {
		p.told = why
		p.say("%s", why)
	}
}
