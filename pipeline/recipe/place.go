package recipe

import (
	"errors"
	"strings"
	"unicode/utf8"

	"quern/features/diag"
)

// Name is something that the user named, with its place.
type Name struct {
	Text  string
	Place diag.Place
}

// Expr is an expression as the user wrote it. Empty Text: there is none.
type Expr struct {
	Text  string
	Place diag.Place // of the whole; of its first line, if there are several
	runs  []run
}

// run says where a stretch of a text stands in the file: rune offset+i of the text
// is at column+i of the line. Escapes and line breaks end a run.
type run struct {
	offset int
	line   int
	column int
	text   string // the whole line of the file
}

// At returns the place of width runes of e.Text from rune offset (from 0) on. Where
// they span lines of the file it ends with the first. Without a place in a file
// (a recipe made in Go) it is the place within e.Text itself.
func (e Expr) At(offset, width int) diag.Place {
	if len(e.runs) == 0 {
		return diag.Place{Line: 1, Column: offset + 1, Width: width, Text: e.Text}
	}
	end := min(offset+max(width, 1), utf8.RuneCountInString(e.Text))
	from, to := e.find(offset), e.find(max(offset, end-1))
	place := diag.Place{File: e.Place.File, Line: from.line, Column: from.column, Width: 1, Text: from.text}
	switch {
	case to.line == from.line:
		place.Width = max(1, to.column-from.column+1)
	default:
		place.Width = max(1, utf8.RuneCountInString(from.text)-from.column+1)
	}
	return place
}

// find returns the run that holds a rune of the text, moved on to that rune.
func (e Expr) find(offset int) run {
	at := e.runs[0]
	for _, r := range e.runs {
		if r.offset <= offset {
			at = r
		}
	}
	at.column += max(0, offset-at.offset)
	return at
}

// Shift moves the errors in err from e's text to their place in the recipe's file.
// Theirs are relative to the text: Line 1 and a column in runes (of the whole text,
// or of the line that they name). Errors that already name a file, and errors that
// are not diag's, stay as they are; one without a place gets that of the whole.
func (e Expr) Shift(err error) error {
	var list diag.List
	var one *diag.Error
	switch {
	case errors.As(err, &list):
		moved := make(diag.List, len(list))
		for i, item := range list {
			moved[i] = e.shift(item)
		}
		return moved
	case errors.As(err, &one):
		return e.shift(one)
	}
	return err
}

// shift moves one error.
func (e Expr) shift(err *diag.Error) *diag.Error {
	p := err.Place
	if p.Line == 0 {
		return err.At(e.Place)
	}
	if p.File != "" || len(e.runs) == 0 {
		return err
	}
	moved := *err
	moved.Place = e.At(e.lineStart(p.Line)+p.Column-1, p.Width)
	return &moved
}

// lineStart returns the offset of the first rune of a line (from 1) of the text.
func (e Expr) lineStart(line int) int {
	start, text := 0, e.Text
	for ; line > 1; line-- {
		first, rest, _ := strings.Cut(text, "\n")
		start += utf8.RuneCountInString(first) + 1
		text = rest
	}
	return start
}

// StepPlace returns the place of a step's name, or the best that is known: of the
// feature, else of the file.
func (r *Recipe) StepPlace(feature, step int) diag.Place {
	if feature < 0 || feature >= len(r.Features) {
		return diag.Place{}
	}
	f := r.Features[feature]
	if step < 0 || step >= len(f.Steps) || f.Steps[step].Place.Line == 0 {
		return f.Place
	}
	return f.Steps[step].Place
}

// OptionPlace returns the place of an option's value, or of the step if it was not
// written. Elements of lists have keys such as "folds_by[0]", keys of mappings such
// as "with.quantile"; where one is not known, the place of what holds it is given.
func (r *Recipe) OptionPlace(feature, step int, key string) diag.Place {
	place := r.StepPlace(feature, step)
	if feature < 0 || feature >= len(r.Features) || step < 0 || step >= len(r.Features[feature].Steps) {
		return place
	}
	return nearestPlace(r.Features[feature].Steps[step].Options, key, place)
}

// nearestPlace returns the place of path, or of the nearest that holds it.
func nearestPlace(places map[string]diag.Place, path string, whole diag.Place) diag.Place {
	for path != "" {
		if p, ok := places[path]; ok {
			return p
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return whole
}
