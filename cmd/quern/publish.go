package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/internal/memory"
	"quern/serve/view"
)

func (a *app) publishCommand() *cobra.Command {
	var folder string
	var keep int
	var o view.PublishOptions
	c := &cobra.Command{
		Use:   "publish MODEL [SOURCE...]",
		Short: "Make a version of a view that can be looked up online",
		Long: `Computes the features of the recipe's source, or of the files SOURCE, keeps the
latest row of each key, verifies them against the model and the version before, and
serves them from one moment to the next. Until then, and after any error, the version
before stays. Versions beyond those that are kept are removed, a day after they were
dropped.`,
		Example:           "  quern publish flights.quern --store views",
		Args:              takes("MODEL", "[SOURCE...]"),
		ValidArgsFunction: completeModel(1),
		RunE: func(c *cobra.Command, args []string) error {
			if o.Shards < 0 || keep < 1 {
				return usage("--shards and --keep are at least 1")
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
			s := a.viewStore(folder)
			s.Keep = keep
			stop := a.show(o.Progress)
			made, err := s.Publish(c.Context(), m, r, o)
			stop()
			if err != nil {
				return err
			}
			a.published(made, o.Stage, folder)
			a.tidy(c.Context(), s, made.View)
			return nil
		},
	}
	c.Flags().StringVar(&folder, "store", "", "folder or s3:// URI of the views")
	c.Flags().StringVar(&o.View, "view", "", "name of the view (default: the model's)")
	c.Flags().BoolVar(&o.Stage, "stage", false, "do not serve the version yet: see quern views promote")
	c.Flags().IntVar(&o.Shards, "shards", 0, "files to spread the rows over (default: one, more where it would be very large)")
	c.Flags().IntVar(&keep, "keep", 3, "versions before this one that stay for a rollback")
	c.Flags().BoolVar(&o.Force, "force", false, "publish however different the rows are from the version before")
	if err := c.MarkFlagRequired("store"); err != nil {
		panic("quern: bug: " + err.Error())
	}
	return c
}

// published tells what was made, and how to look at it.
func (a *app) published(p *view.Published, staged bool, folder string) {
	if a.flags.quiet {
		return
	}
	for _, f := range p.Findings {
		fmt.Fprintln(a.err, "note: forced: "+f)
	}
	word, name := "serving", p.View
	if staged {
		word, name = "staged", p.View+"@"+p.Version
	}
	seconds := max(p.Seconds, 1e-9)
	fmt.Fprintf(a.err, "%s %s@%s: keys %s, rows in %s, older %s, null keys %s, %s, %.2f s, %s rows/s, %.3g GB/s, peak %d MiB, model %s\n",
		word, p.View, p.Version, phrase.Thousands(p.Rows), phrase.Thousands(p.SourceRows), phrase.Thousands(p.Older), phrase.Thousands(p.NullKeys),
		phrase.Bytes(p.Bytes()), p.Seconds, phrase.Thousands(int64(float64(p.SourceRows)/seconds)), float64(p.BytesIn)/seconds/1e9,
		memory.Peak()>>20, p.Model[:12])
	if p.Example == nil {
		a.suggest("views --store " + shellWord(folder))
		return
	}
	command := []string{"get", name}
	for _, pair := range p.Example {
		command = append(command, shellWord(pair))
	}
	a.suggest(strings.Join(append(command, "--store", shellWord(folder)), " "))
}

// tidy removes versions that are kept no longer. What cannot be removed stays for the next.
func (a *app) tidy(ctx context.Context, s *view.Store, name string) {
	removed, err := s.Collect(ctx, name)
	if a.flags.quiet {
		return
	}
	for _, version := range removed {
		fmt.Fprintf(a.err, "removed %s@%s, which is kept no longer\n", name, version)
	}
	if err != nil {
		fmt.Fprintf(a.err, "note: old versions of view %s cannot be removed: %v\n", name, err)
	}
}

// shellWord quotes a word for a shell, if it needs that.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./:=@%+,", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
