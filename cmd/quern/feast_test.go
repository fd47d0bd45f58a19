package main

import (
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"quern/internal/oracletest"
)

//go:embed testdata/feast/check.py
var feastScript string

// feastRows are the rows of the views of testdata/feast. FRESH is an hour ago.
const feastRows = `
drivers {"driver_id": 1001, "rate": 0.5, "acc": 0.1, "trips": 9007199254740993, "city": "Zürich", "active": true, "tags": ["a", "ß"], "shape": [0.5, -1], "ts": "FRESH"}
drivers {"driver_id": 1002, "rate": null, "acc": null, "trips": null, "city": null, "active": null, "tags": null, "shape": null, "ts": "FRESH"}
drivers {"driver_id": 1003, "rate": 0.25, "acc": -1.5, "trips": -7, "city": "", "active": false, "tags": [], "shape": [], "ts": "2020-01-01T00:00:00Z"}
customers {"customer_id": "c-ü1", "spend": 12.5, "tier": "gold", "ts": "FRESH"}
customers {"customer_id": "c2", "spend": 0, "tier": null, "ts": "FRESH"}
zones {"zone": -5, "load": 1, "ts": "FRESH"}
zones {"zone": 2147483647, "load": 2, "ts": "FRESH"}
pairs {"driver_id": 1001, "customer_id": "c-ü1", "n": 3, "ts": "FRESH"}
pairs {"driver_id": 1001, "customer_id": "c2", "n": 4, "ts": "FRESH"}`

// TestFeastSDK lets Feast's SDK, as it is on PyPI, read from and write to a real server,
// with nothing but its own feature_store.yaml set: the online store and the registry are
// remote. testdata/feast/check.py has what it does and what must come of it.
func TestFeastSDK(t *testing.T) {
	if testing.Short() {
		t.Skip("the SDK takes a quarter of a minute, in a process of its own")
	}
	oracletest.Feast(t)
	dir, token := t.TempDir(), "token-of-the-conformance-test"
	program := filepath.Join(dir, "quern")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fresh := time.Now().UTC().Add(-time.Hour).Truncate(time.Second).Format(time.RFC3339)
	publishFeastViews(t, program, dir, fresh)
	open := startServer(t, program, dir, "--overlay", "pushed")
	tokens := `{"tokens": [{"name": "zones", "token": "` + token + `", "read": ["zones"]}]}`
	if err := os.WriteFile(filepath.Join(dir, "tokens.json"), []byte(tokens), 0o600); err != nil {
		t.Fatal(err)
	}
	guarded := startServer(t, program, dir, "--tokens", "tokens.json")
	var checks []struct {
		Name, Got, Want string
		OK              bool
	}
	oracletest.RunFeast(t, feastScript, &checks, dir, open, guarded, token, fresh)
	if len(checks) < 50 {
		t.Errorf("only %d checks were made", len(checks))
	}
	for _, c := range checks {
		if !c.OK {
			t.Errorf("%s:\ngot  %s\nwant %s", c.Name, c.Got, c.Want)
		}
	}
}

// publishFeastViews fits and publishes the recipes of testdata/feast into dir/views.
func publishFeastViews(t *testing.T, program, dir, fresh string) {
	rows := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(feastRows)) {
		name, text, _ := strings.Cut(line, " ")
		rows[name] += strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "FRESH", fresh) + "\n"
	}
	for name, text := range rows {
		recipe, err := os.ReadFile("testdata/feast/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{name + ".yaml": string(recipe), name + ".jsonl": text} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, args := range [][]string{{"fit", name + ".yaml"}, {"publish", name + ".quern", "--store", "views"}} {
			c := exec.Command(program, args...)
			c.Dir = dir
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("quern %v: %v\n%s", args, err, out)
			}
		}
	}
}

// startServer serves dir/views until the test ends, and returns HOST:PORT.
func startServer(t *testing.T, program, dir string, args ...string) string {
	c := exec.Command(program, append([]string{"serve", "--store", "views", "--listen", "127.0.0.1:0", "--linger", "0s"}, args...)...)
	said := &serverTalk{address: make(chan string, 1)}
	c.Dir, c.Stderr = dir, said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("quern serve ended with %v, and said:\n%s", err, &said.text)
		}
	})
	select {
	case address := <-said.address:
		return address
	case err := <-ended:
		ended <- err
		t.Fatal("quern serve does not listen")
		return ""
	}
}

// serverTalk is what a server says. It tells the address that the server listens on.
type serverTalk struct {
	text    strings.Builder
	address chan string
	told    bool
}

// Write is io.Writer's; one goroutine calls it.
func (l *serverTalk) Write(b []byte) (int, error) {
	l.text.Write(b)
	if _, rest, ok := strings.Cut(l.text.String(), "listening on http://"); ok && !l.told {
		if address, _, whole := strings.Cut(rest, "\n"); whole {
			l.told = true
			l.address <- address
		}
	}
	return len(b), nil
}
