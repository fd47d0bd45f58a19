//go:build linux

package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// tally adds up what the random kills have shown.
type tally struct {
	mu      sync.Mutex
	kills   map[string]int // by role
	jobs    int
	resumes []time.Duration // from the start of a driver to the first slot that it moved
	orphans []time.Duration // from the death of a driver to that of its last child
}

func (y *tally) kill(role string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.kills[role]++
}

func (y *tally) sum() (n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, k := range y.kills {
		n += k
	}
	return n
}

// middle and most of some durations.
func spread(d []time.Duration) string {
	if len(d) == 0 {
		return "never"
	}
	slices.Sort(d)
	return fmt.Sprintf("%v in the middle, %v at most, of %d", d[len(d)/2].Round(time.Millisecond), d[len(d)-1].Round(time.Millisecond), len(d))
}

// slowest is how long a driver may take to move a job on that another one left. It is 5 s
// on a machine that does nothing else.
const slowest = 20 * time.Second

// TestRandomKills kills processes of jobs at random moments until each job is done, job
// after job, several at a time.
func TestRandomKills(t *testing.T) {
	b := begin(t)
	r := random(t)
	y := &tally{kills: map[string]int{}}
	want := times(t, 60)
	kinds := []func(*testing.T, *bench, *rand.Rand, *tally){killRuns, killClusters, killRuns, killLoners}
	var group sync.WaitGroup
	for lane := range 4 {
		lane := rand.New(rand.NewPCG(r.Uint64(), uint64(lane)))
		group.Go(func() {
			for i := 0; y.sum() < want && !t.Failed(); i++ {
				seed := lane.Uint64()
				t.Run(fmt.Sprint("job ", seed), func(t *testing.T) {
					kinds[seed%uint64(len(kinds))](t, b, rand.New(rand.NewPCG(seed, 1)), y)
				})
				y.mu.Lock()
				y.jobs++
				y.mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Logf("%d kills %v in %d jobs; to resume: %s; for children to end: %s", y.sum(), y.kills, y.jobs, spread(y.resumes), spread(y.orphans))
	if n := len(y.resumes); n > 0 && y.resumes[n-1] > slowest {
		t.Errorf("a job took %v to resume", y.resumes[n-1])
	}
	if !t.Failed() && (y.kills["driver"] < want/15 || y.sum() < want) {
		t.Errorf("%v: the kills are badly chosen", y.kills)
	}
}

// killRuns runs a recipe again and again, and kills the parent or a child each time.
func killRuns(t *testing.T, b *bench, r *rand.Rand, y *tally) {
	s := newScene(t, b)
	kills, repeats := 0, 0
	for round := range 5 {
		when := fmt.Sprintf("round %d", round)
		before, began := s.objects(t), time.Now()
		p := s.start(t, runIt())
		role := s.strike(p, r)
		code := p.wait(t, 2*time.Minute)
		died := p.killed()
		switch {
		case died:
			kills, repeats = kills+1, repeats+2
			y.kill("driver")
			gone := s.alone(t, when)
			y.mu.Lock()
			y.orphans = append(y.orphans, gone)
			y.mu.Unlock()
		case code == 0 && role == "child":
			kills, repeats = kills+1, repeats+1
			y.kill("child")
		case code == 0, code == 2 && p.said("Q430"):
		default:
			t.Fatalf("%s: the run ends with %d: %s", when, code, p.talk)
		}
		first := resumed(t, when, before, s.objects(t))
		if len(before) > 0 && !first.IsZero() {
			y.mu.Lock()
			y.resumes = append(y.resumes, first.Sub(began))
			y.mu.Unlock()
		}
		s.visible(t, when)
		if !died {
			break
		}
	}
	s.recover(t, "at the end")
	s.repeats(t, repeats)
}

// strike kills a run's parent or one of its children after a while, unless it ends
// before, and returns whom.
func (s *scene) strike(p *process, r *rand.Rand) string {
	after, child := time.Duration(r.Int64N(int64(700*time.Millisecond))), r.IntN(3) == 0
	if r.IntN(2) == 0 { // moments of progress are better than moments of time on a slow machine
		for goal := s.claims() + 1 + r.IntN(shards); p.alive() && s.claims() < goal; {
			time.Sleep(2 * time.Millisecond)
		}
		after = time.Duration(r.Int64N(int64(5 * time.Millisecond)))
	}
	select {
	case <-p.ended:
		return ""
	case <-time.After(after):
	}
	if child {
		if pids := childrenOf(p.Process.Pid); len(pids) > 0 && syscall.Kill(pids[r.IntN(len(pids))], syscall.SIGKILL) == nil {
			return "child"
		}
		return ""
	}
	p.Process.Kill()
	return "driver"
}

// childrenOf returns the processes that a process has started.
func childrenOf(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(field); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// repeats checks that no more was computed than was lost: at most one shard for every
// worker that died or lost its driver.
func (s *scene) repeats(t *testing.T, most int) {
	t.Helper()
	if n := s.passages("task.compute.before") - shards*phases; n < 0 || n > most {
		t.Errorf("%d shards were computed again, want at most %d", n, most)
	}
}

// killClusters kills a coordinator and its workers, which are started again.
func killClusters(t *testing.T, b *bench, r *rand.Rand, y *tally) {
	s := newScene(t, b)
	c := newCluster(t, s, 3)
	c.plan(t)
	wishes := 2 + r.IntN(3)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() { // the nemesis
		for range wishes {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(r.Int64N(int64(400 * time.Millisecond)))):
			}
			c.strike(r, y)
		}
	})
	c.run(t)
	close(done)
	group.Wait()
	s.whole(t, "at the end")
	c.mu.Lock()
	defer c.mu.Unlock()
	s.repeats(t, c.deaths*len(c.workers)) // the death of a coordinator makes nobody repeat anything; see TestCoordinatorRestart
}

// strike kills a process of a cluster.
func (c *cluster) strike(r *rand.Rand, y *tally) {
	if i := r.IntN(len(c.workers) + 2); i < len(c.workers) {
		w := c.workers[i]
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.at != nil && w.at.alive() {
			w.at.Process.Kill()
			y.kill("worker")
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.coordinator != nil && c.coordinator.alive() {
		c.coordinator.Process.Kill()
		y.kill("coordinator")
	}
}

// killLoners kills the workers of a job that nobody drives.
func killLoners(t *testing.T, b *bench, r *rand.Rand, y *tally) {
	s := newScene(t, b)
	c := newCluster(t, s, 2)
	c.address = ""
	c.plan(t)
	done := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for range 2 + r.IntN(2) {
			select {
			case <-done:
				return
			case <-time.After(time.Duration(r.Int64N(int64(400 * time.Millisecond)))):
			}
			w := c.workers[r.IntN(2)]
			w.mu.Lock()
			if w.at != nil && w.at.alive() {
				w.at.Process.Kill()
				y.kill("loner")
			}
			w.mu.Unlock()
		}
	})
	c.run(t)
	close(done)
	group.Wait()
	s.whole(t, "at the end")
	s.repeats(t, c.deaths)
}

// TestCoordinatorRestart kills the coordinator, with live workers, at a point of every
// kind, and measures how soon the next one moves the job on. Nobody repeats anything.
func TestCoordinatorRestart(t *testing.T) {
	b := begin(t)
	y := &tally{}
	t.Run("points", func(t *testing.T) {
		for _, point := range []string{"call.respond.before:3", "claim.put.after:5", "phase.freeze.before:1", "fitted.put.before:1", "fitted.put.after:2",
			"closing.store.after:2", "manifest.compose.before:1", "manifest.put.before:1", "manifest.put.after:1", "document.publish.after:1"} {
			t.Run(point, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, b)
				c := newCluster(t, s, 2)
				c.run(t, "QUERN_FAILPOINT=failpoint:"+point)
				s.whole(t, point)
				s.repeats(t, 0)
				if len(c.starts) < 2 {
					t.Fatalf("the coordinator started %d times", len(c.starts))
				}
				last := c.starts[len(c.starts)-1]
				first := time.Time{}
				for name, at := range s.objects(t) {
					if at.After(last) && isSlot(name) && (first.IsZero() || at.Before(first)) {
						first = at
					}
				}
				if !first.IsZero() {
					y.mu.Lock()
					defer y.mu.Unlock()
					y.resumes = append(y.resumes, first.Sub(last))
				}
			})
		}
	})
	t.Logf("to resume: %s", spread(y.resumes))
	if n := len(y.resumes); n > 0 && y.resumes[n-1] > slowest {
		t.Errorf("a job took %v to resume", y.resumes[n-1])
	}
}

// TestOrphans: the children of a driver that is killed end at once, idle or not.
func TestOrphans(t *testing.T) {
	b := begin(t)
	t.Parallel()
	for _, children := range []string{"sleep:60000", "stop"} {
		s := newScene(t, b)
		p := s.start(t, runIt("QUERN_FAILPOINT=failpoint:task.compute.before="+children))
		for end := time.Now().Add(time.Minute); s.passages("task.compute.before") < 2 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if n := len(s.orphans(t)); n < 3 {
			t.Fatalf("there are %d processes", n)
		}
		p.kill()
		if children == "sleep:60000" {
			t.Logf("children that compute ended %v after their driver", s.alone(t, children))
			continue
		}
		// A stopped process takes no signals but two: it ends when it is woken.
		for _, pid := range s.orphans(t) {
			syscall.Kill(pid, syscall.SIGCONT)
		}
		t.Logf("children that were stopped ended %v after they were woken", s.alone(t, children))
	}
}

// stateOf returns the state of a process, as ps shows it; 0 if there is none.
func stateOf(pid int) byte {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest[0]
}
