package main

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	policy "k8s.io/api/policy/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quern/cmd/quern-k8s/kubelite"
)

// TestInCluster: what a cluster makes of a recipe has the bytes of one process.
func TestInCluster(t *testing.T) {
	s := newScene(t, 6)
	started := time.Now()
	said := s.ends(s.submit(), 0)
	s.note(started, fmt.Sprintf("%d shards, 2 phases, nothing fails", s.shards()))
	s.same()
	if !strings.Contains(said, "phase 0: job quern-") || !strings.Contains(said, "rows in 1,200,000") {
		t.Errorf("said\n%s", said)
	}
	for shard := range s.shards() {
		if n := s.tries(0, shard) + s.tries(1, shard); n != 2 {
			t.Errorf("shard %d was tried %d times in two phases", shard, n)
		}
	}
	status := s.ends(s.quern("k8s", "status", "out", "-n", s.namespace), 0)
	if !strings.Contains(status, "done, 1200000 rows") || !strings.Contains(status, "Complete") {
		t.Errorf("status\n%s", status)
	}
	if again := s.ends(s.submit("--job", "out"), 2); !strings.Contains(again, "either a recipe or") {
		t.Errorf("two jobs at once\n%s", again)
	}
	logs := s.ends(s.quern("k8s", "logs", "out", "-n", s.namespace, "--phase", "0", "--shard", "2,4"), 0)
	if strings.Count(logs, `"outcome":`) != 2 || !strings.Contains(logs, "== shard 4, pod quern-") {
		t.Errorf("logs\n%s", logs)
	}
	s.ends(s.quern("k8s", "delete", "out", "-n", s.namespace), 0)
	s.until("jobs and pods are gone", 30*time.Second, func() bool {
		jobs, err := s.client.BatchV1().Jobs(s.namespace).List(t.Context(), meta.ListOptions{})
		pods, err2 := s.client.CoreV1().Pods(s.namespace).List(t.Context(), meta.ListOptions{})
		return err == nil && err2 == nil && len(jobs.Items) == 0 && len(pods.Items) == 0
	})
}

// TestRetries: tries that ask for another, one that crashes, and one that is killed, are
// repeated; no other shard is.
func TestRetries(t *testing.T) {
	s := newScene(t, 6)
	s.fault(0, 1, "75")
	s.fault(0, 2, "2") // a program of Go that crashed
	s.fault(0, 4, "kill")
	s.fault(1, 0, "75")
	started := time.Now()
	s.ends(s.submit(), 0)
	s.note(started, "exit 75, exit 2 and SIGKILL in phase 0, exit 75 in phase 1; the Job controller waits 10 s")
	s.same()
	for _, c := range []struct{ phase, shard, tries int }{{0, 0, 1}, {0, 1, 2}, {0, 2, 2}, {0, 4, 2}, {1, 0, 2}, {1, 1, 1}} {
		if n := s.tries(c.phase, c.shard); n != c.tries {
			t.Errorf("shard %d of phase %d was tried %d times, not %d", c.shard, c.phase, n, c.tries)
		}
	}
}

// TestKilledPods kills processes at random, as they run.
func TestKilledPods(t *testing.T) {
	s := newScene(t, 8)
	started := time.Now()
	if total := s.killed(s.submit("--retries", "6")); total < 3 {
		t.Errorf("only %d processes were killed", total)
	}
	s.note(started, "kill -9 at random moments")
	s.same()
}

// TestAllFlights does so with three million flights, where make data has brought them.
func TestAllFlights(t *testing.T) {
	data, err := os.ReadFile("../../build/data/flights-3m.parquet")
	if err != nil {
		t.Skip("make data brings them")
	}
	s := newScene(t, 0)
	s.write("flights-3m.parquet", data)
	started := time.Now()
	if total := s.killed(s.submit("--retries", "6")); total < 3 {
		t.Errorf("only %d processes were killed", total)
	}
	s.note(started, fmt.Sprintf("three million flights, %d shards, kill -9 at random moments", s.shards()))
	s.same()
}

// TestCriteo does so with the click log of twenty million rows, where the benchmark has
// made it.
func TestCriteo(t *testing.T) {
	data, _ := filepath.Glob("../../build/bench/criteo-20000000-v1/part-*.parquet")
	if len(data) == 0 {
		t.Skip("quern bench criteo --rows 20000000 --prepare makes it")
	}
	s := newScene(t, 0)
	for i, from := range data {
		s.copy(fmt.Sprintf("criteo-%d.parquet", i), from)
	}
	s.write("recipe.yaml", []byte(criteoRecipe))
	started := time.Now()
	if total := s.killed(s.submit("--retries", "6", "--memory", "1GiB")); total < 3 {
		t.Errorf("only %d processes were killed", total)
	}
	s.note(started, fmt.Sprintf("twenty million rows of criteo, %d shards, kill -9 at random moments", s.shards()))
	s.same()
}

const criteoRecipe = `quern: 1
name: criteo
source: {parquet: criteo-*.parquet}
keep: [label]
features:
  - columns: [i01, i02, i03, i04, i05, i06, i07, i08, i09, i10, i11, i12, i13]
    steps: [{fill: {with: 0}}, {clip: {min: 0}}, log1p, standardize]
  - columns: [c01, c02, c03, c04, c05, c06, c07, c08, c09, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19, c20, c21, c22, c23, c24, c25, c26]
    steps: [categorify]
output:
  parquet: {path: out}
`

// killed runs a command and kills processes of the scene's pods at random, each shard of
// a phase once: every time doubles the wait for the next try. It returns how many.
func (s *scene) killed(c *exec.Cmd) (total int) {
	s.t.Helper()
	said := &talk{}
	c.Stdout, c.Stderr = said, said
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	killed := map[string]bool{}
	for {
		select {
		case err := <-done:
			if err != nil {
				s.t.Fatalf("seed %d: %v\n%s", seed, err, said)
			}
			return total
		case <-time.After(time.Duration(random.IntN(60)) * time.Millisecond):
		}
		for _, r := range s.node.Running() {
			key := r.Job + "/" + r.Index
			if r.Namespace == s.namespace && !killed[key] && random.IntN(2) == 0 && s.node.Signal(r.Pod, syscall.SIGKILL) {
				killed[key] = true
				total++
				break
			}
		}
	}
}

// TestEvicted: a drained node costs no try, even where a shard has only one.
func TestEvicted(t *testing.T) {
	s := newScene(t, 4)
	c := s.submit("--retries", "0")
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	started := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var pod string
	s.until("a pod runs", time.Minute, func() bool {
		for _, r := range s.node.Running() {
			if r.Namespace == s.namespace && s.node.Signal(r.Pod, syscall.SIGSTOP) {
				pod = r.Pod
				return true
			}
		}
		return false
	})
	eviction := &policy.Eviction{ObjectMeta: meta.ObjectMeta{Name: pod, Namespace: s.namespace}, DeleteOptions: &meta.DeleteOptions{GracePeriodSeconds: new(int64)}}
	*eviction.DeleteOptions.GracePeriodSeconds = 1
	if err := s.client.PolicyV1().Evictions(s.namespace).Evict(t.Context(), eviction); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	s.note(started, "a pod evicted while it was stopped; --retries 0")
	s.same()
}

// TestPoison: a shard that nobody can read fails the job at once, and is left out where
// that is allowed.
func TestPoison(t *testing.T) {
	s := newScene(t, 5)
	s.spoil("flights-3.parquet")
	started := time.Now()
	said := s.ends(s.submit(), 3)
	if !strings.Contains(said, "Q451") || !strings.Contains(said, "flights-3.parquet") {
		t.Errorf("said\n%s", said)
	}
	if list := codes(s.runs()); !strings.Contains(list, "1 x 42") {
		t.Errorf("a poisoned shard was tried again: %s", list)
	}
	status := s.ends(s.quern("k8s", "status", "out", "-n", s.namespace), 0)
	if !strings.Contains(status, "cannot be done: 1 shards failed") || !strings.Contains(status, "exit code 42") {
		t.Errorf("status\n%s", status)
	}
	if logs := s.ends(s.quern("k8s", "logs", "out", "-n", s.namespace), 0); !strings.Contains(logs, "== shard 2") || !strings.Contains(logs, "flights-3.parquet") {
		t.Errorf("logs\n%s", logs)
	}
	said = s.ends(s.submit("--allow-failed-shards", "1", "--overwrite"), 0)
	s.note(started, "a damaged file: refused, then left out with --allow-failed-shards")
	if !strings.Contains(said, "rows in 725,000") || strings.Count(said, "left out") != 1 {
		t.Errorf("said\n%s", said)
	}
	got := s.files("out")
	s.ends(s.quern("run", "recipe.yaml", "--procs", "2", "--shards", "64", "--allow-failed-shards", "1", "--overwrite", "--quiet"), 0)
	if want := s.files("out"); !maps.Equal(got, want) {
		t.Errorf("processes of one machine make\n%v, pods\n%v", want, got)
	}
}

// spoil damages the pages of a file, but not its footer.
func (s *scene) spoil(name string) {
	path := filepath.Join(s.folder, name)
	data, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 4; i < len(data)/2; i++ {
		data[i] ^= 0x5a
	}
	s.write(name, data)
}

// TestGivenUp: a shard that never succeeds ends its job as unavailable, and a second
// submit does only what is missing.
func TestGivenUp(t *testing.T) {
	s := newScene(t, 4)
	s.fault(0, 2, "75", "kill")
	started := time.Now()
	said := s.ends(s.submit("--retries", "1"), 4)
	if !strings.Contains(said, "1 of 3 shards are not settled") || !strings.Contains(said, "exit code 137") {
		t.Errorf("said\n%s", said)
	}
	s.ends(s.submit("--retries", "1"), 0)
	s.note(started, "a shard out of tries, then submitted again")
	s.same()
	if n := s.tries(0, 2); n != 3 {
		t.Errorf("the shard was tried %d times, not 3", n)
	}
}

// TestKilledSubmitter: quern killed at any time takes quern-k8s with it, and the same
// command takes the job up, with the Jobs that are there.
func TestKilledSubmitter(t *testing.T) {
	s := newScene(t, 6)
	started := time.Now()
	kills := 0
	for wait := 300 * time.Millisecond; ; wait += 250 * time.Millisecond {
		c := s.submit()
		said := &talk{}
		c.Stdout, c.Stderr = said, said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		select {
		case err := <-ended:
			ended <- err
		case <-time.After(wait):
			if !strings.Contains(said.String(), "phase 1 is done") {
				c.Process.Kill() // quern alone: quern-k8s must notice
				<-ended
				kills++
				continue
			}
		}
		err := <-ended
		if err != nil && kills > 0 && strings.Contains(said.String(), "Q430") { // the last pod was faster than the kill
			s.ends(s.quern("k8s", "submit", "--job", "out", "-o", "flights.quern", "--image", "quern", "-n", s.namespace), 0)
		} else if err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		break
	}
	s.note(started, "the submitter killed again and again, later each time")
	s.same()
	if kills < 2 {
		t.Errorf("only %d submitters were killed", kills)
	}
	for shard := range s.shards() {
		if n := s.tries(0, shard); n != 1 {
			t.Errorf("shard %d of phase 0 was tried %d times", shard, n)
		}
	}
	s.until("no quern-k8s is left", 10*time.Second, func() bool { return !running(filepath.Join(s.world.folder, "quern-k8s")) })
}

// talk is what a command says, while it does.
type talk struct {
	mu   sync.Mutex
	said bytes.Buffer
}

// Write implements io.Writer.
func (t *talk) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.Write(b)
}

func (t *talk) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.said.String()
}

// running reports whether some process runs a program.
func running(program string) bool {
	all, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, exe := range all {
		if at, err := os.Readlink(exe); err == nil && at == program {
			return true
		}
	}
	return false
}

// TestSilentCluster: an API server that does not answer for a while is waited for.
func TestSilentCluster(t *testing.T) {
	s := newScene(t, 6)
	c := s.submit()
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	started := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	s.until("a pod has ended", time.Minute, func() bool { return len(s.runs()) > 0 })
	if err := s.Signal("apiserver", syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	if err := s.Signal("apiserver", syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	s.note(started, "kube-apiserver stopped for 5 s")
	s.same()
}

// TestNoImage: pods that cannot start are explained, an interrupt leaves the cluster at
// it, and delete ends it.
func TestNoImage(t *testing.T) {
	s := newScene(t, 2)
	c := s.submit("--image", kubelite.NoImage)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	started := time.Now()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pending := func() []core.Pod {
		pods, err := s.client.CoreV1().Pods(s.namespace).List(t.Context(), meta.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return pods.Items
	}
	s.until("a pod waits for its image", time.Minute, func() bool {
		pods := pending()
		return len(pods) > 0 && pod{&pods[0]}.waiting() != ""
	})
	pods := pending()
	if why := (pod{&pods[0]}).waiting(); why != "ImagePullBackOff no such image" {
		t.Errorf("waits for %q", why)
	}
	time.Sleep(idleTime + 5*time.Second) // the Job changes a few times at first
	if err := syscall.Kill(-c.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != 1 || !strings.Contains(said.String(), "ImagePullBackOff") || !strings.Contains(said.String(), "the cluster goes on") {
		t.Errorf("exit code %d\n%s", code, &said)
	}
	s.ends(s.quern("k8s", "delete", "out", "-n", s.namespace), 0)
	s.until("its pods are gone", 30*time.Second, func() bool { return len(pending()) == 0 })
	s.note(started, "an image that is not there: explained, interrupted, deleted")
}
