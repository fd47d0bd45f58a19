package main

import (
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"quern/cpu"
	"quern/pipeline"
)

// options turns the common flags into pipeline options.
func (a *app) options() (pipeline.Options, error) {
	budget, err := a.budget()
	if err != nil {
		return pipeline.Options{}, err
	}
	debug.SetMemoryLimit(budget)
	debug.SetGCPercent(50) // buffers are reused, so collecting twice as often costs little and saves a third of the peak
	o := pipeline.Options{Backend: cpu.New(), Places: a.places, Workers: a.flags.workers, Memory: budget, Progress: &pipeline.Progress{}}
	if o.Workers < 0 {
		return o, usage("--workers %d: give at least 1", o.Workers)
	}
	switch a.flags.onBadFile {
	case "fail":
	case "quarantine":
		o.Quarantine = true
	default:
		return o, usage("--on-bad-file is fail or quarantine, not %q", a.flags.onBadFile)
	}
	if !a.flags.quiet {
		o.Notice = func(text string) { fmt.Fprintln(a.err, "note: "+text) }
	}
	return o, nil
}

// leastMemory is the smallest budget that is accepted, and unknownMemory the budget
// where nobody knows how much there is.
const (
	leastMemory   = 32 << 20
	unknownMemory = 4 << 30
)

// budget returns the memory budget in bytes: as given, or half of the machine's.
func (a *app) budget() (int64, error) {
	if a.flags.memory == "" {
		if total := totalMemory(); total > 0 {
			return total / 2, nil
		}
		return unknownMemory, nil
	}
	n, ok := parseBytes(a.flags.memory)
	if !ok || n < leastMemory {
		return 0, usage("--memory %q: give at least 32MiB, like 512MiB or 8GiB", a.flags.memory)
	}
	return n, nil
}

// parseBytes reads a size: a number with B, KiB, MiB, GiB, TiB, KB, MB, GB or TB.
func parseBytes(s string) (int64, bool) {
	units := []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1}}
	for _, u := range units {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			x, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
			if err != nil || !(x >= 0 && x*u.size <= 1<<60) {
				return 0, false
			}
			return int64(x * u.size), true
		}
	}
	return 0, false
}

// relative returns path relative to the current folder where it is in it.
func relative(path string) string {
	wd, err := os.Getwd()
	if rest, ok := strings.CutPrefix(path, wd+string(os.PathSeparator)); err == nil && ok {
		return rest
	}
	return path
}
