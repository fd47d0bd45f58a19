package procs

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"quern/shard/core"
)

// The tests run this binary again as their children: see main.
func TestMain(m *testing.M) {
	switch os.Getenv("PROCS_ROLE") {
	case "child":
		os.Exit(childMain())
	case "parent":
		os.Exit(parentMain())
	}
	os.Exit(m.Run())
}

// childMain does tasks as a child. A task leaves a file, which is its claim. PROCS_PLAN
// says what goes wrong: "PHASE/SHARD=WHAT" words; WHAT happens once, or always with a
// "!" behind it.
func childMain() int {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	go func() { <-stop; os.Exit(int(core.Retry)) }()
	folder, out := os.Getenv("PROCS_FOLDER"), json.NewEncoder(os.Stdout)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		d, err := ParseDescriptor(lines.Bytes())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 2
		}
		a := Answer{Phase: d.Phase, Shard: d.Shard, Rows: 10, Bytes: 100}
		if what := misfortune(folder, d); what != "" {
			fmt.Fprintf(os.Stderr, "shard %d: %s\n", d.Shard, what)
			code, isCode := strings.CutPrefix(what, "code")
			switch {
			case isCode:
				n, _ := strconv.Atoi(code)
				a.Code, a.Reason = core.Code(n), "said so"
			case what == "full":
				a.Code, a.Reason, a.Full = core.Retry, "no space left on device", true
			case what == "exit":
				os.Exit(3)
			case what == "kill":
				syscall.Kill(os.Getpid(), syscall.SIGKILL)
			case what == "hang":
				signal.Ignore(syscall.SIGTERM)
				time.Sleep(time.Hour)
			case what == "stop":
				syscall.Kill(os.Getpid(), syscall.SIGSTOP)
			case what == "slow":
				time.Sleep(2 * time.Second)
			case what == "garbage":
				fmt.Println("panic: what is this")
				time.Sleep(time.Hour)
			case what == "long":
				fmt.Println(strings.Repeat("x", 3*maxLine))
				time.Sleep(time.Hour)
			case what == "wrong":
				a.Shard++
				a.Outcome = OutcomeOf(a.Code)
				out.Encode(a)
				time.Sleep(time.Hour)
			case what == "lie":
				a.Outcome = OutcomeOf(a.Code)
				out.Encode(a)
				continue
			}
		}
		ms, _ := strconv.Atoi(os.Getenv("PROCS_MS"))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		if a.Code == core.Committed || a.Code == core.Poisoned {
			f, err := os.OpenFile(filepath.Join(folder, fmt.Sprintf("claim-%d-%d", d.Phase, d.Shard)), os.O_CREATE|os.O_EXCL, 0o666)
			if err == nil {
				f.Close()
			}
		}
		a.Outcome = OutcomeOf(a.Code)
		out.Encode(a)
	}
	return 0
}

// misfortune returns what is to happen to a task.
func misfortune(folder string, d Descriptor) string {
	for word := range strings.FieldsSeq(os.Getenv("PROCS_PLAN")) {
		name, what, _ := strings.Cut(word, "=")
		if name != fmt.Sprintf("%d/%d", d.Phase, d.Shard) {
			continue
		}
		if always, ok := strings.CutSuffix(what, "!"); ok {
			return always
		}
		f, err := os.OpenFile(filepath.Join(folder, fmt.Sprintf("met-%d-%d-%s", d.Phase, d.Shard, what)), os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil {
			f.Close()
			return what
		}
	}
	return ""
}

// job is a toy job: two phases of so many shards.
type job struct {
	folder string
	shards uint32
	plan   string
	ms     int
	mu     sync.Mutex
	events []Event
}

func newJob(folder string, shards uint32, plan string) *job {
	return &job{folder: folder, shards: shards, plan: plan}
}

func (j *job) command(int) *exec.Cmd {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "PROCS_ROLE=child", "PROCS_FOLDER="+j.folder, "PROCS_PLAN="+j.plan, "PROCS_MS="+strconv.Itoa(j.ms))
	return c
}

// pending looks which shards are not claimed.
func (j *job) pending() (uint32, []uint32, bool) {
	for phase := range uint32(2) {
		var left []uint32
		for shard := range j.shards {
			if _, err := os.Stat(filepath.Join(j.folder, fmt.Sprintf("claim-%d-%d", phase, shard))); err != nil {
				left = append(left, shard)
			}
		}
		if len(left) > 0 {
			return phase, left, true
		}
	}
	return 0, nil, true
}

func (j *job) notify(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *job) count(kind Kind) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range j.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func (j *job) options(children int) Options {
	return Options{Children: children, Command: j.command, Pending: j.pending, Notify: j.notify, Straggle: 300 * time.Millisecond}
}

// run runs a pool until the job is done or the pool gives up.
func (j *job) run(t *testing.T, p *Pool) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			if _, left, _ := j.pending(); len(left) == 0 {
				time.Sleep(20 * time.Millisecond) // for the last answer
				cancel()
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	err := p.Run(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Fatalf("the job is not done after a minute: %+v", p.State())
	}
	if s := p.State(); s.Running != 0 || s.Children != 0 {
		t.Errorf("at the end %+v", s)
	}
	return err
}

func leaks(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 100 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
	})
}

// TestMisfortunes has every misfortune happen to one shard, once; the job must be done
// all the same, each shard settled once.
func TestMisfortunes(t *testing.T) {
	leaks(t)
	j := newJob(t.TempDir(), 16, "0/0=exit 0/1=kill 0/2=hang 0/3=stop 0/4=code75 0/5=code42 0/6=garbage 0/7=wrong 0/8=long 1/0=slow 1/15=slow 1/3=kill")
	o := j.options(3)
	o.Stuck = 1500 * time.Millisecond
	p := New(o)
	if err := j.run(t, p); err != nil {
		t.Fatal(err)
	}
	settled := map[Descriptor]int{}
	for _, e := range j.events {
		if e.Kind == Settled || e.Kind == Poison {
			settled[e.Descriptor]++
		}
	}
	for d, n := range settled {
		if n != 1 {
			t.Errorf("%+v was settled %d times", d, n)
		}
	}
	if len(settled) < 31 || j.count(Poison) != 1 || j.count(Failed) < 6 || j.count(Twinned) < 1 {
		t.Errorf("%d settled, %d poison, %d failed, %d twins", len(settled), j.count(Poison), j.count(Failed), j.count(Twinned))
	}
}

// TestAShardIsTriedFourTimes for everything that can go wrong, and then named.
func TestAShardIsTriedFourTimes(t *testing.T) {
	for what, words := range map[string]string{"exit": "exit status 3", "kill": "killed", "code75": "said so", "garbage": "what is this", "hang": "did not answer"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			j := newJob(t.TempDir(), 5, "0/3="+what+"!")
			o := j.options(2)
			if what == "hang" { // it does not heed SIGTERM: each takes five seconds
				o.Stuck, o.Tries, o.Children = 100*time.Millisecond, 1, 1
			}
			err := j.run(t, New(o))
			var failed *ShardError
			if !errors.As(err, &failed) || failed.Shard != 3 || failed.Phase != 0 || failed.Tries != New(o).o.Tries || !strings.Contains(err.Error(), words) {
				t.Errorf("%v", err)
			}
			if what != "code75" && !strings.Contains(err.Error(), "shard 3: "+what) {
				t.Errorf("the last words of the process are lost: %v", err)
			}
		})
	}
}

// TestEndsOfJobs: codes that end the job at once.
func TestEndsOfJobs(t *testing.T) {
	leaks(t)
	j := newJob(t.TempDir(), 4, "0/1=code43")
	if err := j.run(t, New(j.options(2))); !errors.Is(err, ErrFenced) {
		t.Errorf("43: %v", err)
	}
	j = newJob(t.TempDir(), 4, "0/1=code1")
	var failed *ShardError
	if err := j.run(t, New(j.options(2))); !errors.As(err, &failed) || failed.Shard != 1 {
		t.Errorf("1: %v", err)
	}
	j = newJob(t.TempDir(), 4, "0/2=full")
	var full *FullError
	if err := j.run(t, New(j.options(2))); !errors.As(err, &full) || full.Shard != 2 || err.Error() != "no space left on device" {
		t.Errorf("full: %v", err)
	}
	j = newJob(t.TempDir(), 4, "")
	o := j.options(2)
	o.Command = func(int) *exec.Cmd { return exec.Command("/does/not/exist") }
	if err := j.run(t, New(o)); err == nil || !strings.Contains(err.Error(), "cannot be started") {
		t.Errorf("no program: %v", err)
	}
}

// TestRandomKills kills children at random while they work.
func TestRandomKills(t *testing.T) {
	leaks(t)
	j := newJob(t.TempDir(), 60, "")
	j.ms = 5
	o := j.options(4)
	o.Tries = 20
	var mu sync.Mutex
	pids := map[int]int{} // by seat
	o.Notify = func(e Event) {
		j.notify(e)
		mu.Lock()
		defer mu.Unlock()
		if e.Kind == Started {
			pids[e.Child] = e.Pid
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	kills := 0
	var killer sync.WaitGroup
	killer.Go(func() {
		for kills < 15 && ctx.Err() == nil {
			time.Sleep(rand.N(40 * time.Millisecond))
			mu.Lock()
			if pid := pids[rand.IntN(4)]; pid != 0 && syscall.Kill(pid, syscall.SIGKILL) == nil {
				kills++
			}
			mu.Unlock()
		}
	})
	p := New(o)
	if err := j.run(t, p); err != nil {
		t.Error(err)
	}
	cancel()
	killer.Wait()
	if n := j.count(Settled); kills < 5 || n < 100 {
		t.Errorf("%d kills, %d settled", kills, n)
	}
}

// TestBelief: a child that says done what the log does not know is not believed for ever.
func TestBelief(t *testing.T) {
	j := newJob(t.TempDir(), 3, "0/1=lie")
	o := j.options(1)
	o.Straggle = time.Millisecond
	began := time.Now()
	if err := j.run(t, New(o)); err != nil || time.Since(began) > 15*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// TestLargestFirst checks the order in which shards are handed out.
func TestLargestFirst(t *testing.T) {
	j := newJob(t.TempDir(), 6, "")
	o := j.options(1)
	o.Size = func(_, shard uint32) int64 { return int64(shard*7) % 6 }
	if err := j.run(t, New(o)); err != nil {
		t.Fatal(err)
	}
	var order []uint32
	for _, e := range j.events {
		if e.Kind == Started && e.Phase == 0 {
			order = append(order, e.Shard)
		}
	}
	if !slices.Equal(order, []uint32{5, 4, 3, 2, 1, 0}) {
		t.Errorf("order %v", order)
	}
}

// parentMain is a process with children that is going to be killed. It writes their
// process numbers.
func parentMain() int {
	j := newJob(os.Getenv("PROCS_FOLDER"), 8, os.Getenv("PROCS_PLAN"))
	j.ms = 60_000
	o := j.options(3)
	o.Notify = func(e Event) { fmt.Println(e.Pid) }
	New(o).Run(context.Background())
	return 0
}

// TestOrphansDie kills a parent; its children must be gone within five seconds.
func TestOrphansDie(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems rely on the end of standard input alone, which the toy does not watch")
	}
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), "PROCS_ROLE=parent", "PROCS_FOLDER="+t.TempDir())
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for lines := bufio.NewScanner(out); len(pids) < 3 && lines.Scan(); {
		pid, _ := strconv.Atoi(lines.Text())
		pids = append(pids, pid)
	}
	time.Sleep(100 * time.Millisecond)
	for _, pid := range pids {
		if syscall.Kill(pid, 0) != nil {
			t.Errorf("child %d does not live", pid)
		}
	}
	c.Process.Kill()
	c.Wait()
	for _, pid := range pids {
		gone := false
		for began := time.Now(); !gone && time.Since(began) < 5*time.Second; time.Sleep(5 * time.Millisecond) {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			gone = err != nil || strings.Contains(string(stat), ") Z ") // nobody may be there to wait for it
		}
		if !gone {
			t.Errorf("child %d outlives its parent", pid)
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// TestSchedule keeps eight children busy with many short tasks.
func TestSchedule(t *testing.T) {
	n, ms, least := uint32(2000), 20, 0.85 // others use the machine too
	if testing.Short() {
		n, least = 400, 0.5 // starting the children counts for more
	}
	if os.Getenv("QUERN_LONG") != "" {
		ms, least = 1000, 0.95 // four minutes, asleep
	}
	j := newJob(t.TempDir(), n, "")
	j.ms = ms
	o := j.options(8)
	o.Straggle = 10 * time.Second
	var mu sync.Mutex
	left := map[uint32]bool{}
	for shard := range n {
		left[shard] = true
	}
	done := make(chan struct{})
	o.Pending = func() (uint32, []uint32, bool) {
		mu.Lock()
		defer mu.Unlock()
		var shards []uint32
		for shard := range left {
			shards = append(shards, shard)
		}
		return 0, shards, true
	}
	o.Notify = func(e Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Kind == Settled {
			if delete(left, e.Shard); len(left) == 0 {
				close(done)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var before, after syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	began := time.Now()
	go func() { <-done; cancel() }()
	p := New(o)
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	asleep := time.Duration(n) * time.Duration(ms) * time.Millisecond
	t.Logf("%d tasks of %d ms with 8 children in %v: asleep %.1f %%, with a task %.1f %%, %v CPU here a task", n, ms, took,
		100*asleep.Seconds()/took.Seconds()/8, 100*p.State().Busy.Seconds()/took.Seconds()/8,
		time.Duration(after.Utime.Nano()-before.Utime.Nano()+after.Stime.Nano()-before.Stime.Nano())/time.Duration(n))
	if busy := p.State().Busy.Seconds() / took.Seconds() / 8; busy < least {
		t.Errorf("children had something to do %.0f %% of the time", 100*busy)
	}
}
