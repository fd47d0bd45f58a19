package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/diag"
	"quern/shard/procs"
)

// planSmall writes a recipe over three rows and plans its job, whose log it returns.
func planSmall(t *testing.T) (log string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"rows.csv":  "id,city\n1,Oslo\n2,Rome\n3,Oslo\n",
		"rows.yaml": "quern: 1\nname: rows\nsource: {csv: rows.csv}\nfeatures:\n  - {columns: [city], steps: [categorify: {min_count: 1}]}\noutput: {parquet: {path: out}}\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	out, talk, code := runQuern(t, "coordinator", "rows.yaml", "--plan-only")
	var plan struct{ Job string }
	if err := json.Unmarshal([]byte(out), &plan); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, talk)
	}
	return plan.Job
}

// answerOf is the one line that a task writes.
func answerOf(t *testing.T, out string) (a procs.Answer) {
	t.Helper()
	if err := json.Unmarshal([]byte(out), &a); err != nil || strings.Count(out, "\n") != 1 {
		t.Errorf("%q is not a line of JSON: %v", out, err)
	}
	return a
}

// TestTasksThatCannotBegin: whatever the code, an engine gets its line; a wrong command
// line is no task and gets none.
func TestTasksThatCannotBegin(t *testing.T) {
	log := planSmall(t)
	plan := filepath.Join(log, "plan")
	good, err := os.ReadFile(plan)
	if err != nil {
		t.Fatal(err)
	}
	shelve := func(text []byte) {
		if err := errors.Join(os.Remove(plan), os.WriteFile(plan, text, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	shelve(good[:len(good)-1])
	out, talk, code := runQuern(t, "task", "--job", log, "--phase", "0", "--shard", "0")
	if a := answerOf(t, out); code != 1 || a.Code != 1 || a.Outcome != "broken" || a.Job != filepath.Base(log) || !strings.Contains(a.Reason, "plan is damaged") || !strings.Contains(talk, "Q454") {
		t.Errorf("a damaged plan: exit code %d: %+v %s", code, a, talk)
	}
	if err := errors.Join(os.Remove(plan), os.Mkdir(plan, 0o777)); err != nil {
		t.Fatal(err)
	}
	out, talk, code = runQuern(t, "task", "--job", log+"/", `{"phase":1,"shard":7}`)
	if a := answerOf(t, out); code != 75 || a.Code != 75 || a.Outcome != "retry" || a.Phase != 1 || a.Shard != 7 || a.Job != filepath.Base(log) || !strings.Contains(talk, "Q455") {
		t.Errorf("a plan that cannot be read: exit code %d: %+v %s", code, a, talk)
	}
	shelve(good)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	var line, told strings.Builder
	code = newApp(&line, &told).run(stopped, []string{"task", "--job", log, `{"phase":0,"shard":0}`})
	if a := answerOf(t, line.String()); code != 75 || a.Code != 75 || a.Reason != "stopped" || told.String() != "" {
		t.Errorf("stopped: exit code %d: %+v %s", code, a, told.String())
	}
	for _, c := range []struct{ args, says string }{
		{"--phase 0 --shard -5", "--shard -5: give 0 to 1048575"},
		{"--phase 0 --shard 1048576", "--shard 1048576: give 0 to 1048575"},
		{"--phase -2 --shard 0", "--phase -2: give 0 to 1048575"},
		{"--phase 0", "one of QUERN_INDEX, JOB_COMPLETION_INDEX, "},
		{"nonsense", `"nonsense" is not a descriptor`},
		{`{"phase":0,"shard":-1}`, "is not a descriptor"},
	} {
		t.Setenv("JOB_COMPLETION_INDEX", map[bool]string{true: "0"}[strings.Contains(c.args, "-5")]) // what was said counts, not what the engine says
		out, talk, code := runQuern(t, append([]string{"task", "--job", log}, strings.Fields(c.args)...)...)
		if code != 2 || out != "" || !strings.Contains(talk, c.says) {
			t.Errorf("%s: exit code %d: %s%s", c.args, code, out, talk)
		}
	}
}

// TestDescriptorsOnStandardInput: each is done; what is none ends the process with an
// error, however long it is.
func TestDescriptorsOnStandardInput(t *testing.T) {
	log := planSmall(t)
	good := `{"phase":0,"shard":0}` + "\n"
	for name, c := range map[string]struct {
		input string
		lines int
		says  string
	}{
		"nothing":        {"", 0, ""},
		"twice":          {good + good, 2, ""},
		"without an end": {good + strings.TrimSpace(good), 2, ""},
		"a blank line":   {good + "\n", 1, `"" is not a descriptor`},
		"a long line":    {good + strings.Repeat("x", 1<<20) + "\n" + good, 1, "standard input cannot be read"},
		"another thing":  {"17\n", 0, `"17" is not a descriptor`},
	} {
		var out strings.Builder
		a := newApp(&out, &strings.Builder{})
		a.flags.onBadFile, a.flags.device = "fail", onCPU
		tasks, err := a.openTasks(t.Context(), &taskFlags{job: log})
		if err != nil {
			t.Fatal(err)
		}
		err = tasks.serve(t.Context(), strings.NewReader(c.input))
		var e *diag.Error
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says != "" && (!errors.As(err, &e) || e.Code != "Q501" || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if lines := strings.Count(out.String(), `"outcome":"committed"`); lines != c.lines {
			t.Errorf("%s: %d lines, want %d: %s", name, lines, c.lines, out.String())
		}
	}
}

// TestLateProcesses: what a job made was removed. Tasks, coordinators and collectors of it
// that come later say that it is done, and bring nothing back.
func TestLateProcesses(t *testing.T) {
	log := planSmall(t)
	for _, phase := range []string{"0", "1"} {
		if out, talk, code := runQuern(t, "task", "--job", log, "--phase", phase, "--shard", "0"); code != 0 {
			t.Fatalf("phase %s: exit code %d: %s%s", phase, code, out, talk)
		}
	}
	const manifest = "out/_quern/manifest.json"
	if _, talk, code := runQuern(t, "verify", "out"); code != 0 {
		t.Fatalf("exit code %d: %s", code, talk)
	}
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"task --job " + log + " --phase 1 --shard 0", "coordinator --job " + log, "job collect out --grace 0s"} {
		if out, talk, code := runQuern(t, strings.Fields(line)...); code != 0 || talk != "" {
			t.Errorf("%s: exit code %d: %s%s", line, code, out, talk)
		}
		if _, err := os.Stat(manifest); err == nil {
			t.Errorf("%s: the manifest is back", line)
		}
	}
}
