package main

import (
	"testing"
	"time"

	"quern/pipeline"
	"quern/shard/core"
	"quern/shard/procs"
)

func TestStateLine(t *testing.T) {
	for want, s := range map[string]pipeline.State{
		"fit, scan 1: 42 %, 1,234,567 rows": {Title: "fit, scan 1", Rows: 1234567, Bytes: 42, TotalBytes: 100},
		"transform: 0 %, 7 rows":            {Title: "transform", Rows: 7},
		"publish, segment 1 of 2":           {Title: "publish, segment 1 of 2"},
	} {
		if got := stateLine(s); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestLinesOfJobs: what those see who wait for jobs of many processes.
func TestLinesOfJobs(t *testing.T) {
	began := time.Unix(1_000_000, 0)
	at := &pace{}
	for _, c := range []struct {
		after time.Duration
		now   far
		want  string
	}{ // a coordinator that took over in the middle
		{0, far{core.Progress{Learns: true, Shards: 40, Settled: 17}, 1_700_000}, "fit, scan 1: 17 of 40 shards, 1,700,000 rows"},
		{10 * time.Second, far{core.Progress{Learns: true, Shards: 40, Settled: 17}, 1_700_000}, "fit, scan 1: 17 of 40 shards, 1,700,000 rows"},
		{20 * time.Second, far{core.Progress{Learns: true, Shards: 40, Settled: 21, Failed: 1}, 2_000_000},
			"fit, scan 1: 21 of 40 shards, 1 failed, 2,000,000 rows, 15,000 rows/s, about 95 s left"},
		{60 * time.Second, far{core.Progress{Phase: 1, Shards: 40}, 0}, "transform: 0 of 40 shards, 0 rows"},
		{62 * time.Second, far{core.Progress{Phase: 1, Shards: 40, Settled: 40}, 4_000_000}, "transform: 40 of 40 shards, 4,000,000 rows, 2,000,000 rows/s"},
	} {
		if got := at.line(began.Add(c.after), c.now); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for want, c := range map[string]struct {
		p core.Progress
		s procs.State
	}{
		"fit, scan 2: 0 of 40 shards, 8 running": {core.Progress{Phase: 1, Learns: true, Shards: 40}, procs.State{Phase: 1, Running: 8}},
		"fit, scan 2: 3 of 40 shards, 8 running": {core.Progress{Phase: 1, Learns: true, Shards: 40, Settled: 3}, procs.State{Phase: 0, Running: 8, Done: 9}},
		"transform: 10 of 40 shards, 8 running, 1 failed, 2 stragglers, 1,000,000 rows, 10,000 rows/s, about 5 m 00 s left": {
			core.Progress{Phase: 2, Shards: 40, Settled: 10, Failed: 1}, procs.State{Phase: 2, Running: 8, Done: 10, Twins: 2, Rows: 1_000_000}},
		"transform: 40 of 40 shards, 0 running, 1,000,000 rows, 10,000 rows/s": {
			core.Progress{Phase: 2, Shards: 40, Settled: 40}, procs.State{Phase: 2, Done: 40, Rows: 1_000_000}},
	} {
		if got := crewLine(c.p, c.s, 100*time.Second); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
