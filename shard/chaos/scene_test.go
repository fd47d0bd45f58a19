//go:build linux

package chaos

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"quern/pipeline/output"
	"quern/pipeline/store"
	"quern/shard/commitlog"
	"quern/shard/record"
)

// scene is a folder in which a job is done.
type scene struct {
	*bench
	dir   string
	trace string // file to which processes write the failpoints that they pass
	// root is the folder of the outputs, and of the log.
	root string
}

func newScene(t *testing.T, b *bench) *scene {
	t.Helper()
	s := &scene{bench: b, dir: t.TempDir()}
	s.trace, s.root = filepath.Join(t.TempDir(), "trace"), filepath.Join(s.dir, "out")
	s.write(t, "recipe.yaml", b.recipe+outputs)
	t.Cleanup(func() { // children of drivers that were killed at the very end
		for range 100 {
			left := s.orphans(t)
			for _, pid := range left {
				syscall.Kill(pid, syscall.SIGKILL)
			}
			if len(left) == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	return s
}

func (s *scene) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// run is the command line of a process, and variables of its environment.
type run struct {
	args        []string
	environment []string
	stdin       bool     // keep standard input open for lines
	around      []string // a command that runs it: ip netns exec NAME
}

// runIt is the run of the recipe in two child processes.
func runIt(environment ...string) run {
	return run{args: []string{"run", "recipe.yaml", "--procs", "2", "--shards", fmt.Sprint(shards), "--quiet"}, environment: environment}
}

// process is a process of the program.
type process struct {
	*exec.Cmd
	in    io.WriteCloser
	lines chan string // of standard output; closed at its end
	talk  *talk
	ended chan struct{}
}

// talk is what processes wrote to standard error.
type talk struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *talk) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *talk) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// start starts a process, which is killed at the end of the test.
func (s *scene) start(t *testing.T, r run) *process {
	t.Helper()
	line := append(append(slices.Clone(r.around), s.program), r.args...)
	p := &process{Cmd: exec.Command(line[0], line[1:]...), lines: make(chan string, 1000), talk: &talk{}, ended: make(chan struct{})}
	p.Dir, p.Stderr = s.dir, p.talk
	p.Env = append(append(os.Environ(), "QUERN_FAILPOINT_LOG="+s.trace), r.environment...)
	out, in := io.Pipe()
	p.Stdout = in
	if r.stdin {
		var err error
		if p.in, err = p.StdinPipe(); err != nil {
			t.Fatal(err)
		}
	}
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	starts <- func() { started <- p.Start() }
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
		close(p.lines)
	}()
	go func() {
		p.Wait()
		in.Close()
		close(p.ended)
	}()
	t.Cleanup(func() { p.kill() })
	return p
}

// kill kills the process and waits for its end.
func (p *process) kill() {
	p.Process.Kill()
	<-p.ended
}

// alive reports whether the process has not ended.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// wait waits for the end of the process and returns its exit code: -1 if a signal ended
// it.
func (p *process) wait(t *testing.T, limit time.Duration) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.kill()
		t.Fatalf("%v did not end within %v:\n%s", p.Args, limit, p.talk)
	}
	return p.code()
}

func (p *process) code() int             { return p.ProcessState.ExitCode() }
func (p *process) said(what string) bool { return strings.Contains(p.talk.String(), what) }

// killed reports whether SIGKILL ended the process.
func (p *process) killed() bool {
	status, ok := p.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// mustRun runs the command that must finish the job.
func (s *scene) mustRun(t *testing.T, environment ...string) {
	t.Helper()
	if p := s.start(t, runIt(environment...)); p.wait(t, 2*time.Minute) != 0 {
		t.Fatalf("the run ends with %d: %s", p.code(), p.talk)
	}
}

// passages returns how often processes passed a failpoint.
func (s *scene) passages(name string) int {
	text, err := os.ReadFile(s.trace)
	if err != nil {
		return 0
	}
	return strings.Count(string(text), " failpoint:"+name+"\n")
}

// passagesOf returns how often a process passed a failpoint.
func (s *scene) passagesOf(pid int, name string) (n int) {
	text, _ := os.ReadFile(s.trace)
	want := fmt.Sprintf("%d failpoint:%s\n", pid, name)
	for line := range strings.Lines(string(text)) {
		if line == want {
			n++
		}
	}
	return n
}

// visible checks what readers see at any moment: every file that has a final name is
// whole, and a finished output has all of its files.
func (s *scene) visible(t *testing.T, when string) {
	t.Helper()
	got, err := seen(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range got {
		if want, ok := s.want[name]; !ok || !bytes.Equal(data, want) {
			t.Errorf("%s: %s is there and is not what one process writes", when, name)
		}
	}
	for _, folder := range []string{"features", "tensors"} {
		if got["out/"+folder+"/_quern/manifest.json"] == nil {
			continue
		}
		if st, err := store.NewLocal(filepath.Join(s.root, folder)); err != nil {
			t.Error(err)
		} else if _, err := output.Verify(context.Background(), st); err != nil {
			t.Errorf("%s: %s has a manifest, and: %v", when, folder, err)
		}
	}
}

// whole checks a finished job: the bytes of one process, nothing else that readers see,
// every shard settled once, every part once in the manifest.
func (s *scene) whole(t *testing.T, when string) {
	t.Helper()
	s.visible(t, when)
	got, err := seen(s.dir)
	if err != nil {
		t.Fatal(err)
	}
	for name := range s.want {
		if got[name] == nil {
			t.Errorf("%s: %s is missing", when, name)
		}
	}
	st, err := store.NewLocal(s.root)
	if err != nil {
		t.Fatal(err)
	}
	s.settled(t, when, st)
}

// settled is the check of sets: over the log of the one job in a store.
func (s *scene) settled(t *testing.T, when string, st store.Store) {
	t.Helper()
	status := statusOf(t, st)
	if len(status.Phases) != phases || status.Manifest == nil {
		t.Fatalf("%s: the log has %d phases, manifest: %v", when, len(status.Phases), status.Manifest != nil)
	}
	for _, p := range status.Phases {
		if done, _ := p.Settled(); done != shards || p.Shards != shards {
			t.Errorf("%s: phase %d has %d of %d shards done", when, p.Number, done, p.Shards)
		}
	}
	parts := map[string]int{}
	for i, c := range status.Manifest.Claims {
		if int(c.Shard) != i || c.Phase != phases-1 {
			t.Errorf("%s: claim %d of the manifest is of shard %d of phase %d", when, i, c.Shard, c.Phase)
		}
		if won := status.Phases[phases-1].Claims[i]; won != nil && won.Attempt != c.Attempt {
			t.Errorf("%s: shard %d was settled by %v, and the manifest says by %v", when, i, won.Attempt, c.Attempt)
		}
		for _, f := range c.Files {
			if f.Final != "" {
				parts["out/"+f.Final]++
			}
		}
	}
	for name := range s.want {
		if strings.Contains(name, "/part-") && parts[name] != 1 {
			t.Errorf("%s: %s is %d times in the manifest", when, name, parts[name])
		}
		delete(parts, name)
	}
	if len(parts) > 0 {
		t.Errorf("%s: the manifest names %v", when, parts)
	}
}

// statusOf reads the log of the one job in a store.
func statusOf(t *testing.T, st store.Store) *commitlog.Status {
	t.Helper()
	log := commitlog.New(st)
	jobs, err := log.Jobs(t.Context())
	if err != nil || len(jobs) != 1 {
		t.Fatalf("there are %d jobs, %v", len(jobs), err)
	}
	status, err := log.Status(t.Context(), jobs[0])
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// objects returns the objects of the log, with the time at which each was written.
func (s *scene) objects(t *testing.T) map[string]time.Time {
	t.Helper()
	found := map[string]time.Time{}
	err := filepath.WalkDir(filepath.Join(s.root, "_quern", "jobs"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			name, _ := filepath.Rel(s.root, path)
			found[filepath.ToSlash(name)] = info.ModTime()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isSlot reports whether an object of the log is one that moves the job on.
func isSlot(name string) bool {
	return strings.Contains(name, "/claim/") || strings.HasSuffix(name, "/fitted") || strings.HasSuffix(name, "/manifest")
}

// resumed checks that a shard that was settled before was not done again, and returns
// when the first slot came that was not there before.
func resumed(t *testing.T, when string, before, after map[string]time.Time) (first time.Time) {
	t.Helper()
	for name, at := range after {
		if _, old := before[name]; old {
			continue
		}
		if isSlot(name) && (first.IsZero() || at.Before(first)) {
			first = at
		}
		job, ok := record.JobOf(name)
		if !ok {
			t.Errorf("%s: %s is in no job", when, name)
			continue
		}
		names := record.NamesOf(job)
		for phase := range uint32(phases) {
			if shard, _, ok := names.FileOf(name, phase); ok {
				if _, settled := before[names.Claim(phase, shard)]; settled {
					t.Errorf("%s: %s was made although its shard was settled", when, name)
				}
			}
		}
	}
	for name := range before {
		if _, there := after[name]; !there && !strings.Contains(name, "/file/") { // what attempts wrote is removed at the end
			t.Errorf("%s: %s is gone", when, name)
		}
	}
	return first
}

// orphans returns the processes that the scene started, or their children, that live.
func (s *scene) orphans(t *testing.T) (pids []int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		text, err := os.ReadFile(path)
		if err == nil && bytes.Contains(text, []byte(s.trace)) {
			var pid int
			fmt.Sscanf(path, "/proc/%d/", &pid)
			pids = append(pids, pid)
		}
	}
	return pids
}

// alone waits until no child of a killed driver is left, and returns how long it took: at
// most 5 s on a machine that does nothing else.
func (s *scene) alone(t *testing.T, when string) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		left := s.orphans(t)
		passed := time.Since(began)
		if len(left) == 0 {
			return passed
		}
		if passed > 10*time.Second {
			t.Fatalf("%s: processes %v are left after %v", when, left, passed)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// sameSlots fails the test if a slot came, went or was written anew.
func sameSlots(t *testing.T, when string, before, after map[string]time.Time) {
	t.Helper()
	noSlot := func(name string, _ time.Time) bool { return !isSlot(name) }
	before, after = maps.Clone(before), maps.Clone(after)
	maps.DeleteFunc(before, noSlot)
	maps.DeleteFunc(after, noSlot)
	sameObjects(t, when, before, after)
}

// sameObjects fails the test if anything in the log changed.
func sameObjects(t *testing.T, when string, before, after map[string]time.Time) {
	t.Helper()
	if !maps.Equal(before, after) {
		t.Errorf("%s: the log changed, from %d to %d objects", when, len(before), len(after))
	}
}
