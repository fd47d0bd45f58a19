//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/shard/k8s"
)

// k8sCall runs a command under k8s, with only folder in the PATH, and returns its exit
// code, data and talk.
func k8sCall(t *testing.T, folder string, args ...string) (int, string, string) {
	t.Helper()
	t.Setenv("PATH", folder+":/usr/bin:/bin")
	var out, talk bytes.Buffer
	code := newApp(&out, &talk).run(t.Context(), append([]string{"k8s"}, args...))
	return code, out.String(), talk.String()
}

func TestK8sRender(t *testing.T) {
	workFolder(t)
	code, out, talk := k8sCall(t, "", "render", "flights/recipe.yaml", "--image", "quern:1", "--workers", "2", "--env", "A=b=c",
		"--volume", "claim:/data:ro", "--node-selector", "zone=a", "--toleration", "spot=yes:NoExecute", "--gpus", "1", "-n", "features")
	for _, piece := range []string{"kind: Job", "completions: 1\n", "namespace: features", "- --job\n", "/flights/out/_quern/jobs/", "- --workers\n", "claimName: claim",
		"value: b=c", "zone: a", `nvidia.com/gpu: "1"`, "- key: nvidia.com/gpu\n        operator: Exists\n", "- key: spot\n        operator: Equal\n        value: \"yes\"\n        effect: NoExecute\n", "- --device\n        - gpu"} {
		if !strings.Contains(out, piece) {
			t.Errorf("no %q in\n%s", piece, out)
		}
	}
	if code != 0 || !strings.Contains(talk, "one machine may be faster") || !strings.Contains(talk, "1 shard,") {
		t.Errorf("exit code %d\n%s", code, talk)
	}
	again, same, _ := k8sCall(t, "", "render", "--job", "flights/out", "--image", "quern:1", "--coordinator", "--phase", "0")
	if again != 0 || strings.Count(same, "\nkind: ") != 4 || !strings.Contains(same, "kind: Secret") {
		t.Errorf("exit code %d\n%s", again, same)
	}
	var names []string
	for _, text := range []string{out, same} {
		_, rest, _ := strings.Cut(text[strings.LastIndex(text, "---"):], "name: ")
		name, _, _ := strings.Cut(rest, "\n")
		names = append(names, name)
	}
	if names[0] != names[1] || !strings.HasPrefix(names[0], "quern-") {
		t.Errorf("one job has two names: %v", names)
	}
}

func TestK8sMistakes(t *testing.T) {
	workFolder(t)
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"render flights/recipe.yaml", 2, `--image "": name the image`},
		{"render --image x", 2, "name either a recipe or, with --job, a job"},
		{"render flights/recipe.yaml --job flights/out --image x", 2, "name either"},
		{"render nothing.yaml --image x", 2, "Q510"},
		{"render --job nowhere --image x", 2, "Q450"},
		{"render flights/recipe.yaml --image x --name A", 2, `--name "A"`},
		{"render flights/recipe.yaml --image x --env A", 2, "write NAME=VALUE"},
		{"render flights/recipe.yaml --image x --volume A", 2, "write CLAIM:/PATH"},
		{"render flights/recipe.yaml --image x --node-selector A", 2, "write NAME=VALUE"},
		{"render flights/recipe.yaml --image x --toleration A=b:Never", 2, "the effect is NoSchedule"},
		{"render flights/recipe.yaml --image x --phase -7", 2, "numbered from 0"},
		{"submit flights/recipe.yaml --image x --pod-memory 8GiB", 2, `--pod-memory "8GiB"`},
		{"logs flights/out --phase -7", 2, "numbered from 0"},
		{"logs flights/out --shard 5000000", 2, "no job has so many"},
		{"status nowhere", 2, "Q450"},
		{"status", 2, "takes PLACE [JOB]"},
		{"stop", 2, "unknown command"},
	} {
		code, out, talk := k8sCall(t, "", strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(talk, c.says) || out != "" {
			t.Errorf("%s: exit code %d\n%s%s", c.args, code, out, talk)
		}
		if _, err := os.Stat("flights/out/_quern"); err == nil && strings.Contains(c.args, "--name") {
			t.Errorf("%s wrote something", c.args)
		}
	}
}

// TestK8sProgram has a program in the place of quern-k8s that notes what it is asked.
func TestK8sProgram(t *testing.T) {
	workFolder(t)
	code, _, talk := k8sCall(t, "", "submit", "flights/recipe.yaml", "--image", "x")
	if code != 4 || !strings.Contains(talk, "Q541") || !strings.Contains(talk, "make k8s") {
		t.Errorf("without the program: exit code %d\n%s", code, talk)
	}
	folder := t.TempDir()
	for code := range 5 {
		script := fmt.Sprintf("#!/bin/sh\nread line; echo \"$line\" > asked; echo said; echo talked >&2; exit %d\n", code)
		if err := os.WriteFile(filepath.Join(folder, k8sProgram), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
		got, out, talk := k8sCall(t, folder, "status", "flights/out", "--context", "there", "-n", "features")
		if got != code || out != "said\n" || talk != "talked\n" {
			t.Errorf("exit code %d became %d, %q, %q", code, got, out, talk)
		}
	}
	line, err := os.ReadFile("asked")
	if err != nil {
		t.Fatal(err)
	}
	var r k8s.Request
	if err := json.Unmarshal(line, &r); err != nil || r.Verb != k8s.Status || r.Context != "there" || r.Options.Namespace != "features" ||
		!strings.HasSuffix(r.Options.Job, "/flights/out/_quern/jobs/"+r.Options.ID.String()) {
		t.Errorf("%v: asked %s", err, line)
	}
}
