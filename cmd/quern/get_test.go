package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestGetPrintsWhatWorks: the calls that `quern get` prints, for curl and for Python, are
// made, and answer what it answers, whatever stands in the key.
func TestGetPrintsWhatWorks(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{
		"recipe.yaml": "quern: 1\nname: odd\nsource: {jsonl: rows.jsonl}\nkey: [name, 'a \"b''c', ok]\nfeatures:\n  - columns: [n]\n",
		"rows.jsonl":  `{"name": "it's \"<Ω>\" $HOME \\ %d", "a \"b'c": -7, "ok": true, "n": 42}` + "\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"fit", "recipe.yaml"}, {"publish", "odd.quern", "--store", "views"}} {
		if _, talk, code := runQuern(t, args...); code != 0 {
			t.Fatalf("%v: %s", args, talk)
		}
	}
	out, talk, code := runQuern(t, "get", "odd", `name=it's "<Ω>" $HOME \ %d`, `a "b'c=-7`, "ok=true", "--store", "views")
	if code != 0 || !strings.Contains(out, "42") {
		t.Fatalf("exit code %d, %s%s", code, out, talk)
	}
	s := &script{t: t}
	if err := s.serving([]string{"serve", "--store", "views"}); err != nil {
		t.Fatal(err)
	}
	defer s.serving([]string{"stop"})
	address := strings.TrimPrefix(regexp.MustCompile(`http://[0-9.:]+`).FindString(s.server.talk.said()), "http://")
	lines := strings.Split(strings.ReplaceAll(talk, "localhost:6566", address), "\n")
	if len(lines) < 4 {
		t.Fatal(talk)
	}
	python := strings.TrimSpace(lines[2]) + "\nprint(" + strings.TrimSpace(lines[3]) + "['rows'][0]['features']['n'])"
	for _, call := range [][]string{{"sh", "-c", "curl -s " + strings.TrimPrefix(lines[1], "  curl ")}, {"python3", "-c", python}} {
		program := call[0]
		if program == "sh" {
			program = "curl"
		}
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("no %s here", program)
			continue
		}
		answer, err := exec.Command(call[0], call[1:]...).CombinedOutput()
		if err != nil || !strings.Contains(string(answer), "42") {
			t.Errorf("%s: %v: %s", call[2], err, answer)
		}
	}
}
