package core

import (
	"bytes"
	"maps"
	"slices"

	"quern/shard/internal/museum"
	"quern/shard/record"
)

// CoordinatorOptions say what a coordinator drives.
type CoordinatorOptions struct {
	Options             // Job is the plan's
	Plan    record.Plan // as it was planned here; the log must agree
	Tick    int64       // microseconds between looks at the log, which shows what was claimed without us
}

// Coordinator drives a job: it plans, takes proposals, merges, and closes phase after
// phase. It owns no truth: all it knows is in the log, or is learnt again. Any number of
// them may run; the one with the highest epoch publishes.
type Coordinator struct {
	*machine
	o       CoordinatorOptions
	epoch   uint64
	closer  *closer                    // of the phase at hand; nil while it is sought
	fitted  map[uint32][]byte          // the records of the closed phases
	waiters map[uint32]map[uint64]bool // calls that wait for a phase
	puts    map[uint32][]proposal
	count   int // proposals taken, for a planted bug
	done    bool
}

// proposal is a claim that a worker proposed.
type proposal struct {
	call    uint64
	claim   *record.Claim
	put     []byte
	partial Statistic
}

// NewCoordinator returns the machine of a coordinator.
func NewCoordinator(o CoordinatorOptions) *Coordinator {
	_, o.Job = o.Plan.Encode()
	return &Coordinator{machine: newMachine(o.Options), o: o, fitted: map[uint32][]byte{},
		waiters: map[uint32]map[uint64]bool{}, puts: map[uint32][]proposal{}}
}

// Start implements Machine.
func (c *Coordinator) Start(now int64) []Action {
	return c.run(now, func() {
		put, _ := c.o.Plan.Encode()
		c.settle(c.names.Plan(), put, open, func(winner []byte) {
			if !mine(winner, put) {
				c.exit(Broken, "%s: another plan, or a damaged one, is in its place", c.names.Plan())
				return
			}
			c.read(c.names.Manifest(), func(data []byte, found bool) {
				if found {
					c.end(data, c.finish)
					return
				}
				c.takeOver()
			})
		})
	})
}

// Step implements Machine.
func (c *Coordinator) Step(now int64, e Event) []Action {
	return c.run(now, func() {
		switch e := e.(type) {
		case Answer:
			c.answer(e)
		case Call:
			c.call(e)
		case Hangup:
			for _, calls := range c.waiters {
				delete(calls, e.ID)
			}
		case Stop:
			c.exit(Retry, "stopped")
		}
	})
}

// takeOver takes the next epoch. A listing may be late, so it is where to begin; the
// slots tell which number is free.
func (c *Coordinator) takeOver() {
	c.list(c.names.Epochs(), func(names []string) {
		highest := uint64(0)
		for _, name := range names {
			if number, ok := c.names.EpochOf(name); ok {
				highest = max(highest, number)
			}
		}
		c.take(highest + 1)
	})
}

func (c *Coordinator) take(number uint64) {
	put := (&record.Epoch{Number: number, Driver: c.draw(0)}).Encode(c.Job)
	if c.Bug.Is(museum.AssumeEpoch) {
		c.do(Put{c.on(func(Answer) { c.epoch = number; c.drive() }), c.names.Epoch(number), put})
		return
	}
	c.settle(c.names.Epoch(number), put, open, func(winner []byte) {
		if !mine(winner, put) {
			c.take(number + 1)
			return
		}
		c.epoch = number
		c.drive()
	})
}

// drive takes the job up where the log says that it is.
func (c *Coordinator) drive() {
	c.tick()
	c.resume(c.o.Plan.Phase, record.File{}, nil)
}

// resume goes to the first phase that is not closed.
func (c *Coordinator) resume(phase record.Phase, state record.File, lost []uint32) {
	name := c.names.Fitted(phase.Number)
	c.read(name, func(data []byte, found bool) {
		if !found {
			c.begin(phase, state, lost)
			return
		}
		f, err := record.ParseFitted(data, c.Job, phase.Number)
		if err != nil {
			c.damaged(name, err)
			return
		}
		c.closed(f, data)
	})
}

// begin takes up a phase with what is claimed already.
func (c *Coordinator) begin(phase record.Phase, state record.File, lost []uint32) {
	next := newCloser(c.machine, &c.o.Plan, phase, state, lost, c.epoch)
	next.closed = func(f *record.Fitted) {
		if f == nil {
			c.finish()
			return
		}
		c.closed(f, f.Encode(c.Job))
	}
	next.doomed = func(reason string) { c.exit(Poisoned, "%s", reason) }
	next.survey(false, func() { c.closer = next })
}

// closed goes on to the phase after f, whose record is data.
func (c *Coordinator) closed(f *record.Fitted, data []byte) {
	c.closer = nil
	c.fitted[f.Phase] = data
	for _, call := range slices.Sorted(maps.Keys(c.waiters[f.Phase])) {
		c.do(Respond{call, Reply{Ready, data}})
	}
	delete(c.waiters, f.Phase)
	c.direct()
	c.count = 0
	c.resume(f.Next, f.State, f.Failed)
}

// direct sends those whose proposals are in the air to the store.
func (c *Coordinator) direct() {
	for _, shard := range slices.Sorted(maps.Keys(c.puts)) {
		for _, p := range c.puts[shard] {
			c.do(Respond{p.call, Reply{Verdict: Direct}})
		}
	}
	clear(c.puts)
}

// finish ends the coordinator of a job that is done.
func (c *Coordinator) finish() {
	c.done = true
	c.exit(Committed, "the job is done")
}

// tick looks at the log from time to time: for drivers that took over, and for claims
// of workers that could not reach us.
func (c *Coordinator) tick() {
	c.after(c.o.Tick/2+c.random.Int64N(max(1, c.o.Tick)), func() {
		c.fenced(c.epoch, func() {
			if c.closer == nil || c.closer.open == 0 {
				c.tick()
				return
			}
			c.closer.survey(false, c.tick)
		})
	})
}

// call takes a request.
func (c *Coordinator) call(e Call) {
	switch e.Request.Kind {
	case Propose:
		c.proposed(e)
	case WaitFitted:
		if data, ok := c.fitted[e.Request.Phase]; ok {
			c.do(Respond{e.ID, Reply{Ready, data}})
			return
		}
		c.wait(e.Request.Phase, e.ID)
	default:
		c.do(Respond{e.ID, Reply{Verdict: Denied}})
	}
}

// wait keeps a call until its phase is closed, or its caller hangs up.
func (c *Coordinator) wait(phase uint32, call uint64) {
	if c.waiters[phase] == nil {
		c.waiters[phase] = map[uint64]bool{}
	}
	c.waiters[phase][call] = true
}

// proposed settles a proposal. Of a phase that is not at hand the log knows more than
// we do.
func (c *Coordinator) proposed(e Call) {
	r := e.Request
	if c.closer == nil || r.Phase != c.closer.phase.Number && !c.Bug.Is(museum.IgnorePhase) {
		c.do(Respond{e.ID, Reply{Verdict: Direct}})
		return
	}
	claim, err := record.ParseClaim(r.Claim, c.Job, r.Phase, r.Shard)
	if err != nil || r.Shard >= c.closer.phase.Shards || c.closer.phase.Learns && !claim.Failed() && len(claim.Files) != 1 {
		c.do(Respond{e.ID, Reply{Verdict: Denied}})
		return
	}
	p := proposal{e.ID, claim, r.Claim, r.Partial}
	if p.partial != nil && (claim.Failed() || len(claim.Files) != 1 || claim.Files[0].SHA256 != r.Digest) {
		p.partial = nil // not what the claim names: it will be loaded
	}
	c.rash(p)
	switch s := &c.closer.slots[r.Shard]; {
	case s.claim != nil:
		c.verdict(p, s.claim)
	case c.puts[r.Shard] != nil:
		c.puts[r.Shard] = append(c.puts[r.Shard], p)
	default:
		c.put(p)
	}
}

// put claims the shard for a proposal. Those that come meanwhile wait for the outcome.
func (c *Coordinator) put(p proposal) {
	shard, at := p.claim.Shard, c.closer
	c.puts[shard] = []proposal{p}
	name := c.names.Claim(at.phase.Number, shard)
	c.settle(name, p.put, open, func(winner []byte) {
		if c.closer != at { // the phase was closed meanwhile; all have been sent to the store
			return
		}
		claim, err := record.ParseClaim(winner, c.Job, at.phase.Number, shard)
		if err != nil {
			c.damaged(name, err)
			return
		}
		waiting := c.puts[shard]
		delete(c.puts, shard)
		var partial Statistic
		for _, p := range waiting {
			c.verdict(p, claim)
			if bytes.Equal(p.put, winner) {
				partial = p.partial
			}
		}
		at.slots[shard].lately = slices.ContainsFunc(waiting, func(p proposal) bool { return bytes.Equal(p.put, winner) })
		at.settled(claim, partial)
	})
}

// verdict tells a worker how its proposal fared.
func (c *Coordinator) verdict(p proposal, winner *record.Claim) {
	v := Lost
	if winner.Attempt == p.claim.Attempt || c.Bug.Is(museum.EveryoneWon) {
		v = Won
	}
	c.do(Respond{p.call, Reply{Verdict: v}})
}

// rash holds planted bugs of the way of a proposal.
func (c *Coordinator) rash(p proposal) {
	switch {
	case c.Bug.Is(museum.AckBeforeClaim):
		c.do(Respond{p.call, Reply{Verdict: Won}})
	case c.Bug.Is(museum.MergeTwice) && c.closer.phase.Learns && p.partial != nil && c.closer.slots[p.claim.Shard].claim != nil,
		c.Bug.Is(museum.MergeBeforeClaim) && c.closer.phase.Learns && p.partial != nil:
		c.closer.merge(p.partial)
	case c.Bug.Is(museum.CountProposals):
		if c.count++; c.count >= int(c.closer.phase.Shards) && c.closer.phase.Learns && !c.closer.closing {
			c.closer.closing = true
			c.closer.freeze(0)
		}
	}
}

// Progress is what a coordinator has to tell.
type Progress struct {
	Epoch                   uint64
	Phase                   uint32
	Learns                  bool
	Shards, Settled, Failed uint32
	Merged                  uint32 // partials, of a phase that learns
	Done                    bool
}

// Progress returns how far the job is.
func (c *Coordinator) Progress() Progress {
	p := Progress{Epoch: c.epoch, Phase: uint32(len(c.fitted)), Done: c.done}
	if at := c.closer; at != nil {
		p.Phase, p.Learns, p.Shards, p.Failed = at.phase.Number, at.phase.Learns, at.phase.Shards, at.failed
		p.Settled = p.Shards - uint32(at.open)
		p.Merged = p.Settled - p.Failed - uint32(at.pending)
	}
	return p
}

// Rows returns how many rows the settled shards of the phase at hand have: read, of a phase
// that learns, else written.
func (c *Coordinator) Rows() int64 {
	if c.closer == nil {
		return 0
	}
	return c.closer.rows
}

// Pending returns the shards of the phase at hand that are not settled, as far as is
// known, for an engine that starts tasks; false while the phase is sought.
func (c *Coordinator) Pending() (phase uint32, shards []uint32, known bool) {
	if c.closer == nil {
		return 0, nil, false
	}
	for i := range c.closer.slots {
		if c.closer.slots[i].claim == nil {
			shards = append(shards, uint32(i))
		}
	}
	return c.closer.phase.Number, shards, true
}
