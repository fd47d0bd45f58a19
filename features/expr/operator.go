package expr

import (
	"fmt"

	"quern/features/column"
	"quern/features/program"
)

// operator returns the term of an operator.
func (c *checker) operator(n *node) *term {
	args, ok := c.terms(n.args)
	if ok && !c.inStep(quoted(n), n.args, args) {
		return nil
	}
	switch n.text {
	case "and", "or", "not":
		return c.logic(n, args)
	case "is null", "is not null":
		return c.isNull(n, args[0])
	case "-", "+", "*", "/", "//", "%":
		return c.arithmetic(n, args)
	}
	if !ok {
		return nil
	}
	switch n.text {
	case "in", "not in":
		return c.in(n, args)
	case "between", "not between":
		return c.between(n, args)
	}
	return c.compare(n.text, n, n.args[0], n.args[1], args[0], args[1])
}

// quoted is the operator for a sentence: "and" needs ...
func quoted(n *node) string { return `"` + n.text + `"` }

func (c *checker) logic(n *node, args []*term) *term {
	for i, t := range args {
		args[i] = c.fit(quoted(n), boolean, n.args[i], t)
	}
	for _, t := range args {
		if t == nil {
			return nil
		}
	}
	switch n.text {
	case "and":
		return plain(program.And, args...)
	case "or":
		return plain(program.Or, args...)
	}
	return plain(program.Not, args...)
}

func (c *checker) isNull(n *node, t *term) *term {
	t = c.fit(quoted(n), anyValue, n.args[0], t)
	if t == nil {
		return nil
	}
	t = plain(program.IsNull, t)
	if n.text == "is not null" {
		return plain(program.Not, t)
	}
	return t
}

func (c *checker) arithmetic(n *node, args []*term) *term {
	if c.notArithmetic(n, args) {
		return nil
	}
	args = c.numbers(quoted(n), n.args, args)
	if args == nil {
		return nil
	}
	switch {
	case len(args) == 1:
		return plain(program.Neg, args...)
	case n.text == "/":
		return plain(program.Div, args[0].real(), args[1].real())
	}
	return plain(arithmeticOp(n.text), args...)
}

func arithmeticOp(text string) program.Op {
	switch text {
	case "+":
		return program.Add
	case "-":
		return program.Sub
	case "*":
		return program.Mul
	case "//":
		return program.FloorDiv
	case "%":
		return program.Mod
	}
	panic("quern: bug: operator " + text)
}

// notArithmetic reports sums of strings and of times, which have better words.
func (c *checker) notArithmetic(n *node, args []*term) bool {
	if len(args) != 2 || args[0] == nil || args[1] == nil {
		return false
	}
	a, b := args[0].typ, args[1].typ
	x, y := c.source(n.args[0]), c.source(n.args[1])
	switch {
	case n.text == "+" && a == column.String && b == column.String:
		c.report(n.word, "Q114", "\"+\" needs numbers, but these are strings").
			Hint = fmt.Sprintf("write concat(%s, %s)", x, y)
	case a.Temporal() && b.Temporal() && n.text == "-":
		c.report(n.word, "Q114", "times have no minus: its unit would not be told").
			Hint = fmt.Sprintf("write days_between(%s, %s) or seconds_between(%s, %s)", y, x, y, x)
	default:
		return false
	}
	return true
}

// compare returns the term of a comparison of x and y, the terms of a and b.
func (c *checker) compare(text string, n, a, b *node, x, y *term) *term {
	for _, side := range []*node{a, b} {
		if side.null() {
			e := c.report(side.span, "Q120", "a comparison with null is never true nor false")
			e.Hint = "write x is null or x is not null"
			return nil
		}
	}
	x, y = c.comparable(n, a, b, x, y)
	if x == nil {
		return nil
	}
	switch text {
	case "=":
		return plain(program.Eq, x, y)
	case "!=":
		return plain(program.Ne, x, y)
	case "<":
		return plain(program.Lt, x, y)
	case "<=":
		return plain(program.Le, x, y)
	case ">":
		return plain(program.Lt, y, x)
	case ">=":
		return plain(program.Le, y, x)
	}
	panic("quern: bug: operator " + text)
}

// comparable gives two terms one kind, or reports that they have none.
func (c *checker) comparable(n, a, b *node, x, y *term) (*term, *term) {
	switch {
	case program.Comparable(x.typ, y.typ):
		return x, y
	case x.typ.Numeric() && y.typ.Numeric():
		return x.real(), y.real()
	}
	e := c.report(n.word, "Q114", "cannot compare %s with %s: %s, %s", withArticle(x.full()), withArticle(y.full()), c.source(a), c.source(b))
	e.Hint = mixHint(x, y, c.source(a), c.source(b))
	for _, side := range []struct{ flag, other *node }{{a, b}, {b, a}} {
		if side.other.kind == literalNode && side.flag.kind != literalNode && (x.typ == column.Bool || y.typ == column.Bool) {
			e.Hint = fmt.Sprintf("a bool is a condition by itself: write %[1]s, or not %[1]s", c.source(side.flag))
		}
	}
	return nil, nil
}

// mixHint says how x and y, whose types do not meet, could; a and b are their texts.
func mixHint(x, y *term, a, b string) string {
	if rank(x.typ) < rank(y.typ) {
		x, y, a, b = y, x, b, a
	}
	switch {
	case x.typ.Temporal() && y.typ.Temporal():
		return momentsHint(x.typ, y.typ, a, b)
	case y.typ == column.String && x.typ.Temporal():
		return fmt.Sprintf("write %s(%s)", x.typ, b)
	case y.typ == column.String && x.typ.Numeric():
		return numberHint(x, y, a, b)
	case y.typ == column.String:
		return fmt.Sprintf("write bool(%s)", b)
	case y.typ == column.Bool && x.typ.Numeric():
		return fmt.Sprintf("write int(%s)", b)
	}
	return ""
}

// numberHint is mixHint for a number x and a string y.
func numberHint(x, y *term, a, b string) string {
	if y.op == program.Const {
		if _, ok := program.ParseFloatText(y.imm.Value.Str); ok {
			return fmt.Sprintf("write the number without quotes, or string(%s)", a)
		}
		return fmt.Sprintf("write string(%s)", a)
	}
	if x.op == program.Const {
		return fmt.Sprintf("write the number as a string, '%s', or float(%s)", a, b)
	}
	return fmt.Sprintf("write float(%s)", b)
}

// rank orders types by how much they say: texts least.
func rank(t column.Type) int {
	switch {
	case t.Temporal():
		return 3
	case t.Numeric():
		return 2
	case t == column.Bool:
		return 1
	}
	return 0
}

// momentsHint is mixHint for two types of time.
func momentsHint(x, y column.Type, a, b string) string {
	if y == column.Timestamp {
		x, y, a, b = y, x, b, a
	}
	switch {
	case x == column.Timestamp:
		return fmt.Sprintf("write to_%s(%s, 'Europe/Berlin'), with the zone that is meant", y, a)
	case x == column.Datetime:
		return fmt.Sprintf("write to_date(%s)", a)
	}
	return fmt.Sprintf("write to_date(%s)", b)
}

// in is x = a or x = b ..., as a balanced tree.
func (c *checker) in(n *node, args []*term) *term {
	var tests []*term
	for i := 1; i < len(args); i++ {
		if t := c.compare("=", n, n.args[0], n.args[i], args[0], args[i]); t != nil {
			tests = append(tests, t)
		}
	}
	if len(tests) < len(args)-1 {
		return nil
	}
	for len(tests) > 1 {
		half := tests[:0]
		for i := 0; i < len(tests); i += 2 {
			if i+1 < len(tests) {
				half = append(half, plain(program.Or, tests[i], tests[i+1]))
			} else {
				half = append(half, tests[i])
			}
		}
		tests = half
	}
	return negatedIf(n.text == "not in", tests[0])
}

func (c *checker) between(n *node, args []*term) *term {
	low := c.compare(">=", n, n.args[0], n.args[1], args[0], args[1])
	high := c.compare("<=", n, n.args[0], n.args[2], args[0], args[2])
	if low == nil || high == nil {
		return nil
	}
	return negatedIf(n.text == "not between", plain(program.And, low, high))
}

func negatedIf(not bool, t *term) *term {
	if not {
		return plain(program.Not, t)
	}
	return t
}
