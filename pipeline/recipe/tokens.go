package recipe

import (
	"strings"

	"github.com/goccy/go-yaml/token"

	"quern/features/diag"
)

// Limits of what the YAML library is given: its parser recurses, once per level and
// once per key of a mapping, and takes time that grows with the square of the keys,
// of the anchors and of the values that are left out.
const (
	maxDepth   = 100
	maxKeys    = 10_000
	maxEmpty   = 300
	maxRefused = 100 // parts that recipes do not have, before the rest is not read
)

// block is a list or mapping without brackets.
type block struct{ column, keys int }

// tokenCheck looks at the tokens of a recipe before they are parsed: it finds what
// recipes leave out of YAML, and bounds what the parser is given.
type tokenCheck struct {
	*source
	errs   diag.List
	fatal  bool           // the parser must not see these tokens
	open   []*token.Token // brackets
	blocks []block        // that are open
	empty  int            // keys and elements without a value
	colon  int            // line of the last ": " outside of brackets
	// before is the last token that is no comment, before2 the one before that.
	before, before2 *token.Token
}

// checkTokens returns the mistakes in tokens, and whether they may be parsed.
func (s *source) checkTokens(tokens token.Tokens) (diag.List, bool) {
	c := tokenCheck{source: s}
	first := true
	for _, t := range tokens {
		c.refuse(t, first)
		if t.Type == token.CommentType {
			continue
		}
		first = false
		c.follow(t)
		c.strict(t)
		c.countEmpty(t)
		c.nest(t)
		c.before, c.before2 = t, c.before
		if c.fatal || len(c.errs) >= maxRefused {
			return c.errs, false
		}
	}
	if len(c.open) > 0 && tokens.InvalidToken() == nil {
		t := c.open[len(c.open)-1]
		c.stop(t, 1, diag.New("Q001", "this bracket is never closed").WithHint("a list is [a, b], a mapping is {a: 1, b: 2}"))
	}
	return c.errs, !c.fatal
}

// spotOf returns where a token stands.
func spotOf(t *token.Token) spot { return spot{t.Position.Line - 1, t.Position.Column - 1} }

// add notes a mistake at t.
func (c *tokenCheck) add(t *token.Token, width int, e *diag.Error) {
	c.errs = append(c.errs, e.At(c.place(spotOf(t), width)))
}

// stop notes a mistake after which the tokens are not parsed.
func (c *tokenCheck) stop(t *token.Token, width int, e *diag.Error) {
	c.add(t, width, e)
	c.fatal = true
}

// refuse notes what recipes leave out of YAML.
func (c *tokenCheck) refuse(t *token.Token, first bool) {
	switch t.Type {
	case token.AnchorType:
		c.add(t, 1, diag.New("Q005", "anchors (&) are not part of a recipe").WithHint("write the value out; quote a text that starts with &"))
	case token.AliasType:
		c.add(t, 1, diag.New("Q005", "aliases (*) are not part of a recipe").WithHint(`write the value out; quote a text that starts with *: "*.parquet"`))
	case token.TagType:
		c.add(t, len([]rune(t.Value)), diag.New("Q005", "tags (!) are not part of a recipe").WithHint("leave it out; quote a text that starts with !"))
	case token.MergeKeyType:
		c.add(t, 2, diag.New("Q005", "merge keys (<<) are not part of a recipe").WithHint("write the keys out"))
	case token.DirectiveType:
		c.stop(t, 1, diag.New("Q005", "directives (%%) are not part of a recipe").WithHint("leave it out; quote a text that starts with %%"))
	case token.MappingKeyType:
		c.stop(t, 1, diag.New("Q005", `keys marked with "?" are not part of a recipe`).WithHint("write key: value"))
	case token.DocumentEndType:
		c.stop(t, 3, diag.New("Q006", "a recipe is one document").WithHint("remove the ..."))
	case token.DocumentHeaderType:
		if !first {
			c.stop(t, 3, diag.New("Q006", "a second document starts here").WithHint("one recipe per file: remove the ---"))
		}
	}
}

// follow notes a text on the same line after a quote or a bracket that was closed.
func (c *tokenCheck) follow(t *token.Token) {
	if c.before == nil || c.before.Position.Line != t.Position.Line {
		return
	}
	switch t.Type {
	case token.MappingValueType, token.CollectEntryType, token.MappingEndType, token.SequenceEndType:
		return
	}
	switch c.before.Type {
	case token.SingleQuoteType, token.DoubleQuoteType:
		c.stop(t, 1, diag.New("Q001", "text after the closing quote").WithHint("put the whole text in quotes: '...'"))
	case token.MappingEndType, token.SequenceEndType:
		c.stop(t, 1, diag.New("Q001", "text after the closing bracket").WithHint(`put a text that starts with a bracket in quotes: "..."`))
	}
}

// strict notes what the library takes for something that YAML says it is not: a key
// without a space after its colon, and signs that a text has to be quoted for.
func (c *tokenCheck) strict(t *token.Token) {
	inside := len(c.open) > 0
	switch t.Type {
	case token.MappingValueType:
		at := spotOf(t)
		next := c.at(spot{at.line, at.rune + 1})
		quoted := c.before != nil && (c.before.Type == token.SingleQuoteType || c.before.Type == token.DoubleQuoteType)
		if !quoted && next != 0 && !strings.ContainsRune(" ,]}", next) {
			c.stop(t, 1, diag.New("Q001", "a space is missing after this colon").WithHint("or put the whole text in quotes"))
		}
		if inside && c.before != nil && c.before.Type == token.StringType && c.before.Position.Line < t.Position.Line {
			c.stop(c.before, 1, diag.New("Q001", "a key has to stand on one line"))
		}
	case token.CollectEntryType:
		if c.before != nil && (c.before.Type == token.MappingStartType || c.before.Type == token.SequenceStartType || c.before.Type == token.CollectEntryType) {
			c.stop(t, 1, diag.New("Q001", "there is nothing before this comma").WithHint("remove it"))
		}
	case token.StringType:
		if c.before != nil && (c.before.Type == token.LiteralType || c.before.Type == token.FoldedType) {
			return
		}
		if strings.ContainsAny(t.Value[:min(1, len(t.Value))], ",[]{}") ||
			inside && (strings.ContainsAny(t.Value, "[]{}") || strings.HasPrefix(t.Value, ":") || strings.HasSuffix(t.Value, ":") || strings.Contains(t.Value, ": ")) {
			c.stop(t, 1, diag.New("Q001", "the text %q needs quotes", shorten(t.Value)).WithHint("brackets, braces, commas and colons mean something to YAML"))
		}
	}
}

// countEmpty counts the keys and elements before t that have no value.
func (c *tokenCheck) countEmpty(t *token.Token) {
	if !c.leftOut(t) {
		return
	}
	if c.empty++; c.empty > maxEmpty {
		c.stop(t, 1, diag.New("Q002", "more than %d keys and list elements without a value", maxEmpty))
	}
}

// leftOut reports whether a value is missing between c.before and t.
func (c *tokenCheck) leftOut(t *token.Token) bool {
	if c.before == nil || c.before2 == nil {
		return false
	}
	ends := t.Type == token.CollectEntryType || t.Type == token.MappingEndType || t.Type == token.SequenceEndType
	switch c.before.Type {
	case token.SequenceEntryType:
		return t.Position.Column <= c.before.Position.Column
	case token.MappingValueType:
		key := c.before2.Position.Column
		return ends || t.Position.Column < key || t.Position.Column == key && t.Type != token.SequenceEntryType
	}
	inMapping := len(c.open) > 0 && c.open[len(c.open)-1].Type == token.MappingStartType
	return inMapping && ends && (c.before2.Type == token.CollectEntryType || c.before2.Type == token.MappingStartType)
}

// nest follows the nesting, and counts.
func (c *tokenCheck) nest(t *token.Token) {
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		c.open = append(c.open, t)
	case token.MappingEndType, token.SequenceEndType:
		c.close(t)
	case token.SequenceEntryType:
		c.enter(t.Position.Column)
	case token.MappingValueType:
		c.key(t)
	}
	if len(c.open)+len(c.blocks) > maxDepth {
		c.stop(t, 1, diag.New("Q002", "more than %d levels deep", maxDepth))
	}
}

// close leaves a bracket.
func (c *tokenCheck) close(t *token.Token) {
	last := len(c.open) - 1
	if last < 0 {
		c.stop(t, 1, diag.New("Q001", "this %s closes nothing", t.Value).WithHint("remove it, or put the text in quotes"))
		return
	}
	if start := c.open[last]; (start.Type == token.MappingStartType) != (t.Type == token.MappingEndType) {
		c.stop(t, 1, diag.New("Q001", "this %s closes the %s of line %d", t.Value, start.Value, start.Position.Line).
			WithHint("brackets close in pairs: [] and {}"))
	}
	c.open = c.open[:last]
}

// enter enters the block at column, or stays in it, and leaves those further right.
func (c *tokenCheck) enter(column int) *block {
	n := len(c.blocks)
	for n > 0 && c.blocks[n-1].column > column {
		n--
	}
	c.blocks = c.blocks[:n]
	if n == 0 || c.blocks[n-1].column < column {
		c.blocks = append(c.blocks, block{column: column})
	}
	return &c.blocks[len(c.blocks)-1]
}

// key counts a key: t is the colon after it.
func (c *tokenCheck) key(t *token.Token) {
	if len(c.open) > 0 || c.fatal {
		return
	}
	if t.Position.Line == c.colon {
		c.stop(t, 1, diag.New("Q001", `a second ": " on one line`).
			WithHint("put a text with a colon in it in quotes, or start a new line after the first"))
	}
	c.colon = t.Position.Line
	if k := c.before; k != nil && !c.fatal {
		in := c.enter(k.Position.Column)
		if in.keys++; in.keys > maxKeys {
			c.stop(t, 1, diag.New("Q002", "more than %d keys in one mapping", maxKeys))
		}
		if k.Type == token.StringType && k.Position.Line < t.Position.Line {
			c.ranOn(t)
		}
	}
}

// ranOn notes a key that is indented so far that it goes on with the text above it.
func (c *tokenCheck) ranOn(t *token.Token) {
	start, _ := c.skip(spot{t.Position.Line - 1, 0})
	c.errs = append(c.errs, diag.New("Q001", "a key cannot be here: with this indentation it goes on with the text above").
		At(c.place(start, spotOf(t).rune-start.rune)).WithHint("keys of one mapping start in the same column"))
	c.fatal = true
}
