package main

import (
	"testing"

	"quern/pipeline"
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
