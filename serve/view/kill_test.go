//go:build unix

package view_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"quern/pipeline/store"
	"quern/serve/view"
)

// crash is a view that a program publishes and is killed meanwhile.
type crash struct {
	*shelf
	program, folder string
	rows            int // of the newest source
}

// newCrash builds the program with failpoints and publishes a first version.
func newCrash(t *testing.T, program string, s *shelf) *crash {
	t.Helper()
	c := &crash{shelf: s, program: program, folder: t.TempDir()}
	if err := os.WriteFile(filepath.Join(c.folder, "recipe.yaml"), []byte(simple), 0o644); err != nil {
		t.Fatal(err)
	}
	c.source(t)
	if out, err := c.command("", "fit", "recipe.yaml").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if out, err := c.publish("").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return c
}

// buildProgram builds quern with failpoints.
func buildProgram(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("breaks processes, which takes a while")
	}
	program := filepath.Join(t.TempDir(), "quern")
	if out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", program, "quern/cmd/quern").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// source writes a source with a row more than the one before, which tells versions apart.
func (c *crash) source(t *testing.T) {
	t.Helper()
	c.rows = max(c.rows, 300) + 1
	if err := os.WriteFile(filepath.Join(c.folder, "rows.jsonl"), []byte(strings.Join(simpleRows(c.rows), "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

// command is the program, with a failpoint.
func (c *crash) command(failpoint string, args ...string) *exec.Cmd {
	x := exec.Command(c.program, args...)
	x.Dir = c.folder
	x.Env = append(os.Environ(), "QUERN_FAILPOINT="+failpoint)
	return x
}

func (c *crash) publish(failpoint string) *exec.Cmd {
	return c.command(failpoint, "publish", "simple.quern", "--store", c.store.Folder, "--shards", "2", "--quiet")
}

// passages returns which failpoints a publish passes, NAME:N for each passage.
func (c *crash) passages(t *testing.T) (deaths []string) {
	t.Helper()
	log := filepath.Join(c.folder, "passages")
	x := c.publish("")
	x.Env = append(x.Env, "QUERN_FAILPOINT_LOG="+log)
	if out, err := x.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]int{}
	for line := range strings.Lines(string(text)) {
		_, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		passed[name]++
	}
	for name, n := range passed {
		for i := 1; i <= n; i++ {
			deaths = append(deaths, fmt.Sprintf("%s:%d", name, i))
		}
	}
	slices.Sort(deaths)
	return deaths
}

// check looks at what is there after a death: a whole version is served, the one before or
// the new one, and whoever comes next can publish.
func (c *crash) check(t *testing.T, before string) {
	t.Helper()
	state, err := c.store.State(t.Context(), "simple")
	if err != nil {
		t.Fatal(err)
	}
	c.whole(t, state)
	last := fmt.Sprint(1000 + c.rows - 1)
	switch got := c.numberOf(t, "", int64(c.rows-1)); {
	case state.Current == before && got != "missing", state.Current != before && got != last:
		t.Errorf("version %s after %s has %s for the newest key", state.Current, before, got)
	}
	c.source(t)
	if out, err := c.publish("").CombinedOutput(); err != nil {
		t.Fatalf("the next publish: %v: %s", err, out)
	}
	if got := c.numberOf(t, "", int64(c.rows-1)); got != fmt.Sprint(1000+c.rows-1) {
		t.Errorf("the next publish serves %s", got)
	}
}

// whole checks that everything that a state keeps is as it was written.
func (c *crash) whole(t *testing.T, state *view.State) {
	t.Helper()
	for _, version := range state.Kept() {
		v, err := openWhole(c.store, "simple", version, c.mirror)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := v.Model(t.Context()); err != nil || m.Digest() != v.Manifest.Model {
			t.Errorf("the model of %s: %v", version, err)
		}
		v.Close()
	}
}

// collected checks that what the dead have left is gone a day later, and nothing else.
func (c *crash) collected(t *testing.T) {
	t.Helper()
	later := &view.Store{Places: c.store.Places, Folder: c.store.Folder, Now: func() time.Time { return time.Now().Add(25 * time.Hour) }}
	if _, err := later.Collect(t.Context(), "simple"); err != nil {
		t.Fatal(err)
	}
	state, err := c.store.State(t.Context(), "simple")
	if err != nil {
		t.Fatal(err)
	}
	c.whole(t, state)
	names, err := c.files(t, "simple").List(t.Context(), "versions")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if parts := strings.Split(name, "/"); len(parts) != 3 || !slices.Contains(state.Kept(), parts[1]) {
			t.Errorf("%s is left", name)
		}
	}
	if local, ok := c.files(t, "simple").(*store.Local); ok {
		if left, _ := filepath.Glob(filepath.Join(local.Location(), "_quern", "*")); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	}
}

// current returns the version that is served.
func (c *crash) current(t *testing.T) string {
	t.Helper()
	state, err := c.store.State(t.Context(), "simple")
	if err != nil {
		t.Fatal(err)
	}
	return state.Current
}

// TestKilledPublish kills a publish at every point that others can see, and anywhere.
func TestKilledPublish(t *testing.T) {
	program := buildProgram(t)
	t.Run("at failpoints", func(t *testing.T) { killedAtFailpoints(t, program) })
	t.Run("anywhere", func(t *testing.T) { killedAnywhere(t, program) })
}

func killedAtFailpoints(t *testing.T, program string) {
	onStores(t, func(t *testing.T, s *shelf) {
		c := newCrash(t, program, s)
		deaths := c.passages(t)
		if len(deaths) < 7 || !slices.Contains(deaths, "failpoint:serve.pointer.after:1") {
			t.Fatalf("a publish passes only %v", deaths)
		}
		old, new := 0, 0
		for _, death := range deaths {
			before := c.current(t)
			c.source(t)
			x := c.publish(death)
			err := x.Run()
			if status, ok := x.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() {
				t.Fatalf("%s: it was not killed: %v", death, err)
			}
			if c.current(t) == before {
				old++
			} else {
				new++
			}
			c.check(t, before)
			if t.Failed() {
				t.Fatalf("after %s", death)
			}
		}
		if old == 0 || new == 0 {
			t.Errorf("%d deaths before, %d after the new version was served", old, new)
		}
		t.Logf("%d deaths", len(deaths))
		c.collected(t)
	})
}

func killedAnywhere(t *testing.T, program string) {
	times := 8
	if os.Getenv("QUERN_LONG") != "" {
		times = 200
	}
	onStores(t, func(t *testing.T, s *shelf) {
		c := newCrash(t, program, s)
		began := time.Now()
		if err := c.publish("").Run(); err != nil {
			t.Fatal(err)
		}
		took := time.Since(began)
		rnd := rand.New(rand.NewPCG(uint64(began.UnixNano()), 0))
		for range times {
			before := c.current(t)
			c.source(t)
			x := c.publish("")
			var said bytes.Buffer
			x.Stderr = &said
			if err := x.Start(); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Duration(rnd.Int64N(int64(took) * 5 / 4)))
			x.Process.Kill()
			if err := x.Wait(); err != nil && said.Len() > 0 {
				t.Errorf("%v: %s", err, said.String())
			}
			if c.check(t, before); t.Failed() {
				return
			}
		}
		c.collected(t)
	})
}
