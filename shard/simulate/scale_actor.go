package simulate

import (
	"fmt"
	"strings"

	"quern/shard/core"
	"quern/shard/record"
)

// actor is a process of a fleet: a machine that computes one event after the other.
type actor struct {
	*fleet
	machine core.Machine
	inbox   []core.Event
	busy    bool
	pending float64 // microseconds that the event at hand costs
	cores   []int64 // when each is free to decode
	network meter
	calls   map[uint64]func(core.Reply)
	ended   bool
}

// start brings a machine to life.
func (f *fleet) start(m core.Machine) *actor {
	a := &actor{fleet: f, machine: m, cores: make([]int64, max(1, f.Costs.Cores))}
	if f.Costs.Network > 0 {
		a.network.gap = 1e6 * f.Costs.PartialBytes / f.Costs.Network
	}
	a.perform(m.Start(f.now))
	return a
}

// take hands an event to the machine as soon as that has computed the ones before.
func (a *actor) take(e core.Event) {
	a.inbox = append(a.inbox, e)
	if !a.busy {
		a.serve()
	}
}

// serve computes event after event. Only who closes phases computes enough to be counted.
func (a *actor) serve() {
	a.busy = false
	for len(a.inbox) > 0 && !a.ended {
		e := a.inbox[0]
		a.inbox = a.inbox[1:]
		a.pending = 0
		actions := a.machine.Step(a.now, e)
		if a == a.driver {
			a.pending += a.Costs.Step
			a.told.Busy += a.pending
		}
		if cost := int64(a.pending); cost > 0 {
			a.busy = true
			a.after(cost, func() { a.perform(actions); a.serve() })
			return
		}
		a.perform(actions)
	}
}

// answer gives the answer of an action after a while.
func (a *actor) answer(after int64, answer core.Answer) {
	a.after(after, func() { a.take(answer) })
}

// perform does what a machine says.
func (a *actor) perform(actions []core.Action) {
	for _, action := range actions {
		switch x := action.(type) {
		case core.Put:
			a.put(x.Op, x.Name, x.Data, core.Answer{})
		case core.Get:
			a.get(x)
		case core.List:
			a.list(x)
		case core.Load:
			a.load(x)
		case core.Compute:
			a.compute(x)
		case core.Save:
			a.put(x.Op, "", nil, core.Answer{})
		case core.Publish:
			a.publish(x)
		case core.Freeze:
			next := record.Phase{Number: x.Phase.Number + 1, Learns: int(x.Phase.Number)+1 < a.Learning, Shards: uint32(a.Shards)}
			a.after(int64(a.Costs.Freeze), func() { a.put(x.Op, "", nil, core.Answer{File: stated(x.Name, ""), Next: next}) })
		case core.Compose:
			a.put(x.Op, "", nil, core.Answer{File: stated(x.Name, a.plan.Document)})
		case core.Ask:
			a.ask(x)
		case core.Wake:
			a.answer(x.After, core.Answer{Op: x.Op})
		case core.Respond:
			back := a.calls[x.Call]
			delete(a.calls, x.Call)
			a.after(a.Costs.Message.draw(a.random), func() { back(x.Reply) })
		case core.Exit:
			a.exit(x)
		default:
			panic(fmt.Sprintf("quern: bug: action %T", action))
		}
	}
}

// put stores an object; one without a name is only counted.
func (a *actor) put(op core.Op, name string, data []byte, answer core.Answer) {
	a.told.Puts++
	answer.Op = op
	took := a.puts.pass(a.now) + a.Store.Put.draw(a.random)
	a.after(took/2, func() { // it is there before the writer hears of it
		if name != "" {
			if a.objects[name] != nil {
				answer.Outcome = core.Exists
			} else {
				a.stored(name, data)
			}
		}
		a.answer(took-took/2, answer)
	})
}

// stored notes an object that can be seen from now on.
func (f *fleet) stored(name string, data []byte) {
	f.objects[name] = data
	folder := name[:strings.LastIndexByte(name, '/')+1]
	f.listed[folder] = append(f.listed[folder], name)
	switch {
	case strings.HasSuffix(folder, "/claim/"):
		f.told.Claims++
		f.claims[f.now/second]++
		f.last = f.now
	case strings.HasSuffix(name, "/fitted") || name == f.names.Manifest():
		f.closed()
	}
}

// reading is how long it takes to read so many bytes.
func (a *actor) reading(bytes float64) int64 {
	a.told.Gets++
	took := a.gets.pass(a.now) + a.Store.Get.draw(a.random)
	if a.Store.Bytes > 0 {
		took += int64(1e6 * bytes / a.Store.Bytes)
	}
	return took
}

func (a *actor) get(x core.Get) {
	took := a.reading(0)
	a.after(took/2, func() {
		answer := core.Answer{Op: x.Op, Outcome: core.Missing}
		if data := a.objects[x.Name]; data != nil {
			answer.Outcome, answer.Data = core.Done, data
		}
		a.answer(took-took/2, answer)
	})
}

// publish looks for the final name, and if nobody gave it yet looks at the file and links
// it. What the bytes take to be read is left out.
func (a *actor) publish(x core.Publish) {
	if a.published[x.File.Final] {
		a.answer(a.reading(0), core.Answer{Op: x.Op})
		return
	}
	a.published[x.File.Final] = true
	a.after(a.reading(0)+a.reading(0), func() { a.put(x.Op, "", nil, core.Answer{}) })
}

// list lists a folder, page after page. What comes meanwhile is in it.
func (a *actor) list(x core.List) {
	pages := len(a.listed[x.Prefix])/max(1, a.Store.Page) + 1
	took := int64(0)
	for range pages {
		took += a.Store.List.draw(a.random)
	}
	took += a.gets.pass(a.now)
	a.told.Pages += int64(pages)
	a.after(took, func() {
		all := a.listed[x.Prefix]
		a.take(core.Answer{Op: x.Op, Names: all[:len(all):len(all)]})
	})
}

// partial is the statistic of one shard, for this actor to merge.
func (a *actor) partial() *one {
	return &one{1, func() {
		a.pending += a.Costs.Merge
		a.told.Merged += a.Costs.PartialBytes
	}}
}

// decoded returns how long it takes until a partial is decoded: on the first core that
// is free.
func (a *actor) decoded() int64 {
	first := 0
	for i, free := range a.cores {
		if free < a.cores[first] {
			first = i
		}
	}
	a.cores[first] = max(a.now, a.cores[first]) + int64(a.Costs.Decode)
	return a.cores[first] - a.now
}

// load reads a partial.
func (a *actor) load(x core.Load) {
	took := max(a.reading(a.Costs.PartialBytes), a.network.pass(a.now))
	a.after(took, func() { a.answer(a.decoded(), core.Answer{Op: x.Op, Statistic: a.partial()}) })
}

// compute does a task.
func (a *actor) compute(x core.Compute) {
	took := a.Task.draw(a.random)
	if a.random.Float64() < a.Straggle {
		took = int64(float64(took) * a.StraggleBy)
	}
	a.work += float64(took)
	final := ""
	if !x.Task.Phase.Learns {
		final = partName(x.Task.Shard)
	}
	a.answer(took, core.Answer{Op: x.Op, Work: &core.Work{Files: []record.File{stated(x.Task.File(0), final)}, Rows: 1}})
}

// ask sends a request to the coordinator, with the partial.
func (a *actor) ask(x core.Ask) {
	to, r := a.driver, x.Request
	a.told.Calls++
	answer := func(reply core.Reply) { a.take(core.Answer{Op: x.Op, Reply: reply}) }
	way := a.Costs.Message.draw(a.random)
	if to.calls == nil {
		to.calls = map[uint64]func(core.Reply){}
	}
	id := uint64(a.told.Calls)
	to.calls[id] = answer
	if r.Kind != core.Propose || int(r.Phase) >= a.Learning {
		a.after(way, func() { to.take(core.Call{ID: id, Request: r}) })
		return
	}
	a.after(way, func() {
		a.after(to.network.pass(a.now), func() {
			a.after(to.decoded(), func() {
				r.Partial, r.Digest = to.partial(), stated("", "").SHA256
				to.take(core.Call{ID: id, Request: r})
			})
		})
	})
}

// exit ends a process; a worker goes on with the next shard.
func (a *actor) exit(x core.Exit) {
	a.ended = true
	if x.Code != core.Committed {
		panic("quern: bug: nothing goes wrong, but " + x.Reason)
	}
	if a == a.driver {
		a.done = true
		return
	}
	if !a.Coordinated && a.objects[a.names.Manifest()] != nil {
		a.done = true
		return
	}
	a.after(0, a.next)
}
