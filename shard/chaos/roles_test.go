//go:build linux

package chaos

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"quern/shard/procs"
)

// token is what workers show to coordinators that serve this machine only.
const token = "QUERN_TOKEN=0123456789abcdef0123456789"

// cluster is a coordinator, or none, and workers that the test starts. Whoever dies is
// started again with the same command, without what killed it.
type cluster struct {
	*scene
	address     string   // that the coordinator listens at; "": there is none
	around      []string // of the coordinator: see run
	credentials []string // flags of TLS for the coordinator
	job         string   // URI of the log
	workers     []*worker
	patience    time.Duration // for everything together

	mu          sync.Mutex
	coordinator *process
	deaths      int         // processes that were started again
	starts      []time.Time // of coordinators
}

// worker is a seat for processes that do tasks.
type worker struct {
	*cluster
	environment []string // of the first process
	around      []string
	flags       []string // of TLS
	address     string   // of the coordinator, if it is not the one that it listens at
	tasks       []procs.Descriptor

	mu      sync.Mutex
	at      *process
	answers []procs.Answer
}

// newCluster has n workers, which share the shards of each phase.
func newCluster(t *testing.T, s *scene, n int) *cluster {
	c := &cluster{scene: s, address: freePort(t), patience: 3 * time.Minute}
	for i := range n {
		w := &worker{cluster: c}
		for phase := range uint32(phases) {
			for shard := i * shards / n; shard < (i+1)*shards/n; shard++ {
				w.tasks = append(w.tasks, procs.Descriptor{Phase: phase, Shard: uint32(shard)})
			}
		}
		c.workers = append(c.workers, w)
	}
	return c
}

// freePort returns an address that nobody listens at.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// coordinate is the command of the coordinator.
func (c *cluster) coordinate(environment ...string) run {
	args := []string{"coordinator", "recipe.yaml", "--shards", fmt.Sprint(shards), "--listen", c.address, "--quiet"}
	return run{args: append(args, c.credentials...), environment: append([]string{token}, environment...), around: c.around}
}

// plan makes the plan, so that workers can be started.
func (c *cluster) plan(t *testing.T) {
	t.Helper()
	p := c.start(t, run{args: []string{"coordinator", "recipe.yaml", "--shards", fmt.Sprint(shards), "--plan-only", "--quiet"}})
	if p.wait(t, time.Minute) != 0 {
		t.Fatalf("planning ends with %d: %s", p.code(), p.talk)
	}
	var said struct{ Job string }
	if err := json.Unmarshal([]byte(<-p.lines), &said); err != nil {
		t.Fatal(err)
	}
	c.job = said.Job
}

// launch starts a coordinator.
func (c *cluster) launch(t *testing.T, r run) *process {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.coordinator = c.start(t, r)
	c.starts = append(c.starts, time.Now())
	return c.coordinator
}

// drive keeps a coordinator alive until the job is done. The first one has an environment
// of its own.
func (c *cluster) drive(t *testing.T, first ...string) {
	r := c.coordinate(first...)
	for end := time.Now().Add(c.patience); time.Now().Before(end); {
		p := c.launch(t, r)
		select {
		case <-p.ended:
		case <-time.After(time.Until(end)):
			t.Errorf("the coordinator did not end: %s", p.talk)
			return
		}
		switch code := p.code(); {
		case code == 0, code == 2 && p.said("Q430"):
			return
		case p.killed():
			c.died()
			r = c.coordinate()
		case code == 4 && p.said("address already in use"): // a socket of the dead one lingers
			time.Sleep(50 * time.Millisecond)
		default:
			t.Errorf("the coordinator ends with %d: %s", code, p.talk)
			return
		}
	}
	t.Error("the job was not done in time")
}

func (c *cluster) died() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deaths++
}

// command is that of a worker.
func (w *worker) command(environment ...string) run {
	args := []string{"task", "--stdin", "--quiet", "--workers", "1", "--job", w.job}
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	if address := cmp.Or(w.address, w.cluster.address); address != "" {
		args = append(args, "--coordinator", address)
	}
	return run{args: append(args, w.flags...), environment: append([]string{token}, environment...), stdin: true, around: w.around}
}

// work does all tasks of the worker, in order, whatever happens to its processes.
func (w *worker) work(t *testing.T) {
	end := time.Now().Add(w.patience)
	w.take(t, w.command(w.environment...))
	for _, task := range w.tasks {
		for !w.do(t, task) {
			if time.Now().After(end) {
				t.Errorf("%+v was not done in time", task)
				return
			}
			if w.at.alive() { // it said that another try may do
				time.Sleep(100 * time.Millisecond)
				continue
			}
			if !w.at.killed() {
				t.Errorf("a worker ends with %d: %s", w.at.code(), w.at.talk)
				return
			}
			w.died()
			w.take(t, w.command())
		}
	}
	w.at.in.Close()
	select {
	case <-w.at.ended:
		if code := w.at.code(); code != 0 && !w.at.killed() {
			t.Errorf("a worker without tasks ends with %d: %s", code, w.at.talk)
		}
	case <-time.After(10 * time.Second):
		t.Error("a worker without tasks does not end")
	}
}

// take starts a process.
func (w *worker) take(t *testing.T, r run) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.start(t, r)
}

// do has the process do a task; false if it did not.
func (w *worker) do(t *testing.T, d procs.Descriptor) bool {
	line, _ := json.Marshal(d)
	w.at.in.Write(append(line, '\n')) // if it is dead, nothing will be read either
	select {
	case text, ok := <-w.at.lines:
		var a procs.Answer
		if !ok {
			<-w.at.ended
			return false
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil || a.Phase != d.Phase || a.Shard != d.Shard {
			t.Errorf("asked for %+v, a worker answers %q", d, text)
			return false
		}
		w.answers = append(w.answers, a)
		if a.Code != 0 && a.Code != 75 {
			t.Errorf("%s", text)
		}
		return a.Code == 0
	case <-time.After(w.patience):
		t.Errorf("%+v: no answer", d)
		w.at.kill()
		return false
	}
}

// run does the whole job.
func (c *cluster) run(t *testing.T, coordinator ...string) {
	t.Helper()
	if c.job == "" {
		c.plan(t)
	}
	var group sync.WaitGroup
	if c.address != "" {
		group.Go(func() { c.drive(t, coordinator...) })
	}
	for _, w := range c.workers {
		group.Go(func() { w.work(t) })
	}
	group.Wait()
}

// claims returns how many slots of shards are settled.
func (s *scene) claims() int {
	found, _ := filepath.Glob(filepath.Join(s.root, "_quern", "jobs", "*", "phase-*", "claim", "*"))
	return len(found)
}
