package drive

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"quern/internal/failpoint"
	"quern/shard/commitlog"
	"quern/shard/core"
	"quern/shard/record"
)

// Options are what a Driver needs besides the machine.
type Options struct {
	Log      *commitlog.Log
	Work     Work
	Asker    Asker  // nil: there is no coordinator to ask
	Document string // the plan's
	Memory   int64  // bytes of the partials that are read at the same time; 0: 256 MiB
	// Trace is told what became of every action; nil: nobody is. It is called from many
	// goroutines.
	Trace func(core.Action, core.Answer)

	fault func(core.Action, moment) bool // tests: dies there, without a word, if true
	pace  int64                          // tests: waits are shortened by this factor; 0: 1
}

// moment is when something happens to an action.
type moment byte

// The moments.
const (
	beforeAction moment = iota
	afterAction         // and its answer is lost
)

// How long things may take.
const (
	proposeTime = 10 * time.Second // and a second for every 4 MiB of the partial
	waitTime    = 30 * time.Second
	graceTime   = 4 * time.Second // from the machine's end to Run's, if an action does not end
)

// actionsAtOnce bounds the store operations that are under way.
const actionsAtOnce = 64

// ErrEnded is the error of a Call to a machine that has ended.
var ErrEnded = errors.New("the coordinator has ended")

// Seed returns fresh randomness for the life of a machine.
func Seed() (seed [16]byte) {
	rand.Read(seed[:])
	return seed
}

// Driver runs one machine, once. Its methods but Run are safe for concurrent use.
type Driver struct {
	o      Options
	loads  *budget
	slots  chan struct{} // one for each store operation under way
	events chan item     // without a buffer: what was sent has been taken
	quit   chan struct{} // closed when the machine has ended

	stepping sync.Mutex // held while the machine is used
	machine  core.Machine

	calling sync.Mutex
	last    uint64
	calls   map[uint64]chan core.Reply

	// Of Run and the goroutines that it starts.
	group   sync.WaitGroup
	timers  map[core.Op]*time.Timer
	draft   *draft // what was computed last
	partial []byte // of what was computed last, if its phase learns
	cause   string // of the last answer that was not what was hoped for
	full    string // the cause that was a full disk; "": none
}

// draft is the result of an attempt.
type draft struct {
	attempt record.Attempt
	*Result
}

// abort gives up what was not saved.
func (d *draft) abort() {
	if d != nil {
		for _, w := range d.Writers {
			w.Abort()
		}
	}
}

// item is an event for the machine, and what comes with it.
type item struct {
	event core.Event
	draft *draft // of a Compute
	taken func() // is called when the machine has taken it; may be nil
}

// New returns a Driver of a machine that was not started.
func New(machine core.Machine, o Options) *Driver {
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	return &Driver{o: o, machine: machine, loads: newBudget(o.Memory), slots: make(chan struct{}, actionsAtOnce),
		events: make(chan item), quit: make(chan struct{}), calls: map[uint64]chan core.Reply{}, timers: map[core.Op]*time.Timer{}}
}

// Run runs the machine to its end. When ctx is cancelled the machine is asked to stop,
// and Run returns within five seconds. No goroutine is left but those of Work and stores
// that do not heed their contexts.
func (d *Driver) Run(ctx context.Context) core.Exit {
	inner, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	actions := d.step(func(now int64) []core.Action { return d.machine.Start(now) })
	for {
		for _, a := range actions {
			if exit, ends := a.(core.Exit); ends {
				return d.end(exit, cancel)
			}
			d.perform(inner, a)
		}
		select {
		case i := <-d.events:
			if i.event == nil { // a test kills us
				return d.end(core.Exit{Code: -1}, cancel)
			}
			actions = d.take(i)
		case <-ctx.Done():
			actions = d.step(func(now int64) []core.Action { return d.machine.Step(now, core.Stop{}) })
		}
	}
}

// take hands an event to the machine.
func (d *Driver) take(i item) []core.Action {
	if i.draft != nil {
		d.draft.abort()
		d.draft, d.partial = i.draft, i.draft.Partial
	}
	if a, ok := i.event.(core.Answer); ok {
		delete(d.timers, a.Op)
		if a.Cause != "" {
			d.cause = a.Cause
		}
		if noSpace(a.Cause) {
			d.full = a.Cause
		}
	}
	actions := d.step(func(now int64) []core.Action { return d.machine.Step(now, i.event) })
	if i.taken != nil {
		i.taken()
	}
	if d.full != "" { // to try again would fill what others make room of
		actions = append(actions, d.step(func(now int64) []core.Action { return d.machine.Step(now, core.Stop{}) })...)
	}
	return actions
}

// noSpace reports whether a cause is that a disk, a quota or a limit on files is exhausted.
func noSpace(cause string) bool {
	return slices.ContainsFunc([]syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG},
		func(e syscall.Errno) bool { return strings.Contains(cause, e.Error()) })
}

// Full returns, after Run, the error of a disk that was full, which ended the machine as if
// it had been asked to stop; "": none did.
func (d *Driver) Full() string { return d.full }

// step uses the machine.
func (d *Driver) step(f func(now int64) []core.Action) []core.Action {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	return f(time.Now().UnixMicro())
}

// Look calls f between two steps of the machine, to read what it knows. F must not take
// long.
func (d *Driver) Look(f func()) {
	d.stepping.Lock()
	defer d.stepping.Unlock()
	f()
}

// end cleans up after the machine. What is under way is cut off; an action that does
// not end is left behind.
func (d *Driver) end(exit core.Exit, cancel func()) core.Exit {
	if failpoint.On {
		failpoint.Point("failpoint:machine.exit.before")
	}
	cancel()
	close(d.quit)
	for _, t := range d.timers {
		if t.Stop() {
			d.group.Done()
		}
	}
	done := make(chan struct{})
	go func() {
		d.group.Wait()
		d.draft.abort() // what was saved stays
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(graceTime):
	}
	if d.full != "" && exit.Code == core.Retry {
		exit.Reason = d.full
	} else if d.cause != "" && (exit.Code == core.Retry && exit.Reason != "stopped" || exit.Code == core.Broken) {
		exit.Reason += "; the last error: " + d.cause
	}
	return exit
}

// send hands an event to the machine; false if it has ended.
func (d *Driver) send(i item) bool {
	select {
	case d.events <- i:
		return true
	case <-d.quit:
		return false
	}
}

// Call hands a request to a coordinator and waits for the reply. When ctx ends the
// coordinator forgets about it, though a proposal may still be settled.
func (d *Driver) Call(ctx context.Context, r core.Request) (core.Reply, error) {
	answered := make(chan core.Reply, 1)
	d.calling.Lock()
	d.last++
	id := d.last
	d.calls[id] = answered
	d.calling.Unlock()
	defer func() {
		d.calling.Lock()
		defer d.calling.Unlock()
		delete(d.calls, id)
	}()
	select {
	case d.events <- item{event: core.Call{ID: id, Request: r}}:
	case <-d.quit:
		return core.Reply{}, ErrEnded
	case <-ctx.Done():
		return core.Reply{}, ctx.Err()
	}
	select {
	case reply := <-answered:
		return reply, nil
	case <-ctx.Done():
		d.send(item{event: core.Hangup{ID: id}})
		return core.Reply{}, ctx.Err()
	case <-d.quit:
	}
	select { // the answer may have been its last word
	case reply := <-answered:
		return reply, nil
	default:
		return core.Reply{}, ErrEnded
	}
}

// respond answers a call, if somebody still waits.
func (d *Driver) respond(a core.Respond) {
	if failpoint.On {
		failpoint.Point("failpoint:call.respond.before")
		defer failpoint.Point("failpoint:call.respond.after")
	}
	d.calling.Lock()
	defer d.calling.Unlock()
	if answered := d.calls[a.Call]; answered != nil {
		answered <- a.Reply
	}
}
