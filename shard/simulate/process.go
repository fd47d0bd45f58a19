package simulate

import (
	"crypto/sha256"
	"fmt"

	"quern/shard/core"
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// process is one life of a worker, coordinator or collector: a machine, and the driver
// that does what it says.
type process struct {
	*world
	name    string
	number  int
	machine core.Machine
	task    *task // nil: not a worker
	epoch   func() uint64
	dead    bool
	wakes   int64 // asleep until then
	issued  map[core.Op]issue
	drafts  map[string][]byte // files that are computed, by name
	cause   int64             // when what is being handled was asked for
	skew    int64             // of its clock
}

// issue is an operation under way.
type issue struct {
	at   int64
	name string
}

// start brings a machine to life.
func (w *world) start(name string, m core.Machine, t *task, epoch func() uint64) *process {
	p := &process{world: w, name: fmt.Sprintf("%s#%d", name, len(w.procs)), number: len(w.procs), machine: m, task: t, epoch: epoch,
		issued: map[core.Op]issue{}, drafts: map[string][]byte{}, cause: w.now}
	if w.Skew > 0 {
		p.skew = w.random.Int64N(2*w.Skew) - w.Skew
	}
	w.procs = append(w.procs, p)
	w.log("%-9s starts", p.name)
	w.after(w.delay(), func() {
		if !p.dead {
			p.cause = w.now
			p.perform(m.Start(w.now + p.skew))
		}
	})
	return p
}

// deliver hands an answer to the machine, when the process is awake.
func (p *process) deliver(a core.Answer, what, name string) {
	if p.dead {
		return
	}
	if p.now < p.wakes {
		p.after(p.wakes-p.now, func() { p.deliver(a, what, name) })
		return
	}
	if what != "wake" {
		p.log("%-9s %s %s: %v", p.name, what, short(name), a.Outcome)
	}
	p.cause = p.now
	if i, ok := p.issued[a.Op]; ok {
		p.cause = i.at
		delete(p.issued, a.Op)
	}
	p.perform(p.machine.Step(p.now+p.skew, a))
}

// perform does what a machine says; it may die or fall asleep on the way.
func (p *process) perform(actions []core.Action) {
	for _, a := range actions {
		if p.fault(Crash) {
			p.die("crash")
			return
		}
		p.act(a)
	}
	if p.judge != nil {
		p.judge.stepped(p)
	}
	if !p.dead && p.fault(Pause) {
		p.wakes = p.now + p.random.Int64N(12*second)
		p.log("%-9s falls asleep for %.1f s", p.name, float64(p.wakes-p.now)/second)
		p.engine.unseen(p)
	}
}

// die ends a process without a word.
func (p *process) die(why string) {
	if !p.dead {
		p.log("%-9s dies: %s", p.name, why)
		p.dead = true
		p.engine.unseen(p)
	}
}

// act does one action.
func (p *process) act(action core.Action) {
	s := p.store
	switch a := action.(type) {
	case core.Put:
		p.judge.putting(p, a.Name)
		s.put(p, a.Op, a.Name, a.Data)
	case core.Get:
		s.get(p, a.Op, a.Name, a.Settled)
	case core.List:
		s.list(p, a.Op, a.Prefix)
	case core.Remove:
		s.remove(p, a.Op, a.Name)
	case core.Publish:
		s.publish(p, a.Op, a.File)
	case core.Check:
		s.operate(p, a.Op, "check", a.Files[0].Name, false, func() core.Answer { return core.Answer{Outcome: s.whole(a.Files[0])} })
	case core.Load:
		p.load(a)
	case core.Compute:
		p.compute(a)
	case core.Save:
		p.save(a.Op, a.Files[0])
	case core.Freeze:
		p.freeze(a)
	case core.Compose:
		p.compose(a)
	case core.Ask:
		p.ask(a)
	case core.Wake:
		p.after(a.After, func() { p.deliver(core.Answer{Op: a.Op}, "wake", "") })
	case core.Respond:
		p.respond(a)
	case core.Exit:
		p.log("%-9s exits %d: %s", p.name, a.Code, a.Reason)
		p.dead = true
		p.judge.exited(p, a)
		p.engine.exited(p, a.Code)
	default:
		panic(fmt.Sprintf("quern: bug: action %T", action))
	}
}

// save stores a computed file under its own name.
func (p *process) save(op core.Op, f record.File) {
	data := p.drafts[f.Name]
	p.store.operate(p, op, "save", f.Name, true, func() core.Answer {
		old := p.store.objects[f.Name]
		switch {
		case old != nil && p.bug.Is(museum.FixedNames):
			old.data = data
			p.judge.overwritten(f.Name)
		case old != nil && sha256.Sum256(old.data) != f.SHA256:
			return core.Answer{Outcome: core.Failed}
		case old == nil:
			p.store.add(f.Name, data)
		}
		return core.Answer{}
	})
}

// keep stores a small file that the driver made, and answers with it.
func (p *process) keep(op core.Op, what string, f record.File, data []byte, next record.Phase) {
	p.store.operate(p, op, what, f.Name, true, func() core.Answer {
		if p.store.objects[f.Name] == nil {
			p.store.add(f.Name, data)
		}
		return core.Answer{File: f, Next: next}
	})
}

// ask sends a request to a coordinator; nobody knows which one will get it.
func (p *process) ask(a core.Ask) {
	id := uint64(len(p.calls) + 1)
	p.calls[id] = call{p, a.Op}
	p.issued[a.Op] = issue{p.now, "ask"}
	p.after(p.Timeout, func() {
		p.deliver(core.Answer{Op: a.Op, Outcome: core.Unknown}, "wake", "")
		if to := p.engine.reached(); to != nil && p.now >= to.wakes {
			to.perform(to.machine.Step(p.now+to.skew, core.Hangup{ID: id}))
		}
	})
	for range p.copies() {
		r := a.Request
		if r.Kind == core.Propose && p.random.IntN(4) > 0 {
			r.Partial, r.Digest = p.enclosed(r)
		}
		p.after(p.delay(), func() {
			if to := p.engine.reached(); to != nil {
				to.called(core.Call{ID: id, Request: r})
			}
		})
	}
}

// copies draws how many copies of a message arrive.
func (w *world) copies() int {
	switch {
	case w.fault(Lost):
		return 0
	case w.fault(Doubled):
		return 2 + w.random.IntN(2)
	}
	return 1
}

// called hands a request to a coordinator, when it is awake.
func (p *process) called(c core.Call) {
	switch {
	case p.dead:
	case p.now < p.wakes:
		p.after(p.wakes-p.now, func() { p.called(c) })
	default:
		p.log("%-9s is asked about phase %d shard %d by %s", p.name, c.Request.Phase, c.Request.Shard, p.calls[c.ID].from.name)
		p.cause = p.now
		p.perform(p.machine.Step(p.now+p.skew, c))
	}
}

// respond sends a reply back.
func (p *process) respond(a core.Respond) {
	to := p.calls[a.Call]
	for range p.copies() {
		p.after(p.delay(), func() {
			to.from.deliver(core.Answer{Op: to.op, Reply: a.Reply}, "reply", a.Reply.Verdict.String())
		})
	}
}
