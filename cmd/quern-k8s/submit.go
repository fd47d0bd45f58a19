package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	batch "k8s.io/api/batch/v1"
	api "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quern/features/diag"
	"quern/shard/k8s"
	"quern/shard/record"
)

// submitter drives a job through its phases. What it knows it can find again.
type submitter struct {
	*cluster
	*truth
	options *k8s.Options
	talk    io.Writer
	quiet   bool
}

func submit(ctx context.Context, c *cluster, r *k8s.Request, talk io.Writer) error {
	t, err := openTruth(ctx, &r.Options)
	if err != nil {
		return err
	}
	if _, err := c.Discovery().ServerVersion(); err != nil { // later on, silence is waited for
		return c.refused(ctx, "cannot reach the cluster", err)
	}
	r.Options.AllowFailed = t.status.Plan.AllowFailed
	s := &submitter{c, t, &r.Options, talk, r.Quiet}
	if r.Options.Coordinated && !t.done() {
		if err := s.coordinator(ctx, r.Secret); err != nil {
			return err
		}
	}
	for !t.done() {
		if err := t.doomed(); err != nil {
			return err
		}
		if err := s.phase(ctx, t.open().Phase); err != nil {
			return err
		}
	}
	_, reasons := t.failed()
	for _, reason := range reasons {
		s.say("note: left out, as --allow-failed-shards has it: %s", reason)
	}
	if r.Options.Coordinated {
		return c.removeAccess(ctx, &r.Options)
	}
	return nil
}

// say prints progress.
func (s *submitter) say(format string, args ...any) {
	if !s.quiet {
		fmt.Fprintf(s.talk, format+"\n", args...)
	}
}

// again is how often a phase is given to the cluster whose shards are all settled, and
// that nobody closed. The task that settled the last one may have been killed just then;
// any task that runs again closes the phase.
const again = 2

// phase has the cluster do a phase, until the log says that it is closed.
func (s *submitter) phase(ctx context.Context, phase record.Phase) error {
	name := s.options.PhaseName(phase.Number)
	for try := 0; ; try++ {
		job, err := s.ensure(ctx, phase, name)
		if err != nil {
			return err
		}
		if job, err = s.watch(ctx, job, phase); err != nil {
			return err
		}
		if err := s.settle(ctx, phase); err != nil {
			return err
		}
		if s.closed(phase.Number) {
			s.say("phase %d is done", phase.Number)
			return nil
		}
		if err := s.doomed(); err != nil {
			return err
		}
		done, failed := s.open().Settled()
		if missing := int(phase.Shards) - done - failed; missing > 0 || try == again {
			return s.gaveUp(ctx, job, phase, missing)
		}
		s.say("phase %d: all shards are settled, but nobody closed it: once more", phase.Number)
	}
}

// settle reads the log after a Job has ended. A coordinator closes a phase a little after
// its last task, or later, if it died and another one has to follow.
func (s *submitter) settle(ctx context.Context, phase record.Phase) error {
	for end := time.Now().Add(closeTime); ; {
		if err := s.read(ctx); err != nil {
			return err
		}
		done, failed := s.open().Settled()
		if !s.options.Coordinated || s.closed(phase.Number) || done+failed < int(phase.Shards) || s.doomed() != nil || time.Now().After(end) {
			return nil
		}
		if err := sleep(ctx, closeWait); err != nil {
			return err
		}
	}
}

// How long and how often a submitter looks whether a coordinator has closed a phase.
const (
	closeTime = 2 * time.Minute
	closeWait = 500 * time.Millisecond
)

// ensure returns the phase's Job: the one at work, or a new one. One that has ended is of
// an earlier try, because the log says that the phase is open: it makes room.
func (s *submitter) ensure(ctx context.Context, phase record.Phase, name string) (*batch.Job, error) {
	text, err := s.options.Phase(phase)
	if err != nil {
		return nil, diag.New("Q501", "%v", err)
	}
	for {
		job, err := s.BatchV1().Jobs(s.namespace).Get(ctx, name, meta.GetOptions{})
		switch {
		case api.IsNotFound(err):
			if job, err = s.createJob(ctx, text); err == nil {
				s.say("phase %d: job %s with %d shards", phase.Number, name, phase.Shards)
				return job, nil
			}
		case err == nil && job.DeletionTimestamp == nil && ended(job) == nil:
			s.say("phase %d: job %s is at work", phase.Number, name)
			return job, nil
		case err == nil:
			if err = s.makeRoom(ctx, job); err == nil {
				continue
			}
		}
		if err := s.pause(ctx, "cannot create job "+name, err); err != nil {
			return nil, err
		}
	}
}

// pause waits before something is tried again that went wrong in a way that may pass.
func (s *submitter) pause(ctx context.Context, what string, err error) error {
	if !passing(err) {
		return s.refused(ctx, what, err)
	}
	s.say("%s (%v): again in %v", what, err, retryWait)
	return sleep(ctx, retryWait)
}

// retryWait is between tries to create something.
const retryWait = 2 * time.Second

// makeRoom deletes a Job, with its pods first, and waits until it is gone.
func (s *submitter) makeRoom(ctx context.Context, job *batch.Job) error {
	how := meta.DeletePropagationForeground
	jobs := s.BatchV1().Jobs(s.namespace)
	err := jobs.Delete(ctx, job.Name, meta.DeleteOptions{PropagationPolicy: &how, Preconditions: &meta.Preconditions{UID: &job.UID}})
	for err == nil {
		var now *batch.Job
		if now, err = jobs.Get(ctx, job.Name, meta.GetOptions{}); err == nil && now.UID != job.UID {
			return nil
		}
		if err == nil {
			err = sleep(ctx, 200*time.Millisecond)
		}
	}
	if api.IsNotFound(err) {
		return nil
	}
	return err
}

// gaveUp is the error of a phase that its Job left undone.
func (s *submitter) gaveUp(ctx context.Context, job *batch.Job, phase record.Phase, missing int) error {
	var why []string
	if end := ended(job); end != nil {
		why = append(why, strings.TrimSpace(end.Reason+" "+end.Message))
	}
	if list := job.Status.FailedIndexes; list != nil && *list != "" {
		why = append(why, "indexes that failed: "+*list)
	}
	pods, err := s.failedPods(ctx, s.options.TasksOf(phase.Number))
	if err != nil {
		return err
	}
	for _, p := range pods[:min(len(pods), shown)] {
		why = append(why, "shard "+p.shard()+": "+p.ending())
	}
	e := diag.New("Q455", "phase %d of job %s: %d of %d shards are not settled\n%s",
		phase.Number, s.status.Job, missing, phase.Shards, strings.Join(why, "\n"))
	return e.WithHint("quern k8s logs shows what those shards said")
}

// coordinator has the cluster run one, with the Service by which tasks find it and the
// certificates by which they know each other.
func (s *submitter) coordinator(ctx context.Context, secret string) error {
	text, err := s.options.Coordinator(s.open().Phase)
	if err != nil {
		return diag.New("Q501", "%v", err)
	}
	if secret != "" {
		if err := s.createSecret(ctx, []byte(secret)); err != nil {
			return s.refused(ctx, "cannot create the secret of the coordinator", err)
		}
	}
	documents := strings.SplitAfter(string(text), "\n---\n")
	if err := s.createService(ctx, []byte(documents[0])); err != nil {
		return s.refused(ctx, "cannot create the service of the coordinator", err)
	}
	for {
		job, err := s.createJob(ctx, []byte(documents[1]))
		if err == nil && ended(job) == nil {
			s.say("coordinator: job %s", job.Name)
			return nil
		}
		if err == nil {
			if err = s.makeRoom(ctx, job); err == nil {
				continue
			}
		}
		if err := s.pause(ctx, "cannot create the coordinator", err); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
