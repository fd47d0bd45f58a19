package recipe

import (
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"quern/features/diag"
)

// kind is the kind of a node.
type kind uint8

const (
	broken  kind = iota // could not be read; the mistake is noted already
	scalar              // a text, number, bool or null
	list                // items
	mapping             // pairs
)

// node is a part of a recipe's text. It is all that the rest of the package sees of
// YAML: no other file than this, tokens.go and their tests knows the library.
type node struct {
	kind  kind
	place diag.Place
	scalarNode
	items []*node
	pairs []pair
}

// scalarNode is what a scalar has.
type scalarNode struct {
	text  string
	style style
	runs  []run
}

// pair is a key of a mapping, with its value.
type pair struct{ key, value *node }

// shape returns what a scalar means: quoted ones are always texts.
func (n *node) shape() shape {
	if n.style != plain {
		return textShape
	}
	return shapeOf(n.text)
}

// null reports whether n is a null, written or left out.
func (n *node) null() bool { return n.kind == scalar && n.shape() == nullShape }

// parseTree reads YAML. The tree is nil when the text cannot be read; with a tree
// there may be errors all the same.
func parseTree(file string, text []byte) (*node, *source, diag.List) {
	s, errs := newSource(file, text)
	if len(errs) > 0 {
		return nil, s, errs
	}
	tokens, e := s.tokenize()
	if e != nil {
		return nil, s, diag.List{e}
	}
	errs, ok := s.checkTokens(tokens)
	if !ok {
		return nil, s, errs
	}
	body, e := s.parse(tokens)
	if e != nil {
		return nil, s, append(errs, e)
	}
	t := treeReader{source: s, errs: errs, unread: map[*token.Token]bool{}}
	for _, tok := range tokens {
		if scalarToken(tok) {
			t.unread[tok] = true
		}
	}
	root := t.node(body, s.place(spot{}, 1))
	if len(t.errs) == 0 {
		t.checkAllRead(tokens)
	}
	return root, s, t.errs
}

// guard turns a panic of the YAML library into an error. The library panics on some
// malformed texts (an empty one, for instance); its own types are not touched again
// after that, so nothing half-made is left behind.
func (s *source) guard(e **diag.Error) {
	if recover() != nil {
		*e = diag.New("Q001", "this is not YAML").At(s.place(spot{}, 1))
	}
}

// tokenize cuts the text into tokens.
func (s *source) tokenize() (tokens token.Tokens, e *diag.Error) {
	defer s.guard(&e)
	return lexer.Tokenize(s.text), nil
}

// parse returns the body of the only document, nil if there is none.
func (s *source) parse(tokens token.Tokens) (body ast.Node, e *diag.Error) {
	empty := true
	for _, t := range tokens {
		empty = empty && (t.Type == token.CommentType || t.Type == token.DocumentHeaderType)
	}
	if empty {
		return nil, nil
	}
	defer s.guard(&e)
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, s.syntaxError(err)
	}
	for _, doc := range file.Docs {
		if doc.Body != nil && body != nil {
			return nil, diag.New("Q006", "a recipe is one document").At(s.place(spotOf(doc.Body.GetToken()), 1))
		}
		if doc.Body != nil {
			body = doc.Body
		}
	}
	return body, nil
}

// syntaxError places an error of the YAML library, and says in our words what the
// usual ones mean.
func (s *source) syntaxError(err error) *diag.Error {
	placed, ok := err.(interface {
		GetToken() *token.Token
		GetMessage() string
	})
	if !ok || placed.GetToken() == nil || placed.GetToken().Position == nil {
		return diag.New("Q001", "this is not YAML").At(s.place(spot{}, 1))
	}
	at := spotOf(placed.GetToken())
	if before := (spot{at.line, at.rune - 1}); s.at(before) == '\\' {
		return s.badEscape(before, 2)
	}
	message, hint := explainSyntax(placed.GetMessage(), s, at)
	e := diag.New("Q001", "%s", message).At(s.place(at, 1))
	if hint != "" {
		e = e.WithHint("%s", hint)
	}
	return e
}

// explainSyntax puts a message of the library into our words. What checkTokens finds
// is not here.
func explainSyntax(message string, s *source, at spot) (text, hint string) {
	has := func(part string) bool { return strings.Contains(message, part) }
	switch {
	case has("could not find end character"):
		return "this quote is never closed", ""
	case has("must be specified"):
		return "a comma is missing before this, or a bracket after it", "a list is [a, b], a mapping is {a: 1, b: 2}"
	case has("reserved character"):
		return fmt.Sprintf("a text cannot start with %q", s.at(at)), "put it in quotes"
	case has("invalid header option"):
		return "after | or > the text starts on the next line", "put a text that starts with one of them in quotes"
	case has("value is not allowed"):
		return "this belongs to nothing", "check the indentation: what belongs together starts in the same column"
	case has("non-map value"), has("unexpected key name"):
		return "a key with a value is expected here", `write "key: value", with a space after the colon`
	case has("block sequence entries"):
		return "a list cannot start here", `start it on a new line, or write [a, b]`
	}
	return message, ""
}

// scalarToken reports whether t is a text of the recipe.
func scalarToken(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.SingleQuoteType, token.DoubleQuoteType, token.NullType, token.BoolType,
		token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType,
		token.FloatType, token.InfinityType, token.NanType:
		return true
	}
	return false
}

// treeReader makes nodes of the library's tree.
type treeReader struct {
	*source
	errs   diag.List
	unread map[*token.Token]bool // texts that have not been met
}

// checkAllRead makes sure that the library dropped nothing.
func (t *treeReader) checkAllRead(tokens token.Tokens) {
	for _, tok := range tokens {
		if t.unread[tok] {
			t.errs = append(t.errs, t.unreadable(spotOf(tok)))
			return
		}
	}
}

// node converts n. A null that is not written stands at the place of its key.
func (t *treeReader) node(n ast.Node, key diag.Place) *node {
	switch n := n.(type) {
	case nil:
		return &node{kind: scalar, place: key}
	case *ast.NullNode:
		if !t.unread[n.Token] {
			return &node{kind: scalar, place: key}
		}
		return t.scalar(n, plain)
	case *ast.LiteralNode:
		return t.block(n)
	case *ast.StringNode:
		switch n.Token.Type {
		case token.SingleQuoteType:
			return t.scalar(n, single)
		case token.DoubleQuoteType:
			return t.scalar(n, double)
		}
		return t.scalar(n, plain)
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return t.scalar(n, plain)
	case *ast.SequenceNode:
		return t.list(n)
	case *ast.MappingNode:
		return t.mapping(n.Values, n)
	case *ast.MappingValueNode:
		return t.mapping([]*ast.MappingValueNode{n}, n)
	}
	return t.refused(n, key)
}

// refused converts what checkTokens has complained of: the value under an anchor
// is read, so that its mistakes are found too; anything else is broken.
func (t *treeReader) refused(n ast.Node, key diag.Place) *node {
	if anchor, ok := n.(*ast.AnchorNode); ok {
		return t.node(anchor.Value, key)
	}
	return &node{kind: broken, place: t.place(spotOf(n.GetToken()), 1)}
}

// scalar converts a text, and checks it against the source.
func (t *treeReader) scalar(n ast.Node, st style) *node {
	tok := n.GetToken()
	delete(t.unread, tok)
	return t.scan(st, spotOf(tok), tok.Value)
}

// block converts a block scalar.
func (t *treeReader) block(n *ast.LiteralNode) *node {
	st := literal
	if n.Start.Type == token.FoldedType {
		st = folded
	}
	delete(t.unread, n.Value.GetToken())
	return t.scan(st, spotOf(n.Start), n.Value.Value)
}

// scan reads a scalar from the source.
func (t *treeReader) scan(st style, at spot, value string) *node {
	read, e := t.source.scan(st, at, value)
	if e != nil {
		t.errs = append(t.errs, e)
		return &node{kind: broken, place: e.Place}
	}
	return &node{kind: scalar, place: read.place, scalarNode: scalarNode{text: read.text, style: st, runs: read.runs}}
}

// list converts a sequence.
func (t *treeReader) list(n *ast.SequenceNode) *node {
	out := &node{kind: list, place: t.place(spotOf(n.Start), 1)}
	for i, v := range n.Values {
		at := out.place
		if i < len(n.Entries) && n.Entries[i] != nil && n.Entries[i].Start != nil {
			at = t.place(spotOf(n.Entries[i].Start), 1)
		}
		out.items = append(out.items, t.node(v, at))
	}
	return out
}

// mapping converts a mapping; its place is its first key, or its bracket.
func (t *treeReader) mapping(values []*ast.MappingValueNode, n ast.Node) *node {
	out := &node{kind: mapping, place: t.place(spotOf(n.GetToken()), 1)}
	for _, v := range values {
		if _, merge := v.Key.(*ast.MergeKeyNode); merge {
			t.node(v.Value, out.place)
			continue
		}
		key := t.node(v.Key, out.place)
		out.pairs = append(out.pairs, pair{key, t.node(v.Value, key.place)})
	}
	if m, ok := n.(*ast.MappingNode); (!ok || !m.IsFlowStyle) && len(out.pairs) > 0 {
		out.place = out.pairs[0].key.place
	}
	return out
}
