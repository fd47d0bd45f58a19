package expr

import (
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// parser is a recursive-descent parser with one token of look-ahead. After the
// first mistake the text is over, so that every loop and every recursion ends; what
// the parser then returns is not used.
type parser struct {
	lexer
	tok   token
	depth int
	nodes int
}

func newParser(text string) *parser {
	p := &parser{lexer: lexer{text: text}}
	if len(text) > MaxBytes {
		p.fail(span{0, 1}, "Q104", "the expression has %d bytes; %d are allowed", len(text), MaxBytes)
	}
	p.advance()
	return p
}

// advance returns the current token and reads the next one.
func (p *parser) advance() token {
	tok := p.tok
	p.tok = p.next()
	return tok
}

// fail keeps the first mistake and ends the text, for the parser too.
func (p *parser) fail(s span, code diag.Code, format string, args ...any) {
	p.lexer.fail(s, code, format, args...)
	p.tok = p.next()
}

// sign reads one of the given operators or marks, if it is next.
func (p *parser) sign(texts ...string) (token, bool) { return p.accept(signToken, texts) }

// key reads one of the given reserved words, if it is next.
func (p *parser) key(texts ...string) (token, bool) { return p.accept(keyToken, texts) }

func (p *parser) accept(kind tokenKind, texts []string) (token, bool) {
	for _, t := range texts {
		if p.tok.kind == kind && p.tok.text == t {
			return p.advance(), true
		}
	}
	return token{}, false
}

// expect reads a mark that must come.
func (p *parser) expect(text string) token {
	tok, ok := p.sign(text)
	if !ok {
		p.unexpected("'" + text + "'")
	}
	return tok
}

// unexpected reports the current token.
func (p *parser) unexpected(wanted string) {
	if p.err != nil {
		return
	}
	tok := p.tok
	switch {
	case tok.kind == endToken && strings.TrimSpace(p.text) == "":
		p.fail(tok.span, "Q101", "the expression is empty")
	case tok.kind == endToken:
		p.fail(tok.span, "Q101", "the expression ends where %s is expected", wanted)
	default:
		p.fail(tok.span, "Q101", "unexpected %q; expected %s", p.text[tok.span.start:tok.span.end], wanted)
		p.explain(tok, wanted)
	}
}

// explain adds what is known about usual slips.
func (p *parser) explain(tok token, wanted string) {
	lower := strings.ToLower(tok.text)
	switch {
	case tok.kind == wordToken && keyword(lower):
		p.hint("reserved words are written in lower case: %s", lower)
	case tok.kind == wordToken && lower == "like":
		p.hint("write contains(x, 'part'), starts_with, ends_with or matches(x, 'pattern')")
	case tok.kind == wordToken && (lower == "when" || lower == "then" || lower == "else"):
		p.hint("write if(condition, a, b)")
	case tok.text == "*" && wanted == "a value":
		p.hint("powers are written pow(x, y)")
	case tok.text == "." && wanted != "a value":
		p.hint("only features.NAME has a dot; other names with dots stand in backquotes")
	case tok.kind != signToken && wanted == "'('":
		p.hint("the list stands in parentheses: in (1, 2)")
	case tok.text == "=" && wanted == "a value":
		p.hint("comparisons are =, !=, <, <=, > and >=")
	case tok.kind == keyToken && tok.text == "not" && wanted == "a value":
		p.hint("put parentheses around it: (not ...)")
	case tok.kind == keyToken && wanted == "a value":
		p.hint("%s is a reserved word; a column of that name stands in backquotes", tok.text)
	case tok.kind != signToken && tok.kind != keyToken && strings.HasPrefix(wanted, "an operator"):
		p.hint("an operator is missing before it; a name with spaces stands in backquotes")
	}
}

// enter goes one level deeper, if the limit allows.
func (p *parser) enter() {
	p.depth++
	if p.depth > MaxDepth {
		p.fail(p.tok.span, "Q104", "the expression is nested more than %d deep", MaxDepth)
	}
}

func (p *parser) leave() { p.depth-- }

// add makes a node.
func (p *parser) add(kind nodeKind, s, word span, text string, args ...*node) *node {
	p.nodes++
	if p.nodes == MaxNodes+1 {
		p.fail(s, "Q104", "the expression has more than %d parts", MaxNodes)
	}
	return &node{kind: kind, span: s, word: word, text: text, args: args}
}

func (p *parser) literal(s span, t column.Type, v program.Value) *node {
	n := p.add(literalNode, s, s, "")
	n.typ, n.value = t, v
	return n
}

// binary makes the node of an operator between two values.
func (p *parser) binary(op token, text string, args ...*node) *node {
	return p.add(operatorNode, args[0].span.to(args[len(args)-1].span), op.span, text, args...)
}

// expression reads a whole expression: or.
func (p *parser) expression() *node {
	p.enter()
	defer p.leave()
	left := p.conjunction()
	for {
		op, ok := p.key("or")
		if !ok {
			return left
		}
		left = p.binary(op, "or", left, p.conjunction())
	}
}

func (p *parser) conjunction() *node {
	left := p.negation()
	for {
		op, ok := p.key("and")
		if !ok {
			return left
		}
		left = p.binary(op, "and", left, p.negation())
	}
}

func (p *parser) negation() *node {
	op, ok := p.key("not")
	if !ok {
		return p.comparison()
	}
	p.enter()
	defer p.leave()
	x := p.negation()
	return p.add(operatorNode, op.span.to(x.span), op.span, "not", x)
}

// comparison reads at most one comparison: they do not chain.
func (p *parser) comparison() *node {
	left := p.sum()
	n := p.compared(left)
	if n == left {
		return left
	}
	tok := p.tok
	if again := p.compared(n); again != n {
		if p.err == nil {
			p.fail(tok.span, "Q101", "comparisons do not chain")
			p.hint("write a < b and b < c, or use parentheses")
		}
	}
	return n
}

// compared reads what may follow a value in a comparison, or returns it alone.
func (p *parser) compared(left *node) *node {
	if op, ok := p.sign("=", "==", "!=", "<>", "<", "<=", ">", ">="); ok {
		text := op.text
		switch text {
		case "==":
			text = "="
		case "<>":
			text = "!="
		}
		return p.binary(op, text, left, p.sum())
	}
	if op, ok := p.key("is"); ok {
		return p.isNull(op, left)
	}
	prefix := ""
	op, not := p.key("not")
	if not {
		prefix = "not "
	}
	word, ok := p.key("in", "between")
	switch {
	case ok && not:
		word.span = op.span.to(word.span)
	case not:
		p.unexpected("'in' or 'between'")
		return p.binary(op, "not in", left, left)
	case !ok:
		return left
	}
	if word.text == "in" {
		return p.in(word, prefix+"in", left)
	}
	low := p.sum()
	if _, ok := p.key("and"); !ok {
		p.unexpected("'and'")
	}
	return p.binary(word, prefix+"between", left, low, p.sum())
}

// isNull reads "null" or "not null" after "is".
func (p *parser) isNull(op token, left *node) *node {
	text := "is null"
	if _, ok := p.key("not"); ok {
		text = "is not null"
	}
	null, ok := p.key("null")
	if !ok {
		p.unexpected("'null'")
	}
	return p.add(operatorNode, left.span.to(null.span), op.span.to(null.span), text, left)
}

func (p *parser) in(op token, text string, left *node) *node {
	p.expect("(")
	args, end := p.list()
	if p.err == nil && len(args) == 0 {
		p.fail(end, "Q101", "the list after in is empty")
	}
	n := p.binary(op, text, append([]*node{left}, args...)...)
	n.span.end = end.end
	return n
}

func (p *parser) sum() *node {
	left := p.product()
	for {
		op, ok := p.sign("+", "-")
		if !ok {
			return left
		}
		left = p.binary(op, op.text, left, p.product())
	}
}

func (p *parser) product() *node {
	left := p.signed()
	for {
		op, ok := p.sign("*", "/", "//", "%")
		if !ok {
			return left
		}
		left = p.binary(op, op.text, left, p.signed())
	}
}

// signed reads a value with minus signs before it. A minus before a number is part
// of the number.
func (p *parser) signed() *node {
	op, ok := p.sign("-")
	if !ok {
		return p.primary()
	}
	p.enter()
	defer p.leave()
	x := p.signed()
	s := op.span.to(x.span)
	if x.number() {
		return p.negated(x, s)
	}
	return p.add(operatorNode, s, op.span, "-", x)
}

// list reads expressions up to a closing parenthesis, and returns its place.
func (p *parser) list() ([]*node, span) {
	var args []*node
	if end, ok := p.sign(")"); ok {
		return nil, end.span
	}
	for {
		args = append(args, p.expression())
		if end, ok := p.sign(")"); ok {
			return args, end.span
		}
		if _, ok := p.sign(","); !ok {
			p.unexpected("',' or ')'")
			return args, p.tok.span
		}
	}
}

func (p *parser) primary() *node {
	switch tok := p.tok; {
	case tok.kind == numberToken:
		p.advance()
		return p.number(tok)
	case tok.kind == stringToken:
		p.advance()
		return p.literal(tok.span, column.String, program.Value{Str: []byte(tok.text)})
	case tok.kind == wordToken || tok.kind == quotedToken:
		p.advance()
		return p.named(tok)
	case tok.kind == keyToken && (tok.text == "true" || tok.text == "false"):
		p.advance()
		return p.literal(tok.span, column.Bool, program.Value{Bool: tok.text == "true"})
	case tok.kind == keyToken && tok.text == "null":
		p.advance()
		return p.literal(tok.span, column.Invalid, program.NullValue())
	case tok.kind == signToken && tok.text == "(":
		p.advance()
		n := p.expression()
		if p.err == nil {
			if _, ok := p.sign(")"); !ok {
				p.unexpected("an operator or ')'")
			}
		}
		return n
	}
	p.unexpected("a value")
	return p.literal(p.tok.span, column.Invalid, program.NullValue())
}

// named reads what follows a name: a call, features.NAME, or nothing.
func (p *parser) named(tok token) *node {
	if tok.kind == wordToken {
		if _, ok := p.sign("("); ok {
			return p.call(tok)
		}
		if dot, ok := p.sign("."); ok {
			return p.dotted(tok, dot)
		}
	}
	if strings.HasPrefix(tok.text, "features.") {
		p.fail(tok.span, "Q102", "the name of a column cannot start with \"features.\" in an expression")
		p.hint("an earlier feature is features.%s; a column of this name must be renamed first", tok.text[len("features."):])
	}
	return p.add(nameNode, tok.span, tok.span, tok.text)
}

// dotted reads NAME after "features.".
func (p *parser) dotted(tok, dot token) *node {
	name := p.tok
	if tok.text != "features" || (name.kind != wordToken && name.kind != quotedToken && name.kind != keyToken) {
		p.tok = dot
		p.unexpected("an operator or the end")
		return p.add(nameNode, tok.span, tok.span, tok.text)
	}
	p.advance()
	n := p.add(nameNode, tok.span.to(name.span), name.span, name.text)
	n.feature = true
	return n
}

// call reads the arguments of a function, after the opening parenthesis. The type
// names with one string are literals.
func (p *parser) call(name token) *node {
	args, end := p.list()
	s := name.span.to(end)
	if t, ok := column.ParseType(name.text); ok && t.Temporal() && len(args) == 1 && args[0].str() && p.err == nil {
		return p.moment(t, args[0], s)
	}
	return p.add(callNode, s, name.span, name.text, args...)
}
