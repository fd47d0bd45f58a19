// Package oracletest runs Python scripts that check quern's files with other
// people's readers: numpy, pandas, pyarrow, safetensors. It is for tests only.
//
// The environment is build/oracle, which `make oracle` makes from pinned packages. A
// test without it is skipped, and says so, unless QUERN_REQUIRE_ORACLE is set: then
// it fails, so that a run that must check cannot pass by not checking.
package oracletest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Python returns the interpreter of the oracles' environment, or skips the test.
func Python(t testing.TB) string { return interpreter(t, "oracle", "QUERN_REQUIRE_ORACLE") }

// Feast returns the interpreter of build/feast, which `make feast` makes and which has
// Feast's SDK, or skips the test unless QUERN_REQUIRE_FEAST is set.
func Feast(t testing.TB) string { return interpreter(t, "feast", "QUERN_REQUIRE_FEAST") }

func interpreter(t testing.TB, environment, required string) string {
	t.Helper()
	path, err := find(environment)
	if err == nil {
		return path
	}
	if os.Getenv(required) != "" {
		t.Fatalf("no build/%s: %v; make it with `make %s`", environment, err, environment)
	}
	t.Skipf("no build/%s here; `make %s` makes it", environment, environment)
	return ""
}

// find looks for an environment in build from the test's folder upwards.
func find(environment string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, "build", environment, "bin", "python")
		_, err := os.Stat(path)
		if err == nil {
			return path, nil
		}
		up := filepath.Dir(dir)
		if _, top := os.Stat(filepath.Join(dir, "go.mod")); top == nil || up == dir {
			return "", err
		}
		dir = up
	}
}

// Run runs a script with the given arguments and decodes what it prints, JSON, into
// result. A script that fails, fails the test with what it says.
func Run(t testing.TB, script string, result any, args ...string) {
	t.Helper()
	run(t, Python(t), script, result, args)
}

// RunFeast is Run in Feast's environment.
func RunFeast(t testing.TB, script string, result any, args ...string) {
	t.Helper()
	run(t, Feast(t), script, result, args)
}

func run(t testing.TB, python, script string, result any, args []string) {
	t.Helper()
	var errors strings.Builder
	c := exec.Command(python, append([]string{"-c", script}, args...)...)
	c.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		t.Fatalf("the oracle failed: %v\n%s", err, errors.String())
	}
	if err := json.Unmarshal(out, result); err != nil {
		t.Fatalf("the oracle says %.300q: %v", out, err)
	}
}
