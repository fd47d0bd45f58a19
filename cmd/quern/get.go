package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quern/features/column"
	"quern/serve"
	"quern/serve/lookup"
)

func (a *app) getCommand() *cobra.Command {
	var store, mirror string
	c := &cobra.Command{
		Use:   "get VIEW KEY=VALUE...",
		Short: "Look one key up in a published view",
		Long: `Looks one key up in the version of a view that is served, or in VIEW@VERSION if that
is served or staged, and prints every feature with its value as JSON and its status:
PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE. It reads the store; no server is
needed. How to ask a server the same is printed to stderr.`,
		Example: `  quern get drivers driver_id=1001 --store views
  quern get drivers@20010601-093000-1f2e3d4c driver_id=1001 --store views`,
		Args: takes("VIEW", "KEY=VALUE..."),
		RunE: func(c *cobra.Command, args []string) error {
			return a.get(c.Context(), store, mirror, args[0], args[1:])
		},
	}
	c.Flags().StringVar(&store, "store", "", "folder or s3:// URI that views are published to")
	c.Flags().StringVar(&mirror, "mirror", "", "local folder that versions of an s3:// store are copied to")
	return c
}

// get looks up and prints.
func (a *app) get(ctx context.Context, folder, mirror, name string, pairs []string) error {
	only, _, _ := strings.Cut(name, "@")
	g, err := a.openViews(serve.Published{Only: only, Mirror: mirror}, folder, func(string, ...any) {})
	if err != nil {
		return err
	}
	defer g.Close()
	if _, err := g.Reload(ctx); err != nil {
		return err
	}
	catalog := g.Pin()
	defer catalog.Release()
	refs, err := serve.AllOf(catalog, name)
	if err != nil {
		return err
	}
	q, err := lookup.Compile(catalog, refs, true) // full names never meet the keys'
	if err != nil {
		return err
	}
	var keys lookup.Keys
	if err := readKeys(q, pairs, &keys); err != nil {
		return err
	}
	var b lookup.Block
	if err := catalog.Lookup(ctx, q, &keys, &b); err != nil {
		return err
	}
	b.Expire(time.Now().UnixMicro(), lookup.Rules{KeepStale: true})
	return a.printAnswer(&b, &keys, name)
}

// readKeys reads KEY=VALUE for every key of q.
func readKeys(q *lookup.Query, pairs []string, keys *lookup.Keys) error {
	keys.Reset(q)
	keys.Rows = 1
	given := map[string]string{}
	for _, p := range pairs {
		name, value, ok := strings.Cut(p, "=")
		if _, twice := given[name]; !ok || twice {
			return usage("%q: give each key once, as KEY=VALUE", p)
		}
		given[name] = value
	}
	for i, k := range q.Keys {
		value, ok := given[k.Name]
		if !ok {
			return usage("the view has the key %s (%s): give %s=VALUE", k.Name, k.Type, k.Name)
		}
		delete(given, k.Name)
		var p lookup.Problem
		if k.Type == column.Bool && (value == "true" || value == "false") {
			p = keys.Columns[i].AddBool(value == "true")
		} else {
			p = keys.Columns[i].AddString([]byte(value))
		}
		if p != "" {
			return usage("%s=%s %s (the key is %s)", k.Name, value, string(p), k.Type)
		}
	}
	for name := range given {
		return usage("the view has no key %q", name)
	}
	return nil
}

// printAnswer prints every feature, and how to ask a server.
func (a *app) printAnswer(b *lookup.Block, keys *lookup.Keys, name string) error {
	v := b.Query.Parts[0].View
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FEATURE\tVALUE\tSTATUS")
	for f := range b.Values {
		status, shown := b.Status(f, 0)
		value := []byte("null")
		if shown {
			value = serve.AppendValue(nil, &b.Values[f], 0)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", v.Fields[f].Name, value, status)
	}
	if err := t.Flush(); err != nil || a.flags.quiet {
		return err
	}
	fmt.Fprintf(a.err, "version %s", v.Version)
	if at := b.Parts[0].Event[0]; at != lookup.NoTime {
		fmt.Fprintf(a.err, ", as of %s", time.UnixMicro(at).UTC().Format(time.RFC3339Nano))
	}
	row := []byte("{")
	for i, k := range b.Query.Keys {
		if i > 0 {
			row = append(row, ", "...)
		}
		text, _ := json.Marshal(k.Name) // a string always is JSON
		row = serve.AppendValue(append(append(row, text...), ": "...), &keys.Columns[i], 0)
	}
	quoted := strings.ReplaceAll(string(append(row, '}')), "'", `'\''`)
	fmt.Fprintf(a.err, "\n  curl localhost:6566/v1/lookup -d '{\"view\": %q, \"rows\": [%s]}'\n", name, quoted)
	return nil
}
