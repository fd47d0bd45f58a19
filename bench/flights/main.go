// Command flights runs `quern run` several times over all three million flights and
// prints, per run and as medians, the wall time, the processor time and the most
// memory. Each run is a process of its own, with outputs of its own.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures: arguments are the program, the recipe, the data and the number of runs.
func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: flights QUERN RECIPE DATA RUNS")
	}
	runs, err := strconv.Atoi(args[3])
	if err != nil || runs < 1 {
		return fmt.Errorf("%q is not a number of runs", args[3])
	}
	program, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	fmt.Printf("%s, %s/%s, %d cores, %s\n", time.Now().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), processor())
	fmt.Printf("%-8s %8s %8s %10s\n", "run", "wall s", "cpu s", "peak MiB")
	var all []sample
	for i := range runs {
		s, err := measure(program, args[1], args[2])
		if err != nil {
			return err
		}
		all = append(all, s)
		s.print(strconv.Itoa(i + 1))
	}
	medians(all).print("median")
	return nil
}

// sample is what one run took.
type sample struct {
	wall, cpu float64 // seconds
	peak      float64 // MiB
}

func (s sample) print(name string) {
	fmt.Printf("%-8s %8.3f %8.3f %10.1f\n", name, s.wall, s.cpu, s.peak)
}

// medians returns the median of each figure (of an even number the upper one).
func medians(all []sample) sample {
	middle := func(of func(sample) float64) float64 {
		values := make([]float64, len(all))
		for i, s := range all {
			values[i] = of(s)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return sample{
		middle(func(s sample) float64 { return s.wall }),
		middle(func(s sample) float64 { return s.cpu }),
		middle(func(s sample) float64 { return s.peak }),
	}
}

// measure runs the program once in a folder of its own, which holds a copy of the
// recipe and a link to the data under a name that the recipe's pattern matches.
func measure(program, recipe, data string) (sample, error) {
	folder, err := os.MkdirTemp("", "quern-bench-*")
	if err != nil {
		return sample{}, err
	}
	defer os.RemoveAll(folder)
	text, err := os.ReadFile(recipe)
	if err != nil {
		return sample{}, err
	}
	if err := os.WriteFile(filepath.Join(folder, "recipe.yaml"), text, 0o644); err != nil {
		return sample{}, err
	}
	if data, err = filepath.Abs(data); err != nil {
		return sample{}, err
	}
	if err := os.Symlink(data, filepath.Join(folder, filepath.Base(data))); err != nil {
		return sample{}, err
	}
	child := exec.Command(program, "run", "recipe.yaml")
	child.Dir = folder
	started := time.Now()
	said, err := child.CombinedOutput()
	wall := time.Since(started).Seconds()
	if err != nil {
		return sample{}, fmt.Errorf("%w\n%s", err, said)
	}
	state := child.ProcessState
	return sample{wall, (state.UserTime() + state.SystemTime()).Seconds(), peak(state)}, nil
}

// processor returns the name of the processor, where the system says it.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "processor unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "processor unknown"
}
