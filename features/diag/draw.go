package diag

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Draw writes err for people: each mistake with its place, the line of the source
// with a run of carets, the hint, and how to learn more. color adds ANSI colours.
//
//	Q031 unknown column "origni" in features[2]
//	  --> recipe.yaml:14:15
//	 14 |   - columns: [origni]
//	    |               ^^^^^^ did you mean "origin"?
//	 help: quern explain Q031
//
// Control characters in any part are replaced, so that neither a recipe nor data can
// steer the terminal. An error of another kind is one line; nil is nothing.
func Draw(w io.Writer, err error, color bool) {
	d := drawing{paint: color}
	found := gather(nil, err)
	for i, one := range found {
		if i > 0 {
			d.text.WriteByte('\n')
		}
		d.draw(one)
	}
	d.help(found)
	_, _ = io.WriteString(w, d.text.String()) // there is nobody left to tell
}

// found is one mistake, with what its wrappers say of where it happened.
type found struct {
	err     error // an *Error, or another kind
	context string
}

// gather flattens err: the mistakes of a List and of joined errors one by one.
func gather(all []found, err error) []found {
	if err == nil {
		return all
	}
	if one, ok := err.(*Error); ok {
		return append(all, found{err: one})
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			all = gather(all, one)
		}
		return all
	}
	var list List
	if errors.As(err, &list) {
		return gather(all, list)
	}
	var one *Error
	if !errors.As(err, &one) {
		return append(all, found{err: err})
	}
	before, _, _ := strings.Cut(err.Error(), one.Error())
	return append(all, found{err: one, context: strings.TrimRight(before, ": ")})
}

// drawing is the text under construction.
type drawing struct {
	text  strings.Builder
	paint bool
}

// The styles, as parameters of ANSI's "select graphic rendition".
const (
	red  = "1;31"
	bold = "1"
	blue = "34"
)

// style writes s in a style, with control characters replaced.
func (d *drawing) style(sgr, s string) {
	s = clean(s)
	if d.paint && s != "" {
		s = "\x1b[" + sgr + "m" + s + "\x1b[0m"
	}
	d.text.WriteString(s)
}

// line writes a line: a label in the colour of the margin, then text.
func (d *drawing) line(label, text string) {
	d.style(blue, label)
	d.text.WriteString(clean(text))
	d.text.WriteByte('\n')
}

// clean replaces control characters; further lines of s are set in.
func clean(s string) string {
	lines := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.Map(printable, line)
	}
	return strings.Join(lines, "\n   ")
}

// draw writes one mistake.
func (d *drawing) draw(f found) {
	e, ok := f.err.(*Error)
	if !ok {
		d.style(red, "error")
		d.line("", ": "+f.err.Error())
		return
	}
	d.style(red, string(e.Code))
	d.text.WriteByte(' ')
	d.style(bold, message(e))
	d.text.WriteByte('\n')
	margin := d.places(e)
	if e.Place.Line > 0 && e.Place.Text != "" {
		d.source(e, margin)
	} else if e.Hint != "" {
		d.line(" hint: ", e.Hint)
	}
	if f.context != "" {
		d.line(" while: ", f.context)
	}
	if e.Next != "" {
		d.line(" next: ", e.Next)
	}
}

// message is what went wrong, with the cause unless the message tells it already.
func message(e *Error) string {
	if e.Cause == nil || strings.Contains(e.Message, e.Cause.Error()) {
		return e.Message
	}
	return e.Message + ": " + e.Cause.Error()
}

// places writes the lines that say where, and returns the blanks that number's
// width takes: arrows and bars of one mistake stand in one column.
func (d *drawing) places(e *Error) string {
	margin := " "
	if e.Place.Line > 0 {
		margin = strings.Repeat(" ", max(2, len(strconv.Itoa(e.Place.Line))))
		place := fmt.Sprintf("%d:%d", e.Place.Line, max(1, e.Place.Column))
		if e.Place.File != "" {
			place = e.Place.File + ":" + place
		}
		d.line(margin+"--> ", place)
	}
	if e.Data != nil && e.Data.String() != "" {
		d.line(margin+"--> ", e.Data.String())
	}
	return margin
}

// source writes the line of the source and the carets under it, with the hint.
func (d *drawing) source(e *Error, margin string) {
	shown, before, width := window(e.Place)
	d.line(fmt.Sprintf(" %*d | ", len(margin), e.Place.Line), shown)
	d.style(blue, " "+margin+" | ")
	d.text.WriteString(strings.Repeat(" ", before))
	carets := strings.Repeat("^", width)
	if e.Hint != "" {
		carets += " " + e.Hint
	}
	d.style(red, carets)
	d.text.WriteByte('\n')
}

// help writes how to learn more: after a single mistake its code, after several
// their number and every code once.
func (d *drawing) help(all []found) {
	var codes []Code
	for _, f := range all {
		if e, ok := f.err.(*Error); ok && !slices.Contains(codes, e.Code) {
			codes = append(codes, e.Code)
		}
	}
	if len(all) > 1 {
		d.text.WriteByte('\n')
		d.style(bold, fmt.Sprintf("%d mistakes", len(all)))
		d.text.WriteByte('\n')
	}
	slices.Sort(codes)
	for _, code := range codes {
		d.line(" help: ", "quern explain "+string(code))
	}
}
