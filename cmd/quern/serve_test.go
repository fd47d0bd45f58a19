package main

import (
	"os"
	"strings"
	"testing"
)

// TestServeRefuses what would be unsafe or cannot be, before it listens.
func TestServeRefuses(t *testing.T) {
	dir := t.TempDir()
	open := dir + "/tokens.json"
	if err := os.WriteFile(open, []byte(`{"tokens":[]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"serve":                          "--store DIR",
		"serve --store " + dir + "/none": "cannot be read",
		"serve --store " + dir + " --listen 0.0.0.0:0":     "without TLS",
		"serve --store " + dir + " --listen x":             "no address",
		"serve --store " + dir + " --compat x":             "feast-python",
		"serve --store " + dir + " --poll 1ns":             "10ms",
		"serve --store " + dir + " --tls-key x":            "both",
		"serve --store " + dir + " --tls-key x --tls-cert": "needs",
		"serve --store " + dir + " --tokens " + open:       "chmod 600",
		"get drivers id=1":                                 "--store DIR",
		"get drivers --store " + dir:                       "takes VIEW KEY=VALUE...",
		"get drivers id=1 --store " + dir:                  "there is no view",
	} {
		_, talk, code := runQuern(t, strings.Fields(line)...)
		if code != 2 || !strings.Contains(talk, want) {
			t.Errorf("quern %s: exit code %d, %s, want %q", line, code, talk, want)
		}
	}
}
