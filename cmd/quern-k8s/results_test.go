package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// result is what a test measured.
type result struct {
	Test    string  `json:"test"`
	Seconds float64 `json:"seconds"`
	Pods    int     `json:"pods"`
	Exits   string  `json:"exits"`
	Peak    int64   `json:"peak_mib"` // of the largest pod
	Note    string  `json:"note"`
}

type results struct {
	mu  sync.Mutex
	all []result
}

var measured results

// note keeps what a test measured, for the file that is committed.
func (s *scene) note(started time.Time, note string) {
	runs := s.runs()
	r := result{Test: s.t.Name(), Seconds: round(time.Since(started)), Pods: len(runs), Exits: codes(runs), Note: note}
	for _, run := range runs {
		r.Peak = max(r.Peak, run.MaxRSS>>20)
	}
	measured.mu.Lock()
	defer measured.mu.Unlock()
	measured.all = append(measured.all, r)
	s.t.Logf("%.1f s, %d pods, exits %s, %s", r.Seconds, r.Pods, r.Exits, note)
}

func round(d time.Duration) float64 { return float64(d.Milliseconds()/100) / 10 }

// writeResults writes what was measured, with date and versions.
func (w *world) writeResults(path string) error {
	version, err := w.client.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	programs := map[string]int64{}
	for name, at := range map[string]string{"harness": harness, "quern-k8s": "../../build/quern-k8s", "quern": "../../build/quern"} {
		if info, err := os.Stat(at); err == nil {
			programs[name] = info.Size() >> 20
		}
	}
	data, err := json.MarshalIndent(map[string]any{
		"date": time.Now().UTC().Format(time.DateOnly), "commit": strings.TrimSpace(string(commit)),
		"kubernetes": version.GitVersion, "go": runtime.Version(), "cpus": runtime.NumCPU(), "pods_at_once": slots,
		"ready_seconds": round(w.Took), "control_plane_mib": w.Memory(), "programs_mib": programs, "tests": measured.all,
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}
