package expr

import (
	"fmt"
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// checker turns a syntax tree into terms and collects the mistakes. A nil term is
// one whose mistake has been reported: what depends on it is not judged.
type checker struct {
	text  string
	scope Scope
	list  []function
	errs  diag.List
}

func newChecker(text string, scope Scope) *checker {
	return &checker{text: text, scope: scope, list: functions()}
}

// check returns the term of a whole expression, or all mistakes in the order of
// the text.
func (c *checker) check(root *node) (*term, error) {
	t := c.term(root)
	if t != nil && t.untyped() {
		c.untypedNull(root)
	}
	if len(c.errs) == 0 {
		return t, nil
	}
	slices.SortStableFunc(c.errs, func(a, b *diag.Error) int {
		if a.Place.Line != b.Place.Line {
			return a.Place.Line - b.Place.Line
		}
		return a.Place.Column - b.Place.Column
	})
	return nil, c.errs
}

// report adds a mistake at s and returns it, so that a hint can be put into it.
func (c *checker) report(s span, code diag.Code, format string, args ...any) *diag.Error {
	e := diag.New(code, format, args...).At(placeOf(c.text, s))
	c.errs = append(c.errs, e)
	return e
}

func (c *checker) untypedNull(n *node) {
	c.report(n.span, "Q118", "the type of null is not known here").
		Hint = "give it one: int(null), float(null), string(null) ..."
}

// source is the text of a node, cut where it is long.
func (c *checker) source(n *node) string {
	const most = 40
	s := strings.Join(strings.Fields(c.text[n.span.start:n.span.end]), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most-3]) + "..."
	}
	return s
}

// term returns the term of n, or nil.
func (c *checker) term(n *node) *term {
	switch n.kind {
	case literalNode:
		return constant(n.typ, n.value)
	case nameNode:
		return c.name(n)
	case callNode:
		return c.call(n)
	}
	return c.operator(n)
}

// terms returns the terms of all nodes, and whether all are good.
func (c *checker) terms(nodes []*node) ([]*term, bool) {
	ok := true
	terms := make([]*term, len(nodes))
	for i, n := range nodes {
		terms[i] = c.term(n)
		ok = ok && terms[i] != nil
	}
	return terms, ok
}

func (c *checker) name(n *node) *term {
	f, ok := c.scope.Lookup(n.key())
	switch {
	case !ok:
		c.unknownName(n)
		return nil
	case f.Type == column.Invalid:
		return nil
	}
	t := &term{op: program.Load, typ: f.Type.Elem(), name: n.key()}
	if f.Type.IsList() {
		t.shape = n.key()
	}
	return t
}

func (c *checker) unknownName(n *node) {
	what, other, suggestion := "column", "features."+n.text, "an earlier feature is written features.%s"
	if n.feature {
		what, other, suggestion = "feature", n.text, "the column is written %s"
	}
	e := c.report(n.span, "Q111", "unknown %s %q", what, n.text)
	if f, ok := c.scope.Lookup(other); ok && f.Type != column.Invalid {
		e.Hint = fmt.Sprintf(suggestion, n.text)
	} else if near := diag.Nearest(n.key(), c.scope.Names()); near != "" {
		e.Hint = fmt.Sprintf("did you mean %q?", near)
	} else if _, ok := c.find(n.text); ok {
		e.Hint = fmt.Sprintf("%s is a function: write %s(...)", n.text, n.text)
	}
}

// find returns the function called name.
func (c *checker) find(name string) (function, bool) {
	for _, f := range c.list {
		if f.Name == name {
			return f, true
		}
	}
	return function{}, false
}

// need says what an operator or function takes at one place.
type need uint8

const (
	anyValue   need = iota // of a known type
	anyOrNull              // also the null without a type
	number                 // any number, as it is
	realOf                 // any number, as a real
	integer                // int32 or int64
	boolean                // bool
	text                   // string
	moment                 // date, datetime or timestamp
	sameType               // as the other arguments marked so
	fixedText              // a string literal
	fixedInt               // an integer literal, not negative
	fixedPlace             // an integer literal
	listOf                 // a list, whole
	numberList             // a list of numbers, whole
	textOrList             // a string, or a list, whole
)

// String names what is needed, in a sentence.
func (w need) String() string {
	switch w {
	case number, realOf:
		return "a number"
	case integer:
		return "an integer"
	case boolean:
		return "a bool"
	case text:
		return "a string"
	case moment:
		return "a date or time"
	case fixedText:
		return "a string literal"
	case fixedInt:
		return "an integer literal from 0"
	case fixedPlace:
		return "an integer literal"
	case listOf:
		return "a list"
	case numberList:
		return "a list of numbers"
	case textOrList:
		return "a string or a list"
	}
	return "a value"
}

// defaultType is what null is where w is needed.
func (w need) defaultType() column.Type {
	switch w {
	case number, realOf:
		return column.Float64
	case integer:
		return column.Int64
	case boolean:
		return column.Bool
	case text, textOrList:
		return column.String
	}
	return column.Invalid
}

// whole reports whether lists are needed as they are, not their elements.
func (w need) whole() bool { return w == listOf || w == numberList || w == textOrList }

// meets reports whether a value of type t is what is needed; of a list, unless it is
// taken whole, whether the elements are.
func (w need) meets(t column.Type) bool {
	if !w.whole() {
		t = t.Elem()
	}
	switch w {
	case listOf:
		return t.IsList()
	case numberList:
		return t.IsList() && t.Elem().Numeric()
	case textOrList:
		return t.IsList() || t == column.String
	case number, realOf:
		return t.Numeric()
	case integer:
		return t.Integer()
	case boolean:
		return t == column.Bool
	case text:
		return t == column.String
	case moment:
		return t.Temporal()
	}
	return true
}

// fit returns t as who needs it, or nil after a report. Numbers and arguments that
// must have one type stay untyped where they are null: see numbers and unify.
func (c *checker) fit(who string, w need, n *node, t *term) *term {
	switch {
	case t == nil:
		return nil
	case w == fixedText || w == fixedInt || w == fixedPlace:
		return c.fitLiteral(who, w, n, t)
	case t.untyped() && (w == number || w == sameType || w == anyOrNull):
		return t
	case t.untyped() && w.defaultType() != column.Invalid:
		return t.as(w.defaultType())
	case t.untyped():
		c.untypedNull(n)
		return nil
	case !w.meets(t.full()):
		e := c.report(n.span, "Q114", "%s needs %s, but %s is %s", who, w, c.source(n), withArticle(t.full()))
		if !w.whole() || t.shape != "" {
			e.Hint = castHint(w, t.typ, c.source(n))
		} else if t.typ.Numeric() {
			e.Hint = "of several values of a row there are least, greatest and +"
		}
		return nil
	case w == realOf:
		return t.real()
	}
	return t
}

func (c *checker) fitLiteral(who string, w need, n *node, t *term) *term {
	good := n.str()
	if w == fixedInt || w == fixedPlace {
		good = n.kind == literalNode && n.typ == column.Int64 && (n.value.Int >= 0 || w == fixedPlace)
	}
	if !good {
		c.report(n.span, "Q115", "%s needs %s here, the same for all rows", who, w)
		return nil
	}
	return t
}

// withArticle writes "an int64".
func withArticle(t column.Type) string {
	if t.Integer() {
		return "an " + t.String()
	}
	return "a " + t.String()
}

// castHint says how a value of type t becomes what is needed.
func castHint(w need, t column.Type, source string) string {
	switch {
	case w == boolean && t.Numeric():
		return fmt.Sprintf("compare it: %s != 0", source)
	case w == boolean && t == column.String:
		return fmt.Sprintf("compare it, or read it: bool(%s)", source)
	case w == integer && t.Real():
		return fmt.Sprintf("write int(%s), which cuts towards zero", source)
	case (w == number || w == realOf) && t == column.String:
		return fmt.Sprintf("write float(%s) or int(%s)", source, source)
	case (w == number || w == realOf || w == integer) && t == column.Bool:
		return fmt.Sprintf("write int(%s)", source)
	case (w == number || w == realOf || w == integer) && t.Temporal():
		return "take a part, as in hour(...), or days_between(a, b), seconds_between(a, b)"
	case w == numberList && t == column.String:
		return fmt.Sprintf("write float(%s) or int(%s), which take lists element by element", source, source)
	case w == numberList && t == column.Bool:
		return fmt.Sprintf("write int(%s)", source)
	case w == text:
		return fmt.Sprintf("write string(%s)", source)
	case w == moment && t == column.String:
		return fmt.Sprintf("write datetime(%s) or date(%s)", source, source)
	case w == moment && t.Integer():
		return "numbers are not dates; a source's schema: can read them as timestamps"
	}
	return ""
}

// numbers makes operands of arithmetic one kind: all integers, or all reals.
func (c *checker) numbers(who string, nodes []*node, terms []*term) []*term {
	anyReal, known, good := false, false, true
	out := make([]*term, len(terms))
	for i, t := range terms {
		out[i] = c.fit(who, number, nodes[i], t)
		if out[i] == nil {
			good = false
			continue
		}
		known = known || !out[i].untyped()
		anyReal = anyReal || out[i].typ.Real()
	}
	if !good {
		return nil
	}
	to := column.Int64
	if anyReal || !known {
		to = column.Float64
	}
	for i, t := range out {
		if t.untyped() || anyReal && t.typ.Integer() {
			out[i] = t.as(to)
		}
	}
	return out
}

// unify gives terms one type: their own, or the wider of two numbers'. Nulls get
// the type of the others.
func (c *checker) unify(who string, nodes []*node, terms []*term) []*term {
	common, first := column.Invalid, 0
	for i, t := range terms {
		next, ok := wider(common, t.typ)
		if !ok {
			e := c.report(nodes[i].span, "Q119", "%s needs values of one type: %s is %s, %s is %s", who,
				c.source(nodes[first]), withArticle(terms[first].full()), c.source(nodes[i]), withArticle(t.full()))
			e.Hint = mixHint(terms[first], t, c.source(nodes[first]), c.source(nodes[i]))
			return nil
		}
		if common == column.Invalid && next != column.Invalid {
			first = i
		}
		common = next
	}
	if common == column.Invalid {
		c.untypedNull(nodes[0])
		return nil
	}
	out := make([]*term, len(terms))
	for i, t := range terms {
		out[i] = t.as(common)
	}
	return out
}

// wider returns the type that values of a and b become when they meet.
func wider(a, b column.Type) (column.Type, bool) {
	switch {
	case a == b || b == column.Invalid:
		return a, true
	case a == column.Invalid:
		return b, true
	case a.Integer() && b.Integer():
		return column.Int64, true
	case a.Numeric() && b.Numeric():
		return column.Float64, true
	}
	return column.Invalid, false
}
