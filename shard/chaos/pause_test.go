//go:build linux

package chaos

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asleep waits until a process is stopped.
func (s *scene) asleep(t *testing.T, pid func() int) int {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if p := pid(); p > 0 && stateOf(p) == 'T' {
			return p
		}
	}
	t.Fatal("no process went to sleep")
	return 0
}

// TestZombieWorkers stops a worker at each point of its way, has another do all shards
// until the job is done, and wakes it: it ends its task well and changes nothing.
func TestZombieWorkers(t *testing.T) {
	b := begin(t)
	t.Parallel()
	for _, coordinated := range []bool{true, false} {
		points := []string{"task.compute.before:1", "object.commit.before:1", "task.save.after:2", "claim.put.before:3", "task.save.after:20", "part.publish.before:1", "final.link.before:2"}
		for _, point := range points {
			if coordinated {
				point = strings.Replace(point, "claim.put", "claim.propose", 1)
			}
			t.Run(fmt.Sprintf("%s coordinated %v", point, coordinated), func(t *testing.T) {
				t.Parallel()
				zombie(t, b, point, coordinated)
			})
		}
	}
}

func zombie(t *testing.T, b *bench, point string, coordinated bool) {
	s := newScene(t, b)
	c := newCluster(t, s, 2)
	if !coordinated {
		c.address = ""
	}
	c.plan(t)
	sleeper, twin := c.workers[0], c.workers[1]
	sleeper.tasks, twin.tasks = sleeper.otherPhase(0), nil
	sleeper.environment = []string{"QUERN_FAILPOINT=failpoint:" + point + "=stop"}
	var group sync.WaitGroup
	if coordinated {
		group.Go(func() { c.drive(t) })
	}
	slept := make(chan struct{})
	go func() { sleeper.work(t); close(slept) }()
	pid := s.asleep(t, sleeper.pid)
	twin.tasks = twin.otherPhase(0)
	twin.work(t)
	group.Wait()
	s.whole(t, "while it sleeps")
	before := s.objects(t)
	syscall.Kill(pid, syscall.SIGCONT)
	select {
	case <-slept: // work fails the test if an answer is not that the task is done
	case <-time.After(2 * time.Minute):
		t.Fatalf("the woken worker hangs: %s", sleeper.at.talk)
	}
	s.whole(t, "after it woke")
	sameSlots(t, "after it woke", before, s.objects(t))
	s.repeats(t, 1)
}

func (w *worker) pid() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.at == nil {
		return 0
	}
	return w.at.Process.Pid
}

// TestSleepingChild: a child that sleeps gets a twin, and is ended when the twin is done.
func TestSleepingChild(t *testing.T) {
	b := begin(t)
	t.Parallel()
	s := newScene(t, b)
	// Children pause in their fifth task, the second of a phase, so that one can be stopped there.
	r := runIt("QUERN_FAILPOINT=failpoint:task.compute.before:5=sleep:3000")
	r.args = r.args[:len(r.args)-1] // not quiet
	began := time.Now()
	p := s.start(t, r)
	stopped := false
	for p.alive() && !stopped {
		time.Sleep(time.Millisecond)
		for _, pid := range childrenOf(p.Process.Pid) {
			if !stopped && s.passagesOf(pid, "task.compute.before") == 5 {
				stopped = syscall.Kill(pid, syscall.SIGSTOP) == nil
			}
		}
	}
	if code := p.wait(t, 2*time.Minute); code != 0 {
		t.Errorf("the run ends with %d: %s", code, p.talk)
	}
	if !p.said("another process tries it too") {
		t.Errorf("it says nothing of a straggler: %s", p.talk)
	}
	s.whole(t, "at the end")
	t.Logf("a run of which a child sleeps took %v", time.Since(began).Round(time.Millisecond))
	s.alone(t, "at the end")
}

// overtaken reports whether a driver ended as one does that another one overtook: fenced,
// or with the job done.
func overtaken(p *process) bool {
	switch code := p.code(); {
	case code == 0, code == 43, code == 2 && p.said("Q430"):
		return true
	case code == 4: // of quern run, which has no code of an engine
		return p.said("took over") || p.said("took the job over")
	}
	return false
}

// TestSleepingDriver stops a driver, has a second one finish the job, and wakes the first.
func TestSleepingDriver(t *testing.T) {
	b := begin(t)
	t.Parallel()
	for _, point := range []string{"fitted.put.before", "claim.put.after:4", "manifest.put.before", "phase.freeze.after:2", "document.publish.before"} {
		t.Run("run "+point, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, b)
			first := s.start(t, runIt("QUERN_FAILPOINT=failpoint:"+point+"=stop"))
			pid := s.asleep(t, func() int { return first.Process.Pid })
			began := time.Now()
			s.mustRun(t)
			t.Logf("the second driver took %v", time.Since(began).Round(time.Millisecond))
			s.wake(t, pid, first)
		})
		t.Run("coordinator "+point, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, b)
			c := newCluster(t, s, 2)
			c.plan(t)
			first := c.start(t, c.coordinate("QUERN_FAILPOINT=failpoint:"+point+"=stop"))
			done := make(chan struct{})
			go func() {
				defer close(done)
				var group sync.WaitGroup
				for _, w := range c.workers {
					group.Go(func() { w.work(t) })
				}
				group.Wait()
			}()
			pid := s.asleep(t, func() int { return first.Process.Pid })
			second := c.start(t, c.move(t).coordinate())
			if code := second.wait(t, 2*time.Minute); code != 0 {
				t.Errorf("the second coordinator ends with %d: %s", code, second.talk)
			}
			<-done
			s.wake(t, pid, first)
		})
	}
}

// move makes the cluster one of another coordinator: its workers die and ask that one.
func (c *cluster) move(t *testing.T) *cluster {
	c.mu.Lock()
	c.address = freePort(t)
	c.mu.Unlock()
	for _, w := range c.workers {
		w.mu.Lock()
		w.at.Process.Kill()
		w.mu.Unlock()
	}
	return c
}

// wake wakes a driver whose job is done, and checks that it ends soon and changes nothing.
func (s *scene) wake(t *testing.T, pid int, p *process) {
	t.Helper()
	s.whole(t, "while the first driver sleeps")
	before := s.objects(t)
	syscall.Kill(pid, syscall.SIGCONT)
	p.wait(t, time.Minute)
	t.Logf("the woken driver ends with %d", p.code())
	if !overtaken(p) {
		t.Errorf("the woken driver ends with %d: %s", p.code(), p.talk)
	}
	s.alone(t, "after it woke")
	s.whole(t, "after it woke")
	sameSlots(t, "after it woke", before, s.objects(t))
}

// TestDriversAtOnce starts drivers of one job together: one manifest, and each ends well
// or says that another one took over.
func TestDriversAtOnce(t *testing.T) {
	b := begin(t)
	t.Parallel()
	r := random(t)
	for round := range times(t, 4) {
		pauses := []time.Duration{0, time.Duration(r.Int64N(int64(300 * time.Millisecond))), time.Duration(r.Int64N(int64(600 * time.Millisecond)))}
		t.Run(fmt.Sprint(round, pauses), func(t *testing.T) {
			t.Parallel()
			s := newScene(t, b)
			var drivers []*process
			for _, pause := range pauses {
				time.Sleep(pause)
				drivers = append(drivers, s.start(t, runIt()))
			}
			done := 0
			for i, p := range drivers {
				p.wait(t, 2*time.Minute)
				refused := p.code() == 4 && (p.said("Q435") || p.said("Q436")) // another one was just taking the folder
				if !overtaken(p) && !refused {
					t.Errorf("driver %d ends with %d: %s", i, p.code(), p.talk)
				}
				if p.code() == 0 {
					done++
				}
			}
			if done == 0 {
				t.Error("nobody finished")
			}
			s.alone(t, "at the end")
			s.whole(t, "at the end")
		})
	}
}
