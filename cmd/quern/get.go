package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve"
	"quern/serve/live"
	"quern/serve/lookup"
)

func (a *app) getCommand() *cobra.Command {
	var store, mirror string
	var features []string
	c := &cobra.Command{
		Use:   "get VIEW KEY=VALUE...",
		Short: "Look one key up in a published view",
		Long: `Looks one key up in the version of a view that is served, or in VIEW@VERSION if that
is served or staged, and prints every feature with its value as JSON and its status:
PRESENT, NULL_VALUE, NOT_FOUND or OUTSIDE_MAX_AGE. It reads the store; no server is
needed. How to ask a server (quern serve) the same is printed to stderr, for curl and
for Python.`,
		Example: `  quern get drivers driver_id=1001 --store views
  quern get drivers driver_id=1001 --features rate,trips --store views
  quern get drivers@20010601-093000-1f2e3d4c driver_id=1001 --store views`,
		Args: takes("VIEW", "KEY=VALUE..."),
		RunE: func(c *cobra.Command, args []string) error {
			return a.get(c.Context(), live.Published{Mirror: mirror}, store, asked{args[0], features, args[1:]})
		},
	}
	c.Flags().StringVar(&store, "store", "", "folder or s3:// URI of the views")
	c.Flags().StringSliceVar(&features, "features", nil, "features to look up, in this order (default: all)")
	c.Flags().StringVar(&mirror, "mirror", "", "local folder that versions of an s3:// store are copied to")
	return c
}

// asked is what is looked up: the features of a view (none: all), by KEY=VALUE for each key.
type asked struct {
	view     string // VIEW or VIEW@VERSION
	features []string
	pairs    []string
}

// refs returns the features that are asked for.
func (w *asked) refs(c lookup.Catalog) ([]lookup.Ref, error) {
	all, err := serve.AllOf(c, w.view)
	if err != nil || len(w.features) == 0 {
		return all, err
	}
	var refs []lookup.Ref
	for _, name := range w.features {
		ref, err := lookup.ParseRef(w.view + ":" + name)
		if err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// get looks up and prints.
func (a *app) get(ctx context.Context, p live.Published, folder string, w asked) error {
	p.Only, _, _ = strings.Cut(w.view, "@")
	g, err := a.openViews(p, folder, func(string, ...any) {})
	if err != nil {
		return err
	}
	defer g.Close()
	if _, err := g.Reload(ctx); err != nil {
		return err
	}
	catalog := g.Pin()
	defer catalog.Release()
	refs, err := w.refs(catalog)
	if err != nil {
		return a.nearView(ctx, err, folder, w.view)
	}
	q, err := lookup.Compile(catalog, refs, false)
	if err != nil {
		return err
	}
	var keys lookup.Keys
	if err := readKeys(q, w.pairs, &keys); err != nil {
		return err
	}
	var b lookup.Block
	if err := catalog.Lookup(ctx, q, &keys, &b); err != nil {
		return err
	}
	b.Expire(time.Now().UnixMicro(), lookup.Rules{KeepStale: true})
	return a.printAnswer(&b, &keys, &w)
}

// nearView is the error of a view that is not there, VIEW or VIEW@VERSION, with the one that
// was perhaps meant.
func (a *app) nearView(ctx context.Context, err error, folder, asked string) error {
	var e *diag.Error
	if !errors.As(err, &e) || e.Code != "Q601" {
		return err
	}
	e = diag.New("Q601", "there is no view %q in %s", asked, folder)
	name, _, _ := strings.Cut(asked, "@")
	views, _ := a.viewStore(folder).Views(ctx) // without them there is no hint
	switch near := diag.Nearest(name, views); near {
	case "":
		return e
	case name:
		return e.WithHint("%s views %s --store %s lists its versions", a.program, name, folder)
	default:
		return e.WithHint("did you mean %q?", near)
	}
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
func (a *app) printAnswer(b *lookup.Block, keys *lookup.Keys, w *asked) error {
	t := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "feature\tvalue\tstatus")
	for f := range b.Values {
		status, shown := b.Status(f, 0)
		value := []byte("null")
		if shown {
			value = serve.AppendCell(nil, &b.Values[f], 0)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", b.Query.Fields[f].Name, value, status)
	}
	if err := t.Flush(); err != nil || a.flags.quiet {
		return err
	}
	if out, ok := a.out.(*bufio.Writer); ok { // what is said next comes after it
		if err := out.Flush(); err != nil {
			return err
		}
	}
	fmt.Fprintf(a.err, "version %s", b.Query.Parts[0].View.Version)
	if at := b.Parts[0].Event[0]; at != lookup.NoTime {
		fmt.Fprintf(a.err, ", as of %s", instant(at))
	}
	fmt.Fprintf(a.err, "; the same from a server, by curl or in Python:\n%s", equivalents(w.body(b.Query, keys)))
	return nil
}

// body returns the body of POST /v1/lookup that asks for the same.
func (w *asked) body(q *lookup.Query, keys *lookup.Keys) string {
	row := []byte("{")
	for i, k := range q.Keys {
		if i > 0 {
			row = append(row, ", "...)
		}
		text, _ := json.Marshal(k.Name) // strings always encode
		row = serve.AppendCell(append(append(row, text...), ": "...), &keys.Columns[i], 0)
	}
	what, of := "view", any(w.view)
	if len(w.features) > 0 {
		var refs []string
		for _, name := range w.features {
			refs = append(refs, w.view+":"+name)
		}
		what, of = "features", refs
	}
	text, _ := json.Marshal(of) // so do lists of them
	return fmt.Sprintf(`{"%s": %s, "rows": [%s}]}`, what, text, row)
}

// equivalents returns the calls that send a body to a server: for a shell, and in Python's
// standard library.
func equivalents(body string) string {
	// What JSON escapes in a text, a text of Python escapes alike.
	text, _ := json.Marshal(body)
	return "  curl localhost:6566/v1/lookup -d " + shellWord(body) + "\n" +
		"  import json, urllib.request\n" +
		"  json.load(urllib.request.urlopen(\"http://localhost:6566/v1/lookup\", " + string(text) + ".encode()))\n"
}
