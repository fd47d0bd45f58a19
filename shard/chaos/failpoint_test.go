//go:build linux

package chaos

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/shard/procs"
)

// death is where a process is killed: at the passage-th time that one in the role comes
// to the failpoint.
type death struct {
	role, name string
	passage    int
}

// roles are the ways to break a job, and what of it is to be looked at.
func roles() map[string]func(*testing.T, *scene, death) bool {
	return map[string]func(*testing.T, *scene, death) bool{
		"driver": killDriver, "child": killChildren, "coordinator": killCoordinator, "worker": killWorker, "loner": killLoner, "collector": killCollector,
	}
}

// serving holds names that belong to online serving, whose own tests break it.
func serving(name string) bool {
	return strings.HasPrefix(name, "failpoint:segment.") || strings.HasPrefix(name, "failpoint:serve.")
}

// TestFailpoints kills the program at every failpoint that it contains. A point at which
// nobody died fails the test: nothing would show that it is safe to die there.
func TestFailpoints(t *testing.T) {
	b := begin(t)
	passed := survey(t, b)
	var mu sync.Mutex
	hit := map[string]int{}
	t.Run("points", func(t *testing.T) {
		for _, d := range deaths(b, passed) {
			t.Run(fmt.Sprintf("%s %s %d", d.role, strings.TrimPrefix(d.name, "failpoint:"), d.passage), func(t *testing.T) {
				t.Parallel()
				if roles()[d.role](t, newScene(t, b), d) {
					mu.Lock()
					defer mu.Unlock()
					hit[d.name]++
				}
			})
		}
	})
	sum := 0
	for _, name := range b.names {
		if hit[name] == 0 && !serving(name) {
			t.Errorf("nobody was killed at %s", name)
		}
		sum += hit[name]
	}
	t.Logf("%d kills at %d failpoints", sum, len(hit))
	if len(hit) < 30 {
		t.Errorf("kills at only %d failpoints, want 30", len(hit))
	}
}

// survey returns how often each role passes each failpoint in quiet runs.
func survey(t *testing.T, b *bench) map[string]map[string]int {
	passed := map[string]map[string]int{}
	note := func(role string, s *scene, pids ...int) {
		passed[role] = map[string]int{}
		text, _ := os.ReadFile(s.trace)
		for line := range strings.Lines(string(text)) {
			pid, name, _ := strings.Cut(strings.TrimSpace(line), " ")
			if slices.Contains(pids, atoi(pid)) {
				passed[role][name]++
			}
		}
	}
	s := newScene(t, b)
	p := s.start(t, runIt())
	if p.wait(t, time.Minute) != 0 {
		t.Fatalf("a quiet run ends with %d: %s", p.code(), p.talk)
	}
	note("driver", s, p.Process.Pid)
	s = newScene(t, b)
	c := newCluster(t, s, 2)
	c.run(t)
	note("coordinator", s, c.coordinator.Process.Pid)
	note("worker", s, c.workers[0].at.Process.Pid)
	s = newScene(t, b)
	c = newCluster(t, s, 1)
	c.address = ""
	c.run(t)
	note("loner", s, c.workers[0].at.Process.Pid)
	for role, names := range passed {
		t.Logf("%s passes %d failpoints", role, len(names))
	}
	return passed
}

func atoi(text string) (n int) {
	fmt.Sscan(text, &n)
	return n
}

// deaths chooses where to kill: normally at the first passage of every name in one of the
// roles that pass it; with time, in every role at three passages.
func deaths(b *bench, passed map[string]map[string]int) []death {
	all := []death{
		{"worker", "failpoint:fitted.wait.before", 1}, {"worker", "failpoint:fitted.wait.after", 1},
		{"worker", "failpoint:files.check.before", 1}, {"worker", "failpoint:files.check.after", 1},
		{"driver", "failpoint:partial.load.before", 1}, {"driver", "failpoint:partial.load.after", 1},
		{"collector", "failpoint:log.remove.before", 1}, {"collector", "failpoint:log.remove.after", 1},
		{"loner", "failpoint:manifest.put.after", 1}, {"loner", "failpoint:document.publish.before", 1}, // nobody but the next task can end the job
		{"loner", "failpoint:fitted.put.before", 1}, {"loner", "failpoint:manifest.compose.before", 1}, {"driver", "failpoint:manifest.put.after", 1},
		{"child", "failpoint:task.compute.before", 1}, {"child", "failpoint:claim.propose.after", 1},
	}
	order := []string{"driver", "worker", "loner", "coordinator"}
	for i, name := range b.names {
		for r := range order {
			role := order[(i/2+r)%len(order)] // .after and .before of a name together
			n := passed[role][name]
			if n == 0 || slices.ContainsFunc(all, func(d death) bool { return d.role == role && d.name == name }) {
				continue
			}
			passages := 1
			if long() {
				passages = min(3, n)
			}
			for p := range passages {
				all = append(all, death{role, name, p + 1})
			}
			if !long() {
				break
			}
		}
	}
	return all
}

// at is the variable that kills a process.
func (d death) at() string { return fmt.Sprintf("QUERN_FAILPOINT=%s:%d", d.name, d.passage) }

// fell checks that the process was killed where it was to be.
func (d death) fell(t *testing.T, s *scene, p *process) bool {
	t.Helper()
	if !p.killed() || s.passagesOf(p.Process.Pid, strings.TrimPrefix(d.name, "failpoint:")) == 0 {
		if d.passage == 1 {
			t.Errorf("the process was not killed there: it ends with %d: %s", p.code(), p.talk)
		}
		return false
	}
	return true
}

// killDriver kills a run's parent and runs the same command again.
func killDriver(t *testing.T, s *scene, d death) bool {
	if strings.HasPrefix(d.name, "failpoint:partial.") { // partials are read by one who was not there when they came
		s.killAt(t, "failpoint:fitted.put.before")
	}
	p := s.start(t, runIt(d.at()))
	p.wait(t, time.Minute)
	hit := d.fell(t, s, p)
	s.recover(t, fmt.Sprint(d))
	return hit
}

// killAt kills a run's parent somewhere.
func (s *scene) killAt(t *testing.T, name string) {
	t.Helper()
	p := s.start(t, runIt("QUERN_FAILPOINT="+name))
	p.wait(t, time.Minute)
	if !p.killed() {
		t.Fatalf("the run ends with %d at %s: %s", p.code(), name, p.talk)
	}
	s.alone(t, name)
}

// recover runs again after a driver was killed, and checks everything: its children end,
// readers see nothing that is not whole, the next run does what is left and no more, and
// it begins soon. It returns how long it took to the first slot, or nothing if there was
// nothing to do.
func (s *scene) recover(t *testing.T, when string) (resume time.Duration) {
	t.Helper()
	s.alone(t, when)
	s.visible(t, when)
	before, computed, left, began := s.objects(t), s.passages("task.compute.before"), shards*phases-s.claims(), time.Now()
	p := s.start(t, runIt())
	switch code := p.wait(t, 2*time.Minute); {
	case code == 0:
		if n := s.passages("task.compute.before") - computed; n != left {
			t.Errorf("%s: the next run computed %d shards, and %d were left", when, n, left)
		}
		if first := resumed(t, when, before, s.objects(t)); !first.IsZero() {
			resume = first.Sub(began)
		}
	case code == 2 && p.said("Q430"): // it was finished
		sameObjects(t, when, before, s.objects(t))
	default:
		t.Fatalf("%s: the next run ends with %d: %s", when, code, p.talk)
	}
	s.whole(t, when)
	return resume
}

// killChildren kills every child that comes there, so that the run must give up; without
// that it finishes. A child that has proposed its claim has done its shard, so there the
// run goes on, with a new child for every shard.
func killChildren(t *testing.T, s *scene, d death) bool {
	p := s.start(t, runIt(d.at()))
	switch code := p.wait(t, time.Minute); {
	case code == 4 && p.said("Q455") && p.said("killed"):
	case code == 0 && d.name == "failpoint:claim.propose.after":
	default:
		t.Errorf("the run ends with %d: %s", code, p.talk)
	}
	s.recover(t, fmt.Sprint(d))
	return true
}

// killCoordinator kills a coordinator, which is started again while its workers go on.
func killCoordinator(t *testing.T, s *scene, d death) bool {
	c := newCluster(t, s, 2)
	c.run(t, d.at())
	s.whole(t, fmt.Sprint(d))
	if c.deaths != 1 && d.passage == 1 {
		t.Errorf("%d processes died", c.deaths)
	}
	return c.deaths > 0 && s.passages(strings.TrimPrefix(d.name, "failpoint:")) > 0
}

// killWorker kills one of two workers, which is started again.
func killWorker(t *testing.T, s *scene, d death) bool {
	c := newCluster(t, s, 2)
	w := c.workers[0]
	w.environment = []string{d.at()}
	switch {
	case strings.HasPrefix(d.name, "failpoint:fitted.wait."): // its first task must wait
		w.tasks = append([]procs.Descriptor{{Phase: 1, Shard: 0}}, w.tasks...)
		c.workers[1].tasks = w.otherPhase(0)
	case strings.HasPrefix(d.name, "failpoint:files.check."): // files are looked at when nobody knows whether they were saved
		w.environment[0] += ",failpoint:object.commit.after:1=error"
	}
	c.run(t)
	s.whole(t, fmt.Sprint(d))
	if c.deaths != 1 && d.passage == 1 {
		t.Errorf("%d processes died", c.deaths)
	}
	return c.deaths > 0
}

// otherPhase returns all tasks, so that phase 0 closes whatever this worker waits for.
func (w *worker) otherPhase(from uint32) (all []procs.Descriptor) {
	for phase := from; phase < phases; phase++ {
		for shard := range uint32(shards) {
			all = append(all, procs.Descriptor{Phase: phase, Shard: shard})
		}
	}
	return all
}

// killLoner kills the only worker of a job that nobody drives.
func killLoner(t *testing.T, s *scene, d death) bool {
	c := newCluster(t, s, 1)
	c.address = ""
	c.workers[0].environment = []string{d.at()}
	c.run(t)
	s.whole(t, fmt.Sprint(d))
	if c.deaths != 1 && d.passage == 1 {
		t.Errorf("%d processes died", c.deaths)
	}
	return c.deaths > 0
}

// killCollector kills a garbage collection; the next one ends the work, and readers see
// what they saw.
func killCollector(t *testing.T, s *scene, d death) bool {
	c := newCluster(t, s, 1)
	c.address = ""
	c.run(t)
	collect := run{args: []string{"job", "collect", "out", "--grace", "0s"}, environment: []string{d.at()}}
	p := s.start(t, collect)
	p.wait(t, time.Minute)
	hit := d.fell(t, s, p)
	collect.environment = nil
	if p := s.start(t, collect); p.wait(t, time.Minute) != 0 {
		t.Errorf("the next collection ends with %d: %s", p.code(), p.talk)
	}
	s.whole(t, fmt.Sprint(d))
	for name := range s.objects(t) {
		if strings.Contains(name, "/file/") {
			t.Errorf("%s was not collected", name)
		}
	}
	return hit
}
