package simulate

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"quern/shard/core"
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// Report is what a simulated cluster came to.
type Report struct {
	Seed      uint64
	Setting   Setting
	Violation string // "": everything held
	Events    int
	Finished  bool    // readers see the output; else too many shards failed
	Computes  int     // tasks' work that was begun
	Deaths    int     // workers that died with their coordinator
	Happened  Chances // how often each fault did
	Micros    int64
	Trace     []string
	History   []Operation
}

// String is the report for people; with a trace, it is the whole story.
func (r *Report) String() string {
	text := fmt.Sprintf("seed %d: %s after %d events, %.1f s\nsetting %+v", r.Seed, r.Violation, r.Events, float64(r.Micros)/second, r.Setting)
	if len(r.Trace) > 0 {
		text += "\n" + strings.Join(r.Trace, "\n")
	}
	return text
}

// Wish says what a report should hold beside the outcome.
type Wish struct{ Trace, History bool }

// Run simulates the cluster of a seed.
func Run(seed uint64, bug museum.Bug, wish Wish) *Report {
	return RunSetting(seed, settingOf(seed), bug, wish)
}

// settingOf draws the setting of a seed.
func settingOf(seed uint64) Setting { return draw(rand.New(rand.NewPCG(seed, 0x517e))) }

// RunSetting simulates a cluster of that setting. First everything goes wrong that the
// setting allows; then nothing does, and the job must come to its end; then all is
// started once more and must find nothing to do.
func RunSetting(seed uint64, s Setting, bug museum.Bug, wish Wish) *Report {
	w := &world{Setting: s, bug: bug, random: rand.New(rand.NewPCG(seed, 1)), calls: map[uint64]call{}, now: epoch}
	report := &Report{Seed: seed, Setting: s}
	if wish.Trace {
		w.trace = &report.Trace
	}
	if wish.History {
		w.history = &report.History
	}
	w.plan = record.Plan{Phase: record.Phase{Learns: s.Learning > 0, Shards: uint32(s.Shards)}, AllowFailed: s.AllowFailed,
		Document: "_quern/manifest.json", Spec: []byte("simulated")}
	var plan []byte
	plan, w.job = w.plan.Encode()
	w.names = record.NamesOf(w.job)
	w.store = &store{world: w, objects: map[string]*object{}}
	w.judge = &judge{world: w, slots: map[string][]byte{}, epochs: map[uint64]*process{}}
	w.engine = newEngine(w)
	if !s.Coordinated { // whoever submits the tasks has put the plan
		w.store.objects[w.names.Plan()] = &object{data: plan, durable: true}
		w.store.note(&process{number: -1}, "put", w.names.Plan(), epoch-1, core.Answer{})(epoch)
	}
	w.phases()
	report.Violation, report.Events, report.Micros = w.broken, w.events, w.now-epoch
	report.Finished, report.Computes, report.Deaths, report.Happened = w.judge.done(), w.judge.computes, w.deaths, w.happened
	return report
}

// The bounds of the phase in which nothing goes wrong.
const (
	calmTime   = 300 * second
	calmEvents = 200_000
)

// phases runs the cluster.
func (w *world) phases() {
	w.engine.turn()
	w.run(w.now+w.Faulty, func() bool { return w.engine.over() })
	w.log("--------- from here on nothing goes wrong")
	w.calm = true
	for _, p := range w.procs {
		p.wakes = 0
	}
	limit := w.events + calmEvents
	w.run(w.now+calmTime, func() bool { return w.engine.over() && w.finished() || w.events > limit })
	if w.broken == "" && !(w.engine.over() && w.finished()) {
		w.violated("the job does not come to its end: %s", w.missing())
	}
	if w.broken != "" || !w.judge.done() {
		return
	}
	w.again()
}

// finished reports whether the job came to an end, good or bad.
func (w *world) finished() bool { return w.judge.done() || w.judge.doomed() }

// missing says what an unfinished job lacks.
func (w *world) missing() string {
	var open []string
	for _, t := range w.engine.tasks {
		if !t.done {
			open = append(open, fmt.Sprintf("task %d/%d", t.phase, t.shard))
		}
	}
	return fmt.Sprintf("tasks %v, visible %v, coordinator done %v", open, w.judge.done(), w.engine.finished)
}

// again starts everything once more, zombies beside it, and a collection.
func (w *world) again() {
	w.log("--------- all is started again")
	w.run(w.now+40*second, func() bool { return false }) // what is under way comes to its end
	w.judge.afterlife = true
	w.engine = newEngine(w)
	w.engine.turn()
	w.run(w.now+100*second, func() bool { return w.engine.over() })
	if w.broken == "" && !w.engine.over() {
		w.violated("a finished job that is started again does not end: %s", w.missing())
	}
	w.start("collector", core.NewCollector(core.CollectorOptions{Options: w.engine.options(), Grace: 1}), nil, func() uint64 { return 0 })
	w.run(w.now+40*second, func() bool { return false })
}
