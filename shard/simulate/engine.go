package simulate

import (
	"fmt"

	"quern/shard/core"
)

// engine starts processes and starts them again when they end badly, as the engines
// that quern runs on do. It knows nothing of the protocol but exit codes.
type engine struct {
	*world
	tasks     []*task
	drivers   []*process // coordinators, the latest last
	finished  bool       // a coordinator said that the job is done
	cancelled bool       // a coordinator said that it cannot be
}

// task is a shard of a phase, as an engine sees it.
type task struct {
	phase, shard int
	running      []*process
	done         bool
	wait         int64 // no earlier than this is it started again
}

func newEngine(w *world) *engine {
	e := &engine{world: w}
	for phase := range w.Learning + 1 {
		for shard := range w.Shards {
			e.tasks = append(e.tasks, &task{phase: phase, shard: shard})
		}
	}
	return e
}

// live drops processes that ended, or that the engine takes for dead.
func live(procs []*process, now int64) (alive []*process) {
	for _, p := range procs {
		if !p.dead && p.wakes <= now {
			alive = append(alive, p)
		}
	}
	return alive
}

// turn starts what should run, again and again.
func (e *engine) turn() {
	if e.Coordinated && !e.finished && !e.cancelled && (len(live(e.drivers, e.now)) == 0 || e.fault(Rival)) {
		e.startDriver()
	}
	if e.fault(Collect) {
		e.start("collector", core.NewCollector(core.CollectorOptions{Options: e.options(), Grace: second}), nil, func() uint64 { return 0 })
	}
	if e.fault(Power) {
		e.store.blackOut()
	}
	if e.fault(Decease) {
		for _, d := range live(e.drivers, e.now) {
			d.die("crash")
		}
	}
	busy := 0
	for _, t := range e.tasks {
		t.running = live(t.running, e.now)
		busy += len(t.running)
	}
	for _, t := range e.tasks {
		if busy >= e.Workers || e.cancelled {
			break
		}
		if t.done || len(t.running) > 0 || t.wait > e.now || !e.due(t) {
			continue
		}
		busy++
		e.startTask(t)
		if e.fault(Twin) {
			e.startTask(t)
		}
	}
	e.after(200*millisecond, e.turn)
}

// due reports whether a task should be started: when the phases before are done, and
// sometimes too early.
func (e *engine) due(t *task) bool {
	for _, before := range e.tasks {
		if before.phase < t.phase && !before.done {
			return e.fault(Early)
		}
	}
	return true
}

// options are those of the next process.
func (e *engine) options() core.Options {
	o := core.Options{Job: e.job, Bug: e.bug}
	for i := range o.Seed {
		o.Seed[i] = byte(e.random.Uint32())
	}
	return o
}

func (e *engine) startDriver() {
	c := core.NewCoordinator(core.CoordinatorOptions{Options: e.options(), Plan: e.plan, Tick: e.Tick})
	e.drivers = append(e.drivers, e.start("driver", c, nil, func() uint64 { return c.Progress().Epoch }))
}

func (e *engine) startTask(t *task) {
	epoch := uint64(0)
	switch {
	case e.Owned && e.finished:
		epoch = 1
	case e.Owned:
		alive := live(e.drivers, e.now)
		if len(alive) == 0 || alive[len(alive)-1].epoch() == 0 {
			return
		}
		epoch = alive[len(alive)-1].epoch()
	}
	w := core.NewWorker(core.WorkerOptions{Options: e.options(), Phase: uint32(t.phase), Shard: uint32(t.shard),
		Epoch: epoch, Coordinated: e.Coordinated, Patience: e.Patience})
	p := e.start(fmt.Sprintf("task%d/%d", t.phase, t.shard), w, t, func() uint64 { return epoch })
	t.running = append(t.running, p)
}

// unseen is told of processes that the engine no longer hears of. Most workers die with
// the coordinator that owns them.
func (e *engine) unseen(p *process) {
	if _, drives := p.machine.(*core.Coordinator); !drives || !p.dead || !e.Owned {
		return
	}
	for _, t := range e.tasks {
		for _, worker := range t.running {
			if !worker.dead && (e.Chances[Decease] > 0 || e.random.IntN(10) > 0) {
				e.deaths++
				worker.die("with its coordinator")
			}
		}
	}
}

// exited is told how a process ended.
func (e *engine) exited(p *process, code core.Code) {
	if _, drives := p.machine.(*core.Coordinator); drives {
		e.finished = e.finished || code == core.Committed
		e.cancelled = e.cancelled || code == core.Poisoned
		return
	}
	if p.task == nil {
		return
	}
	if code == core.Committed || code == core.Poisoned {
		p.task.done = true
		return
	}
	p.task.wait = e.now + e.random.Int64N(second)
}

// reached returns the coordinator that a message gets to: mostly the latest, sometimes
// one that is thought to be dead.
func (e *engine) reached() *process {
	if n := len(e.drivers); n > 1 && e.fault(Astray) {
		return e.drivers[e.random.IntN(n)]
	}
	if alive := live(e.drivers, e.now); len(alive) > 0 {
		return alive[len(alive)-1]
	}
	return nil
}

// over reports whether the engine has nothing left to do.
func (e *engine) over() bool {
	if e.cancelled {
		return true
	}
	for _, t := range e.tasks {
		if !t.done {
			return false
		}
	}
	return e.finished || !e.Coordinated
}
