package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/features/diag"
	"quern/pipeline/store"
	"quern/shard/commitlog"
	"quern/shard/record"
	"quern/shard/report"
)

func (a *app) jobsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "jobs [FOLDER]",
		Short: "List the jobs of many processes and how far they are",
		Long: `Lists the jobs whose logs are in FOLDER, a folder of outputs or s3://bucket/folder
(default: the current folder). In a local folder without any, those up to three
folders deeper are listed. States: planned, running (or waiting for workers: a log
cannot tell), done, failed (more shards failed than may).`,
		Example: `  quern jobs out
  quern jobs s3://bucket/features`,
		Args:              takes("[FOLDER]"),
		ValidArgsFunction: completeFolder,
		RunE: func(c *cobra.Command, args []string) error {
			root := "."
			if len(args) > 0 {
				root = args[0]
			}
			return a.listJobs(c.Context(), root, asJSON)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "as JSON: the reports of job show, without their shards")
	return c
}

// logAt is the log of a job, and where it is.
type logAt struct {
	*commitlog.Log
	root string
	job  record.Job
}

// listJobs prints a line per job.
func (a *app) listJobs(ctx context.Context, root string, asJSON bool) error {
	logs, err := a.findJobs(ctx, root)
	if err != nil {
		return err
	}
	var damaged diag.List
	all := []listedJob{}
	var rows [][]string
	for _, l := range logs {
		s, err := l.Status(ctx, l.job)
		switch {
		case errors.Is(err, store.ErrNotFound) && s.Plan == nil: // never begun
			continue
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			damaged.Add(damagedJob(l.job, err), "Q454")
			rows = append(rows, []string{l.job.String()[:12], "damaged", "-", "-", "-", "-", "-", l.root})
			continue
		}
		r := report.Of(s)
		rows = append(rows, jobRow(r, l.root))
		all = append(all, listed(r, l.root))
	}
	switch {
	case asJSON:
		err = a.printJSON(all)
	case len(rows) > 0:
		t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(t, "job\tstate\tphase\tsettled\trows\tstarted\ttook\tin")
		for _, r := range rows {
			fmt.Fprintln(t, strings.Join(r, "\t"))
		}
		err = t.Flush()
	case !a.flags.quiet:
		fmt.Fprintf(a.err, "no job has its log in %s\n", root)
	}
	return errors.Join(err, damaged.Err())
}

// listedJob is a job in the JSON of the list: its report without its shards.
type listedJob struct {
	In string `json:"in"` // the folder whose outputs it makes
	*report.Report
}

func listed(r *report.Report, root string) listedJob {
	for i := range r.Phases {
		r.Phases[i].Tasks = []report.Task{}
	}
	return listedJob{root, r}
}

// jobRow is a line of the list.
func jobRow(r *report.Report, root string) []string {
	phase, settled := "-", "-"
	if n := len(r.Phases); n > 0 {
		p := &r.Phases[n-1]
		phase = fmt.Sprintf("%d, writes", p.Number)
		if p.Learns {
			phase = fmt.Sprintf("%d, learns", p.Number)
		}
		settled = fmt.Sprintf("%d of %d", p.Done+p.Failed, p.Shards)
		if r.Missing > 0 {
			settled += fmt.Sprintf(", %d failed", r.Missing)
		}
	}
	return []string{r.Job[:12], string(r.State), phase, settled, phrase.Thousands(r.Rows), report.Instant(r.Started), report.Duration(r.Seconds), root}
}

// damagedJob is the error of a log that cannot be read.
func damagedJob(job record.Job, err error) error {
	return diag.New("Q454", "the log of job %s cannot be read", job.String()[:12]).Because(err)
}

// findJobs returns the jobs of a folder, or of those below it that have any.
func (a *app) findJobs(ctx context.Context, root string) ([]logAt, error) {
	roots := []string{root}
	if store.Scheme(root) == "" {
		var err error
		if roots, err = jobFolders(root, 3); err != nil {
			return nil, diag.New("Q450", "%s cannot be read", root).Because(err)
		}
	}
	var all []logAt
	for _, r := range roots {
		logs, err := a.jobsIn(ctx, r)
		if err != nil {
			return nil, err
		}
		all = append(all, logs...)
	}
	return all, nil
}

// jobsIn returns the jobs whose logs are in a folder, in the order of their names.
func (a *app) jobsIn(ctx context.Context, root string) ([]logAt, error) {
	st, err := a.places.Store(ctx, root)
	if err != nil {
		return nil, err
	}
	log := commitlog.New(st)
	jobs, err := log.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	var all []logAt
	for _, j := range jobs {
		all = append(all, logAt{log, root, j})
	}
	return all, nil
}

// jobFolders returns root if it has a folder of jobs, else the folders up to so many
// levels below that have. Links are not followed, hidden folders left out.
func jobFolders(root string, deep int) ([]string, error) {
	var found []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil && path == root:
			return err
		case err != nil || !d.IsDir():
			return nil
		case path != root && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")):
			return filepath.SkipDir
		case hasJobs(path):
			found = append(found, path)
			return filepath.SkipDir
		case strings.Count(strings.TrimPrefix(path, root), string(filepath.Separator)) >= deep:
			return filepath.SkipDir
		}
		return nil
	})
	return found, err
}

// hasJobs reports whether a folder has one for logs.
func hasJobs(folder string) bool {
	info, err := os.Stat(filepath.Join(folder, filepath.FromSlash(record.Root)))
	return err == nil && info.IsDir()
}
