//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// These tests break whole runs of the program as it is built: they kill it, fill its
// disk and race it against itself. After each, whoever looks may see whole files
// only, and the same command must finish the run with the same bytes as a run that
// nothing happened to.

// scene is a folder with the example's recipe, its data twice (so that outputs
// have several parts), and what an unhurried run writes there.
type scene struct {
	program string
	dir     string
	want    map[string][]byte // all files that a run makes, by name
	takes   time.Duration     // how long the run took
}

// newScene builds the program, sets the folder up and runs once.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{program: filepath.Join(t.TempDir(), "quern"), dir: t.TempDir()}
	if out, err := exec.Command("go", "build", "-o", s.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	example := filepath.Join("..", "..", "examples", "flights")
	recipe, err := os.ReadFile(filepath.Join(example, "recipe.yaml"))
	data, err2 := os.ReadFile(filepath.Join(example, "flights-200k.parquet"))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	s.write(t, "recipe.yaml", recipe)
	for i := range 2 {
		s.write(t, fmt.Sprintf("flights-%d.parquet", i), data)
	}
	started := time.Now()
	s.mustRun(t)
	s.takes = time.Since(started)
	s.want = s.made(t)
	for _, name := range []string{"flights.quern", "out/features/part-00001.parquet", "out/tensors/part-00001.safetensors",
		"out/features/_quern/manifest.json", "out/tensors/_quern/manifest.json"} {
		if s.want[name] == nil {
			t.Fatalf("the run did not make %s", name)
		}
	}
	s.reset(t)
	return s
}

func (s *scene) write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// command returns the run, ready to start, its talk going to the builder.
func (s *scene) command(args ...string) (*exec.Cmd, *strings.Builder) {
	if len(args) == 0 {
		args = []string{"run", "recipe.yaml", "--quiet"}
	}
	c, talk := exec.Command(s.program, args...), &strings.Builder{}
	c.Dir, c.Stderr = s.dir, talk
	return c, talk
}

// run runs a command line and returns its exit code and what it said.
func (s *scene) run(args ...string) (int, string) {
	c, talk := s.command(args...)
	c.Run()
	return c.ProcessState.ExitCode(), talk.String()
}

func (s *scene) mustRun(t *testing.T) {
	t.Helper()
	if code, talk := s.run(); code != 0 {
		t.Fatalf("the run ends with %d: %s", code, talk)
	}
}

// reset removes what runs made.
func (s *scene) reset(t *testing.T) {
	t.Helper()
	for name := range s.made(t) {
		os.Remove(filepath.Join(s.dir, name))
	}
	if err := os.RemoveAll(filepath.Join(s.dir, "out")); err != nil && !errors.Is(err, unix.EBUSY) {
		t.Fatal(err)
	}
}

// made returns all files but the run's input.
func (s *scene) made(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(s.dir, path)
		if name != "recipe.yaml" && !strings.HasPrefix(name, "flights-") {
			files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkVisible checks what an ended process left: every file under a final name is
// whole, attempts have no data suffix, and an output verifies if and only if it has a
// manifest. It returns how many of the two outputs are finished.
func (s *scene) checkVisible(t *testing.T, when string) (finished int) {
	t.Helper()
	made := s.made(t)
	for name, data := range made {
		switch {
		case strings.HasPrefix(name, "."): // an attempt at the model
		case strings.Contains(name, "_quern/attempts/"):
			if ext := filepath.Ext(name); ext == ".parquet" || ext == ".safetensors" || ext == ".json" {
				t.Errorf("%s: attempt %s has a data suffix", when, name)
			}
		case strings.Contains(name, "_quern/") && !strings.HasSuffix(name, "manifest.json"): // records of an unfinished output
		case !bytes.Equal(data, s.want[name]):
			t.Errorf("%s: %s is there and is not what a whole run writes", when, name)
		}
	}
	for _, output := range []string{"out/features", "out/tensors"} {
		want := 3
		if made[output+"/_quern/manifest.json"] != nil {
			want = 0
			finished++
		}
		if code, talk := s.run("verify", output); code != want {
			t.Errorf("%s: verify %s ends with %d, want %d: %s", when, output, code, want, talk)
		}
	}
	if finished > 0 && made["flights.quern"] == nil {
		t.Errorf("%s: there is an output and no model", when)
	}
	return finished
}

// checkFinish runs again and compares everything with the unhurried run.
func (s *scene) checkFinish(t *testing.T, when string, finished int) {
	t.Helper()
	code, talk := s.run()
	if finished == 2 && (code != 2 || !strings.Contains(talk, "Q430")) || finished < 2 && code != 0 {
		t.Fatalf("%s, %d outputs finished: the next run ends with %d: %s", when, finished, code, talk)
	}
	made := s.made(t)
	for name, want := range s.want {
		if !bytes.Equal(made[name], want) {
			t.Fatalf("%s: after the next run %s has other bytes", when, name)
		}
		delete(made, name)
	}
	for name := range made {
		if finished < 2 && !strings.HasPrefix(name, ".") && filepath.Base(name) != "lock" { // nobody holds it
			t.Errorf("%s: the next run left %s", when, name)
		}
	}
}

// moments are files whose coming marks how far a run is.
func moments() []string {
	return []string{
		"flights.quern", "out/features/_quern/lock", "out/features/_quern/claim.json", "out/tensors/_quern/claim.json",
		"out/features/part-00000.parquet", "out/tensors/part-00000.safetensors", "out/features/part-00001.parquet",
		"out/tensors/_quern/parts/part-00000.json", "out/tensors/part-00001.safetensors",
		"out/features/_quern/manifest.json", "out/tensors/_quern/manifest.json",
	}
}

// signal starts a run and sends it a signal: after a time, or soon after a file
// has come. It returns the ended process and what it said.
func (s *scene) signal(t *testing.T, sig os.Signal, after time.Duration, file string) (*exec.Cmd, string) {
	t.Helper()
	c, talk := s.command()
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { c.Wait(); close(done) }()
	wait := time.NewTimer(after)
	if file != "" {
		for waiting := true; waiting; {
			if _, err := os.Lstat(filepath.Join(s.dir, file)); err == nil {
				break
			}
			select {
			case <-done:
				waiting = false
			case <-time.After(200 * time.Microsecond):
			}
		}
		wait.Reset(after)
	}
	select {
	case <-wait.C:
		c.Process.Signal(sig)
	case <-done:
	}
	<-done
	return c, talk.String()
}

// TestFaults shares one scene, because building and running it takes a while.
func TestFaults(t *testing.T) {
	s := newScene(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *scene)
	}{
		{"kill", kill}, {"interrupt", interrupt}, {"full disk", fullDisk}, {"file size limit", fileSizeLimit},
		{"spill folder is full", spillFolderIsFull}, {"folder that cannot be written", folderThatCannotBeWritten},
		{"runs at once", runsAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer s.reset(t)
			c.test(t, s)
		})
	}
}

// kill kills runs at random moments of time and soon after moments of progress.
func kill(t *testing.T, s *scene) {
	kills := 40
	if testing.Short() {
		kills = 8
	}
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	hit, between := 0, 0
	for i := range kills {
		after, file := time.Duration(r.Int64N(int64(s.takes))), ""
		if i%2 == 0 {
			after, file = time.Duration(r.Int64N(int64(3*time.Millisecond))), moments()[i/2%len(moments())]
		}
		when := fmt.Sprintf("seed %d, kill %d: %v after %q", seed, i, after, file)
		c, _ := s.signal(t, os.Kill, after, file)
		if c.ProcessState.ExitCode() == -1 {
			hit++
		}
		finished := s.checkVisible(t, when)
		if _, err := os.Stat(filepath.Join(s.dir, "out")); err == nil && finished < 2 {
			between++
		}
		s.checkFinish(t, when, finished)
		s.reset(t)
	}
	if hit < kills/2 || between < kills/5 {
		t.Errorf("%d of %d runs were killed, %d while they wrote: the moments are badly chosen", hit, kills, between)
	}
}

func interrupt(t *testing.T, s *scene) {
	rounds := 2
	if testing.Short() {
		rounds = 1
	}
	interrupted := 0
	for i := range rounds * 4 {
		sig := []os.Signal{os.Interrupt, unix.SIGTERM}[i%2]
		file := []string{"out/features/_quern/lock", "out/tensors/_quern/claim.json", "out/features/part-00000.parquet", "out/tensors/part-00001.safetensors"}[i%4]
		when := fmt.Sprintf("%v after %s", sig, file)
		c, talk := s.signal(t, sig, 0, file)
		finished := s.checkVisible(t, when)
		switch code := c.ProcessState.ExitCode(); {
		case code == 1 && strings.Contains(talk, "interrupted"):
			interrupted++
			for name := range s.made(t) {
				if strings.Contains(name, "/attempts/") {
					t.Errorf("%s: the run left %s", when, name)
				}
			}
		case code == 0 && finished == 2: // too late
		default:
			t.Errorf("%s: exit code %d: %s", when, code, talk)
		}
		s.checkFinish(t, when, finished)
		s.reset(t)
	}
	if interrupted == 0 {
		t.Error("no signal came in time")
	}
}

// mount mounts a tmpfs on a folder, or skips the test.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("no tmpfs here: %v %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
}

// fullDisk fills the disk at several sizes; with more space the run finishes.
func fullDisk(t *testing.T, s *scene) {
	sizes := []string{"16k", "1m", "3m", "20m"}
	if testing.Short() {
		sizes = sizes[2:3]
	}
	out := filepath.Join(s.dir, "out")
	mount(t, out, "size=16k")
	for _, size := range sizes {
		remount(t, out, "size="+size)
		code, talk := s.run()
		if code != 4 || !strings.Contains(talk, "Q432") || !strings.Contains(talk, out) {
			t.Errorf("%s: exit code %d: %s", size, code, talk)
		}
		if finished := s.checkVisible(t, size); finished == 2 {
			t.Fatalf("%s was enough", size)
		}
		remount(t, out, "size=200m")
		finished := s.checkVisible(t, size)
		s.checkFinish(t, size, finished)
		for _, d := range []string{"features", "tensors"} {
			os.RemoveAll(filepath.Join(out, d))
		}
	}
}

func remount(t *testing.T, dir, options string) {
	t.Helper()
	if out, err := exec.Command("mount", "-o", "remount,"+options, dir).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// fileSizeLimit is a full disk for those who cannot mount one.
func fileSizeLimit(t *testing.T, s *scene) {
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &old); err != nil {
		t.Skip(err)
	}
	for _, limit := range []string{"400", "6000"} { // blocks of 512 bytes or of 1024
		c := exec.Command("sh", "-c", "ulimit -f "+limit+" && exec \"$0\" run recipe.yaml --quiet", s.program)
		var talk strings.Builder
		c.Dir, c.Stderr = s.dir, &talk
		c.Run()
		if code := c.ProcessState.ExitCode(); code != 4 || !strings.Contains(talk.String(), "Q432") {
			t.Errorf("exit code %d: %s", code, talk.String())
		}
		s.checkFinish(t, limit, s.checkVisible(t, limit))
		s.reset(t)
	}
}

// spillFolderIsFull makes a recipe whose statistics spill where there is no space.
func spillFolderIsFull(t *testing.T, s *scene) {
	var csv bytes.Buffer
	csv.WriteString("id\n")
	for i := range 400000 {
		fmt.Fprintf(&csv, "customer-%d\n", uint32(i)*2654435761)
	}
	s.write(t, "flights-ids.csv", csv.Bytes())
	s.write(t, "flights-ids.yaml", []byte("quern: 1\nname: ids\nsource: {csv: flights-ids.csv}\nfeatures:\n"+
		"  - {columns: [id], steps: [categorify: {min_count: 1}]}\noutput: {parquet: {path: out/ids}}\n"))
	args := []string{"run", "flights-ids.yaml", "--quiet", "--memory", "32MiB"}
	spill := t.TempDir()
	t.Setenv("TMPDIR", filepath.Join(s.dir, "nowhere"))
	code, talk := s.run(args...)
	if code != 4 || !strings.Contains(talk, "Q460") {
		t.Errorf("no folder to spill to: exit code %d: %s", code, talk)
	}
	t.Setenv("TMPDIR", spill)
	if os.Getuid() == 0 && exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", spill).Run() == nil {
		defer exec.Command("umount", "-l", spill).Run()
		if code, talk := s.run(args...); code != 4 || !strings.Contains(talk, "Q460") {
			t.Errorf("a full folder: exit code %d: %s", code, talk)
		}
		remount(t, spill, "size=200m")
	}
	if made := s.made(t); len(made) != 0 { // inputs are called flights-*
		t.Errorf("failed runs left %d files", len(made))
	}
	if code, talk := s.run(args...); code != 0 {
		t.Errorf("with space: exit code %d: %s", code, talk)
	}
	if left, _ := os.ReadDir(spill); len(left) != 0 {
		t.Errorf("left in the folder for temporary files: %v", left)
	}
	if code, talk := s.run("verify", "out/ids"); code != 0 {
		t.Errorf("exit code %d: %s", code, talk)
	}
}

func folderThatCannotBeWritten(t *testing.T, s *scene) {
	check := func(what string) {
		t.Helper()
		if code, talk := s.run(); code != 4 || !strings.Contains(talk, "Q433") || !strings.Contains(talk, "out/features") {
			t.Errorf("%s: exit code %d: %s", what, code, talk)
		}
	}
	s.write(t, "out", []byte("a file"))
	check("a file in the way")
	if code, talk := s.run("verify", "out"); code != 3 {
		t.Errorf("verifying a file: exit code %d: %s", code, talk)
	}
	os.Remove(filepath.Join(s.dir, "out"))
	os.MkdirAll(filepath.Join(s.dir, "out"), 0o777)
	s.write(t, "out/features", []byte("a file"))
	check("a file instead of the folder")
	s.reset(t)
	if os.Getuid() == 0 {
		mount(t, filepath.Join(s.dir, "out"), "ro")
		check("a disk that is read-only")
		return
	}
	os.MkdirAll(filepath.Join(s.dir, "out"), 0o555)
	check("a folder that is read-only")
}

// runsAtOnce races processes for the same outputs: each finishes, or says why
// not, and what is there is what one run writes.
func runsAtOnce(t *testing.T, s *scene) {
	rounds := 4
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		const runs = 3
		codes, talks := make([]int, runs), make([]string, runs)
		var group sync.WaitGroup
		for i := range runs {
			group.Go(func() {
				time.Sleep(time.Duration(i*round) * s.takes / 20)
				codes[i], talks[i] = s.run()
			})
		}
		group.Wait()
		for i, code := range codes {
			good := code == 0 || code == 2 && strings.Contains(talks[i], "Q430") || code == 4 && strings.Contains(talks[i], "Q435")
			if !good {
				t.Errorf("run %d of round %d ends with %d: %s", i, round, code, talks[i])
			}
		}
		if !slices.Contains(codes, 0) {
			t.Fatalf("nobody finished: %v %q", codes, talks)
		}
		s.checkFinish(t, "after a race", s.checkVisible(t, "after a race"))
		s.reset(t)
	}
}

// TestExitOfASignalledChild pins what the tests above take for killed.
func TestExitOfASignalledChild(t *testing.T) {
	c := exec.Command("sh", "-c", "kill -9 $$")
	c.Run()
	if c.ProcessState.ExitCode() != -1 || c.ProcessState.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Error("a killed process looks otherwise here")
	}
}
