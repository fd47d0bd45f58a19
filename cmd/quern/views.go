package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/features/diag"
	"quern/serve/row"
	"quern/serve/view"
)

func (a *app) viewsCommand() *cobra.Command {
	var folder string
	var asJSON bool
	c := &cobra.Command{
		Use:   "views [VIEW...]",
		Short: "List the views of a store, and choose which version is served",
		Long: `Lists the versions of all views of a store, or of those that are named: what is staged
(looked up by VIEW@VERSION only), what is served, and what was served before, which is
kept for a rollback. What is carried has pushed rows that are served over the others.
The rest is dropped or unfinished, and collect removes it.`,
		Example: "  quern views --store views\n  quern views show flights --store views\n  quern views rollback flights --store views",
		RunE: func(c *cobra.Command, args []string) error {
			return a.views(c.Context(), a.viewStore(folder), args, asJSON)
		},
	}
	c.PersistentFlags().StringVar(&folder, "store", "", "folder or s3:// URI of the views")
	c.Flags().BoolVar(&asJSON, "json", false, "print the versions as JSON")
	if err := c.MarkPersistentFlagRequired("store"); err != nil {
		panic("quern: bug: " + err.Error())
	}
	c.AddCommand(a.viewShowCommand(&folder), a.viewPromoteCommand(&folder), a.viewRollbackCommand(&folder), a.viewCollectCommand(&folder))
	return c
}

// viewStore returns the store of views in a folder.
func (a *app) viewStore(folder string) *view.Store {
	return &view.Store{Places: a.places, Folder: folder}
}

// listedVersion is a version in the JSON of the list.
type listedVersion struct {
	View    string `json:"view"`
	Version string `json:"version"`
	Role    string `json:"role"`
	Rows    int64  `json:"rows"`
	Bytes   int64  `json:"bytes"`
	Built   string `json:"built,omitempty"`        // RFC 3339
	Latest  string `json:"latest_event,omitempty"` // the latest event time of a row, RFC 3339
	Model   string `json:"model,omitempty"`
	Damaged bool   `json:"damaged,omitempty"`
}

// views lists the versions of views; no names: of all.
func (a *app) views(ctx context.Context, s *view.Store, names []string, asJSON bool) error {
	if len(names) == 0 {
		var err error
		if names, err = s.Views(ctx); err != nil {
			return err
		}
	}
	all, damage := []listedVersion{}, diag.List{}
	for _, name := range names {
		versions, err := s.Versions(ctx, name)
		if err != nil {
			if versions == nil {
				return err
			}
			damage.Add(err, "Q662")
		}
		for _, v := range versions {
			all = append(all, listVersion(name, v))
			if v.Damage != nil {
				damage.Add(v.Damage, "Q662")
			}
		}
	}
	var err error
	switch {
	case asJSON:
		err = a.printJSON(all)
	case len(all) > 0:
		err = a.printVersions(all, time.Now())
	case !a.flags.quiet:
		fmt.Fprintf(a.err, "no view is published in %s\n", s.Folder)
	}
	return errors.Join(err, damage.Err())
}

// listVersion describes a version of a view.
func listVersion(name string, v view.Listed) listedVersion {
	l := listedVersion{View: name, Version: v.Version, Role: v.Role, Damaged: v.Damage != nil}
	if m := v.What; m != nil {
		l.Rows, l.Bytes, l.Built, l.Latest, l.Model = m.Rows, m.Bytes(), instant(m.Built), instant(m.MaxEvent), m.Model
	}
	return l
}

// instant writes microseconds since 1970; "" for no time.
func instant(micros int64) string {
	if micros == row.NoTime {
		return ""
	}
	return time.UnixMicro(micros).UTC().Format("2006-01-02T15:04:05.999999Z")
}

// printVersions prints the list as a table.
func (a *app) printVersions(all []listedVersion, now time.Time) error {
	t := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "view\tversion\trole\trows\tsize\tlatest event\tmodel\tage")
	last := ""
	for _, v := range all {
		name, cells := v.View, []string{"-", "-", "-", "-", "-"}
		if name == last {
			name = ""
		}
		last = v.View
		if v.Model != "" {
			built, _ := time.Parse(time.RFC3339Nano, v.Built) // written above
			cells = []string{phrase.Thousands(v.Rows), phrase.Bytes(v.Bytes), orDash(v.Latest), v.Model[:12], phrase.Age(now.Sub(built))}
		}
		role := v.Role
		if v.Damaged {
			role += ", damaged"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", name, v.Version, role, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (a *app) viewPromoteCommand(folder *string) *cobra.Command {
	return &cobra.Command{
		Use:   "promote VIEW[@VERSION]",
		Short: "Serve the staged version of a view, or one that is named",
		Long: `Serves the version that is staged, or VERSION, which may be any whole one that is still
kept. Requests that have begun end with the version before.`,
		Example: "  quern views promote flights --store views\n  quern views promote flights@20010601-093000-1f2e3d4c --store views",
		Args:    takes("VIEW[@VERSION]"),
		RunE: func(c *cobra.Command, args []string) error {
			name, version, err := viewVersion(args[0])
			if err != nil {
				return err
			}
			state, err := a.viewStore(*folder).Promote(c.Context(), name, version)
			if err != nil {
				return err
			}
			return a.nowServing(state)
		},
	}
}

func (a *app) viewRollbackCommand(folder *string) *cobra.Command {
	return &cobra.Command{
		Use:   "rollback VIEW",
		Short: "Serve the version of a view before the one that is served",
		Long: `Serves the version that was served before. The version that was served is dropped:
promote VIEW@VERSION serves it again, until collect removes it.`,
		Example: "  quern views rollback flights --store views",
		Args:    takes("VIEW"),
		RunE: func(c *cobra.Command, args []string) error {
			state, err := a.viewStore(*folder).Rollback(c.Context(), args[0])
			if err != nil {
				return err
			}
			return a.nowServing(state)
		},
	}
}

// viewVersion splits VIEW or VIEW@VERSION.
func viewVersion(text string) (name, version string, err error) {
	name, version, there := strings.Cut(text, "@")
	if there && version == "" {
		return "", "", usage("%q names no version: give VIEW or VIEW@VERSION", text)
	}
	return name, version, nil
}

// nowServing tells which version is served.
func (a *app) nowServing(state *view.State) error {
	if !a.flags.quiet {
		fmt.Fprintf(a.err, "serving %s@%s\n", state.View, state.Current)
	}
	return nil
}
