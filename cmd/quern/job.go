package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"quern/cmd/quern/phrase"
	"quern/features/diag"
	"quern/pipeline/store"
	"quern/shard/commitlog"
	"quern/shard/core"
	"quern/shard/drive"
	"quern/shard/record"
	"quern/shard/report"
)

func (a *app) jobCommand() *cobra.Command {
	c := &cobra.Command{Use: "job", Short: "Show a job of many processes, and clean up after it", Example: "  quern job show out"}
	c.AddCommand(a.jobShow(), a.jobCollect())
	return c
}

// showOptions say how a job is shown.
type showOptions struct {
	json, ascii, follow bool
	svg                 string
	every               time.Duration
}

func (a *app) jobShow() *cobra.Command {
	var o showOptions
	c := &cobra.Command{
		Use:   "show PLACE [JOB]",
		Short: "Show how a job goes: phases, workers, stragglers, failed shards",
		Long: `Shows a job from its log alone, while it runs or after: what each phase took, which
shard each worker was at, and when, and the shards that failed or took more than
twice the median. PLACE is the folder of the job's outputs, or the job's own folder
(.../_quern/jobs/JOB), on disk or in a store; JOB is the start of the job's name. With
several jobs and no name, the one that began last is shown.`,
		Example: `  quern job show out
  quern job show s3://bucket/features 3f2a --svg job.svg
  quern job show out --follow`,
		Args:              takes("PLACE", "[JOB]"),
		ValidArgsFunction: completeFolder,
		RunE: func(c *cobra.Command, args []string) error {
			if o.every < 100*time.Millisecond {
				return usage("--every %v: give at least 100ms", o.every)
			}
			l, err := a.oneJob(c.Context(), args)
			if err != nil {
				return err
			}
			return a.showJob(c.Context(), l, o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "as JSON ("+report.Schema+")")
	f.StringVar(&o.svg, "svg", "", "write the chart to this file too")
	f.BoolVar(&o.ascii, "ascii", false, "draw with ASCII characters")
	f.BoolVar(&o.follow, "follow", false, "go on until the job ends")
	f.DurationVar(&o.every, "every", 2*time.Second, "with --follow: how often to look")
	return c
}

func (a *app) jobCollect() *cobra.Command {
	var grace time.Duration
	c := &cobra.Command{
		Use:   "collect PLACE [JOB]",
		Short: "Remove the files of a finished job that no reader needs",
		Long: `Removes what attempts at the shards of finished jobs wrote for each other: partial
statistics, and parts under private names. Outputs stay, and so do the records of the
log: a process that wakes up late must find that its shard is settled. Nothing is
removed from a job that is not done, or whose files are younger than the grace time,
which must be longer than any process of the job may sleep. Without JOB, all jobs of
PLACE are collected.`,
		Example:           "  quern job collect out --grace 72h",
		Args:              takes("PLACE", "[JOB]"),
		ValidArgsFunction: completeFolder,
		RunE: func(c *cobra.Command, args []string) error {
			if grace < 0 {
				return usage("--grace %v: give 0s at least", grace)
			}
			return a.collect(c.Context(), args, grace)
		},
	}
	c.Flags().DurationVar(&grace, "grace", core.Grace*time.Microsecond, "how old files must be")
	return c
}

// jobsAt returns the jobs that a command line names: of a folder, or by its own folder,
// whose names start as the user wrote. There is at least one.
func (a *app) jobsAt(ctx context.Context, args []string) ([]logAt, error) {
	place, start := strings.TrimSuffix(args[0], "/"), ""
	if root, rest, ok := strings.Cut(place+"/", "/"+record.Root); ok {
		place, start = root, strings.Trim(rest, "/")
	}
	if len(args) > 1 {
		start = args[1]
	}
	all, err := a.findJobs(ctx, place)
	if err != nil {
		return nil, err
	}
	var found []logAt
	for _, l := range all {
		if strings.HasPrefix(l.job.String(), strings.ToLower(start)) {
			found = append(found, l)
		}
	}
	switch {
	case len(all) == 0:
		return nil, diag.New("Q450", "no job has its log in %s", place)
	case len(found) == 0:
		return nil, diag.New("Q450", "no job in %s starts with %q", place, start).WithHint("`quern jobs %s` lists them", place)
	}
	return found, nil
}

// oneJob returns the job that a command line names: of several, the one that began last.
func (a *app) oneJob(ctx context.Context, args []string) (logAt, error) {
	found, err := a.jobsAt(ctx, args)
	if err != nil || len(found) == 1 {
		return append(found, logAt{})[0], err
	}
	if len(args) > 1 {
		return logAt{}, diag.New("Q450", "%s start with %q", phrase.Counted(len(found), "job"), args[1]).
			WithHint("give more of the name: %s", found[0].job)
	}
	latest, at := found[0], int64(-1)
	for _, l := range found {
		s, err := l.Status(ctx, l.job)
		if err != nil {
			continue // it is not the one, or the user will name it and be told
		}
		if began := report.Of(s).Started; began > at {
			latest, at = l, began
		}
	}
	if !a.flags.quiet {
		fmt.Fprintf(a.err, "note: the latest of %s; `quern jobs` lists them\n", phrase.Counted(len(found), "job"))
	}
	return latest, ctx.Err()
}

// showJob shows a job, once or until it ends.
func (a *app) showJob(ctx context.Context, l logAt, o showOptions) error {
	s := &commitlog.Status{Job: l.job}
	for {
		began := time.Now()
		if err := a.readJob(ctx, l, s); err != nil {
			return err
		}
		r := report.Of(s)
		ended := r.State == report.Done || r.State == report.Failed
		if !o.follow || ended {
			return a.printJob(r, o)
		}
		a.tellJob(r, o)
		pause := max(o.every, 4*time.Since(began)) // a log far away is not read all the time
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// readJob reads on in the log of a job.
func (a *app) readJob(ctx context.Context, l logAt, s *commitlog.Status) error {
	err := l.Update(ctx, s)
	switch {
	case err == nil || ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, store.ErrNotFound) && s.Plan == nil:
		return diag.New("Q450", "job %s was never begun: it has no plan", l.job)
	}
	return damagedJob(l.job, err)
}

// printJob prints all that is known of a job.
func (a *app) printJob(r *report.Report, o showOptions) error {
	if o.svg != "" {
		var b bytes.Buffer
		if err := r.SVG(&b); err != nil {
			return err
		}
		if err := replaceFile(o.svg, b.Bytes()); err != nil {
			return err
		}
	}
	if o.json {
		return r.JSON(a.out)
	}
	return a.drawJob(r, o)
}

// drawJob prints a job as text.
func (a *app) drawJob(r *report.Report, o showOptions) error {
	if err := r.Summary(a.out); err != nil {
		return err
	}
	fmt.Fprintln(a.out)
	return r.Chart(a.out, report.ChartOptions{Columns: a.columns(), ASCII: o.ascii})
}

// columns returns the width of the terminal; 100 where there is none.
func (a *app) columns() int {
	if t, ok := a.err.(*talk); ok {
		if f, ok := t.out.(*os.File); ok {
			if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
				return n
			}
		}
	}
	return 100
}

// tellJob tells how far a job is: on a terminal as a page that is drawn anew, elsewhere
// as a line.
func (a *app) tellJob(r *report.Report, o showOptions) {
	if !isTerminal(a.err) {
		fmt.Fprintln(a.err, jobLine(r))
		return
	}
	var b bytes.Buffer
	if r.Summary(&b) == nil && r.Chart(&b, report.ChartOptions{Columns: a.columns(), ASCII: o.ascii, Lanes: 30}) == nil {
		fmt.Fprintf(a.err, "\x1b[H\x1b[2J%s%s\n", b.String(), jobLine(r))
	}
}

// jobLine says in a line how far a job is: "running, phase 1: 3 of 40 settled, ...".
func jobLine(r *report.Report) string {
	p := &r.Phases[len(r.Phases)-1]
	line := fmt.Sprintf("%s, phase %d: %d of %d settled, %s rows, %s", r.State, p.Number, p.Done+p.Failed, p.Shards,
		phrase.Thousands(p.Rows), phrase.Counted(len(p.Stragglers), "straggler"))
	if p.Failed > 0 {
		line += fmt.Sprintf(", %d failed", p.Failed)
	}
	if left := p.Left(); left > 0 {
		line += ", about " + report.Duration(left) + " left in this phase"
	}
	return line
}

// collect removes the garbage of jobs.
func (a *app) collect(ctx context.Context, args []string, grace time.Duration) error {
	jobs, err := a.jobsAt(ctx, args)
	if err != nil {
		return err
	}
	for _, l := range jobs {
		o := core.CollectorOptions{Options: core.Options{Job: l.job, Seed: drive.Seed()}, Grace: max(1, grace.Microseconds())}
		exit := drive.New(core.NewCollector(o), drive.Options{Log: l.Log}).Run(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case exit.Code == core.Broken:
			return damagedJob(l.job, errors.New(exit.Reason))
		case exit.Code != core.Committed:
			return diag.New("Q512", "job %s in %s: %s", l.job.String()[:12], l.root, exit.Reason)
		}
		fmt.Fprintf(a.out, "%s  %s\n", l.job.String()[:12], exit.Reason)
	}
	return nil
}
