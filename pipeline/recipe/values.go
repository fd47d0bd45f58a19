package recipe

import (
	"fmt"
	"strings"
	"unicode"

	"quern/features/diag"
)

// key is a key that a mapping may have, and what reads its value.
type key struct {
	name    string
	example string // of a key that must be there: shown where it is missing
	read    func(*node)
}

// mapping reads a mapping with fixed keys. what names it in messages.
func (in *reading) mapping(n *node, what string, keys []key) {
	pairs := in.pairs(n, what, "")
	if pairs == nil && n.kind != mapping {
		return
	}
	given := map[string]bool{}
	for _, p := range pairs {
		at := find(keys, p.key.text)
		if at < 0 {
			given[in.unknownKey(p.key, what, keys)] = true
			continue
		}
		given[p.key.text] = true
		if p.value.null() {
			in.add(p.value.place, diag.New("Q013", "%s has no value", p.key.text).WithHint("give one, or leave the key out"))
			continue
		}
		keys[at].read(p.value)
	}
	for _, k := range keys {
		if k.example != "" && !given[k.name] {
			in.add(n.place, diag.New("Q009", "%s has no key %q", what, k.name).WithHint("add %s", k.example))
		}
	}
}

// find returns the position of the key called name, or -1.
func find(keys []key, name string) int {
	for i, k := range keys {
		if k.name == name {
			return i
		}
	}
	return -1
}

// unknownKey notes a key that is none of keys, and returns the one that was meant,
// if that is clear: it is not missed then.
func (in *reading) unknownKey(n *node, what string, keys []key) string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	e := diag.New("Q008", "unknown key %q in %s", shorten(n.text), what)
	near := nearest(n.text, names)
	in.add(n.place, e.WithHint("%s", meant(near, "keys here: "+strings.Join(names, ", "))))
	return near
}

// nearest returns which of names text was likely meant to be, or "": one that is
// near in letters, else one that it is the beginning of.
func nearest(text string, names []string) string {
	if len(text) > 100 {
		return ""
	}
	if near := diag.Nearest(text, names); near != "" {
		return near
	}
	for _, name := range names {
		if len(text) >= 3 && strings.HasPrefix(name, text) {
			return name
		}
	}
	return ""
}

// meant is a hint that proposes near, or says otherwise.
func meant(near, otherwise string) string {
	if near == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %q?", near)
}

// shorten cuts a text that is too long for a message.
func shorten(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return text
}

// pairs returns the pairs of a mapping, without those whose key is given a second
// time or is not a text. example shows in a hint what is wanted.
func (in *reading) pairs(n *node, what, example string) []pair {
	if n.kind == broken {
		return nil
	}
	if n.kind != mapping {
		hint := ""
		if example != "" {
			hint = "write " + example
		}
		in.wrong(n, what, "a mapping of keys to values", hint)
		return nil
	}
	if len(n.pairs) == 0 && example != "" {
		in.add(n.place, diag.New("Q013", "%s is empty", what).WithHint("leave it out"))
	}
	var good []pair
	first := map[string]diag.Place{}
	for _, p := range n.pairs {
		switch {
		case p.key.kind == broken:
			continue
		case p.key.kind != scalar || p.key.shape() != textShape:
			in.wrong(p.key, "a key of "+what, "a text", "put it in quotes")
			continue
		}
		if at, again := first[p.key.text]; again {
			in.add(p.key.place, diag.New("Q007", "%q is given twice in %s", shorten(p.key.text), what).
				WithHint("first on line %d", at.Line))
			continue
		}
		first[p.key.text] = p.key.place
		good = append(good, p)
	}
	return good
}

// wrong notes a value of a wrong type.
func (in *reading) wrong(n *node, what, wanted, hint string) {
	if n.kind == broken {
		return
	}
	e := diag.New("Q010", "%s must be %s, not %s", what, wanted, n.describe())
	if hint != "" {
		e = e.WithHint("%s", hint)
	}
	in.add(n.place, e)
}

// describe names what a node is.
func (n *node) describe() string {
	switch {
	case n.kind == list:
		return "a list"
	case n.kind == mapping:
		return "a mapping"
	}
	switch n.shape() {
	case nullShape:
		return "nothing"
	case boolShape:
		return n.text
	case numberShape, oddShape:
		return "the number " + shorten(n.text)
	}
	return fmt.Sprintf("the text %q", shorten(n.text))
}

// name reads a text that names something. Its zero value means that there was an error.
func (in *reading) name(n *node, what string) Name {
	if n.kind != scalar || n.shape() != textShape {
		hint := ""
		if n.kind == scalar && !n.null() {
			hint = fmt.Sprintf("in quotes it is one: %q", n.text)
		}
		in.wrong(n, what, "a text", hint)
		return Name{}
	}
	if strings.TrimSpace(n.text) == "" {
		in.add(n.place, diag.New("Q013", "%s is empty", what))
		return Name{}
	}
	return Name{n.text, n.place}
}

// names reads a list of names, none given twice.
func (in *reading) names(n *node, what string) []Name {
	if n.kind != list {
		hint := ""
		if n.kind == scalar && n.shape() == textShape {
			hint = fmt.Sprintf("write [%s]", shorten(n.text))
		}
		in.wrong(n, what, "a list of names", hint)
		return nil
	}
	if len(n.items) == 0 {
		in.add(n.place, diag.New("Q013", "%s is empty", what).WithHint("leave it out, or name a column"))
	}
	var names []Name
	first := map[string]bool{}
	for _, item := range n.items {
		name := in.name(item, "an element of "+what)
		switch {
		case name.Text == "":
		case first[name.Text]:
			in.add(name.Place, diag.New("Q019", "%q is twice in %s", shorten(name.Text), what))
		default:
			first[name.Text] = true
			names = append(names, name)
		}
	}
	return names
}

// identifier reads the name of a feature or label: letters, digits and underscores.
func (in *reading) identifier(n *node, what string) Name {
	name := in.name(n, "the name of "+what)
	for i, r := range name.Text {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			in.add(name.Place, diag.New("Q015", "%q cannot name %s", shorten(name.Text), what).
				WithHint("letters, digits and _ can, with a letter or _ first"))
			return Name{}
		}
	}
	return name
}

// fileName reads a name that files are called after.
func (in *reading) fileName(n *node, what string) Name {
	name := in.name(n, what)
	for i, r := range name.Text {
		if !strings.ContainsRune("_-.", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) || i == 0 && (r == '.' || r == '-') || i > 99 {
			in.add(name.Place, diag.New("Q015", "%q cannot be the recipe's name: files are called after it", shorten(name.Text)).
				WithHint("letters, digits, -, _ and . can (at most 100), with a letter, a digit or _ first"))
			return Name{}
		}
	}
	return name
}

// expr reads an expression. Numbers and true are expressions too.
func (in *reading) expr(n *node, what string) Expr {
	if n.kind != scalar || n.null() {
		in.wrong(n, what, "an expression", "put it in quotes")
		return Expr{}
	}
	if strings.TrimSpace(n.text) == "" {
		in.add(n.place, diag.New("Q013", "%s is empty", what))
		return Expr{}
	}
	return Expr{Text: strings.TrimRight(n.text, "\n"), Place: n.place, runs: n.runs}
}

// choice reads one of a few words.
func choice[T ~string](in *reading, n *node, what string, words []string, otherwise T) T {
	name := in.name(n, what)
	if name.Text == "" {
		return otherwise
	}
	for _, w := range words {
		if w == name.Text {
			return T(w)
		}
	}
	in.add(name.Place, diag.New("Q011", "%s cannot be %q", what, shorten(name.Text)).
		WithHint("%s", meant(nearest(name.Text, words), "it is one of "+strings.Join(words, ", "))))
	return otherwise
}
