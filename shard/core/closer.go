package core

import (
	"fmt"
	"slices"

	"quern/shard/internal/museum"
	"quern/shard/record"
)

// closer closes one phase: it learns which claims won, and when every shard is settled
// it merges or publishes, and puts the record that ends the phase. A coordinator feeds
// it as claims come; without one, the worker that settled the last shard makes one. Any
// number of closers may be at the same phase: they come to the same end, and the slots
// have one winner.
type closer struct {
	*machine
	plan  *record.Plan
	phase record.Phase
	state record.File // what the phase before taught
	lost  []uint32    // shards that failed in the phases before, ascending
	epoch uint64      // of the driver; 0: none

	slots   []slot
	open    int      // slots that are not settled
	pending int      // partials that are not merged yet
	queue   []uint32 // shards whose partials are to be loaded
	loading int
	rows    int64
	failed  uint32
	total   Statistic
	closing bool

	changed func()               // is called when a shard was settled or merged; may be nil
	closed  func(*record.Fitted) // the phase is closed; nil: it was the last one
	doomed  func(reason string)  // it cannot be: too many shards failed, or nothing can be learnt from the others
}

// slot is what a closer knows of a shard.
type slot struct {
	claim  *record.Claim // nil: not settled, as far as is known
	asking bool          // it is being read or put
	lately bool          // its winner told us of it, so it has only now saved its files
}

func newCloser(m *machine, plan *record.Plan, phase record.Phase, state record.File, lost []uint32, epoch uint64) *closer {
	return &closer{machine: m, plan: plan, phase: phase, state: state, lost: lost, epoch: epoch,
		slots: make([]slot, phase.Shards), open: int(phase.Shards)}
}

// survey finds claims: it reads the slots that a listing shows, and after them the
// first that it does not show, because a listing may be late. Without exception, it is
// reading a slot that tells. all asks whether every slot is settled, and reads those
// first that are not shown: the first empty one is the answer, so that each of a
// thousand workers that ask reads one claim and not all, and loads no partial in vain.
func (c *closer) survey(all bool, done func()) {
	c.list(c.names.Claims(c.phase.Number), func(names []string) {
		shown, hidden := c.split(names)
		finish := func() {
			c.advance()
			done()
		}
		empty := false
		lookHidden := func(then func()) {
			c.each(len(hidden), 1, func(i int, done func(bool)) {
				c.look(hidden[i], func(found bool) {
					empty = empty || !found
					done(!found)
				})
			}, then)
		}
		lookShown := func(then func()) {
			c.each(len(shown), width, func(i int, done func(bool)) { c.look(shown[i], func(bool) { done(false) }) }, then)
		}
		if !all {
			hidden = hidden[:min(1, len(hidden))]
		}
		if c.Bug.Is(museum.TrustListing) {
			hidden = nil
		}
		if !all {
			lookShown(func() { lookHidden(finish) })
			return
		}
		lookHidden(func() {
			if empty {
				finish()
				return
			}
			lookShown(finish)
		})
	})
}

// split returns the shards that are not settled as far as is known: those whose claims
// a listing shows, and the others.
func (c *closer) split(names []string) (shown, hidden []uint32) {
	listed := make([]bool, len(c.slots))
	for _, name := range names {
		if shard, ok := c.names.ShardOf(name, c.phase.Number); ok && shard < c.phase.Shards {
			listed[shard] = true
		}
	}
	for i := range c.slots {
		switch shard := uint32(i); {
		case c.slots[i].claim != nil || c.slots[i].asking:
		case listed[shard]:
			shown = append(shown, shard)
		default:
			hidden = append(hidden, shard)
		}
	}
	return shown, hidden
}

// look reads a slot.
func (c *closer) look(shard uint32, done func(found bool)) {
	c.slots[shard].asking = true
	c.read(c.names.Claim(c.phase.Number, shard), func(data []byte, found bool) {
		c.slots[shard].asking = false
		if found {
			c.winner(shard, data)
		}
		done(found)
	})
}

// winner notes the bytes that are in a slot.
func (c *closer) winner(shard uint32, data []byte) *record.Claim {
	claim, err := record.ParseClaim(data, c.Job, c.phase.Number, shard)
	if err != nil {
		c.damaged(c.names.Claim(c.phase.Number, shard), err)
		return nil
	}
	c.settled(claim, nil)
	return claim
}

// settled notes the winner of a shard, once; partial is its partial, if it is at hand.
func (c *closer) settled(claim *record.Claim, partial Statistic) {
	s := &c.slots[claim.Shard]
	if s.claim != nil {
		return
	}
	s.claim = claim
	c.open--
	c.rows += claim.Rows
	switch {
	case claim.Failed():
		c.failed++
	case !c.phase.Learns:
	case partial != nil:
		c.merge(partial)
	default:
		c.pending++
		c.queue = append(c.queue, claim.Shard)
		c.load(0)
	}
	c.advance()
}

// load reads partials, some at a time: memory holds few of them, not one per shard.
func (c *closer) load(try int) {
	for c.loading < width && len(c.queue) > 0 {
		shard := c.queue[0]
		c.queue = c.queue[1:]
		c.loading++
		c.loadOne(shard, try)
	}
}

func (c *closer) loadOne(shard uint32, try int) {
	claim := c.slots[shard].claim
	if len(claim.Files) != 1 {
		c.exit(Broken, "shard %d of phase %d claims %d partials", shard, c.phase.Number, len(claim.Files))
		return
	}
	file := claim.Files[0]
	c.do(Load{c.on(func(a Answer) {
		if a.Outcome == Done {
			c.loading--
			c.pending--
			c.merge(a.Statistic)
			c.load(0)
			c.advance()
			return
		}
		if a.Outcome == Failed {
			c.again(try, file.Name, func() { c.loadOne(shard, try+1) })
			return
		}
		c.unloadable(shard, try, a.Outcome)
	}), file})
}

// unloadable handles a partial that is claimed and not there whole. If the phase was
// closed meanwhile, it was collected; else it may have been damaged on the way.
func (c *closer) unloadable(shard uint32, try int, o Outcome) {
	slot, file := c.names.Fitted(c.phase.Number), c.slots[shard].claim.Files[0].Name
	c.read(slot, func(data []byte, found bool) {
		if !found && try+1 < tries {
			c.again(try, file, func() { c.loadOne(shard, try+1) })
			return
		}
		f, err := record.ParseFitted(data, c.Job, c.phase.Number)
		switch {
		case !found:
			c.exit(Broken, "partial %s is %v: its job cannot go on", file, o)
		case err != nil:
			c.damaged(slot, err)
		case !c.closing:
			c.closing = true
			c.closed(f)
		}
	})
}

func (c *closer) merge(partial Statistic) {
	if c.total == nil {
		c.total = partial
	} else if err := c.total.Merge(partial); err != nil {
		c.exit(Broken, "phase %d: %v", c.phase.Number, err)
	}
}

// complete reports whether nothing is left to learn.
func (c *closer) complete() bool { return c.open == 0 && c.pending == 0 }

// advance closes the phase when it is complete.
func (c *closer) advance() {
	if c.changed != nil {
		c.changed()
	}
	if !c.complete() || c.closing || c.closed == nil {
		return
	}
	c.closing = true
	if lost := len(c.missing()); lost > int(c.plan.AllowFailed) && !c.Bug.Is(museum.DropFailed) {
		c.doomed(c.why())
		return
	}
	if c.phase.Learns {
		c.freeze(0)
	} else {
		c.publishAll()
	}
}

// told is how many failed shards a reason names: it is a line in logs and messages.
const told = 10

// why names the failed shards.
func (c *closer) why() string {
	text := "1 shard failed"
	if n := len(c.missing()); n != 1 {
		text = fmt.Sprintf("%d shards failed", n)
	}
	failed := c.failures()
	for i, shard := range failed {
		if i == told {
			return text + fmt.Sprintf("; and %d more in phase %d", len(failed)-told, c.phase.Number)
		}
		text += fmt.Sprintf("; phase %d shard %d: %s", c.phase.Number, shard, c.slots[shard].claim.Failure)
	}
	return text
}

// failures returns the shards of this phase that failed.
func (c *closer) failures() (failed []uint32) {
	for i := range c.slots {
		if claim := c.slots[i].claim; claim != nil && claim.Failed() {
			failed = append(failed, claim.Shard)
		}
	}
	return failed
}

// missing returns the shards that failed in this phase or before: one that can never be
// read fails in every phase, and counts once.
func (c *closer) missing() []uint32 {
	all := slices.Concat(c.lost, c.failures())
	slices.Sort(all)
	return slices.Compact(all)
}

// freeze makes the state, under a name of its own, and puts the record.
func (c *closer) freeze(try int) {
	attempt := c.draw(c.phase.Shards)
	c.do(Freeze{c.on(func(a Answer) {
		if a.Outcome == Poison { // whoever tries finds the same
			c.doomed(a.Cause)
			return
		}
		if a.Outcome == Corrupt {
			c.broken(try, "fitted state", a.Cause, func() { c.freeze(try + 1) })
			return
		}
		if a.Outcome != Done {
			c.again(try, "fitted state", func() { c.freeze(try + 1) })
			return
		}
		r := &record.Fitted{Phase: c.phase.Number, Attempt: attempt, Epoch: c.epoch, State: a.File,
			Failed: c.missing(), Next: a.Next}
		put := r.Encode(c.Job)
		name := c.names.Fitted(c.phase.Number)
		c.settle(name, put, c.fence, func(winner []byte) {
			won, err := record.ParseFitted(winner, c.Job, c.phase.Number)
			switch {
			case err != nil:
				c.damaged(name, err)
			case won.State.SHA256 != r.State.SHA256:
				c.exit(Broken, "%s: attempt %v learnt another state than attempt %v from the same partials: "+
					"one of the machines computes wrongly", name, won.Attempt, r.Attempt)
			default:
				c.closed(won)
			}
		})
	}), c.phase, c.total, c.failures(), c.names.State(c.phase.Number, attempt)})
}

// fence lets pass as long as no other driver took over. Epochs are taken in turn, so
// one slot tells. A driver that is passed here and overtaken right after does no harm:
// it publishes what the other one would have.
func (c *closer) fence(pass func()) { c.fenced(c.epoch, pass) }

func (m *machine) fenced(epoch uint64, pass func()) {
	if epoch == 0 || m.Bug.Is(museum.NoFence) {
		pass()
		return
	}
	m.read(m.names.Epoch(epoch+1), func(_ []byte, found bool) {
		if found {
			m.exit(Fenced, "a driver with epoch %d took over from epoch %d", epoch+1, epoch)
			return
		}
		pass()
	})
}
