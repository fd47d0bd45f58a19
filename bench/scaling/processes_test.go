package main

import (
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestProcesses runs a small job every way, as the measurement does.
func TestProcesses(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program")
	}
	program := filepath.Join(t.TempDir(), "quern")
	if out, err := exec.Command("go", "build", "-o", program, "quern/cmd/quern").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Chdir(t.TempDir())
	p, err := measureProcesses(t.Context(), program, 20_000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Ways) != 4 || p.Source == "" || p.Digest == "" || len(p.alone()) != 4 {
		t.Errorf("%+v", p)
	}
	for _, took := range append(p.alone(), p.Ways[0].runs()...) {
		if took.cpu() <= 0 || took.Wall <= 0 {
			t.Errorf("a run took %+v", took)
		}
	}
	if left, _ := filepath.Glob(filepath.Join("build", "processes-*")); left != nil {
		t.Errorf("%v are left", left)
	}
}

// TestDigest: the digest is of names and bytes of all files but the job's log.
func TestDigest(t *testing.T) {
	j := &job{folder: t.TempDir()}
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(j.folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		d, err := j.digest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	first := put("out/part-0", "a")
	if put("out/_quern/claim", "b") != first || put("recipe.yaml", "c") != first {
		t.Error("the log or the recipe is in the digest")
	}
	if second := put("model.quern", "d"); second == first || put("out/part-0", "e") == second {
		t.Error("a file is not in the digest")
	}
}

// TestMore: runs are compared with their neighbours, not medians with medians.
func TestMore(t *testing.T) {
	w := &way{Procs: 4, Pairs: []pair{
		{Alone: took{User: 1}, Procs: took{User: 2}},
		{Alone: took{User: 1, System: 1}, Procs: took{User: 2, System: 1}},
		{Alone: took{User: 4}, Procs: took{User: 4, System: 1}},
	}}
	if got := w.more(); math.Abs(got-0.5) > 1e-9 { // 2, 1.5 and 1.25
		t.Errorf("%v more", got)
	}
}

// TestCompare: what makes other bytes is found.
func TestCompare(t *testing.T) {
	j := &job{program: filepath.Join(t.TempDir(), "program"), folder: t.TempDir()}
	script := "#!/bin/sh\nmkdir -p out\necho \"$*\" >out/part-0\n" // writes its arguments
	if err := os.WriteFile(j.program, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := j.compare(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := j.compare(t.Context(), []*way{{Procs: 2}}); err == nil {
		t.Error("other bytes are not found")
	}
}
