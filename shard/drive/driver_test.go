package drive

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"quern/shard/commitlog"
	"quern/shard/core"
	"quern/shard/record"
)

// TestCluster runs a job over a store that loses answers and is slow, while drivers are
// killed and answers of the coordinator are lost.
func TestCluster(t *testing.T) {
	for _, coordinated := range []bool{true, false} {
		t.Run(fmt.Sprintf("coordinated %v", coordinated), func(t *testing.T) {
			leaks(t)
			o := newOffice(t, 6, 12)
			o.store.slow = 2 * time.Millisecond
			o.lose = func() bool { return rand.IntN(4) == 0 }
			o.all(coordinated, func(life int) func(core.Action, moment) bool {
				steps := new(atomic.Int64)
				limit := rand.Int64N(40)
				return func(core.Action, moment) bool { return life < 4 && steps.Add(1) > limit }
			})
			o.judge()
		})
	}
}

// TestEveryShardIsMergedFromTheProposal: without faults a coordinator reads no partial.
func TestEveryShardIsMergedFromTheProposal(t *testing.T) {
	leaks(t)
	o := newOffice(t, 5, 0)
	loads := new(atomic.Int64)
	var group sync.WaitGroup
	group.Go(func() {
		options := o.options()
		options.Trace = func(a core.Action, _ core.Answer) {
			if _, ok := a.(core.Load); ok {
				loads.Add(1)
			}
		}
		if exit := o.drive(t.Context(), o.coordinator(), options); exit.Code != core.Committed {
			t.Errorf("%+v", exit)
		}
	})
	for o.ready() == nil {
		time.Sleep(time.Millisecond)
	}
	for phase := range uint32(2) {
		for shard := range o.plan.Phase.Shards {
			group.Go(func() { o.until(func() core.Machine { return o.worker(phase, shard, true) }, nil) })
		}
	}
	group.Wait()
	o.judge()
	if loads.Load() > 0 {
		t.Errorf("%d partials were read", loads.Load())
	}
}

// ready returns the coordinator if it is at a phase.
func (o *office) ready() *Driver {
	o.mu.Lock()
	chief := o.chief
	o.mu.Unlock()
	if chief == nil {
		return nil
	}
	known := false
	chief.Look(func() { _, _, known = chief.machine.(*core.Coordinator).Pending() })
	if !known {
		return nil
	}
	return chief
}

// step names an action for the test of deaths.
func step(a core.Action, when moment) string {
	name := ""
	switch a := a.(type) {
	case core.Put:
		name = slot(a.Name)
	case core.Get:
		name = slot(a.Name)
	}
	return fmt.Sprintf("%T %s %v", a, name, when)
}

func slot(name string) string {
	for _, s := range []string{"plan", "epoch", "claim", "fitted", "manifest"} {
		if strings.Contains(name, s) {
			return s
		}
	}
	return ""
}

// TestDeathAtEveryStep kills whoever comes first to a step, for every step that an
// undisturbed run takes; others, and its next life, must finish the job.
func TestDeathAtEveryStep(t *testing.T) {
	leaks(t)
	for _, coordinated := range []bool{true, false} {
		seen := map[string]bool{}
		var mu sync.Mutex
		o := newOffice(t, 2, 0)
		o.all(coordinated, func(int) func(core.Action, moment) bool {
			return func(a core.Action, when moment) bool {
				mu.Lock()
				defer mu.Unlock()
				seen[step(a, when)] = true
				return false
			}
		})
		o.judge()
		least := 24
		if coordinated {
			least = 34
		}
		if len(seen) < least {
			t.Errorf("coordinated %v: only %d steps: %v", coordinated, len(seen), seen)
		}
		for where := range seen {
			o := newOffice(t, 2, 0)
			once := new(atomic.Bool)
			o.all(coordinated, func(int) func(core.Action, moment) bool {
				return func(a core.Action, when moment) bool {
					return step(a, when) == where && once.CompareAndSwap(false, true)
				}
			})
			if o.judge(); t.Failed() {
				t.Fatalf("coordinated %v, death at %s", coordinated, where)
			}
		}
	}
}

// TestStopEndsSoon cancels tasks whose work heeds its context, and one that does not.
func TestStopEndsSoon(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		o := newOffice(t, 1, 0)
		synctest.Test(t, func(t *testing.T) {
			o.work.compute = func(ctx context.Context, _ core.Task) error {
				if heeds {
					<-ctx.Done()
					return ctx.Err()
				}
				time.Sleep(time.Hour)
				return nil
			}
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(time.Second, cancel)
			options := o.options()
			began := time.Now()
			exit := New(o.worker(0, 0, false), options).Run(ctx)
			if took := time.Since(began) - time.Second; took > 5*time.Second {
				t.Errorf("heeds %v: stopped after %v", heeds, took)
			}
			if exit.Code != core.Retry || exit.Reason != "stopped" || ctx.Err() == nil {
				t.Errorf("heeds %v: %+v", heeds, exit)
			}
			if !heeds {
				time.Sleep(2 * time.Hour) // what it wrote at last is given up
			}
		})
		if n := o.work.drafts.Load(); n != 0 {
			t.Errorf("heeds %v: %d writers are left", heeds, n)
		}
	}
}

// TestCallsEnd checks that whoever calls a coordinator is never left hanging.
func TestCallsEnd(t *testing.T) {
	leaks(t)
	o := newOffice(t, 2, 0)
	c := o.coordinator()
	d := New(c, o.options())
	early, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Call(early, core.Request{Kind: core.WaitFitted}); !errors.Is(err, context.Canceled) {
		t.Errorf("before it runs: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan core.Exit, 1)
	go func() { ended <- d.Run(ctx) }()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := d.Call(short, core.Request{Kind: core.WaitFitted}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a wait that is given up: %v", err)
	}
	if r, err := d.Call(t.Context(), core.Request{Kind: 9}); err != nil || r.Verdict != core.Denied {
		t.Errorf("nonsense: %+v %v", r, err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := d.Call(t.Context(), core.Request{Kind: core.WaitFitted})
		waiting <- err
	}()
	time.Sleep(20 * time.Millisecond)
	stop()
	if exit := <-ended; exit.Code != core.Retry {
		t.Errorf("%+v", exit)
	}
	if err := <-waiting; !errors.Is(err, ErrEnded) {
		t.Errorf("a wait at the end: %v", err)
	}
	if _, err := d.Call(t.Context(), core.Request{}); !errors.Is(err, ErrEnded) {
		t.Errorf("after the end: %v", err)
	}
	if len(d.calls) > 0 {
		t.Errorf("%d calls are remembered", len(d.calls))
	}
}

// recorder is a machine that notes what happens to it and never ends by itself.
type recorder struct{ events []core.Event }

func (r *recorder) Start(int64) []core.Action { return nil }

func (r *recorder) Step(_ int64, e core.Event) []core.Action {
	r.events = append(r.events, e)
	if _, stops := e.(core.Stop); stops {
		return []core.Action{core.Exit{Code: core.Retry}}
	}
	return nil
}

// TestHangup: the machine hears of it when a caller waits no more, or it would remember
// callers for ever.
func TestHangup(t *testing.T) {
	leaks(t)
	m := &recorder{}
	d := New(m, Options{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan core.Exit, 1)
	go func() { ended <- d.Run(ctx) }()
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	d.Call(short, core.Request{Kind: core.WaitFitted})
	stop()
	<-ended
	if got, want := fmt.Sprintf("%T %+v", m.events, m.events[1:]), "[]core.Event [{ID:1} {}]"; got != want {
		t.Errorf("after the call: %s, want %s", got, want)
	}
}

// asking is an Asker that does as a test says.
type asking func(ctx context.Context, r core.Request, partial []byte) (core.Reply, error)

func (f asking) Ask(ctx context.Context, r core.Request, partial []byte) (core.Reply, error) {
	return f(ctx, r, partial)
}

// TestNobodyKnows: an error of an Asker is an unknown outcome, and asking takes a bounded
// time.
func TestNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		propose, wait := core.Ask{Request: core.Request{Kind: core.Propose}}, core.Ask{Request: core.Request{Kind: core.WaitFitted}}
		d := New(&recorder{}, Options{})
		if a := d.ask(t.Context(), propose, nil).event.(core.Answer); a.Outcome != core.Failed {
			t.Errorf("nobody to ask: %+v", a)
		}
		d.o.Asker = asking(func(ctx context.Context, _ core.Request, _ []byte) (core.Reply, error) {
			<-ctx.Done()
			return core.Reply{Verdict: core.Won}, ctx.Err()
		})
		for _, c := range []struct {
			ask     core.Ask
			partial int
			limit   time.Duration
		}{{propose, 0, 10 * time.Second}, {propose, 40 << 20, 20 * time.Second}, {wait, 0, 30 * time.Second}} {
			began := time.Now()
			a := d.ask(t.Context(), c.ask, make([]byte, c.partial)).event.(core.Answer)
			if took := time.Since(began); a.Outcome != core.Unknown || a.Cause == "" || took != c.limit {
				t.Errorf("no answer: %+v after %v, want %v", a, took, c.limit)
			}
		}
		d.o.Asker = asking(func(context.Context, core.Request, []byte) (core.Reply, error) {
			return core.Reply{Verdict: core.Lost}, nil
		})
		if a := d.ask(t.Context(), propose, nil).event.(core.Answer); a.Outcome != core.Done || a.Reply.Verdict != core.Lost {
			t.Errorf("an answer: %+v", a)
		}
	})
}

// TestPoison: work that can never be done ends the task, or the job, with 42.
func TestPoison(t *testing.T) {
	leaks(t)
	o := newOffice(t, 1, 0)
	o.work.compute = func(context.Context, core.Task) error {
		return fmt.Errorf("reading: %w", &Poison{Cause: "row group 3 is damaged"})
	}
	if exit := o.drive(t.Context(), o.worker(0, 0, false), o.options()); exit != (core.Exit{Code: core.Poisoned, Reason: "row group 3 is damaged"}) {
		t.Errorf("%+v", exit)
	}
	if exit := o.drive(t.Context(), o.worker(0, 0, false), o.options()); exit.Code != core.Committed {
		t.Errorf("the next attempt: %+v", exit)
	}
	if exit := o.drive(t.Context(), o.coordinator(), o.options()); exit.Code != core.Poisoned || !strings.Contains(exit.Reason, "row group 3") {
		t.Errorf("its coordinator: %+v", exit)
	}
	o = newOffice(t, 1, 0)
	o.work.freeze = &Poison{Cause: "nothing to learn from"}
	if exit := o.drive(t.Context(), o.worker(0, 0, false), o.options()); exit.Code != core.Committed {
		t.Errorf("a shard whose phase cannot be closed: %+v", exit)
	}
	if exit := o.drive(t.Context(), o.worker(1, 0, false), o.options()); exit.Code != core.Poisoned || !strings.Contains(exit.Reason, "nothing to learn") {
		t.Errorf("a shard of the next phase: %+v", exit)
	}
	if exit := o.drive(t.Context(), o.coordinator(), o.options()); exit.Code != core.Poisoned || !strings.Contains(exit.Reason, "nothing to learn") {
		t.Errorf("its coordinator: %+v", exit)
	}
}

// TestPhaseThatNeverComes: whoever waits for it ends with the job.
func TestPhaseThatNeverComes(t *testing.T) {
	leaks(t)
	for _, coordinated := range []bool{true, false} {
		o := newOffice(t, 2, 0)
		ended := make(chan core.Exit, 1)
		go func() { ended <- o.drive(t.Context(), o.worker(2, 0, coordinated), o.options()) }()
		o.all(coordinated, nil)
		if exit := <-ended; exit.Code != core.Committed {
			t.Errorf("coordinated %v: %+v", coordinated, exit)
		}
		o.judge()
	}
}

// TestReasonHasTheCause: who gives up says why.
func TestReasonHasTheCause(t *testing.T) {
	o := newOffice(t, 1, 0)
	o.work.compute = func(context.Context, core.Task) error { return errors.New("the device is on fire") }
	options := o.options()
	options.pace = 1000
	exit := New(o.worker(0, 0, false), options).Run(t.Context())
	if exit.Code != core.Retry || !strings.Contains(exit.Reason, "on fire") {
		t.Errorf("%+v", exit)
	}
}

// TestFullDiskEndsSoon, and not after the minute for which other faults are tried again:
// workers and coordinators, and whatever met it.
func TestFullDiskEndsSoon(t *testing.T) {
	for _, cause := range []error{syscall.ENOSPC, syscall.EDQUOT, fmt.Errorf("write x: %w", syscall.EFBIG)} {
		o := newOffice(t, 1, 0)
		o.work.compute = func(context.Context, core.Task) error { return cause }
		d := New(o.worker(0, 0, false), o.options())
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		exit := d.Run(ctx)
		if ctx.Err() != nil || exit.Code != core.Retry || exit.Reason != cause.Error() || d.Full() != cause.Error() {
			t.Errorf("%v: %+v, %q", cause, exit, d.Full())
		}
	}
	o := newOffice(t, 1, 0)
	o.work.freeze = syscall.ENOSPC
	group, ctx := sync.WaitGroup{}, t.Context()
	group.Go(func() { New(o.worker(0, 0, false), o.options()).Run(ctx) })
	began := time.Now()
	d := New(o.coordinator(), o.options())
	if exit := d.Run(ctx); exit.Code != core.Retry || d.Full() == "" || time.Since(began) > 10*time.Second {
		t.Errorf("coordinator: %+v after %v", exit, time.Since(began))
	}
	group.Wait()
}

// TestLoadsAreBounded reads many partials with room for three.
func TestLoadsAreBounded(t *testing.T) {
	b := newBudget(30)
	var held, most atomic.Int64
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			size := int64(10)
			if i%50 == 0 {
				size = 1000 // larger than all: it goes alone
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				time.AfterFunc(rand.N(3*time.Millisecond), cancel)
			}
			giveBack, err := b.take(ctx, size)
			if err != nil {
				return
			}
			now := held.Add(min(size, 30))
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			time.Sleep(100 * time.Microsecond)
			held.Add(-min(size, 30))
			giveBack()
			giveBack() // a second time does nothing
		})
	}
	group.Wait()
	if most.Load() > 30 || most.Load() < 20 || b.free != 30 || len(b.queue) > 0 {
		t.Errorf("at most %d held, %d free, %d waiting", most.Load(), b.free, len(b.queue))
	}
}

// TestDamagedPartialIsNotMerged checks what loading says of files that are not as
// claimed.
func TestDamagedPartialIsNotMerged(t *testing.T) {
	o := newOffice(t, 1, 0)
	good, err := o.work.Compute(t.Context(), core.Task{Job: o.job, Phase: o.plan.Phase})
	if err != nil {
		t.Fatal(err)
	}
	file := good.Work.Files[0]
	d := New(o.worker(0, 0, false), o.options())
	load := func(f record.File) core.Answer { return d.load(t.Context(), core.Load{File: f}).event.(core.Answer) }
	if a := load(file); a.Outcome != core.Missing {
		t.Errorf("before it is saved: %+v", a)
	}
	if outcome, err := commitlog.New(o.disk).Save(t.Context(), good.Writers, []string{file.Name}); outcome != core.Done {
		t.Fatal(err)
	}
	if a := load(file); a.Outcome != core.Done || a.Statistic == nil {
		t.Errorf("whole: %+v", a)
	}
	for name, spoil := range map[string]func(*record.File){
		"size": func(f *record.File) { f.Size++ }, "digest": func(f *record.File) { f.SHA256[7]++ },
	} {
		f := file
		spoil(&f)
		if a := load(f); a.Outcome != core.Corrupt || a.Statistic != nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestPanicEndsTheProcess: a bug in the work is loud, and nothing hangs.
func TestPanicEndsTheProcess(t *testing.T) {
	if os.Getenv("DRIVE_PANIC") != "" {
		o := newOffice(t, 1, 0)
		o.work.compute = func(context.Context, core.Task) error { panic("quern: bug: planted") }
		New(o.worker(0, 0, false), o.options()).Run(t.Context())
		return
	}
	c := exec.Command(os.Args[0], "-test.run=^TestPanicEndsTheProcess$")
	c.Env = append(os.Environ(), "DRIVE_PANIC=1")
	talk, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(talk), "panic: quern: bug: planted") {
		t.Errorf("%v: %s", err, talk)
	}
}
