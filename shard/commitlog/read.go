package commitlog

import (
	"context"
	"fmt"
	"slices"

	"quern/shard/core"
	"quern/shard/record"
)

// Jobs returns the jobs that have a folder in the store, in order. One without a plan
// was never begun.
func (l *Log) Jobs(ctx context.Context) ([]record.Job, error) {
	names, err := l.store.List(ctx, record.Root)
	if err != nil {
		return nil, err
	}
	var jobs []record.Job
	for _, name := range names {
		if job, ok := record.JobOf(name); ok && (len(jobs) == 0 || jobs[len(jobs)-1] != job) {
			jobs = append(jobs, job)
		}
	}
	return jobs, nil
}

// Status is how far a job is, as its log says.
type Status struct {
	Job      record.Job
	Plan     *record.Plan
	Epoch    uint64 // the highest; 0: no coordinator ever drove it
	Phases   []PhaseStatus
	Manifest *record.Manifest // nil: not done
}

// PhaseStatus is how far a phase is.
type PhaseStatus struct {
	record.Phase
	Claims []*record.Claim // by shard; nil: not settled
	Fitted *record.Fitted  // nil: not closed, or it does not learn
}

// Settled returns how many shards are done, and how many failed.
func (p *PhaseStatus) Settled() (done, failed int) {
	for _, c := range p.Claims {
		switch {
		case c == nil:
		case c.Failed():
			failed++
		default:
			done++
		}
	}
	return done, failed
}

// Status reads how far a job is. It is for people: it may miss what is written while it
// reads. A damaged record is an error, which names it.
func (l *Log) Status(ctx context.Context, job record.Job) (*Status, error) {
	n := record.NamesOf(job)
	s := &Status{Job: job}
	data, err := l.need(ctx, n.Plan())
	if err != nil {
		return nil, err
	}
	if s.Plan, err = record.ParsePlan(data, job); err != nil {
		return nil, fmt.Errorf("%s: %w", n.Plan(), err)
	}
	names, err := l.store.List(ctx, n.Prefix())
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if e, ok := n.EpochOf(name); ok {
			s.Epoch = max(s.Epoch, e)
		}
	}
	if err := l.phases(ctx, s, names); err != nil {
		return nil, err
	}
	if data, outcome, err := l.Get(ctx, n.Manifest(), false); err != nil {
		return nil, err
	} else if outcome == core.Done {
		if s.Manifest, err = record.ParseManifest(data, job); err != nil {
			return nil, fmt.Errorf("%s: %w", n.Manifest(), err)
		}
	}
	return s, nil
}

// phases reads phase after phase, up to the one at hand.
func (l *Log) phases(ctx context.Context, s *Status, names []string) error {
	n := record.NamesOf(s.Job)
	next := s.Plan.Phase
	for {
		p := PhaseStatus{Phase: next, Claims: make([]*record.Claim, next.Shards)}
		for _, name := range names {
			shard, ok := n.ShardOf(name, next.Number)
			if !ok || shard >= next.Shards {
				continue
			}
			data, err := l.need(ctx, name)
			if err != nil {
				return err
			}
			if p.Claims[shard], err = record.ParseClaim(data, s.Job, next.Number, shard); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		name := n.Fitted(next.Number)
		_, closed := slices.BinarySearch(names, name)
		if closed {
			data, err := l.need(ctx, name)
			if err != nil {
				return err
			}
			if p.Fitted, err = record.ParseFitted(data, s.Job, next.Number); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		s.Phases = append(s.Phases, p)
		if !closed {
			return nil
		}
		next = p.Fitted.Next
	}
}

// need reads an object that must be there.
func (l *Log) need(ctx context.Context, name string) ([]byte, error) {
	data, outcome, err := l.Get(ctx, name, false)
	if err == nil && outcome != core.Done {
		err = fmt.Errorf("%s is %v", name, outcome)
	}
	return data, err
}
