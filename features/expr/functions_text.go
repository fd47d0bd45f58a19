package expr

import (
	"math"
	"strings"

	"quern/features/column"
	"quern/features/program"
)

func textFunctions() []function {
	const group = "strings"
	fn := func(signature, doc string, build func(*checker, *node, []*term) *term, needs ...need) function {
		return function{Function: Function{Signature: signature, Group: group, Doc: doc}, needs: needs, build: build}
	}
	substr := fn("substr(s string, start int [, length int]) -> string",
		"length characters from start, counted from 0, or from the end if start is negative; to the end without length. A negative length is 0.",
		substring, text, integer, integer)
	substr.optional = 1
	concat := fn("concat(a string, b string, ...) -> string", "All arguments, one after the other. 4 GiB in a batch is a fault.", op(program.Concat), text)
	concat.more = true
	split := fn("split_part(s string, separator string, field int) -> string",
		"The field between separators, counted from 0; field is a literal.", splitPart, text, text, fixedInt)
	split.Null = "null if an argument is null, or if there is no such field"
	return []function{
		fn("lower(s string) -> string", "In small letters (Unicode, letter by letter, no language's rules).", op(program.Lower), text),
		fn("upper(s string) -> string", "In capital letters (Unicode, letter by letter, no language's rules).", op(program.Upper), text),
		fn("trim(s string) -> string", "Without the white space at both ends.", op(program.Trim), text),
		fn("length(x string or list) -> int64", "How many characters (Unicode code points; an invalid byte is one); of a list, how many elements, null ones too.", lengthOf, textOrList),
		substr,
		concat,
		fn("contains(s string, part string) -> bool", "Whether part occurs in s, byte by byte.", op(program.Contains), text, text),
		fn("starts_with(s string, part string) -> bool", "Whether s starts with part.", op(program.StartsWith), text, text),
		fn("ends_with(s string, part string) -> bool", "Whether s ends with part.", op(program.EndsWith), text, text),
		fn("matches(s string, pattern string) -> bool",
			"Whether the RE2 pattern, a literal, is found anywhere in s; ^ and $ tie it to the ends. A backslash in the pattern is written twice.", matches, text, fixedText),
		fn("replace(s string, old string, new string) -> string", "s with every old replaced by new; an empty old changes nothing.", op(program.Replace), text, text, text),
		split,
	}
}

func substring(_ *checker, _ *node, args []*term) *term {
	if len(args) == 2 {
		args = append(args, intTerm(math.MaxInt64))
	}
	return plain(program.Substr, args...)
}

func splitPart(_ *checker, n *node, args []*term) *term {
	return apply(program.SplitPart, program.Imm{Int: n.args[2].value.Int}, args[0], args[1])
}

func matches(c *checker, n *node, args []*term) *term {
	imm := program.Imm{Text: string(n.args[1].value.Str)}
	if _, err := program.Infer(program.Match, imm, []column.Type{column.String}, column.Invalid); err != nil {
		reason := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "match: "), "error parsing regexp: ")
		c.report(n.args[1].span, "Q116", "not a pattern: %s", reason).Hint = "patterns are RE2's: no look-around, no back-references"
		return nil
	}
	return apply(program.Match, imm, args[0])
}
