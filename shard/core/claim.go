package core

import (
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// asks is how often a worker asks a coordinator before it goes to the store itself.
const asks = 2

// claim settles the shard with what this attempt made. A worker of a driver that was
// overtaken does not: the new driver has workers of its own.
func (w *Worker) claim(c *record.Claim) {
	put := c.Encode(w.Job)
	if w.Bug.Is(museum.PublishUnclaimed) {
		for _, f := range visible(c.Files) {
			w.do(Publish{w.on(func(Answer) {}), f, true})
		}
	}
	w.fenced(w.o.Epoch, func() {
		if w.o.Coordinated {
			w.propose(c, put, 0)
			return
		}
		w.claimDirectly(c, put)
	})
}

// propose has the coordinator claim, which so learns of it at once.
func (w *Worker) propose(c *record.Claim, put []byte, try int) {
	w.do(Ask{w.on(func(a Answer) {
		switch {
		case a.Outcome != Done && try+1 < asks:
			w.propose(c, put, try+1)
		case a.Outcome == Done && a.Reply.Verdict == Won:
			w.won(c)
		case a.Outcome == Done && a.Reply.Verdict == Denied:
			w.exit(Broken, "the coordinator refuses the claim of shard %d", c.Shard)
		default: // lost, or it cannot say, or it is not there: the slot tells
			w.claimDirectly(c, put)
		}
	}), Request{Kind: Propose, Phase: c.Phase, Shard: c.Shard, Claim: put}})
}

// claimDirectly puts the claim; the loser reads the winner's and is done too.
func (w *Worker) claimDirectly(c *record.Claim, put []byte) {
	if w.Bug.Is(museum.DeleteAfterUnknown) {
		w.claimRashly(c, put)
		return
	}
	w.settle(w.slotName(), put, open, func(winner []byte) {
		if mine(winner, put) {
			w.won(c)
			return
		}
		w.settledBy(winner)
	})
}

// claimRashly is a planted bug: it takes an unknown outcome for a failure and tidies up.
func (w *Worker) claimRashly(c *record.Claim, put []byte) {
	w.do(Put{w.on(func(a Answer) {
		switch a.Outcome {
		case Done:
			w.won(c)
		case Unknown:
			for _, f := range c.Files {
				w.do(Remove{w.on(func(Answer) {}), f.Name})
			}
			w.exit(Retry, "the claim failed")
		default:
			w.exit(Retry, "the claim was not stored")
		}
	}), w.slotName(), put})
}

// won gives the parts their names. If that fails, whoever closes the phase does it, so
// it is not worth a second try.
func (w *Worker) won(c *record.Claim) {
	reason := "attempt " + c.Attempt.String() + " settled the shard"
	files := visible(c.Files)
	w.each(len(files), width, func(i int, done func(bool)) {
		w.do(Publish{w.on(func(Answer) { done(false) }), files[i], true})
	}, func() { w.leave(Committed, reason) })
}
