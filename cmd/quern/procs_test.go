//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"quern/shard/procs"
)

// These tests run the program in several processes, break them, and compare the outputs
// with those of one process.

// TestProcesses shares one scene.
func TestProcesses(t *testing.T) {
	s := newScene(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *scene)
	}{
		{"same bytes", sameBytes}, {"kill", killParents}, {"kill children", killChildren}, {"interrupt", interruptParent},
		{"coordinator", coordinatorsComeAndGo}, {"without a coordinator", engineAlone}, {"certificates", certificates}, {"README", readmeProcesses}, {"mistakes", processMistakes},
		{"failed shards", failedShards},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer s.reset(t)
			c.test(t, s)
		})
	}
}

// checkMade compares what readers see with what one process made: nothing may lack, and
// nothing may be there but logs.
func (s *scene) checkMade(t *testing.T, when string) {
	t.Helper()
	made := s.made(t)
	for name, want := range s.want {
		if !bytes.Equal(made[name], want) {
			t.Errorf("%s: %s has %d bytes, and they are not the %d that one process writes", when, name, len(made[name]), len(want))
		}
		delete(made, name)
	}
	for name := range made {
		if !strings.HasPrefix(name, "out/_quern/") && !strings.HasSuffix(name, "_quern/lock") {
			t.Errorf("%s: %s is left", when, name)
		}
	}
}

// procsRun is the command line of a run in two processes.
func procsRun(more ...string) []string {
	return append([]string{"run", "recipe.yaml", "--procs", "2"}, more...)
}

func sameBytes(t *testing.T, s *scene) {
	for _, n := range []int{1, 2, 3} {
		code, talk := s.run("run", "recipe.yaml", "--procs", strconv.Itoa(n), "--report", "flights-report.json")
		if code != 0 || !strings.Contains(talk, fmt.Sprintf(", processes %d\n", n)) || !strings.Contains(talk, "rows in 400,000, out 400,000") {
			t.Fatalf("--procs %d: %d %s", n, code, talk)
		}
		s.checkMade(t, fmt.Sprintf("--procs %d", n))
		text, err := os.ReadFile(filepath.Join(s.dir, "flights-report.json"))
		if err != nil || !json.Valid(text) || !strings.Contains(string(text), `"done"`) {
			t.Errorf("report: %v %.300s", err, text)
		}
		if code, talk := s.run(procsRun("--quiet")...); code != 2 || !strings.Contains(talk, "Q430") {
			t.Errorf("again: %d %s", code, talk)
		}
		if code, talk := s.run(procsRun("--quiet", "--overwrite")...); code != 0 {
			t.Errorf("--overwrite: %d %s", code, talk)
		}
		s.checkMade(t, "--overwrite")
		s.reset(t)
	}
}

// childrenOf returns the processes that a process has started and that live.
func childrenOf(pid int) (pids []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range tasks {
		text, _ := os.ReadFile(name)
		for _, f := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(f); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// checkGone waits until processes have ended, five seconds at most.
func checkGone(t *testing.T, when string, pids []int) {
	t.Helper()
	limit := time.Now().Add(5 * time.Second)
	for _, pid := range pids {
		for {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			if err != nil || strings.Contains(string(stat), ") Z ") {
				break
			}
			if time.Now().After(limit) {
				t.Errorf("%s: child %d lives on", when, pid)
				syscall.Kill(pid, syscall.SIGKILL)
				break
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// killParents kills runs at random moments. Their children must be gone soon, and the
// same command must finish the job.
func killParents(t *testing.T, s *scene) {
	kills := 12
	if testing.Short() {
		kills = 4
	}
	hit := 0
	span := 2 * s.takes // of the moments; shorter where runs end before
	for i := range kills {
		after := rand.N(span)
		when := fmt.Sprintf("kill %d after %v", i, after)
		c, _ := s.command(procsRun("--quiet")...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		c.Process.Signal(syscall.SIGSTOP) // so that it starts no other while we look
		pids := childrenOf(c.Process.Pid)
		c.Process.Kill()
		c.Wait()
		if c.ProcessState.ExitCode() == -1 {
			hit++
		} else {
			span = max(span*3/4, 10*time.Millisecond)
		}
		checkGone(t, when, pids)
		finished := s.checkVisible(t, when)
		if code, talk := s.run(procsRun("--quiet")...); code != 0 && !(finished == 2 && code == 2) {
			t.Fatalf("%s: the next run ends with %d: %s", when, code, talk)
		}
		s.checkMade(t, when)
		s.reset(t)
	}
	if hit == 0 {
		t.Errorf("%d of %d runs were killed", hit, kills)
	}
}

// killChildren kills children of one run, which must not mind.
func killChildren(t *testing.T, s *scene) {
	c, talk := s.command(procsRun("--shards", "2")...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	kills := 0
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("after %d kills: %v: %s", kills, err, talk)
			}
			if kills == 0 {
				t.Error("no child was killed")
			}
			s.checkMade(t, "children killed")
			return
		case <-time.After(rand.N(s.takes / 2)):
			if pids := childrenOf(c.Process.Pid); len(pids) > 0 && kills < 3 {
				if syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL) == nil {
					kills++
				}
			}
		}
	}
}

func interruptParent(t *testing.T, s *scene) {
	c, talk := s.command(procsRun()...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for began := time.Now(); len(pids) < 2 && time.Since(began) < 10*time.Second; time.Sleep(time.Millisecond) {
		pids = childrenOf(c.Process.Pid)
	}
	c.Process.Signal(os.Interrupt)
	began := time.Now()
	c.Wait()
	if took := time.Since(began); took > 6*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if code := c.ProcessState.ExitCode(); code != 1 || !strings.Contains(talk.String(), "the same command finishes the run") {
		t.Errorf("exit code %d: %s", code, talk)
	}
	checkGone(t, "interrupt", pids)
	if code, talk := s.run(procsRun("--quiet")...); code != 0 {
		t.Errorf("the next run: %d %s", code, talk)
	}
	s.checkMade(t, "interrupted and finished")
}

// runningCoordinator is a process, and what it said first.
type runningCoordinator struct {
	*exec.Cmd
	talk                *strings.Builder
	Job, Address, Token string
}

func (s *scene) coordinator(t *testing.T, args ...string) *runningCoordinator {
	t.Helper()
	c := &runningCoordinator{}
	c.Cmd, c.talk = s.command(append([]string{"coordinator"}, args...)...)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, _ := bufio.NewReader(out).ReadBytes('\n')
	if err := json.Unmarshal(line, c); err != nil {
		c.Process.Kill()
		c.Wait()
		t.Fatalf("%q: %v: %s", line, err, c.talk)
	}
	if _, err := os.Stat(filepath.Join(c.Job, "plan")); err != nil {
		t.Errorf("the coordinator says that it is there before tasks find the plan: %v", err)
	}
	return c
}

// task runs a task and returns what it says, with its exit code.
func (s *scene) task(t *testing.T, env []string, args ...string) procs.Answer {
	t.Helper()
	c, talk := s.command(append([]string{"task"}, args...)...)
	c.Env = append(os.Environ(), env...)
	out, err := c.Output()
	var a procs.Answer
	if bad := json.Unmarshal(out, &a); bad != nil || int(a.Code) != c.ProcessState.ExitCode() {
		t.Errorf("task %v: %v, code %d: %q %s", args, err, c.ProcessState.ExitCode(), out, talk)
	}
	return a
}

// coordinatorsComeAndGo: one is killed in the middle, another one takes the job over and
// fences the first, which was only asleep.
func coordinatorsComeAndGo(t *testing.T, s *scene) {
	first := s.coordinator(t, "recipe.yaml", "--shards", "2")
	one := s.task(t, []string{tokenVariable + "=" + first.Token}, "--job", first.Job, "--coordinator", first.Address, "--phase", "0", "--shard", "0")
	if one.Code != 0 || one.Rows == 0 || one.Attempt == "" || one.Device != "cpu" {
		t.Errorf("%+v", one)
	}
	first.Process.Signal(syscall.SIGSTOP)
	second := s.coordinator(t, "--job", first.Job)
	for phase := range 3 {
		for shard := range 2 {
			began := time.Now()
			a := s.task(t, []string{tokenVariable + "=" + second.Token, "QUERN_INDEX=" + strconv.Itoa(shard)},
				"--job", first.Job, "--coordinator", second.Address, "--phase", strconv.Itoa(phase))
			if a.Code != 0 || int(a.Shard) != shard || int(a.Phase) != phase || time.Since(began) > 20*time.Second {
				t.Errorf("%v: %+v", time.Since(began), a)
			}
			if phase == 0 && shard == 0 && a.Rows != 0 {
				t.Errorf("a shard was done again: %+v", a)
			}
		}
	}
	second.Wait()
	first.Process.Signal(syscall.SIGCONT)
	first.Wait()
	if code := second.ProcessState.ExitCode(); code != 0 {
		t.Errorf("the second coordinator ends with %d: %s", code, second.talk)
	}
	if code := first.ProcessState.ExitCode(); code != 43 {
		t.Errorf("the first coordinator ends with %d: %s", code, first.talk)
	}
	s.checkMade(t, "two coordinators")
	third := s.coordinator(t, "--job", first.Job)
	if third.Wait(); third.ProcessState.ExitCode() != 0 {
		t.Errorf("a coordinator of a finished job: %d %s", third.ProcessState.ExitCode(), third.talk)
	}
}

// engineAlone does a job as an engine without a coordinator would: all tasks of a phase
// at the same time, some twice.
func engineAlone(t *testing.T, s *scene) {
	c, talk := s.command("coordinator", "recipe.yaml", "--plan-only", "--shards", "2")
	out, _ := c.Output()
	var plan struct {
		Job    string
		Shards int
	}
	if err := json.Unmarshal(out, &plan); err != nil || plan.Shards != 2 {
		t.Fatalf("%q %v: %s", out, err, talk)
	}
	for phase := range 2 {
		codes := make(chan int)
		for i := range 4 {
			go func() {
				a := s.task(t, nil, "--job", plan.Job, fmt.Sprintf(`{"phase":%d,"shard":%d}`, phase, i%2))
				codes <- int(a.Code)
			}()
		}
		for range 4 {
			if code := <-codes; code != 0 {
				t.Errorf("phase %d: code %d", phase, code)
			}
		}
	}
	s.checkMade(t, "no coordinator")
}

// processMistakes are wrong command lines, and what tasks of no job say.
func processMistakes(t *testing.T, s *scene) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"run recipe.yaml --procs 0", 2, "go with --procs"},
		{"run recipe.yaml --procs -3", 2, "Q501"},
		{"run recipe.yaml --shards 3", 2, "Q501"},
		{"run recipe.yaml --procs 2 --on-bad-file quarantine", 2, "Q453"},
		{"task --phase 0", 2, "--job"},
		{"task --job out/_quern/jobs/00000000000000000000000000000000 --phase 0 --shard 0", 2, "Q450"},
		{"task --job x --stdin --phase 0", 2, "Q501"},
		{"coordinator", 2, "Q501"},
		{"coordinator recipe.yaml --job x", 2, "Q501"},
		{"coordinator recipe.yaml --shards -3", 2, "--shards -3: give 1 or more"},
		{"coordinator --job x --allow-failed-shards 3", 2, "--allow-failed-shards goes with a RECIPE"},
		{"coordinator --job x --plan-only", 2, "--plan-only goes with a RECIPE"},
		{"coordinator recipe.yaml --tls-cert x", 2, "--tls-key"},
		{"coordinator recipe.yaml --listen 0.0.0.0:0", 4, "Q456"},
		{"coordinator --job out/_quern/jobs/zz", 2, "Q450"},
	} {
		if code, talk := s.run(strings.Fields(c.args)...); code != c.code || !strings.Contains(talk, c.says) {
			t.Errorf("%s: code %d, want %d and %q: %s", c.args, code, c.code, c.says, talk)
		}
	}
}

// TestDescriptors: which task is meant.
func TestDescriptors(t *testing.T) {
	for _, c := range []struct {
		phase, shard int64
		args, env    string
		want         string // "" is an error
	}{
		{0, 17, "", "", "0/17"},
		{0, 17, "", "QUERN_INDEX=3", "0/17"},
		{2, -1, "", "JOB_COMPLETION_INDEX=5", "2/5"},
		{2, -1, "", "JOB_COMPLETION_INDEX=5 QUERN_INDEX=4", "2/4"},
		{2, -1, "", "CLOUD_RUN_TASK_INDEX=0", "2/0"},
		{2, -1, "", "AWS_BATCH_JOB_ARRAY_INDEX=7", "2/7"},
		{2, -1, "", "SLURM_ARRAY_TASK_ID=8", "2/8"},
		{2, -1, "", "mapreduce_task_partition=8", ""},
		{2, -1, "", "QUERN_INDEX=x", ""},
		{2, -1, "", "QUERN_INDEX=-1", ""},
		{-1, -1, "", "QUERN_INDEX=1", ""},
		{-1, 3, "", "", ""},
		{-1, -1, `{"phase":1,"shard":2}`, "QUERN_INDEX=9", "1/2"},
		{1, -1, `{"phase":1,"shard":2}`, "", "1/2"},
		{0, -1, `{"phase":1,"shard":2}`, "", ""},
		{-1, 2, `{"phase":1,"shard":2}`, "", ""},
		{-1, -1, `{"phase":1}`, "", ""},
		{-1, -1, `{"phase":-1,"shard":2}`, "", ""},
		{-1, -1, `{"phase":1,"shard":2,"x":3}`, "", ""},
		{-1, -1, `{"phase":1,"shard":2}{}`, "", ""},
		{-1, -1, `17`, "", ""},
	} {
		f := &taskFlags{phase: c.phase, shard: c.shard}
		var args []string
		if c.args != "" {
			args = []string{c.args}
		}
		d, err := f.descriptor(args, func(name string) string {
			for word := range strings.FieldsSeq(c.env) {
				if value, ok := strings.CutPrefix(word, name+"="); ok {
					return value
				}
			}
			return ""
		})
		if got := fmt.Sprintf("%d/%d", d.Phase, d.Shard); err == nil && got != c.want || err != nil && c.want != "" {
			t.Errorf("%+v: %s %v", c, got, err)
		}
	}
}
