package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/serve/view"
)

func (a *app) viewShowCommand(folder *string) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show VIEW[@VERSION]",
		Short: "Show what is in a version of a view",
		Long: `Shows the version that is served, or VERSION: its keys and features with their types,
how often each feature is null and where its numbers lie, services, time to live, rows
and files.`,
		Example: "  quern views show flights --store views",
		Args:    takes("VIEW[@VERSION]"),
		RunE: func(c *cobra.Command, args []string) error {
			name, version, err := viewVersion(args[0])
			if err != nil {
				return err
			}
			m, err := a.viewStore(*folder).Manifest(c.Context(), name, version)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(m)
			}
			return a.printManifest(m)
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the version's manifest")
	return c
}

// printManifest prints what is in a version.
func (a *app) printManifest(m *view.Manifest) error {
	fmt.Fprintf(a.out, "%s@%s\n", m.View, m.Version)
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	line := func(what, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", what, fmt.Sprintf(format, args...)) }
	line("model", "%s", m.Model)
	line("built", "%s", instant(m.Built))
	line("key", "%s", fieldsText(m.Key))
	line("rows", "%s of %s that were read: %s older, %s with a null in the key", phrase.Thousands(m.Rows),
		phrase.Thousands(m.SourceRows), phrase.Thousands(m.Older), phrase.Thousands(m.NullKeys))
	if c := m.Compacted; c != nil {
		line("made of", "%s, and pushed rows: %s are of them", c.Of, phrase.Thousands(m.Pushed))
	}
	switch {
	case m.Time == "":
		line("event time", "none")
	case m.Rows == 0:
		line("event time", "%s", m.Time)
	default:
		line("event time", "%s, %s to %s", m.Time, orDash(instant(m.MinEvent)), orDash(instant(m.MaxEvent)))
	}
	line("time to live", "%s", lifetimeText(m.TTL))
	for _, name := range slices.Sorted(maps.Keys(m.Services)) {
		line("service "+name, "%s", strings.Join(m.Services[name], ", "))
	}
	line("compared with", "%s", orDash(m.Previous))
	for _, f := range m.Segments {
		line(f.Name, "%s rows, %s, sha256 %s", phrase.Thousands(f.Rows), phrase.Bytes(f.Bytes), f.SHA256)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return a.printFeatures(m)
}

// printFeatures prints the features of a version and what is known of them.
func (a *app) printFeatures(m *view.Manifest) error {
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "\nfeature\ttype\tnull\t5 %\tmedian\t95 %")
	for i, f := range m.Features {
		null, quantiles := "-", []string{"-", "-", "-"}
		if i < len(m.Stats) && m.Rows > 0 {
			s := m.Stats[i]
			null = fmt.Sprintf("%.3g %%", 100*float64(s.Nulls)/float64(m.Rows))
			if len(s.Quantiles) == 7 {
				for q, at := range []int{1, 3, 5} {
					quantiles[q] = fmt.Sprintf("%.4g", s.Quantiles[at])
				}
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", f.Name, f.Type, null, strings.Join(quantiles, "\t"))
	}
	return t.Flush()
}

// fieldsText writes columns with their types: "origin string, destination string".
func fieldsText(fields []view.Field) string {
	var parts []string
	for _, f := range fields {
		parts = append(parts, f.Name+" "+f.Type)
	}
	return strings.Join(parts, ", ")
}

// lifetimeText writes a time to live as recipes have it.
func lifetimeText(d time.Duration) string {
	if d <= 0 {
		return "none: rows never expire"
	}
	unit, size := "s", time.Second
	for _, u := range []struct {
		name string
		size time.Duration
	}{{"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}} {
		if d%u.size == 0 {
			unit, size = u.name, u.size
		}
	}
	return fmt.Sprintf("%d%s", d/size, unit)
}
