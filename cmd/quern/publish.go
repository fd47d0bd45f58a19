package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/internal/memory"
	"quern/serve/view"
)

func (a *app) publishCommand() *cobra.Command {
	var folder string
	var o view.PublishOptions
	c := &cobra.Command{
		Use:   "publish MODEL [SOURCE...]",
		Short: "Make a version of a view that can be looked up online",
		Long: `Computes the features of the recipe's source, or of the files SOURCE, keeps the
latest row of each key, verifies them against the model and the version before, and
serves them from one moment to the next. Until then, and after any error, the version
before stays.`,
		Example:           "  quern publish flights.quern --store features",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeModel(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Shards < 0 {
				return usage("--shards %d: give at least 1", o.Shards)
			}
			m, r, err := a.readModelRecipe(c.Context(), args[0])
			if err != nil {
				return err
			}
			if o.Options, err = a.options(); err != nil {
				return err
			}
			replaceSource(r, args[1:])
			if err := retype(c.Context(), r, m, o.Options); err != nil {
				return err
			}
			stop := a.show(o.Progress)
			made, err := (&view.Store{Places: a.places, Folder: folder}).Publish(c.Context(), m, r, o)
			stop()
			if err != nil {
				return err
			}
			a.published(made, o.Stage, folder)
			return nil
		},
	}
	c.Flags().StringVar(&folder, "store", "", "folder or s3:// URI of the views")
	c.Flags().StringVar(&o.View, "view", "", "name of the view (default: the model's)")
	c.Flags().BoolVar(&o.Stage, "stage", false, "do not serve the version yet: see quern views promote")
	c.Flags().IntVar(&o.Shards, "shards", 0, "files to spread the rows over (default: one, more where it would be very large)")
	c.Flags().BoolVar(&o.Force, "force", false, "publish however different the rows are from the version before")
	if err := c.MarkFlagRequired("store"); err != nil {
		panic("quern: bug: " + err.Error())
	}
	return c
}

// published tells what was made.
func (a *app) published(p *view.Published, staged bool, folder string) {
	if a.flags.quiet {
		return
	}
	for _, f := range p.Findings {
		fmt.Fprintln(a.err, "note: forced: "+f)
	}
	word, next := "serving", "views --store "+folder
	if staged {
		word, next = "staged", "views promote "+p.View+" --store "+folder
	}
	fmt.Fprintf(a.err, "%s %s@%s: rows %s of %s (older %s, null keys %s), %.2f s, peak %d MiB, model %s\n", word, p.View, p.Version,
		phrase.Thousands(p.Rows), phrase.Thousands(p.SourceRows), phrase.Thousands(p.Older), phrase.Thousands(p.NullKeys),
		p.Seconds, memory.Peak()>>20, p.Model[:12])
	a.suggest(next)
}
