package expr

import (
	"quern/features/column"
	"quern/features/program"
)

// Limits on an expression. Past them it is refused (Q104).
const (
	MaxBytes = 64 << 10 // of text
	MaxDepth = 200      // parentheses, calls, nots and signs around one place
	MaxNodes = 10_000   // names, literals, operators and calls
)

// Expr is a parsed expression. It is immutable and safe for concurrent use.
type Expr struct {
	text string
	root *node
}

// Name is a mention of a column or of an earlier feature in an expression.
type Name struct {
	Text    string // as Scope.Lookup gets it: "delay", or "features.delay" for an earlier feature
	Feature bool   // written as features.NAME
	Offset  int    // in bytes from the start of the text, from 0
	Line    int    // from 1
	Column  int    // in runes from the start of the line, from 1
	Width   int    // in runes
}

// Scope is what the names of an expression stand for.
type Scope interface {
	// Lookup returns the field of a column ("delay") or earlier feature
	// ("features.delay"). A field of type Invalid is one whose mistake was reported
	// elsewhere: no more is said about it.
	Lookup(name string) (column.Field, bool)
	// Register returns the register of a name that Lookup knows. Only Lower asks.
	Register(name string) program.Register
	// Names lists what Lookup knows, for near matches, the likeliest first.
	Names() []string
}

// Parse reads an expression. It checks everything that does not depend on columns
// and their types. The error is a *diag.Error with a place relative to text: Line 1
// is its first line.
func Parse(text string) (*Expr, error) {
	p := newParser(text)
	root := p.expression()
	if p.err == nil && p.tok.kind != endToken {
		p.unexpected("an operator or the end")
	}
	if p.err == nil {
		p.checkIntegers(root)
	}
	if p.err != nil {
		return nil, p.err
	}
	return &Expr{text: text, root: root}, nil
}

// Text returns the text that the expression was parsed from.
func (e *Expr) Text() string { return e.text }

// Names returns every mention of a column or feature, in the order of the text.
func (e *Expr) Names() []Name {
	var names []Name
	e.root.walk(func(n *node) {
		if n.kind != nameNode {
			return
		}
		p := placeOf(e.text, n.span)
		names = append(names, Name{Text: n.key(), Feature: n.feature,
			Offset: n.span.start, Line: p.Line, Column: p.Column, Width: p.Width})
	})
	return names
}

// Check returns the type of the expression's value. The error is a diag.List of all
// mistakes, each with a place relative to the text. If scope holds names of type
// Invalid and nothing else is wrong, the type is Invalid and the error nil.
func (e *Expr) Check(scope Scope) (column.Type, error) {
	t, err := newChecker(e.text, scope).check(e.root)
	if err != nil || t == nil {
		return column.Invalid, err
	}
	return t.full(), nil
}

// Lower adds the instructions of the expression to b and returns the register of
// its value, of the type that Check gives. The error is that of Check.
func (e *Expr) Lower(b *program.Builder, scope Scope) (program.Register, error) {
	t, err := newChecker(e.text, scope).check(e.root)
	if err != nil {
		return program.None, err
	}
	if t == nil {
		panic("quern: bug: lowering an expression over a column without a type")
	}
	return t.lower(b, scope), nil
}

// String returns the expression in canonical form: one space around operators, no
// needless parentheses, literals in their shortest form. It parses to the same
// tree, unless it is longer than the limit.
func (e *Expr) String() string { return string(e.root.append(nil, loosest)) }
