package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"quern/bench"
)

// processes is what `quern run` takes in one process, and in several on the same machine:
// bench/results/scaling/processes.json.
type processes struct {
	Source   string `json:"source"`
	Workload string `json:"workload"`
	Rows     int    `json:"rows"`
	Ways     []*way `json:"ways"`
	Digest   string `json:"digest"` // of the bytes of model and output, the same in all ways
}

// way is to run the job in so many processes.
type way struct {
	Procs int    `json:"procs"`
	Pairs []pair `json:"pairs"`
}

// pair is a run in several processes, and one in one process, one right after the other: what
// else the machine does changes within a minute.
type pair struct {
	Alone took `json:"alone"`
	Procs took `json:"procs"`
}

// took is what one run took: processor time of all its processes, in the program and in the
// system, and time on the clock.
type took struct {
	User   float64 `json:"user_s"`
	System float64 `json:"system_s"`
	Wall   float64 `json:"wall_s"`
}

func (t took) cpu() float64 { return t.User + t.System }

// processRows is how many rows the table of criteo has.
const processRows = 20_000_000

// measureProcesses runs the job over a table of so many rows every way, rounds times in turns,
// after a round that does not count, in which the bytes are compared.
func measureProcesses(ctx context.Context, program string, rows, rounds int) (*processes, error) {
	w, _ := bench.Find("criteo")
	data, err := w.Prepare(ctx, filepath.Join("build", "bench"), rows)
	if err != nil {
		return nil, err
	}
	j, err := newJob(program, w.Recipe(), data)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(j.folder)
	about := bench.NewReport()
	p := &processes{Workload: w.Name, Rows: rows,
		Source: fmt.Sprintf("measured by `make bench-processes`, %s, %s, %d cores", about.Date, about.Machine.Processor, about.Machine.Cores)}
	for _, procs := range []int{1, 2, 4, 8} {
		p.Ways = append(p.Ways, &way{Procs: procs})
	}
	if p.Digest, err = j.compare(ctx, p.Ways); err != nil {
		return nil, err
	}
	for round := range rounds {
		for _, one := range p.Ways {
			both, err := j.pair(ctx, one.Procs, round%2 == 0)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(os.Stderr, "round %d of %d: --procs %d: %.2f s of processors, one process %.2f s\n", round+1, rounds, one.Procs, both.Procs.cpu(), both.Alone.cpu())
			one.Pairs = append(one.Pairs, both)
		}
	}
	return p, nil
}

// job is a recipe in a folder of its own, which is run again and again.
type job struct{ program, folder string }

func newJob(program, recipe string, data bench.Data) (*job, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	source, err := filepath.Abs(filepath.Join(data.Folder, "part-*.parquet"))
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("build", "processes-*")
	if err != nil {
		return nil, err
	}
	text := strings.Replace(recipe, "part-*.parquet", source, 1)
	return &job{program, folder}, os.WriteFile(filepath.Join(folder, "recipe.yaml"), []byte(text), 0o666)
}

// run does the job once, from nothing.
func (j *job) run(ctx context.Context, procs int) (took, error) {
	if err := cmp.Or(os.RemoveAll(filepath.Join(j.folder, "out")), os.RemoveAll(filepath.Join(j.folder, "model.quern"))); err != nil {
		return took{}, err
	}
	c := exec.CommandContext(ctx, j.program, "run", "recipe.yaml", "--output", "model.quern", "--quiet")
	if procs > 0 {
		c.Args = append(c.Args, "--procs", fmt.Sprint(procs))
	}
	c.Dir = j.folder
	began := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		return took{}, fmt.Errorf("%v: %w\n%s", c.Args, err, out)
	}
	s := c.ProcessState // its children, which it waited for, are in it
	return took{User: s.UserTime().Seconds(), System: s.SystemTime().Seconds(), Wall: time.Since(began).Seconds()}, nil
}

// pair does the job once in one process and once in several, who comes first being changed by
// the caller.
func (j *job) pair(ctx context.Context, procs int, alone bool) (p pair, err error) {
	if alone {
		if p.Alone, err = j.run(ctx, 0); err != nil {
			return p, err
		}
	}
	if p.Procs, err = j.run(ctx, procs); err != nil || alone {
		return p, err
	}
	p.Alone, err = j.run(ctx, 0)
	return p, err
}

// compare does the job every way, and fails unless the bytes that come out are the same.
func (j *job) compare(ctx context.Context, ways []*way) (string, error) {
	if _, err := j.run(ctx, 0); err != nil {
		return "", err
	}
	want, err := j.digest()
	if err != nil {
		return "", err
	}
	for _, one := range ways {
		if _, err := j.run(ctx, one.Procs); err != nil {
			return "", err
		}
		if got, err := j.digest(); err != nil || got != want {
			return "", cmp.Or(err, fmt.Errorf("--procs %d made other bytes than one process", one.Procs))
		}
	}
	return want, nil
}

// digest returns that of the model and of all files of the output but the job's own log.
func (j *job) digest() (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(j.folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == "_quern":
			return fs.SkipDir
		case d.IsDir() || d.Name() == "recipe.yaml":
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		fmt.Fprintln(h, strings.TrimPrefix(path, j.folder))
		_, err = io.Copy(h, f)
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// more returns how much more processor time a way took than one process: the median of the
// pairs' ratios, less one.
func (w *way) more() float64 {
	ratios := make([]float64, len(w.Pairs))
	for i, p := range w.Pairs {
		ratios[i] = p.Procs.cpu() / p.Alone.cpu()
	}
	return bench.Median(ratios) - 1
}

// alone returns the runs in one process.
func (p *processes) alone() (all []took) {
	for _, w := range p.Ways {
		for _, pair := range w.Pairs {
			all = append(all, pair.Alone)
		}
	}
	return all
}

// runs returns those in several processes.
func (w *way) runs() (all []took) {
	for _, pair := range w.Pairs {
		all = append(all, pair.Procs)
	}
	return all
}

// middleOf returns the median of a figure of runs.
func middleOf(runs []took, figure func(took) float64) float64 {
	all := make([]float64, len(runs))
	for i, t := range runs {
		all[i] = figure(t)
	}
	return bench.Median(all)
}
