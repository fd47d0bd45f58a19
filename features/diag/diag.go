// Package diag holds the errors that a user is meant to read: each has a code,
// the place in the recipe, the place in the data, and the next step.
//
// A user's fault is an *Error (or a List of them); our own fault is a panic that
// starts with "quern: bug:". Codes are catalogued (see Catalogue) and explained
// by `quern explain CODE`.
package diag

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Code names a kind of mistake, for ever: "Q031".
type Code string

// Place is a span in a text that the user wrote. The zero value is no place.
type Place struct {
	File   string // as the user named it
	Line   int    // from 1; 0: no place
	Column int    // from 1, in runes
	Width  int    // runes to underline; at least 1 is drawn
	Text   string // the whole line, without its end
}

// Data is a place in the data. Fields that are not known are empty or negative.
type Data struct {
	File     string
	RowGroup int   // from 0; -1: unknown or no such thing
	Row      int64 // from 0 within the row group (within the file for text formats); -1: unknown
	Column   string
}

// Error is one mistake of the user's, or one fault of the data.
type Error struct {
	Code    Code
	Message string
	Place   Place
	Data    *Data  // nil: not about data
	Hint    string // `did you mean "origin"?`; drawn beside the caret
	Next    string // what to do or run next; optional
	Cause   error  // optional; its text is not repeated in Message
}

// New returns an error of kind code.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// At returns a copy of e placed at p, unless e already has a place.
func (e *Error) At(p Place) *Error {
	c := *e
	if c.Place.Line == 0 {
		c.Place = p
	}
	return &c
}

// In returns a copy of e that names the place in the data.
func (e *Error) In(d Data) *Error {
	c := *e
	c.Data = &d
	return &c
}

// WithHint returns a copy of e with a hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// Because returns a copy of e with its cause.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Error returns the code, the message, and the places, on one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", e.Code, e.Message)
	if e.Cause != nil {
		fmt.Fprintf(&b, ": %v", e.Cause)
	}
	if e.Place.Line > 0 {
		fmt.Fprintf(&b, " (%s:%d:%d)", e.Place.File, e.Place.Line, e.Place.Column)
	}
	if e.Data != nil {
		fmt.Fprintf(&b, " (%s)", e.Data)
	}
	return b.String()
}

// String returns "flights.parquet row group 3, row 1204, column delay", without
// the parts that are not known.
func (d *Data) String() string {
	var parts []string
	if d.File != "" {
		parts = append(parts, d.File)
	}
	if d.RowGroup >= 0 {
		if len(parts) > 0 {
			parts[0] += fmt.Sprintf(" row group %d", d.RowGroup)
		} else {
			parts = append(parts, fmt.Sprintf("row group %d", d.RowGroup))
		}
	}
	if d.Row >= 0 {
		parts = append(parts, fmt.Sprintf("row %d", d.Row))
	}
	if d.Column != "" {
		parts = append(parts, "column "+d.Column)
	}
	return strings.Join(parts, ", ")
}

// List is every mistake found at once, in the order of the text. It is an error
// when it is not empty.
type List []*Error

// Error returns one line per mistake.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, e := range l {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.Is and errors.As look into each mistake.
func (l List) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// InOrder returns l in the order of the text; mistakes without a place come last.
func (l List) InOrder() List {
	at := func(e *Error) int {
		if e.Place.Line == 0 {
			return math.MaxInt
		}
		return e.Place.Line
	}
	l = slices.Clone(l)
	slices.SortStableFunc(l, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(at(a), at(b)), cmp.Compare(a.Place.Column, b.Place.Column))
	})
	return l
}

// Err returns l, or nil when there is nothing in it.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Add appends err: an *Error, a List, or anything else as an error of kind other.
func (l *List) Add(err error, other Code) {
	var many List
	var one *Error
	switch {
	case err == nil:
	case errors.As(err, &many):
		*l = append(*l, many...)
	case errors.As(err, &one):
		*l = append(*l, one)
	default:
		*l = append(*l, New(other, "%v", err))
	}
}
