package features

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/column"
)

var rewrite = flag.Bool("rewrite", false, "write golden files anew instead of comparing with them")

// A script is a list of cases. Lines that start with "#" are kept where they are.
//
//	case median of integers, with an indicator
//	step fill: {with: median, indicator: true}
//	learnt median = 0x1.8p+01 (3)
//	distance:int64 => distance:float64  distance_missing:bool
//	1              => 1                 false
//	null           => 3                 true
//	--- serving
//	100            => 100               false
//
// The runner writes the learnt lines and everything right of "=>". Rows above
// "--- serving" are learnt from; those below are only transformed. Where training
// values differ from serving values, they follow after "|". Columns that the
// operator names in its options (Reads) are no lanes. "name N" names the feature
// (default "feature"). A case that must fail has "error CODE ..." lines instead.
// Values: null, nan, inf, -0, true, ISO dates, texts in Go's double quotes, and lists
// of these without blanks, [1,null].

// scriptCase is one case, as read.
type scriptCase struct {
	comments []string
	title    string
	step     string
	name     string
	header   []string   // "distance:int64"
	rows     [][]string // values of each row
	fitted   int        // how many rows are learnt from
	split    bool       // "--- serving" is there
}

// TestScripts runs every script of testdata against the operator that it is named after.
func TestScripts(t *testing.T) {
	for _, e := range Catalogue() {
		t.Run(e.Name, func(t *testing.T) {
			path := filepath.Join("testdata", e.Name+".txt")
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatalf("every operator has a script: %v", err)
			}
			got := runScript(t, string(want))
			if *rewrite {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s differs (-rewrite accepts it):\n%s", path, firstDifference(string(want), got))
			}
		})
	}
}

// runScript returns the script with all that the runner writes.
func runScript(t *testing.T, text string) string {
	cases, tail := readScript(t, text)
	var b strings.Builder
	for i, c := range cases {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, line := range c.comments {
			b.WriteString(line + "\n")
		}
		fmt.Fprintf(&b, "case %s\nstep %s\n", c.title, c.step)
		if c.name != "" {
			fmt.Fprintf(&b, "name %s\n", c.name)
		}
		b.WriteString(c.run(t))
	}
	for _, line := range tail {
		b.WriteString(line + "\n")
	}
	return b.String()
}

// readScript parses the cases, without what the runner writes.
func readScript(t *testing.T, text string) (cases []*scriptCase, tail []string) {
	var comments []string
	var c *scriptCase
	for n, line := range strings.Split(text, "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case strings.TrimSpace(line) == "", word == "learnt", word == "error":
		case strings.HasPrefix(line, "#"):
			comments = append(comments, line)
		case word == "case":
			c = &scriptCase{title: rest, comments: comments}
			cases, comments = append(cases, c), nil
		case c == nil:
			t.Fatalf("line %d: a script starts with a case", n+1)
		case word == "step":
			c.step = rest
		case word == "name":
			c.name = rest
		case strings.HasPrefix(line, "---"):
			c.split, c.fitted = true, len(c.rows)
		default:
			c.addRow(line)
		}
	}
	return cases, comments
}

// addRow takes the left side of a line of the table.
func (c *scriptCase) addRow(line string) {
	cells := splitCells(line)
	if c.header == nil {
		c.header = cells
		return
	}
	c.rows = append(c.rows, cells)
	if !c.split {
		c.fitted = len(c.rows)
	}
}

// splitCells splits a line at blanks outside of quotes, up to "=>".
func splitCells(line string) []string {
	var cells []string
	for rest := strings.TrimSpace(line); rest != "" && !strings.HasPrefix(rest, "=>"); rest = strings.TrimSpace(rest) {
		end, quoted := 0, false
		for end < len(rest) && (quoted || rest[end] != ' ') {
			if rest[end] == '\\' && quoted {
				end++
			} else if rest[end] == '"' {
				quoted = !quoted
			}
			end++
		}
		end = min(end, len(rest))
		cells = append(cells, rest[:end])
		rest = rest[end:]
	}
	return cells
}

// run binds, learns and transforms, and returns what follows the step.
func (c *scriptCase) run(t *testing.T) string {
	in := c.table(t)
	out, err := runStep(t, c.step, c.name, in, c.fitted)
	if err != nil {
		return errorLines(err) + c.layout(nil)
	}
	var b strings.Builder
	for _, n := range out.learnt {
		if d := n.Decimal(); d != n.Text {
			fmt.Fprintf(&b, "learnt %s = %s (%s)\n", n.Name, n.Text, d)
		} else {
			fmt.Fprintf(&b, "learnt %s = %s\n", n.Name, n.Text)
		}
	}
	return b.String() + c.layout(out)
}

// table parses the header and the rows.
func (c *scriptCase) table(t *testing.T) *table {
	in := &table{}
	for _, h := range c.header {
		name, typeName, _ := strings.Cut(h, ":")
		typ, ok := column.ParseType(typeName)
		if !ok {
			t.Fatalf("case %s: no type in %q", c.title, h)
		}
		in.fields = append(in.fields, column.Field{Name: name, Type: typ})
	}
	for i, cells := range c.rows {
		if len(cells) != len(in.fields) {
			t.Fatalf("case %s: row %d has %d values for %d columns", c.title, i, len(cells), len(in.fields))
		}
		row := make([]cell, len(cells))
		for j, text := range cells {
			v, err := parseCell(in.fields[j].Type, text)
			if err != nil {
				t.Fatalf("case %s: row %d: %v", c.title, i, err)
			}
			row[j] = v
		}
		in.rows = append(in.rows, row)
	}
	return in
}

// layout prints the table with aligned columns; out is nil after an error.
func (c *scriptCase) layout(out *stepResult) string {
	lines := [][]string{append([]string{}, c.header...)}
	for _, r := range c.rows {
		lines = append(lines, append([]string{}, r...))
	}
	if out != nil {
		lines[0] = append(append(lines[0], "=>"), out.header()...)
		for i := range c.rows {
			lines[i+1] = append(append(lines[i+1], "=>"), out.line(i, i < c.fitted)...)
		}
	}
	var b strings.Builder
	for i, line := range alignColumns(lines) {
		if c.split && i == c.fitted+1 {
			b.WriteString("--- serving\n")
		}
		b.WriteString(line + "\n")
	}
	if c.split && c.fitted == len(c.rows) {
		b.WriteString("--- serving\n")
	}
	return b.String()
}

// alignColumns pads the cells so that columns line up.
func alignColumns(lines [][]string) []string {
	var width []int
	for _, line := range lines {
		for j, text := range line {
			if j == len(width) {
				width = append(width, 0)
			}
			width[j] = max(width[j], len([]rune(text)))
		}
	}
	out := make([]string, len(lines))
	for i, line := range lines {
		var b strings.Builder
		for j, text := range line {
			fmt.Fprintf(&b, "%-*s ", width[j], text)
		}
		out[i] = strings.TrimRight(b.String(), " ")
	}
	return out
}

// firstDifference shows the first line that differs.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n  want %s\n  got  %s", i+1, a, b)
		}
	}
	return "nothing"
}
