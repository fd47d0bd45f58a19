package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"quern/features"
	"quern/features/diag"
	"quern/features/expr"
	"quern/pipeline"
)

func TestExitCodes(t *testing.T) {
	usage, data := diag.New("Q031", "x"), diag.New("Q205", "x")
	for _, c := range []struct {
		err  error
		code int
	}{
		{nil, 0},
		{errors.New("anything"), 1},
		{findings(), 1},
		{diag.New("Q481", "x"), 1},
		{usage, 2},
		{fmt.Errorf("wrapped: %w", usage), 2},
		{diag.List{data, usage}, 2},
		{data, 3},
		{diag.List{data, diag.New("Q432", "x")}, 3},
		{diag.New("Q432", "x"), 4},
		{&told{data}, 3},
		{fmt.Errorf("standard output: %w", syscall.EPIPE), 0},
	} {
		a := newApp(io.Discard, io.Discard)
		if got := a.end(t.Context(), c.err); got != c.code {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.code)
		}
	}
}

// closedPipe takes some bytes and then fails as a pipe does whose reader is gone.
type closedPipe struct{ left int }

func (p *closedPipe) Write(b []byte) (int, error) {
	if p.left -= len(b); p.left < 0 {
		return 0, syscall.EPIPE
	}
	return len(b), nil
}

func TestClosedPipeIsNoError(t *testing.T) {
	workFolder(t)
	var talk bytes.Buffer
	code := newApp(&closedPipe{20_000}, &talk).run(t.Context(), []string{"cat", "flights/flights-200k.parquet", "--rows", "0"})
	if code != 0 || talk.Len() > 0 {
		t.Errorf("exit code %d, %q", code, talk.String())
	}
}

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

func TestFullStandardOutput(t *testing.T) {
	workFolder(t)
	for _, args := range [][]string{{"version"}, {"cat", "flights", "--rows", "0"}, {"explain"}} {
		var talk bytes.Buffer
		if code := newApp(full{}, &talk).run(t.Context(), args); code != 4 || !strings.Contains(talk.String(), "Q512") {
			t.Errorf("%v: exit code %d, %q", args, code, talk.String())
		}
	}
}

func TestInterrupted(t *testing.T) {
	workFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var talk bytes.Buffer
	code := newApp(io.Discard, &talk).run(ctx, []string{"run", "flights/recipe.yaml"})
	if code != 1 || !strings.Contains(talk.String(), "interrupted") || strings.Contains(talk.String(), "Q") {
		t.Errorf("exit code %d, %q", code, talk.String())
	}
	if !strings.Contains(talk.String(), "the same command finishes the run") {
		t.Errorf("run is resumed, but does not say so: %q", talk.String())
	}
	talk.Reset()
	if code := newApp(io.Discard, &talk).run(ctx, []string{"fit", "flights/recipe.yaml"}); code != 1 || talk.String() != "interrupted\n" {
		t.Errorf("fit is not resumed: exit code %d, %q", code, talk.String())
	}
	if _, said, code := runQuern(t, "verify", "flights/none"); code != 3 || !strings.Contains(said, "Q321 there is no folder") {
		t.Errorf("verify of nothing: exit code %d: %s", code, said)
	}
	if _, said, code := runQuern(t, "verify", "flights/out/features"); code != 3 || !strings.Contains(said, "Q321") {
		t.Errorf("after an interrupt the output is not unfinished: %d %s", code, said)
	}
	if _, said, code := runQuern(t, "run", "flights/recipe.yaml"); code != 0 {
		t.Errorf("a second run does not finish: %d %s", code, said)
	}
	if _, said, code := runQuern(t, "verify", "flights/out/features"); code != 0 {
		t.Errorf("%d %s", code, said)
	}
}

// TestProgress steps a clock by hand: what is shown depends on it alone.
func TestProgress(t *testing.T) {
	start := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)
	state := pipeline.State{Title: "fit, scan 1", Rows: 1234567, Bytes: 42, TotalBytes: 100}
	for _, c := range []struct {
		terminal bool
		at       []time.Duration
		want     string
	}{
		{true, []time.Duration{0, 499 * time.Millisecond}, ""},
		{true, []time.Duration{500 * time.Millisecond, 600 * time.Millisecond}, "\r\x1b[Kfit, scan 1: 42 %, 1,234,567 rows\r\x1b[K"},
		{true, []time.Duration{500 * time.Millisecond, 700 * time.Millisecond}, strings.Repeat("\r\x1b[Kfit, scan 1: 42 %, 1,234,567 rows", 2) + "\r\x1b[K"},
		{false, []time.Duration{500 * time.Millisecond, 9999 * time.Millisecond}, ""},
		{false, []time.Duration{10 * time.Second, 19 * time.Second, 20 * time.Second}, strings.Repeat("fit, scan 1: 42 %, 1,234,567 rows\n", 2)},
	} {
		var out bytes.Buffer
		p := &progress{out: &out, terminal: c.terminal, started: start}
		p.step(start.Add(time.Hour), pipeline.State{}) // before the first phase there is nothing to say
		for _, d := range c.at {
			p.step(start.Add(d), state)
		}
		p.end()
		if out.String() != c.want {
			t.Errorf("terminal %v at %v: %q, want %q", c.terminal, c.at, out.String(), c.want)
		}
	}
}

func TestParseBytes(t *testing.T) {
	for text, want := range map[string]int64{
		"512MiB": 512 << 20, "8GiB": 8 << 30, "1.5KiB": 1536, "2 GB": 2e9, "100": 100, "7B": 7, "0KB": 0,
		"": -1, "x": -1, "-1GiB": -1, "NaN": -1, "inf": -1, "1e30GB": -1, "GiB": -1, "5PB": -1,
	} {
		got, ok := parseBytes(text)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%q: %d %v, want %d", text, got, ok, want)
		}
	}
}

// TestExplainKnowsEverything: whatever is listed can be explained, and whatever can
// be raised or written is listed.
func TestExplainKnowsEverything(t *testing.T) {
	list, _, code := runQuern(t, "explain")
	if code != 0 {
		t.Fatalf("exit code %d", code)
	}
	var topics []string
	for _, e := range features.Catalogue() {
		topics = append(topics, e.Name)
	}
	for _, f := range expr.Functions() {
		topics = append(topics, f.Name)
	}
	for _, e := range diag.Catalogue() {
		topics = append(topics, string(e.Code))
	}
	for _, topic := range topics {
		if !strings.Contains(list, " "+topic+" ") && !strings.Contains(list, " "+topic+"\n") {
			t.Errorf("%s is not listed", topic)
		}
		out, talk, code := runQuern(t, "explain", topic)
		if code != 0 || talk != "" || !strings.Contains(out, topic) {
			t.Errorf("%s: exit code %d %q %q", topic, code, out, talk)
		}
		for _, line := range strings.Split(out, "\n") {
			if n := len([]rune(line)); n > 80 && strings.Contains(strings.TrimSpace(line), " ") && !strings.HasPrefix(line, "  - ") && !strings.Contains(line, " - ") && !strings.Contains(line, "->") && !strings.Contains(line, ": ") {
				t.Errorf("%s: line of %d runes: %s", topic, n, line)
			}
		}
	}
}

// TestHelpHasExamples: every command has a text, an example, and takes no argument
// that it does not name.
func TestHelpHasExamples(t *testing.T) {
	for _, command := range []string{
		"run", "fit", "transform", "check", "plan", "infer", "cat", "explain", "doctor", "verify", "version", "help",
		"model", "model show", "model diff", "model verify", "jobs", "job", "job show", "job collect",
	} {
		out, _, code := runQuern(t, append(strings.Fields(command), "--help")...)
		if code != 0 || !strings.Contains(out, "Examples:\n  quern "+command) && !strings.Contains(out, "Examples:\n  quern ") {
			t.Errorf("%s --help: exit code %d\n%s", command, code, out)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		out, talk, code := runQuern(t, "completion", shell)
		if code != 0 || talk != "" || !strings.Contains(out, "__complete") {
			t.Errorf("completion %s: exit code %d, %d bytes, %q", shell, code, len(out), talk)
		}
	}
}

func TestDoctorJudges(t *testing.T) {
	good := machine{
		goVersion: "go1.26", platform: "linux/amd64", vectors: []string{"AVX2"}, cores: 2, memory: 8 << 30, budget: 4 << 30,
		files: 20000, temporary: "/tmp", space: 9 << 30, fsync: time.Millisecond, zones: "2025c",
	}
	for name, spoil := range map[string]func(*machine){
		"":           func(*machine) {},
		"processor":  func(m *machine) { m.vectors = nil },
		"memory":     func(m *machine) { m.memory = 512 << 20 },
		"open files": func(m *machine) { m.files = 256 },
		"temporary":  func(m *machine) { m.space = 1 << 20 },
		"temporary ": func(m *machine) { m.fsync = time.Second },
		" temporary": func(m *machine) { m.broken = errors.New("read-only file system") },
		"time zones": func(m *machine) { m.zoneError = errors.New("unknown zone") },
	} {
		m := good
		spoil(&m)
		var found []string
		for _, f := range examine(m) {
			if f.Fix != "" {
				found = append(found, f.Name)
			}
		}
		if strings.Join(found, " ") != strings.TrimSpace(name) {
			t.Errorf("%q spoilt: found %v", name, found)
		}
	}
	unknown := machine{platform: "darwin/arm64", space: -1}
	for _, f := range examine(unknown) {
		if f.Fix != "" {
			t.Errorf("what is unknown is no finding: %v", f)
		}
	}
	out, _, code := runQuern(t, "doctor")
	if lines := strings.Count(out, "\n"); lines < 7 || code > 1 || (code == 1) != strings.Contains(out, "FIX ") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// TestNextIsCalledTheSameWay: whoever runs build/quern is told to run that again.
func TestNextIsCalledTheSameWay(t *testing.T) {
	workFolder(t)
	var talk bytes.Buffer
	a := newApp(io.Discard, &talk)
	a.program = "build/quern"
	if code := a.run(t.Context(), []string{"fit", "flights/recipe.yaml"}); code != 0 || !strings.HasSuffix(talk.String(), "\nnext: build/quern model show flights/flights.quern\n") {
		t.Errorf("exit code %d, %q", code, talk.String())
	}
}

func TestRevision(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "abc"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, c := range []struct {
		want, version string
		settings      []debug.BuildSetting
	}{
		{"abc", "v1.2.3", []debug.BuildSetting{commit}},
		{"abc, modified", "", []debug.BuildSetting{modified, commit}},
		{"v1.2.3", "v1.2.3", nil},
		{"unknown", "", nil},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: c.version}, Settings: c.settings}
		if got := revision(info, true); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
	if revision(nil, false) != "unknown" {
		t.Error("a program without build information has a revision")
	}
}

func TestNames(t *testing.T) {
	for path, want := range map[string]string{
		"a/flights.parquet": "flights", "x.csv.gz": "x", ".hidden.csv": "hidden", "2001-06.csv": "table",
		"with blank.csv": "with_blank", "--.csv": "table", "großes Maß.csv": "großes_Maß",
	} {
		if got := nameOf(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestReplaceSweeps: what a process that was killed left beside a file goes with the next
// one that replaces it; what a live one is making stays.
func TestReplaceSweeps(t *testing.T) {
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "m.quern")
	left := fmt.Sprintf(".m.quern.%d.X", dead.ProcessState.Pid())
	kept := []string{fmt.Sprintf(".m.quern.%d.X", os.Getppid()), ".m.quern.x", ".other.quern.1"}
	for _, name := range append(kept, left) {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := replaceFile(path, []byte("model")); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	want := append(kept, "m.quern")
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("left %q, want %q", names, want)
	}
}
