package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"quern/features"
	"quern/features/diag"
	"quern/features/expr"
)

func (a *app) explainCommand() *cobra.Command {
	var row int64
	var sources []string
	var feature string
	c := &cobra.Command{
		Use:   "explain [TOPIC]",
		Short: "Explain an operator, a function, an error code, or one row of a model",
		Long: `Explains an operator, a function of expressions or an error code. With a model
(or the recipe that it was made from) and --row it reads one row of the source
and prints what every step makes of it. Without a topic it lists them all.`,
		Example: `  quern explain categorify
  quern explain Q033
  quern explain flights.quern --row 1204 --feature route_late`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return takes("TOPIC")(c, args)
			}
			return nil
		},
		ValidArgsFunction: completeTopic,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.explainTopics()
			}
			if isFile(args[0]) {
				return a.explainRow(c.Context(), args[0], sources, row, feature)
			}
			return a.explainTopic(args[0])
		},
	}
	c.Flags().Int64Var(&row, "row", 0, "which row, counted from 0 over the whole source")
	c.Flags().StringArrayVar(&sources, "source", nil, "files to read instead of the recipe's (may be repeated)")
	c.Flags().StringVar(&feature, "feature", "", "only this output, and what it depends on")
	return c
}

// isFile reports whether a topic is a model or a recipe.
func isFile(topic string) bool {
	switch filepath.Ext(topic) {
	case ".quern", ".yaml", ".yml":
		return true
	}
	return false
}

// width is how many columns text is wrapped at: the terminal's, at most 100.
func (a *app) width() int {
	if f, ok := a.err.(*talk).out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w >= 40 {
			return min(w, 100)
		}
	}
	return 80
}

// explainTopics lists everything that can be explained.
func (a *app) explainTopics() error {
	fmt.Fprintln(a.out, "Operators, as steps of a feature:")
	for _, e := range features.Catalogue() {
		fmt.Fprintf(a.out, "  %-15s %s\n", e.Name, e.Doc.Summary)
	}
	group := ""
	fmt.Fprint(a.out, "\nFunctions, in expressions:")
	for _, f := range expr.Functions() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(a.out, "\n  %s:", group)
		}
		fmt.Fprint(a.out, " "+f.Name)
	}
	fmt.Fprintln(a.out, "\n\nError codes:")
	for _, e := range diag.Catalogue() {
		fmt.Fprintf(a.out, "  %s  %s\n", e.Code, e.Title)
	}
	_, err := fmt.Fprintln(a.out, "\nOne row, with the value of every step: quern explain MODEL --row N")
	return err
}

// explainTopic explains an operator, a function (or both, where they share a name)
// or a code.
func (a *app) explainTopic(topic string) error {
	found := false
	if e, ok := features.Find(topic); ok {
		fmt.Fprint(a.out, e.Text(a.width()))
		found = true
	}
	for _, f := range expr.Functions() {
		if f.Name != topic {
			continue
		}
		if found {
			fmt.Fprintln(a.out)
		}
		fmt.Fprintf(a.out, "%s\n\n%s", f.Signature, wrapped("A function of expressions ("+f.Group+"). "+f.Doc, "", a.width()))
		fmt.Fprintf(a.out, "\n  null\n%s", wrapped(f.Null, "      ", a.width()))
		found = true
	}
	if e, ok := diag.Lookup(diag.Code(strings.ToUpper(topic))); ok {
		a.explainCode(e)
		found = true
	}
	if found {
		return nil
	}
	var names []string
	for _, t := range topics() {
		name, _, _ := strings.Cut(t, "\t")
		names = append(names, name)
	}
	e := diag.New("Q513", "nothing is called %q", topic)
	if near := diag.Nearest(topic, names); near != "" {
		return e.WithHint("did you mean %q?", near)
	}
	return e.WithHint("quern explain lists everything")
}

// explainCode prints an entry of the catalogue of errors.
func (a *app) explainCode(e diag.Entry) {
	kind := map[diag.Class]string{
		diag.Failed: "a failed run", diag.Usage: "the command line or the recipe",
		diag.BadData: "the data", diag.Unavailable: "something that is not available",
	}[e.Class]
	fmt.Fprintf(a.out, "%s %s\n\n%s\n%s\nA mistake of %s: the command ends with exit code %d.\n",
		e.Code, e.Title, wrapped(e.Explain, "", a.width()), wrapped("What to do: "+e.Next, "", a.width()), kind, e.Class)
}

// wrapped breaks s at blanks into lines of at most width runes, each indented.
func wrapped(s, indent string, width int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(s) {
		size := len([]rune(word))
		if used > 0 && used+1+size > width {
			b.WriteByte('\n')
			used = 0
		}
		if used == 0 {
			b.WriteString(indent)
			used = len(indent)
		} else {
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += size
	}
	return b.String() + "\n"
}
