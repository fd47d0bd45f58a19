package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"quern/cmd/quern/phrase"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

func (a *app) checkCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "check RECIPE",
		Short: "Find every mistake in a recipe, against its source",
		Long: `Reads a recipe and the schema of its source, and lists every mistake at once, in
the order of the text: wrong YAML, unknown keys, columns, operators and options,
types that do not fit, labels that leak into features.`,
		Example:           "  quern check recipe.yaml",
		Args:              takes("RECIPE"),
		ValidArgsFunction: completeRecipe(),
		RunE: func(c *cobra.Command, args []string) error {
			o, err := a.options()
			if err != nil {
				return err
			}
			d, err := a.describe(c.Context(), args[0], o)
			if asJSON {
				return a.printCheck(args[0], d, err)
			}
			if err != nil {
				return err
			}
			fmt.Fprintf(a.err, "%s is good: %s from %s\n", args[0], phrase.Counted(countOutputs(d), "feature"), phrase.Counted(len(d.Columns), "column"))
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the mistakes as JSON")
	return c
}

// describe reads a recipe and binds it to its source. Mistakes of the text are
// reported together with those of meaning, as far as the source can be opened.
func (a *app) describe(ctx context.Context, path string, o pipeline.Options) (*pipeline.Description, error) {
	r, reading := readRecipe(path)
	if r == nil || reading != nil && !bindable(r) {
		return nil, reading
	}
	src, err := pipeline.Open(ctx, r, o)
	if err != nil {
		return nil, joined(reading, err)
	}
	defer src.Close()
	tell(o, src)
	if reading != nil {
		return nil, pipeline.Mistakes(r, reading, src.Schema(), src.Unusable())
	}
	return pipeline.Describe(r, src, o)
}

// tell passes on what a source has to say to the user.
func tell(o pipeline.Options, src source.Source) {
	for _, n := range src.Notices() {
		if o.Notice != nil {
			o.Notice(n)
		}
	}
}

// bindable reports whether a recipe with mistakes still names a source.
func bindable(r *recipe.Recipe) bool { return len(r.Source.Files) > 0 && r.Source.Format != "" }

// joined lists the mistakes of both, in the order of the text.
func joined(first, second error) error {
	if first == nil {
		return second
	}
	var all diag.List
	all.Add(first, "Q036")
	all.Add(second, "Q036")
	return all.InOrder().Err()
}

func countOutputs(d *pipeline.Description) int {
	n := 0
	for _, c := range d.Chains {
		n += len(c.Outputs)
	}
	return n
}

// checked is the JSON of `check`.
type checked struct {
	Recipe   string        `json:"recipe"`
	Good     bool          `json:"good"`
	Columns  int           `json:"columns"`
	Features int           `json:"features"`
	Mistakes []mistakeJSON `json:"mistakes"`
}

// mistakeJSON is one mistake. Lines and columns count from 1; 0 is no place.
type mistakeJSON struct {
	Code    diag.Code  `json:"code"`
	Message string     `json:"message"`
	File    string     `json:"file,omitempty"`
	Line    int        `json:"line,omitempty"`
	Column  int        `json:"column,omitempty"`
	Width   int        `json:"width,omitempty"`
	Hint    string     `json:"hint,omitempty"`
	Data    *diag.Data `json:"data,omitempty"`
}

// printCheck prints the result of a check as JSON; err stays the command's error.
func (a *app) printCheck(path string, d *pipeline.Description, err error) error {
	x := checked{Recipe: path, Good: err == nil, Mistakes: []mistakeJSON{}}
	if err == nil {
		x.Columns, x.Features = len(d.Columns), countOutputs(d)
		return a.printJSON(x)
	}
	var list diag.List
	list.Add(err, "Q036")
	for _, e := range list {
		m := mistakeJSON{Code: e.Code, Message: e.Message, Hint: e.Hint, Data: e.Data,
			File: e.Place.File, Line: e.Place.Line, Column: e.Place.Column, Width: e.Place.Width}
		if e.Cause != nil {
			m.Message += ": " + e.Cause.Error()
		}
		x.Mistakes = append(x.Mistakes, m)
	}
	if err := a.printJSON(x); err != nil {
		return err
	}
	return &told{err}
}

// printJSON prints v as indented JSON.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (a *app) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Check a finished output: every file against the manifest",
		Long: `Reads every file of an output and compares size and SHA-256 with the manifest.
A folder without a manifest is unfinished and refused: the run that writes it,
repeated, finishes it.`,
		Example:           "  quern verify out/features",
		Args:              takes("FOLDER"),
		ValidArgsFunction: completeFolder,
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := os.Stat(args[0]); store.Scheme(args[0]) == "" && errors.Is(err, fs.ErrNotExist) {
				return diag.New("Q321", "there is no folder %s", args[0]).WithHint("outputs are the folders that the recipe names")
			}
			st, err := a.places.Store(c.Context(), args[0])
			if err != nil {
				return err
			}
			m, err := output.Verify(c.Context(), st)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "%s: %s in %s, content %s, model %s\n",
				args[0], phrase.Counted(m.Rows, "row"), phrase.Counted(len(m.Files), "file"), m.Content, m.Model)
			return nil
		},
	}
}
