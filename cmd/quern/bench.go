package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"quern/bench"
	"quern/features/diag"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	rows, runs, warmup        int
	out, svg, baseline, cache string
	device                    string
	list, prepare             bool
	child, inProcess          bool
}

func (a *app) benchCommand() *cobra.Command {
	var f benchFlags
	c := &cobra.Command{
		Use:   "bench [WORKLOAD...]",
		Short: "Measure this machine: rates, memory and stages over tables that it makes",
		Long: `Makes tables, always the same for the same size, runs recipes over them as run
does, each run in a process of its own, and prints rates, seconds and memory
(medians), and the processor time by stage. Without a WORKLOAD it runs them all;
--list says which there are. Tables are kept in --data for the next time.

With --device cpu,gpu it also compares a GPU with the CPU, from columns in memory
to a model and to columns in memory, by workload, by operator and by rows per
batch, beside what the way to the GPU lets through; and it says who wins where.`,
		Example: `  quern bench criteo --runs 5 --out criteo.json --svg criteo.svg
  quern bench dense --rows 500000 --baseline gonum
  quern bench criteo dense --device cpu,gpu --out gpu.json --svg gpu.svg`,
		ValidArgsFunction: completeWorkload,
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case f.child:
				return a.benchChild(c.Context(), c.InOrStdin())
			case f.list:
				return bench.List(a.out)
			}
			return a.bench(c.Context(), f, args)
		},
	}
	c.Flags().IntVar(&f.rows, "rows", 0, "rows of the tables that are made (default: each workload's own)")
	c.Flags().IntVar(&f.runs, "runs", 3, "measured runs of each workload")
	c.Flags().IntVar(&f.warmup, "warmup", 1, "runs before, which do not count")
	c.Flags().StringVar(&f.out, "out", "", "write the figures as JSON to this file")
	c.Flags().StringVar(&f.svg, "svg", "", "draw the stages, or the comparison, to this file")
	c.Flags().StringVar(&f.baseline, "baseline", "", "gonum: also time gonum's float64 statistics over the same columns")
	c.Flags().StringVar(&f.cache, "data", "build/bench", "folder of the tables, kept, and of the outputs, removed")
	c.Flags().StringVar(&f.device, "device", onCPU, "what to measure: cpu, or cpu,gpu (cpu,gpu:N) to compare")
	c.Flags().BoolVar(&f.list, "list", false, "list the workloads")
	c.Flags().BoolVar(&f.prepare, "prepare", false, "only make the tables, and print their files")
	c.Flags().BoolVar(&f.child, "child", false, "do one job, read from standard input")
	c.Flags().BoolVar(&f.inProcess, "in-process", false, "run in this process: memory is then all runs' together")
	for _, hidden := range []string{"child", "in-process"} {
		_ = c.Flags().MarkHidden(hidden) // the flag is there: the line above made it
	}
	completeWords(c, "baseline", "gonum")
	completeWords(c, "device", onCPU, "cpu,gpu\tboth, workload by workload and operator by operator")
	return c
}

// completeWorkload proposes workloads.
func completeWorkload(_ *cobra.Command, _ []string, start string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, w := range bench.Workloads() {
		names = append(names, w.Name+"\t"+w.Doc)
	}
	return starting(names, start), cobra.ShellCompDirectiveNoFileComp
}

// bench measures and reports.
func (a *app) bench(ctx context.Context, f benchFlags, names []string) error {
	workloads, err := f.workloads(names)
	if err != nil {
		return err
	}
	on, err := benchDevices(f.device)
	if err != nil {
		return err
	}
	o, err := a.benchOptions(f)
	if err != nil {
		return err
	}
	if f.prepare {
		return a.benchPrepare(ctx, workloads, o)
	}
	report := bench.NewReport()
	if on != nil {
		if report.GPU, err = bench.NewDeviceReport(*on, rooflineSize(f.rows)); err != nil {
			return refused(err, *on)
		}
	}
	if report.Roofline, err = bench.MeasureRoofline(f.cache, rooflineSize(f.rows)); err != nil {
		return diag.New("Q512", "cannot write in %s", f.cache).Because(err)
	}
	for _, w := range workloads {
		result, err := bench.Measure(ctx, w, o)
		if err != nil {
			return err
		}
		report.Results = append(report.Results, result)
	}
	if on != nil {
		if err := a.compareDevices(ctx, report, workloads, o, *on, f); err != nil {
			return err
		}
	}
	if err := report.Text(a.out); err != nil {
		return err
	}
	return writeReport(f, report)
}

// benchPrepare makes the tables and prints their files.
func (a *app) benchPrepare(ctx context.Context, workloads []bench.Workload, o bench.Options) error {
	for _, w := range workloads {
		data, err := w.Prepare(ctx, o.Cache, o.Rows)
		if err != nil {
			return err
		}
		for _, file := range data.Files {
			fmt.Fprintln(a.out, file)
		}
	}
	return nil
}

// rooflineSize returns how many bytes the roofline moves: few where tables are small.
func rooflineSize(rows int) int {
	if rows > 0 && rows < 100_000 {
		return 8 << 20
	}
	return 0
}

// workloads finds the workloads by name; without names all.
func (f benchFlags) workloads(names []string) ([]bench.Workload, error) {
	switch {
	case f.rows < 0, f.runs < 1, f.warmup < 0:
		return nil, usage("--rows and --warmup are not negative, --runs is at least 1")
	case f.baseline != "" && f.baseline != "gonum":
		return nil, usage("--baseline is gonum, not %q", f.baseline)
	case len(names) == 0:
		return bench.Workloads(), nil
	}
	var known []string
	for _, w := range bench.Workloads() {
		known = append(known, w.Name)
	}
	var found []bench.Workload
	for _, name := range names {
		w, ok := bench.Find(name)
		if !ok {
			e := usage("no workload is called %q", name)
			if near := diag.Nearest(name, known); near != "" {
				return nil, e.WithHint("did you mean %q?", near)
			}
			return nil, e.WithHint("there are %s", strings.Join(known, ", "))
		}
		found = append(found, w)
	}
	return found, nil
}

// benchOptions turns flags into options.
func (a *app) benchOptions(f benchFlags) (bench.Options, error) {
	common, err := a.options()
	if err != nil {
		return bench.Options{}, err
	}
	o := bench.Options{Cache: f.cache, Rows: f.rows, Runs: f.runs, Warmup: f.warmup, Workers: common.Workers, Memory: common.Memory, Baseline: f.baseline}
	if !a.flags.quiet {
		o.Say = func(text string) { fmt.Fprintln(a.err, text) }
	}
	if f.inProcess {
		return o, nil
	}
	program, err := os.Executable()
	if err != nil {
		return o, err
	}
	o.Runner = bench.Process(program, "bench", "--child")
	return o, nil
}

// benchChild does one job for another process.
func (a *app) benchChild(ctx context.Context, in io.Reader) error {
	var j bench.Job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return usage("--child reads a job as JSON: %v", err)
	}
	s, err := j.Run(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(a.out).Encode(s)
}

// writeReport writes the files that were asked for.
func writeReport(f benchFlags, r *bench.Report) error {
	if f.out != "" {
		text, err := json.MarshalIndent(r, "", "  ")
		if err != nil {
			return err
		}
		if err := replaceFile(f.out, append(text, '\n')); err != nil {
			return err
		}
	}
	if f.svg == "" {
		return nil
	}
	var drawing strings.Builder
	draw := r.SVG
	if r.GPU != nil {
		draw = r.GPU.SVG
	}
	if err := draw(&drawing); err != nil {
		return err
	}
	return replaceFile(f.svg, []byte(drawing.String()))
}
