package main

import (
	"os"
	"strings"
	"testing"
)

// TestServeGuardRefuses: files and flags of guarding that do not go together.
func TestServeGuardRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := write("bad.json", `{"tokens":[{"token":"short"}]}`)
	tokens := write("tokens.json", `{"tokens":[{"token":"0123456789012345678901"}]}`)
	names := write("names.json", `{"certificates":[{"uri":"spiffe://example.org/x"}]}`)
	text := write("tls.crt", "no certificate")
	for flags, want := range map[string]string{
		"--tls-cert " + text + " --tls-key " + text:      "Q503",
		"--tls-cert " + text + " --tls-key none":         "Q503",
		"--tls-clients " + text:                          "both",
		"--tokens " + bad:                                "Q502",
		"--tokens none":                                  "Q502",
		"--tokens " + names:                              "--tls-clients CA.crt",
		"--tokens " + tokens + " --tls-clients-optional": "goes with --tls-clients",
		"--tls-clients-optional":                         "goes with --tls-clients",
		"--linger -1s":                                   "not negative",
	} {
		_, talk, code := runQuern(t, strings.Fields("serve --store "+dir+" "+flags)...)
		if code != 2 || !strings.Contains(talk, want) {
			t.Errorf("%s: exit code %d, %s, want %q", flags, code, talk, want)
		}
	}
}
