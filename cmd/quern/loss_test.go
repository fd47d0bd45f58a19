//go:build unix

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/shard/report"
)

// failedShards has a file of the source damaged, and repaired: what a run says then, what
// its report says, and that a later run with other rows replaces all of it.
func failedShards(t *testing.T, s *scene) {
	const file, told = "flights-1.parquet", "flights-report.json"
	good, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer s.write(t, file, good)
	bad := append([]byte{}, good...)
	for i := range bad[len(bad)*3/4 : len(bad)*7/8] {
		bad[len(bad)*3/4+i] ^= 0xa5
	}
	s.write(t, file, bad)
	for _, c := range []struct {
		flags string
		code  int
		says  string
		state report.State // in the report; "": none is written
	}{
		{"", 3, "Q451 1 shard failed; phase 0 shard 1: Q2", report.Failed},
		{"--allow-failed-shards 1", 4, "Q436", ""},
		{"--allow-failed-shards 1 --overwrite", 0, "can never be done", report.Done},
	} {
		os.Remove(filepath.Join(s.dir, told))
		code, talk := s.run(procsRun(append(strings.Fields(c.flags), "--shards", "2", "--report", told)...)...)
		if code != c.code || !strings.Contains(talk, c.says) {
			t.Errorf("%q: exit code %d: %s", c.flags, code, talk)
		}
		var r report.Report
		text, err := os.ReadFile(filepath.Join(s.dir, told))
		if c.state == "" && err == nil {
			t.Errorf("%q: a report of a run that did not begin", c.flags)
		}
		if c.state != "" && (json.Unmarshal(text, &r) != nil || r.State != c.state || r.Missing != 1 || r.Phases[0].Failures[0].Shard != 1) {
			t.Errorf("%q: report: %v %.2000s", c.flags, err, text)
		}
	}
	if code, talk := s.run("verify", "out/features"); code != 0 {
		t.Errorf("without a shard: exit code %d: %s", code, talk)
	}
	s.write(t, file, good)
	if code, talk := s.run(procsRun("--overwrite")...); code != 0 || strings.Contains(talk, "note:") {
		t.Errorf("repaired: exit code %d: %s", code, talk)
	}
	s.checkMade(t, "repaired")
}
