package expr

import (
	"strings"
	"unicode/utf8"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// nodeKind says what a node of the syntax tree is.
type nodeKind uint8

const (
	literalNode  nodeKind = iota // typ and value; null has no type
	nameNode                     // text, feature
	operatorNode                 // text: - not + = "not in" "is null" ...; args
	callNode                     // text: the function; args
)

// node is a node of the syntax tree.
type node struct {
	kind    nodeKind
	span    span // all of it
	word    span // the operator or the function's name
	text    string
	args    []*node
	typ     column.Type
	value   program.Value
	feature bool
	huge    bool // the integer 2^63, not negated
}

// key is the name as a scope knows it.
func (n *node) key() string {
	if n.feature {
		return "features." + n.text
	}
	return n.text
}

// null reports the literal null.
func (n *node) null() bool { return n.kind == literalNode && n.value.Null }

// str reports a string literal.
func (n *node) str() bool { return n.kind == literalNode && n.typ == column.String }

// number reports a number literal.
func (n *node) number() bool { return n.kind == literalNode && n.typ.Numeric() }

// walk visits n and what is below it, in the order of the text.
func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, a := range n.args {
		a.walk(visit)
	}
}

// placeOf returns the place of a span, within its first line.
func placeOf(text string, s span) diag.Place {
	start := strings.LastIndexByte(text[:s.start], '\n') + 1
	end := len(text)
	if i := strings.IndexByte(text[start:], '\n'); i >= 0 {
		end = start + i
	}
	return diag.Place{
		Line:   1 + strings.Count(text[:start], "\n"),
		Column: 1 + utf8.RuneCountInString(text[start:s.start]),
		Width:  max(1, utf8.RuneCountInString(text[s.start:max(s.start, min(s.end, end))])),
		Text:   strings.TrimSuffix(text[start:end], "\r"),
	}
}

// Levels of precedence, from loose to tight.
const (
	loosest = iota
	orLevel
	andLevel
	notLevel
	comparisonLevel
	sumLevel
	productLevel
	signLevel
	tightest
)

// level returns the precedence of n's operator.
func (n *node) level() int {
	if n.kind != operatorNode {
		return tightest
	}
	switch n.text {
	case "or":
		return orLevel
	case "and":
		return andLevel
	case "not":
		return notLevel
	case "+", "-":
		if len(n.args) == 1 {
			return signLevel
		}
		return sumLevel
	case "*", "/", "//", "%":
		return productLevel
	}
	return comparisonLevel
}

// append writes n for a place that takes operators of the given level and up.
func (n *node) append(dst []byte, level int) []byte {
	own := n.level()
	if own < level {
		return append(n.append(append(dst, '('), loosest), ')')
	}
	switch n.kind {
	case literalNode:
		return appendLiteral(dst, n.typ, n.value)
	case nameNode:
		return n.appendName(dst)
	case callNode:
		return appendList(append(dst, n.text...), n.args)
	}
	return n.appendOperator(dst, own)
}

func (n *node) appendName(dst []byte) []byte {
	if n.feature {
		dst = append(dst, "features."...)
	}
	if bare(n.text) {
		return append(dst, n.text...)
	}
	dst = append(dst, '`')
	dst = append(dst, strings.ReplaceAll(n.text, "`", "``")...)
	return append(dst, '`')
}

func appendList(dst []byte, args []*node) []byte {
	dst = append(dst, '(')
	for i, a := range args {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = a.append(dst, loosest)
	}
	return append(dst, ')')
}

func (n *node) appendOperator(dst []byte, own int) []byte {
	switch {
	case n.text == "not":
		return n.args[0].append(append(dst, "not "...), own)
	case own == signLevel:
		x := n.args[0].append(nil, own)
		if x[0] == '-' {
			dst = append(dst, "- "...)
		} else {
			dst = append(dst, '-')
		}
		return append(dst, x...)
	case own == comparisonLevel:
		return n.appendComparison(dst)
	}
	dst = append(n.args[0].append(dst, own), ' ')
	dst = append(append(dst, n.text...), ' ')
	return n.args[1].append(dst, own+1)
}

func (n *node) appendComparison(dst []byte) []byte {
	dst = append(n.args[0].append(dst, sumLevel), ' ')
	dst = append(dst, n.text...)
	switch n.text {
	case "is null", "is not null":
		return dst
	case "in", "not in":
		return appendList(append(dst, ' '), n.args[1:])
	case "between", "not between":
		dst = n.args[1].append(append(dst, ' '), sumLevel)
		return n.args[2].append(append(dst, " and "...), sumLevel)
	}
	return n.args[1].append(append(dst, ' '), sumLevel)
}
