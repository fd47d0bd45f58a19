package commitlog

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"quern/pipeline/store"
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
	Epoch    uint64          // the highest; 0: no coordinator ever drove it
	Epochs   []*record.Epoch // ascending, without any that a listing does not show
	Phases   []PhaseStatus
	Manifest *record.Manifest // nil: not done
}

// PhaseStatus is how far a phase is.
type PhaseStatus struct {
	record.Phase
	Claims []*record.Claim // by shard; nil: not settled
	Fitted *record.Fitted  // nil: not closed, or it does not learn
	Others []Other         // attempts that left files and settled nothing, ascending by shard and time
}

// Other is an attempt at a shard that wrote files and is not the one that settled it: it
// lost, or it is still at it.
type Other struct {
	Shard   uint32
	Attempt record.Attempt
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
	s := &Status{Job: job}
	return s, l.Update(ctx, s)
}

// Update reads how far a job is now, and leaves out what s has: records never change.
// After an error s is as far as it was read.
func (l *Log) Update(ctx context.Context, s *Status) error {
	n := record.NamesOf(s.Job)
	if s.Plan == nil {
		data, err := l.need(ctx, n.Plan())
		if err != nil {
			return err
		}
		plan, err := record.ParsePlan(data, s.Job)
		if err != nil {
			return fmt.Errorf("%s: %w", n.Plan(), err)
		}
		s.Plan = plan
	}
	names, err := l.store.List(ctx, n.Prefix())
	if err != nil {
		return err
	}
	if err := l.epochs(ctx, s, names); err != nil {
		return err
	}
	if err := l.phases(ctx, s, names); err != nil {
		return err
	}
	if s.Manifest != nil {
		return nil
	}
	data, outcome, err := l.Get(ctx, n.Manifest(), false)
	if err == nil && outcome == core.Done {
		if s.Manifest, err = record.ParseManifest(data, s.Job); err != nil {
			err = fmt.Errorf("%s: %w", n.Manifest(), err)
		}
	}
	return err
}

// epochs reads the epochs that s does not have.
func (l *Log) epochs(ctx context.Context, s *Status, names []string) error {
	n := record.NamesOf(s.Job)
	known := map[uint64]bool{}
	for _, e := range s.Epochs {
		known[e.Number] = true
	}
	var numbers []uint64
	for _, name := range names {
		if e, ok := n.EpochOf(name); ok {
			s.Epoch = max(s.Epoch, e)
			if !known[e] {
				numbers = append(numbers, e)
			}
		}
	}
	read := make([]*record.Epoch, len(numbers))
	err := l.all(ctx, len(numbers), func(ctx context.Context, i int) error {
		name := n.Epoch(numbers[i])
		data, err := l.need(ctx, name)
		if err != nil {
			return err
		}
		if read[i], err = record.ParseEpoch(data, s.Job, numbers[i]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.Epochs = append(s.Epochs, read...)
	slices.SortFunc(s.Epochs, func(a, b *record.Epoch) int { return cmp.Compare(a.Number, b.Number) })
	return nil
}

// phases reads phase after phase, up to the one at hand.
func (l *Log) phases(ctx context.Context, s *Status, names []string) error {
	n := record.NamesOf(s.Job)
	next := s.Plan.Phase
	for i := 0; ; i++ {
		if i == len(s.Phases) {
			s.Phases = append(s.Phases, PhaseStatus{Phase: next, Claims: make([]*record.Claim, next.Shards)})
		}
		p := &s.Phases[i]
		if err := l.claims(ctx, s.Job, p, names); err != nil {
			return err
		}
		p.others(s.Job, names)
		if p.Fitted == nil {
			name := n.Fitted(p.Number)
			if _, closed := slices.BinarySearch(names, name); !closed {
				return nil
			}
			data, err := l.need(ctx, name)
			if err != nil {
				return err
			}
			if p.Fitted, err = record.ParseFitted(data, s.Job, p.Number); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
		next = p.Fitted.Next
	}
}

// claims reads the claims of a phase that p does not have.
func (l *Log) claims(ctx context.Context, job record.Job, p *PhaseStatus, names []string) error {
	n := record.NamesOf(job)
	var shards []uint32
	for _, name := range names {
		if shard, ok := n.ShardOf(name, p.Number); ok && shard < p.Shards && p.Claims[shard] == nil {
			shards = append(shards, shard)
		}
	}
	return l.all(ctx, len(shards), func(ctx context.Context, i int) error {
		shard := shards[i]
		name := n.Claim(p.Number, shard)
		data, err := l.need(ctx, name)
		if err != nil {
			return err
		}
		c, err := record.ParseClaim(data, job, p.Number, shard)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		p.Claims[shard] = c // of this shard alone
		return nil
	})
}

// others finds the attempts that left files and settled nothing.
func (p *PhaseStatus) others(job record.Job, names []string) {
	n := record.NamesOf(job)
	p.Others = nil
	for _, name := range names {
		shard, a, ok := n.FileOf(name, p.Number)
		if !ok || shard >= p.Shards || p.Claims[shard] != nil && p.Claims[shard].Attempt == a {
			continue
		}
		if other := (Other{shard, a}); len(p.Others) == 0 || p.Others[len(p.Others)-1] != other { // names ascend
			p.Others = append(p.Others, other)
		}
	}
}

// reads is how many records are read at the same time. A store far away answers late,
// and many at once; a local disk gains from as many as it has heads.
const reads = 64

// all calls do for 0 to n-1, several at the same time, until one fails.
func (l *Log) all(ctx context.Context, n int, do func(ctx context.Context, i int) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	work := make(chan int)
	var group sync.WaitGroup
	for range min(reads, n) {
		group.Go(func() {
			for i := range work {
				if err := do(ctx, i); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case work <- i:
		case <-ctx.Done():
		}
	}
	close(work)
	group.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// need reads an object that must be there: store.ErrNotFound if it is not.
func (l *Log) need(ctx context.Context, name string) ([]byte, error) {
	data, outcome, err := l.Get(ctx, name, false)
	if err == nil && outcome != core.Done {
		err = fmt.Errorf("%w: %s", store.ErrNotFound, name)
	}
	return data, err
}
