package core

import (
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// WorkerOptions say what a task is to do.
type WorkerOptions struct {
	Options
	Phase, Shard uint32
	Epoch        uint64 // of the driver that started the task; 0: an engine did, any driver will do
	Coordinated  bool   // there is a coordinator to ask; else the last worker closes the phase
	Patience     int64  // microseconds to wait for the phase before
}

// Worker does one shard of one phase, once.
type Worker struct {
	*machine
	o       WorkerOptions
	plan    *record.Plan
	phase   record.Phase
	state   record.File
	lost    []uint32 // shards that failed before
	started int64
}

// NewWorker returns the machine of a task.
func NewWorker(o WorkerOptions) *Worker { return &Worker{machine: newMachine(o.Options), o: o} }

// Start implements Machine.
func (w *Worker) Start(now int64) []Action {
	return w.run(now, func() {
		w.started = now
		w.readPlan(func() { w.resolve(w.o.Phase, w.checkShard) })
	})
}

// Step implements Machine.
func (w *Worker) Step(now int64, e Event) []Action {
	return w.run(now, func() {
		switch e := e.(type) {
		case Answer:
			w.answer(e)
		case Stop:
			w.exit(Retry, "stopped")
		}
	})
}

// readPlan reads what the job is, and whether it is done.
func (w *Worker) readPlan(next func()) {
	w.read(w.names.Plan(), func(data []byte, found bool) {
		if !found {
			w.exit(Retry, "job %v has no plan yet", w.Job)
			return
		}
		var err error
		if w.plan, err = record.ParsePlan(data, w.Job); err != nil {
			w.damaged(w.names.Plan(), err)
			return
		}
		w.unlessDone(next)
	})
}

// unlessDone goes on if the job is not done, and ends the task if it is.
func (w *Worker) unlessDone(next func()) {
	w.read(w.names.Manifest(), func(data []byte, found bool) {
		switch {
		case !found:
			next()
		case w.o.Coordinated || w.Bug.Is(museum.SkipDocument):
			w.exit(Committed, "the job is done")
		default: // who put the manifest may have died before readers could see it
			w.end(data, func() { w.exit(Committed, "the job is done") })
		}
	})
}

// resolve finds out what a phase is: the plan says it of the first, and what each
// taught says it of the next.
func (w *Worker) resolve(phase uint32, next func()) {
	if phase == 0 {
		w.phase = w.plan.Phase
		next()
		return
	}
	w.read(w.names.Fitted(phase-1), func(data []byte, found bool) {
		if found {
			w.fitted(phase, data, next)
			return
		}
		if w.Bug.Is(museum.StaleState) && phase == w.o.Phase {
			w.phase = record.Phase{Number: phase, Shards: w.plan.Phase.Shards}
			next()
			return
		}
		w.await(phase, next)
	})
}

// fitted takes what the phase before taught.
func (w *Worker) fitted(phase uint32, data []byte, next func()) {
	f, err := record.ParseFitted(data, w.Job, phase-1)
	if err != nil {
		w.damaged(w.names.Fitted(phase-1), err)
		return
	}
	w.phase, w.state, w.lost = f.Next, f.State, f.Failed
	next()
}

// await waits until the phase before is closed. Without a coordinator nobody may be
// left who would close it, so each who waits tries. The phase before may be the last one:
// then the job's end is what there is to wait for.
func (w *Worker) await(phase uint32, next func()) {
	const pause = 2_000_000 // microseconds
	if w.now-w.started > w.o.Patience {
		w.exit(Retry, "phase %d is not closed yet", phase-1)
		return
	}
	retry := func() {
		w.after(pause/2+w.random.Int64N(pause), func() { w.unlessDone(func() { w.resolve(phase, next) }) })
	}
	if w.o.Coordinated {
		w.do(Ask{w.on(func(a Answer) {
			if a.Outcome == Done && a.Reply.Verdict == Ready {
				w.fitted(phase, a.Reply.Fitted, next)
				return
			}
			retry()
		}), Request{Kind: WaitFitted, Phase: phase - 1}})
		return
	}
	w.resolve(phase-1, func() { w.closeIt(func(bool) { retry() }) })
}

// checkShard looks whether there is anything to do.
func (w *Worker) checkShard() {
	if w.o.Shard >= w.phase.Shards {
		w.exit(Committed, "phase %d has no shard %d: there are %d", w.phase.Number, w.o.Shard, w.phase.Shards)
		return
	}
	w.begin(0)
}

// begin looks whether the shard is settled, and does it if not.
func (w *Worker) begin(try int) {
	w.fenced(w.o.Epoch, func() {
		if w.Bug.Is(museum.WorkAgain) {
			w.compute(try)
			return
		}
		w.read(w.slotName(), func(data []byte, found bool) {
			if found {
				w.settledBy(data)
				return
			}
			w.compute(try)
		})
	})
}

func (w *Worker) slotName() string { return w.names.Claim(w.phase.Number, w.o.Shard) }

// settledBy ends the task of a shard that somebody settled.
func (w *Worker) settledBy(data []byte) {
	c, err := record.ParseClaim(data, w.Job, w.phase.Number, w.o.Shard)
	if err != nil {
		w.damaged(w.slotName(), err)
		return
	}
	reason := "attempt " + c.Attempt.String() + " settled the shard"
	if w.Bug.Is(museum.LeaveClosing) {
		w.exit(Committed, "%s", reason)
		return
	}
	w.leave(Committed, reason)
}

// leave ends the task; without a coordinator it closes the phase if it was the last.
func (w *Worker) leave(code Code, reason string) {
	if w.o.Coordinated {
		w.exit(code, "%s", reason)
		return
	}
	w.closeIt(func(bool) { w.exit(code, "%s", reason) })
}

// closeIt closes w.phase if all its shards are settled. A job that too many shards
// failed in ends here for the tasks of later phases.
func (w *Worker) closeIt(done func(closed bool)) {
	c := newCloser(w.machine, w.plan, w.phase, w.state, w.lost, w.o.Epoch)
	c.closed = func(*record.Fitted) { done(true) }
	c.doomed = func(reason string) {
		if w.phase.Number < w.o.Phase {
			w.exit(Poisoned, "%s", reason)
			return
		}
		done(false)
	}
	c.survey(true, func() {
		if c.open > 0 {
			done(false)
		}
	})
}

// compute does the work. What fails on the way is tried again here first, because
// engines take their time.
func (w *Worker) compute(try int) {
	t := Task{Job: w.Job, Plan: w.plan, Phase: w.phase, Shard: w.o.Shard, Attempt: w.draw(w.o.Shard), State: w.state}
	w.do(Compute{w.on(func(a Answer) {
		switch a.Outcome {
		case Done:
			w.save(try, t.Attempt, a.Work)
		case Poison:
			w.poison(t.Attempt, a.Cause, a.Work)
		case Corrupt:
			w.broken(try, "work", a.Cause, func() { w.begin(try + 1) })
		default:
			w.again(try, "work", func() { w.begin(try + 1) })
		}
	}), t})
}

// save makes the files durable. Only then may a claim name them.
func (w *Worker) save(try int, attempt record.Attempt, work *Work) {
	c := &record.Claim{Phase: w.phase.Number, Shard: w.o.Shard, Attempt: attempt, Epoch: w.o.Epoch,
		Files: work.Files, Rows: work.Rows, Note: work.Note}
	if w.Bug.Is(museum.ClaimBeforeSave) {
		w.do(Save{w.on(func(Answer) {}), attempt, work.Files})
		w.claim(c)
		return
	}
	w.do(Save{w.on(func(a Answer) {
		switch a.Outcome {
		case Done:
			w.claim(c)
		case Unknown:
			w.check(try, c)
		default:
			w.again(try, "files", func() { w.begin(try + 1) })
		}
	}), attempt, work.Files})
}

// check finds out whether files whose saving timed out are there. If not, they may
// still come, so another attempt with other names is made.
func (w *Worker) check(try int, c *record.Claim) {
	w.do(Check{w.on(func(a Answer) {
		if a.Outcome == Done {
			w.claim(c)
			return
		}
		w.again(try, "files", func() { w.begin(try + 1) })
	}), c.Files})
}

// poison records that the shard can never be done. Whoever records it tells the
// engine; later attempts find the record and are done.
func (w *Worker) poison(attempt record.Attempt, cause string, work *Work) {
	if w.Bug.Is(museum.PoisonUnrecorded) {
		w.exit(Poisoned, "%s", cause)
		return
	}
	c := &record.Claim{Phase: w.phase.Number, Shard: w.o.Shard, Attempt: attempt, Epoch: w.o.Epoch, Failure: cause}
	if work != nil {
		c.Note = work.Note
	}
	put := c.Encode(w.Job)
	w.settle(w.slotName(), put, open, func(winner []byte) {
		if mine(winner, put) {
			w.leave(Poisoned, cause)
			return
		}
		w.settledBy(winner)
	})
}
