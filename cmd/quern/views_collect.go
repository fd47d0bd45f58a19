package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/serve/view"
)

// collecting is what the user says of what is to be removed.
type collecting struct {
	folder *string
	keep   int
	grace  time.Duration
	dry    bool
}

func (a *app) viewCollectCommand(folder *string) *cobra.Command {
	o := collecting{folder: folder}
	c := &cobra.Command{
		Use:   "collect [VIEW...]",
		Short: "Remove versions that are kept no longer, and what was left of unfinished ones",
		Long: `Removes the versions of all views of a store, or of those that are named, that are
neither served nor staged nor kept for a rollback, and what publishes that died have
left. Each is removed once it has been so for the grace time, because servers may still
read it, and a version without a manifest may be in the making. What is served is never
removed.

--keep N drops previous versions beyond the N latest; they are removed, too, a grace
time from now.`,
		Example: "  quern views collect --store views --dry-run\n  quern views collect flights --keep 1 --store views",
		RunE: func(c *cobra.Command, args []string) error {
			return a.collectViews(c.Context(), o, args)
		},
	}
	c.Flags().IntVar(&o.keep, "keep", -1, "previous versions to keep (default: as many as publish keeps, 3)")
	c.Flags().DurationVar(&o.grace, "grace", 24*time.Hour, "how long others stay after they were dropped, or begun")
	c.Flags().BoolVar(&o.dry, "dry-run", false, "say what would be done, and do nothing")
	return c
}

// collectViews removes what is over; no names: of all views.
func (a *app) collectViews(ctx context.Context, o collecting, names []string) error {
	if o.grace < time.Minute {
		return usage("--grace %v: give at least 1m, for servers that have not moved on", o.grace)
	}
	s := a.viewStore(*o.folder)
	s.Grace = o.grace
	if len(names) == 0 {
		var err error
		if names, err = s.Views(ctx); err != nil {
			return err
		}
	}
	any := false
	for _, name := range names {
		done, err := a.collectView(ctx, s, o, name)
		if err != nil {
			return err
		}
		any = any || done
	}
	if !any && !a.flags.quiet {
		fmt.Fprintln(a.err, "nothing to remove")
	}
	return nil
}

// collectView removes what is over of one view, and reports whether there was any.
func (a *app) collectView(ctx context.Context, s *view.Store, o collecting, name string) (bool, error) {
	trim, collect, dropped, removed := s.Trim, s.Collect, "dropped", "removed"
	if o.dry {
		trim, collect, dropped, removed = s.Surplus, s.Collectable, "would drop", "would remove"
	}
	any := false
	tell := func(what string, versions []string, more string) {
		for _, v := range versions {
			any = true
			fmt.Fprintf(a.out, "%s %s@%s%s\n", what, name, v, more)
		}
	}
	if o.keep >= 0 {
		versions, err := trim(ctx, name, o.keep)
		if err != nil {
			return any, err
		}
		tell(dropped, versions, ", to be removed in "+phrase.Age(o.grace))
	}
	versions, err := collect(ctx, name)
	tell(removed, versions, "")
	return any, err
}
