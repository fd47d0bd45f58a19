package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/audit"
	"quern/serve/view"
)

// auditFlags are what the user says of an audit.
type auditFlags struct {
	store  string
	source []string
	json   bool
}

func (a *app) auditCommand() *cobra.Command {
	f := auditFlags{}
	c := &cobra.Command{
		Use:   "audit DIR --store STORE",
		Short: "Check a log of served features against what the source gives offline",
		Long: `Reads the log that quern serve --log-features wrote to DIR, computes the features of
every logged key again, from the source that its version was published from and by
that version's model, and compares what was served with it: values bit for bit, statuses,
event times. Any difference is a failure (exit code 1).

Rows that cannot be checked are counted, with the reason: their version is gone from
the store, its source was changed or cannot be read, or they were pushed and are in no
source. --source computes from these files instead of those that a version names,
whether they are the same or not.

PSI tells how far the served values are from those that were published: below 0.1 is
quiet, above 0.25 is worth a look.`,
		Example:           "  quern audit served --store views\n  quern audit served --store views --source archive/flights.parquet --json",
		Args:              takes("DIR"),
		ValidArgsFunction: completeFolder,
		RunE:              func(c *cobra.Command, args []string) error { return a.audit(c.Context(), args[0], &f) },
	}
	c.Flags().StringVar(&f.store, "store", "", "folder or s3:// URI of the views")
	c.Flags().StringArrayVar(&f.source, "source", nil, "file, glob or folder to compute from, instead of the source of each version; may be repeated")
	c.Flags().BoolVar(&f.json, "json", false, "print the report as JSON")
	if err := c.MarkFlagRequired("store"); err != nil {
		panic("quern: bug: " + err.Error())
	}
	return c
}

// audit checks and prints.
func (a *app) audit(ctx context.Context, folder string, f *auditFlags) error {
	o := audit.CheckOptions{Views: &view.Store{Places: a.places, Folder: f.store}, AnySource: len(f.source) > 0}
	var err error
	if o.Options, err = a.options(); err != nil {
		return err
	}
	o.Recipe = func(ctx context.Context, m *model.Model, origin *view.Origin) (*recipe.Recipe, error) {
		r, err := audit.RecipeOf(ctx, m, origin)
		if err != nil {
			return nil, err
		}
		replaceSource(r, f.source)
		return r, retype(ctx, r, m, o.Options)
	}
	stop := a.show(o.Progress)
	report, err := audit.Check(ctx, folder, o)
	stop()
	if err != nil {
		return err
	}
	if f.json {
		err = a.printJSON(report)
	} else {
		err = a.printAudit(report)
	}
	if err != nil {
		return err
	}
	return report.Err()
}

// printAudit prints a report as tables: a line for each feature.
func (a *app) printAudit(r *audit.Report) error {
	for _, v := range r.Views {
		fmt.Fprintf(a.out, "%s@%s: rows %s", v.View, v.Version, phrase.Thousands(v.Rows))
		if !v.From.IsZero() {
			fmt.Fprintf(a.out, " from %s to %s", v.From.Format(time.RFC3339), v.To.Format(time.RFC3339))
		}
		fmt.Fprintf(a.out, ", checked %s, mismatches %s\n", phrase.Thousands(v.Checked), phrase.Thousands(v.Mismatches()))
		for _, why := range sortedReasons(v.Skipped) {
			fmt.Fprintf(a.out, "  not checked %s: %s\n", phrase.Thousands(v.Skipped[why]), why)
		}
		if v.Event != nil {
			fmt.Fprintf(a.out, "  event times differ in %s: %s at %s served %s, computed %s\n", phrase.Counted(v.EventTimes, "row"),
				v.Event.Key, v.Event.At.Format(time.RFC3339), v.Event.Served, v.Event.Computed)
		}
		if err := a.printAuditFeatures(v); err != nil {
			return err
		}
	}
	if !a.flags.quiet {
		fmt.Fprintf(a.err, "%s in the log, %s computed again, %s that cannot be, mismatches %s\n", phrase.Counted(r.Rows, "row"),
			phrase.Thousands(r.Checked), phrase.Thousands(r.Skipped), phrase.Thousands(r.Mismatches))
	}
	return nil
}

// printAuditFeatures prints the table of a version's features, and the first differences.
func (a *app) printAuditFeatures(v *audit.ViewReport) error {
	if len(v.Features) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "  feature\tchecked\tmismatches\tPSI")
	for _, f := range v.Features {
		psi := "-"
		if f.PSI != nil {
			psi = fmt.Sprintf("%.3f", *f.PSI)
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", f.Name, phrase.Thousands(f.Checked), phrase.Thousands(f.Mismatches), psi)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, f := range v.Features {
		if f.First != nil {
			fmt.Fprintf(a.out, "  %s: %s at %s served %s, computed %s\n", f.Name, f.First.Key, f.First.At.Format(time.RFC3339), f.First.Served, f.First.Computed)
		}
	}
	return nil
}

func sortedReasons(by map[string]int64) []string {
	var all []string
	for why := range by {
		all = append(all, why)
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
