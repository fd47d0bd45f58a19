package procs

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"time"

	"quern/internal/failpoint"
	"quern/shard/core"
)

// Options are what a Pool needs.
type Options struct {
	Children int
	// Command makes child i, not started. The pool sets its standard streams and
	// SysProcAttr. Its context is not to kill it: the pool does that.
	Command func(i int) *exec.Cmd
	// Pending returns the shards of the phase at hand that are not settled; false while
	// that is not known. It is asked when the pool has nothing to hand out.
	Pending func() (phase uint32, shards []uint32, known bool)
	// Size of a shard, in any unit: the largest are handed out first. Nil: in order.
	Size func(phase, shard uint32) int64
	// Assign is told which shard child i is about to do, before the child is: who checks
	// what a child may do must know first. Nil: nobody is.
	Assign func(i int, d Descriptor)
	// Notify is told what happens, from the goroutine of Run; nil: nobody is.
	Notify func(Event)

	Tries    int           // of a shard before the job fails; 0: 4
	Straggle time.Duration // tasks below this are never too slow; 0: 10 s
	Stuck    time.Duration // no task takes so long; 0: an hour
}

// ErrFenced ends a pool whose children say that another driver took the job over.
var ErrFenced = errors.New("another driver took the job over")

// ShardError says that a shard was tried too often, or that its log is damaged.
type ShardError struct {
	Descriptor
	Tries  int
	Reason string // of the last try, with the last words of its process
}

// Error names the shard.
func (e *ShardError) Error() string {
	return fmt.Sprintf("shard %d of phase %d failed %d times; the last time: %s", e.Shard, e.Phase, e.Tries, e.Reason)
}

// FullError says that a child found a disk full: others would, too.
type FullError struct {
	Descriptor
	Reason string
}

// Error gives the reason.
func (e *FullError) Error() string { return e.Reason }

// Kind tells what an Event is.
type Kind byte

// The kinds.
const (
	Started Kind = iota // a child began a shard
	Twinned             // another child began it too, because it takes long
	Settled             // the shard is done
	Poison              // the shard can never be done, and the log says so
	Failed              // a try failed; there will be another one
	Died                // a child ended without being told to
)

// Event is something that happened.
type Event struct {
	Kind Kind
	Descriptor
	Child  int           // its seat
	Pid    int           // of Started and Twinned: its process
	Answer Answer        // of Settled and Poison
	Took   time.Duration // of Settled and Poison
	Reason string        // of Failed and Died
}

// State is how far the pool is, for a progress bar. Rows and bytes are those that its
// children computed.
type State struct {
	Phase                    uint32
	Shards                   int // of the phase, that were pending when it began here
	Done, Failed, Running    int
	Children, Twins, Retries int
	Rows, Bytes              int64         // of this phase
	Device                   string        // that children computed on
	Peak                     int64         // the most memory that a child has had, in bytes
	Busy                     time.Duration // that children spent with tasks, all phases together
}

// Pool runs tasks in child processes.
type Pool struct {
	o  Options
	mu sync.Mutex
	s  State
}

// New returns a Pool.
func New(o Options) *Pool {
	if o.Tries == 0 {
		o.Tries = 4
	}
	if o.Straggle == 0 {
		o.Straggle = 10 * time.Second
	}
	if o.Stuck == 0 {
		o.Stuck = time.Hour
	}
	return &Pool{o: o}
}

// State returns how far the pool is. It is safe to call at any time.
func (p *Pool) State() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.s
}

// change changes the state.
func (p *Pool) change(f func(s *State)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.s)
}

// notify tells an event.
func (p *Pool) notify(e Event) {
	if p.o.Notify != nil {
		p.o.Notify(e)
	}
}

// Run does the tasks until ctx is cancelled, which whoever drives the job does at its
// end; it is no error. *ShardError, *FullError or ErrFenced end it earlier. All children have ended
// when it returns, which takes at most some seconds.
func (p *Pool) Run(ctx context.Context) error {
	r := &run{Pool: p, starter: newStarter(), reports: make(chan report), seats: make([]seat, p.o.Children)}
	defer r.starter.stop()
	for {
		now := time.Now()
		err := r.refill(now)
		if err == nil {
			err = r.occupy(now)
		}
		if err != nil {
			r.finish(true)
			return err
		}
		r.watch(now)
		select {
		case got := <-r.reports:
			if err := r.take(got); err != nil {
				r.finish(true)
				return err
			}
		case <-time.After(r.rest()):
		case <-ctx.Done():
			r.finish(false)
			return nil
		}
	}
}

// run is one Run of a pool.
type run struct {
	*Pool
	shards
	starter   *starter
	reports   chan report
	seats     []seat
	begun     bool      // a phase was opened
	progress  time.Time // when something was settled last
	finishing bool
	misfires  int // processes that could not be started, one after the other
}

// seat is the place of a child.
type seat struct {
	child    *child // nil: none
	failures int    // children that died here without having done anything
	after    time.Time
}

// rest is how long nothing needs to be looked at.
func (r *run) rest() time.Duration {
	for i := range r.seats {
		if c := r.seats[i].child; c == nil || c.task == nil {
			return 10 * time.Millisecond // for the next phase, or a task whose pause is over
		}
	}
	return 100 * time.Millisecond
}

// refill asks what is to be done when nothing is left to hand out.
func (r *run) refill(now time.Time) error {
	if len(r.queue) > 0 {
		return nil
	}
	phase, pending, known := r.o.Pending()
	if !known || len(pending) == 0 {
		return nil
	}
	if !r.begun || phase != r.phase {
		r.open(phase, pending, r.o.Size)
		r.begun, r.progress = true, now
		r.change(func(s *State) {
			s.Phase, s.Shards, s.Done, s.Failed, s.Rows, s.Bytes = phase, len(pending), 0, 0, 0, 0
		})
		return nil
	}
	if r.running > 0 || now.Sub(r.progress) < max(r.o.Straggle, longPause) {
		return nil
	}
	r.progress = now
	for _, shard := range pending { // a child said that it is settled, and the coordinator does not know
		t := r.tasks[shard]
		if t == nil {
			t = &task{Descriptor: Descriptor{phase, shard}}
			r.tasks[shard] = t
		}
		if t.tries++; t.tries > r.o.Tries {
			return &ShardError{t.Descriptor, r.o.Tries, "tasks end well, and the log has no claim"}
		}
		t.done = false
		r.again(t, now)
	}
	return nil
}

// occupy gives idle children tasks, and starts children that are missing.
func (r *run) occupy(now time.Time) error {
	for i := range r.seats {
		s := &r.seats[i]
		if s.child != nil && (s.child.task != nil || !s.child.ending.IsZero()) || s.child == nil && s.after.After(now) {
			continue
		}
		kind := Started
		t := r.next(now)
		if t == nil {
			if t = r.straggler(now); t == nil {
				continue
			}
			kind = Twinned
		}
		if err := r.seat(s, i, t, kind, now); err != nil {
			return err
		}
	}
	return nil
}

// seat has the child of a seat do a task.
func (r *run) seat(s *seat, i int, t *task, kind Kind, now time.Time) error {
	giveBack := func() {
		if kind == Started {
			r.again(t, now)
		}
	}
	if s.child == nil {
		c, err := begin(r.starter, r.o.Command(i), i, r.reports)
		if err != nil {
			giveBack()
			s.failures++
			s.after = now.Add(pause(s.failures))
			if r.misfires++; r.misfires >= r.o.Tries {
				return fmt.Errorf("a child process cannot be started: %w", err)
			}
			return nil
		}
		s.child, r.misfires = c, 0
		r.change(func(s *State) { s.Children++ })
	}
	if r.o.Assign != nil {
		r.o.Assign(i, t.Descriptor)
	}
	if !s.child.hand(t, now) {
		giveBack()
		s.child.end(now, true, "")
		return nil
	}
	if t.running++; t.running == 1 {
		r.running++
	}
	r.change(func(s *State) {
		s.Running++
		if kind == Twinned {
			s.Twins++
		}
	})
	r.notify(Event{Kind: kind, Descriptor: t.Descriptor, Child: i, Pid: s.child.command.Process.Pid})
	return nil
}

// straggler returns a task that takes so much longer than others did that another child
// should try it; nil: none.
func (r *run) straggler(now time.Time) *task {
	usual, known := r.median()
	if !known || len(r.queue) > 0 {
		return nil
	}
	for i := range r.seats {
		c := r.seats[i].child
		if c != nil && c.task != nil && !c.task.done && c.task.running == 1 && c.task.Phase == r.phase &&
			now.Sub(c.since) > max(3*usual, r.o.Straggle) {
			return c.task
		}
	}
	return nil
}

// watch ends children that are at something that is done, or that hang.
func (r *run) watch(now time.Time) {
	limit := r.o.Stuck
	if usual, known := r.median(); known {
		limit = min(limit, max(20*usual, 30*r.o.Straggle))
	}
	for i := range r.seats {
		c := r.seats[i].child
		if c == nil {
			continue
		}
		if t := c.task; t != nil && c.ending.IsZero() {
			passed := now.Sub(c.since)
			switch {
			case t.done && passed > r.o.Straggle/5:
				c.end(now, true, "its twin was faster")
			case passed > limit:
				c.end(now, true, fmt.Sprintf("it did not answer for %v", passed.Round(time.Millisecond)))
			}
		}
		c.press(now)
	}
}

// take handles what a child has to say.
func (r *run) take(got report) error {
	failpoint.Point("failpoint:answer.take.before")
	defer failpoint.Point("failpoint:answer.take.after")
	c, now := got.from, time.Now()
	if got.line == nil {
		return r.ended(c, got.end, now)
	}
	if c.task == nil {
		c.end(now, true, fmt.Sprintf("it wrote without being asked: %.200q", got.line))
		return nil
	}
	a, err := parseAnswer(got.line, c.task.Descriptor)
	if err != nil {
		c.end(now, true, err.Error())
		return nil
	}
	c.answered = true
	r.seats[c.seat].failures = 0
	t, took := c.task, now.Sub(c.since)
	r.release(c, now)
	switch {
	case a.Code == core.Fenced:
		return ErrFenced
	case a.Full && a.Code == core.Retry:
		return &FullError{t.Descriptor, a.Reason}
	case t.done:
		return nil
	case a.Code == core.Committed || a.Code == core.Poisoned:
		r.settle(t, a, c.seat, took, now)
		return nil
	case a.Code == core.Broken:
		return &ShardError{t.Descriptor, t.tries + 1, a.Reason}
	case c.fault != "": // it was told to stop
		a.Reason = c.fault
	}
	return r.failed(t, a.Reason, c.seat, now)
}

// release takes a child off its task.
func (r *run) release(c *child, now time.Time) {
	t := c.task
	c.task = nil
	if t.running--; t.running == 0 && t.Phase == r.phase {
		r.running--
	}
	r.change(func(s *State) {
		s.Running--
		s.Busy += now.Sub(c.since)
	})
}

// settle notes that a shard is done, or never will be.
func (r *run) settle(t *task, a Answer, seat int, took time.Duration, now time.Time) {
	kind := Settled
	if a.Code == core.Poisoned {
		kind = Poison
	}
	t.done, r.progress = true, now
	if t.Phase == r.phase {
		r.took(took)
	}
	r.change(func(s *State) {
		if kind == Poison {
			s.Failed++
		} else {
			s.Done++
		}
		s.Rows += a.Rows
		s.Bytes += a.Bytes
		s.Peak = max(s.Peak, a.Peak)
		if a.Device != "" {
			s.Device = a.Device
		}
	})
	r.notify(Event{Kind: kind, Descriptor: t.Descriptor, Child: seat, Answer: a, Took: took})
}

// failed counts a try of a shard that failed.
func (r *run) failed(t *task, reason string, seat int, now time.Time) error {
	if r.finishing {
		return nil
	}
	t.tries++
	r.change(func(s *State) { s.Retries++ })
	r.notify(Event{Kind: Failed, Descriptor: t.Descriptor, Child: seat, Reason: reason})
	if t.tries >= r.o.Tries && t.running == 0 { // a twin may still do it
		return &ShardError{t.Descriptor, t.tries, reason}
	}
	r.retry(t, now.Add(pause(t.tries)))
	return nil
}

// retry puts a task back if nobody is at it and its phase is still the one at hand.
func (r *run) retry(t *task, after time.Time) {
	if t.running == 0 && t.Phase == r.phase && !t.done {
		r.again(t, after)
	}
}

// ended handles the end of a child.
func (r *run) ended(c *child, end error, now time.Time) error {
	c.in.Close()
	s := &r.seats[c.seat]
	s.child = nil
	r.change(func(s *State) { s.Children-- })
	if !c.answered {
		s.failures++
		s.after = now.Add(pause(s.failures))
	}
	t := c.task
	if t == nil {
		if c.ending.IsZero() {
			r.notify(Event{Kind: Died, Child: c.seat, Reason: c.why(end)})
		}
		return nil
	}
	r.release(c, now)
	if t.done {
		return nil
	}
	r.notify(Event{Kind: Died, Descriptor: t.Descriptor, Child: c.seat, Reason: c.why(end)})
	return r.failed(t, c.why(end), c.seat, now)
}

// finish ends all children and waits for them. What they say meanwhile counts.
func (r *run) finish(atOnce bool) {
	r.finishing = true
	for {
		now, left := time.Now(), false
		for i := range r.seats {
			if c := r.seats[i].child; c != nil {
				left = true
				c.end(now, atOnce, "the job has ended")
				c.press(now)
			}
		}
		if !left {
			return
		}
		select {
		case got := <-r.reports:
			r.take(got)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
