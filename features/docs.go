package features

import (
	"bytes"
	_ "embed" // gpu.txt
	"fmt"
	"strings"
)

// Markdown returns docs/OPERATORS.md: every operator of the catalogue.
func Markdown() []byte {
	var b bytes.Buffer
	b.WriteString("# Operators\n\n")
	b.WriteString("Generated from the catalogue by `go test ./features -run Markdown -rewrite`; do not edit.\n")
	b.WriteString("`quern explain NAME` prints the same in a terminal.\n\n")
	b.WriteString("Null (no value), NaN and infinity are three different things; every operator says what it does with each.\n\n")
	b.WriteString("| operator | what it does | GPU |\n|---|---|---|\n")
	for _, e := range Catalogue() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", e.Name, e.Name, tableText(e.Doc.Summary), tableText(onGPU(e.Name)))
	}
	b.WriteString(gpuMarkdown)
	b.WriteString(listsMarkdown)
	for _, e := range Catalogue() {
		e.markdown(&b)
	}
	b.WriteString(presetsMarkdown())
	return b.Bytes()
}

// gpuText says for each operator what the CUDA back end does of it. That back end's tests
// write it, since it is generated from what has a kernel.
//
//go:embed gpu.txt
var gpuText string

// onGPU returns what a GPU does of an operator: "all", "codes", "some", "no", or several
// of them; "?" for one that the CUDA back end's tests have not seen.
func onGPU(name string) string {
	for line := range strings.Lines(gpuText) {
		if operator, what, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && operator == name {
			return what
		}
	}
	return "?"
}

// gpuMarkdown explains the column.
const gpuMarkdown = `
GPU says what a CUDA device does of the work per row, in learning and in computing; the CPU does the rest, and the bytes are
the same. **all** of it; **codes**: all of it where columns come as dictionaries, as texts do, whose entries are the CPU's;
**some** of it; **no**: none of it; -: there is nothing to compute. "or" is said where it depends on the options.
`

// listsMarkdown is the section of docs/OPERATORS.md on lists.
const listsMarkdown = `
## Lists

A column of lists (list<int64>, list<string> ...) has any number of values in a row. There are no lists of lists.

An operator of one column takes lists **element by element**: what this page says of a value holds of every element, and
the lists keep their shape. What it learns, it learns from all elements of all rows; where this page says rows, read
elements. A null list stays null and teaches nothing, and so does an empty list; a null element is null as a value is, so
that ` + "`fill`" + ` fills null elements and leaves null lists alone. An operator with several outputs makes one list per output.

Operators in which columns meet (` + "`cross`, `pca`, `target_encode`, `count_encode: {joint: true}`" + `) refuse lists, since the elements of
two columns do not belong to each other. ` + "`categorify: {joint: true}`" + ` takes them: it gives columns and lists one vocabulary.

Three operators see lists whole: ` + "`slice`" + ` cuts them, ` + "`pad`" + ` gives them one length, and ` + "`pool`" + ` makes one value of each.
` + "`keep`, `drop` and `rename`" + ` pass them on.

| to get | write |
|---|---|
| a matrix of ids, padded with 0 | ` + "`categorify`, `pad: {length: 20}`" + ` |
| the last 20 events | ` + "`categorify`, `pad: {length: 20, side: left}`" + ` |
| a multi-hot encoding | ` + "`one_hot`, `pool: {by: max}`, `fill: {with: false}`" + ` |
| an average of scaled values | ` + "`standardize`, `pool: {by: mean}`" + ` |
`

// markdown writes one operator's section.
func (e Entry) markdown(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", e.Name, e.Doc.Summary)
	fmt.Fprintf(b, "```yaml\n- %s\n```\n\n%s\n\n", e.Doc.Example, e.Doc.Does)
	if len(e.Doc.Options) > 0 {
		b.WriteString("| option | takes | default | meaning |\n|---|---|---|---|\n")
		for _, o := range e.Doc.Options {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", o.Key, tableText(o.Type), tableText(o.Default), tableText(o.Doc))
		}
		b.WriteByte('\n')
	}
	b.WriteString("| case | rule |\n|---|---|\n")
	for _, r := range e.Doc.rules() {
		fmt.Fprintf(b, "| %s | %s |\n", r.title, tableText(r.text))
	}
}

// tableText escapes what would end a cell of a Markdown table.
func tableText(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}

// docRule is one of the rules that every operator states.
type docRule struct{ title, text string }

// rules returns the rules with their titles.
func (d Doc) rules() []docRule {
	return []docRule{
		{"null", d.Null},
		{"NaN", d.NaN},
		{"infinities", d.Inf},
		{"unseen values", d.Unseen},
		{"constant column", d.Constant},
		{"output", d.Output},
		{"source", d.Source},
	}
}

// Text returns the documentation for a terminal that is width columns wide.
func (e Entry) Text(width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s - %s\n\n", e.Name, e.Doc.Summary)
	fmt.Fprintf(&b, "  - %s\n\n", e.Doc.Example)
	b.WriteString(wrapText(e.Doc.Does, "", width))
	if len(e.Doc.Options) > 0 {
		b.WriteString("\nOptions\n")
		for _, o := range e.Doc.Options {
			fmt.Fprintf(&b, "  %s: %s\n", o.Key, o.Type)
			b.WriteString(wrapText(fmt.Sprintf("%s (default: %s)", o.Doc, o.Default), "      ", width))
		}
	}
	b.WriteString("\nRules\n")
	for _, r := range e.Doc.rules() {
		fmt.Fprintf(&b, "  %s\n", r.title)
		b.WriteString(wrapText(r.text, "      ", width))
	}
	return b.String()
}

// wrapText breaks s at blanks into lines of at most width runes, each indented; a
// word that is longer stands alone.
func wrapText(s, indent string, width int) string {
	var b strings.Builder
	used := 0
	for _, word := range strings.Fields(s) {
		size := len([]rune(word))
		switch {
		case used == 0:
			b.WriteString(indent)
			used = len(indent)
		case used+1+size > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += size
	}
	b.WriteByte('\n')
	return b.String()
}
