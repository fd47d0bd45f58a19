package drive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"quern/internal/failpoint"
	"quern/shard/core"
	"quern/shard/record"
)

// perform starts an action; its answer comes as an event.
func (d *Driver) perform(ctx context.Context, action core.Action) {
	switch a := action.(type) {
	case core.Respond:
		d.respond(a)
	case core.Wake:
		d.wake(a)
	case core.Save:
		kept := d.draft
		d.start(a, func() item { return d.save(ctx, a, kept) })
	case core.Compute:
		d.start(a, func() item { return d.compute(ctx, a) })
	case core.Ask:
		var partial []byte
		if a.Request.Kind == core.Propose {
			partial = d.partial
		}
		d.start(a, func() item { return d.ask(ctx, a, partial) })
	case core.Load:
		d.start(a, func() item { return d.load(ctx, a) })
	case core.Freeze:
		d.start(a, func() item { return d.freeze(ctx, a) })
	case core.Compose:
		d.start(a, func() item { return d.compose(ctx, a) })
	default:
		d.start(a, func() item { return d.store(ctx, a) })
	}
}

// start does an action in a goroutine of its own and hands its answer over.
func (d *Driver) start(action core.Action, act func() item) {
	d.group.Go(func() {
		if d.dies(action, beforeAction) {
			return
		}
		before, after := points(action)
		if failpoint.On {
			failpoint.Point(before)
		}
		i := act()
		if failpoint.On {
			failpoint.Point(after)
		}
		if answer, ok := i.event.(core.Answer); ok && d.o.Trace != nil {
			d.o.Trace(action, answer)
		}
		if d.dies(action, afterAction) || !d.send(i) {
			i.draft.abort()
			if i.taken != nil {
				i.taken()
			}
		}
	})
}

// dies kills the driver if a test says so.
func (d *Driver) dies(action core.Action, when moment) bool {
	if d.o.fault == nil || !d.o.fault(action, when) {
		return false
	}
	d.send(item{})
	return true
}

// wake answers when the time has come.
func (d *Driver) wake(a core.Wake) {
	after := time.Duration(a.After) * time.Microsecond / time.Duration(max(1, d.o.pace))
	d.group.Add(1)
	d.timers[a.Op] = time.AfterFunc(after, func() {
		defer d.group.Done()
		d.send(item{event: core.Answer{Op: a.Op}})
	})
}

// answer is the answer to an action, with its cause.
func answer(op core.Op, outcome core.Outcome, err error) core.Answer {
	a := core.Answer{Op: op, Outcome: outcome}
	if err != nil {
		a.Cause = err.Error()
	}
	return a
}

// failure is the answer for work that did not succeed.
func failure(op core.Op, err error) item {
	if poison := (*Poison)(nil); errors.As(err, &poison) {
		return item{event: core.Answer{Op: op, Outcome: core.Poison, Cause: poison.Cause, Work: &core.Work{Note: poison.Note}}}
	}
	if damaged := (*Damaged)(nil); errors.As(err, &damaged) {
		return item{event: answer(op, core.Corrupt, err)}
	}
	return item{event: answer(op, core.Failed, err)}
}

// store does what commitlog can do.
func (d *Driver) store(ctx context.Context, action core.Action) item {
	select {
	case d.slots <- struct{}{}:
	case <-ctx.Done(): // nothing was begun
		return item{event: answer(opOf(action), core.Failed, ctx.Err())}
	}
	defer func() { <-d.slots }()
	if answer, given := d.givenUp(ctx, action); given {
		return item{event: answer}
	}
	a, ok := d.o.Log.Do(ctx, action)
	if !ok {
		panic(fmt.Sprintf("quern: bug: the driver cannot do %T", action))
	}
	return item{event: a}
}

// givenUp answers the publication of a document whose place is not the job's any more:
// there is nothing left to do. False: it is to be published.
func (d *Driver) givenUp(ctx context.Context, action core.Action) (core.Answer, bool) {
	p, publishes := action.(core.Publish)
	o, knows := d.o.Work.(Owner)
	if !publishes || !knows || p.File.Final != d.o.Document {
		return core.Answer{}, false
	}
	owns, err := o.Owns(ctx)
	if err != nil {
		return answer(p.Op, core.Failed, err), true
	}
	return answer(p.Op, core.Done, nil), !owns
}

// opOf returns the operation of an action of a store.
func opOf(action core.Action) core.Op {
	switch a := action.(type) {
	case core.Put:
		return a.Op
	case core.Get:
		return a.Op
	case core.List:
		return a.Op
	case core.Remove:
		return a.Op
	case core.Publish:
		return a.Op
	case core.Check:
		return a.Op
	}
	panic(fmt.Sprintf("quern: bug: the driver cannot do %T", action))
}

// compute does a task.
func (d *Driver) compute(ctx context.Context, a core.Compute) item {
	r, err := d.o.Work.Compute(ctx, a.Task)
	if err != nil {
		return failure(a.Op, err)
	}
	if len(r.Writers) != len(r.Work.Files) {
		panic("quern: bug: a task has not one writer for each file")
	}
	for i, f := range r.Work.Files {
		if f.Name != a.Task.File(i) {
			panic("quern: bug: a task wrote " + f.Name + ", not " + a.Task.File(i))
		}
	}
	return item{event: core.Answer{Op: a.Op, Work: &r.Work}, draft: &draft{a.Task.Attempt, r}}
}

// save makes what the attempt wrote durable.
func (d *Driver) save(ctx context.Context, a core.Save, kept *draft) item {
	if kept == nil || kept.attempt != a.Attempt {
		panic("quern: bug: nothing was computed by the attempt that is to be saved")
	}
	defer kept.abort()
	names := make([]string, len(a.Files))
	for i, f := range a.Files {
		names[i] = f.Name
	}
	outcome, err := d.o.Log.Save(ctx, kept.Writers, names)
	return item{event: answer(a.Op, outcome, err)}
}

// ask takes a request to the coordinator.
func (d *Driver) ask(ctx context.Context, a core.Ask, partial []byte) item {
	if d.o.Asker == nil {
		return item{event: core.Answer{Op: a.Op, Outcome: core.Failed}}
	}
	limit := waitTime
	if a.Request.Kind == core.Propose {
		limit = proposeTime + time.Duration(len(partial))*time.Second/(4<<20)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	reply, err := d.o.Asker.Ask(ctx, a.Request, partial)
	if err != nil {
		return item{event: answer(a.Op, core.Unknown, err)}
	}
	return item{event: core.Answer{Op: a.Op, Reply: reply}}
}

// load reads a partial. Its bytes count until the machine has merged it.
func (d *Driver) load(ctx context.Context, a core.Load) item {
	giveBack, err := d.loads.take(ctx, a.File.Size)
	if err != nil {
		return failure(a.Op, err)
	}
	var statistic core.Statistic
	var wrong error
	outcome, err := d.o.Log.Stream(ctx, a.File, func(next func() ([]byte, error)) {
		statistic, wrong = d.o.Work.Decode(ctx, next)
	})
	switch {
	case outcome == core.Done && err == nil && wrong == nil:
		return item{event: core.Answer{Op: a.Op, Statistic: statistic}, taken: giveBack}
	case outcome == core.Done && wrong != nil && ctx.Err() == nil:
		outcome, err = core.Corrupt, fmt.Errorf("%s: %w", a.File.Name, wrong) // another read gives no other bytes
	case outcome == core.Done:
		outcome = core.Failed
	}
	giveBack()
	if held, ok := statistic.(io.Closer); ok {
		held.Close()
	}
	return item{event: answer(a.Op, outcome, err)}
}

// freeze makes and stores the state that a phase taught.
func (d *Driver) freeze(ctx context.Context, a core.Freeze) item {
	state, next, err := d.o.Work.Freeze(ctx, a.Phase, a.Total, a.Failed)
	if err != nil {
		return failure(a.Op, err)
	}
	i := d.keep(ctx, a.Op, record.File{Name: a.Name}, state)
	if done, ok := i.event.(core.Answer); ok {
		done.Next = next
		i.event = done
	}
	return i
}

// compose makes and stores the manifest for readers.
func (d *Driver) compose(ctx context.Context, a core.Compose) item {
	document, err := d.o.Work.Compose(ctx, a.Phase, a.Claims)
	if err != nil {
		return failure(a.Op, err)
	}
	return d.keep(ctx, a.Op, record.File{Name: a.Name, Final: d.o.Document}, document)
}

// keep stores what closes a phase under a name that no other attempt has.
func (d *Driver) keep(ctx context.Context, op core.Op, f record.File, data []byte) item {
	if failpoint.On {
		failpoint.Point("failpoint:closing.store.before")
		defer failpoint.Point("failpoint:closing.store.after")
	}
	f.Size, f.SHA256 = int64(len(data)), sha256.Sum256(data)
	outcome, err := d.o.Log.Put(ctx, f.Name, data)
	if outcome == core.Exists { // an earlier try of this put
		outcome = core.Unknown
	}
	done := answer(op, outcome, err)
	done.File = f
	return item{event: done}
}
