package expr

import (
	"fmt"
	"strings"
)

// Markdown returns docs/EXPRESSIONS.md: the rules, and every function with its
// signature, meaning and null rule.
func Markdown() []byte {
	var b strings.Builder
	b.WriteString(intro)
	group := ""
	for _, f := range Functions() {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n## Functions: %s\n\n| function | meaning | null |\n|---|---|---|\n", group)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", escaped(f.Signature), escaped(f.Doc), escaped(f.Null))
	}
	return []byte(b.String())
}

// escaped keeps a text within one cell of a table.
func escaped(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const intro = "# Expressions\n\n" +
	"This page is generated from the code; `quern explain NAME` prints one function.\n\n" +
	"An expression computes one value per row from the columns of that row. It is data: it has no loops and no user code,\n" +
	"and it always ends. `where:`, `label:` and `expr:` of a recipe take one.\n\n" +
	"```\n" +
	"if(hour(date) >= 17, distance, 0)\n" +
	"date < datetime('2001-06-01') and origin in ('SFO', 'OAK')\n" +
	"coalesce(features.delay_norm, 0) * `Seats (total)`\n" +
	"```\n\n" +
	"## Rules\n\n" +
	"Precedence, from loose to tight: `or`; `and`; `not`; comparisons (`=` `==` `!=` `<>` `<` `<=` `>` `>=`, `in (...)`,\n" +
	"`between a and b`, `is null`, `is not null`), which do not chain; `+ -`; `* / // %`; unary `-`.\n\n" +
	"| literal or name | type |\n|---|---|\n" +
	"| `12` `-3` | int64 |\n" +
	"| `12.0` `1e3` | float64 |\n" +
	"| `'text'` `'it\\'s'` `'it''s'` | string |\n" +
	"| `true` `false` | bool |\n" +
	"| `date('2001-06-01')` | date |\n" +
	"| `datetime('2001-06-01T17:30:00')` | datetime: a wall clock without a zone |\n" +
	"| `timestamp('2001-06-01T17:30:00Z')` | timestamp: an instant |\n" +
	"| `delay` | a column |\n" +
	"| `` `Seats (total)` `` | a column of any name |\n" +
	"| `features.delay` | an earlier feature |\n\n" +
	"An integer becomes a float64 where it meets a real; nothing else is converted by itself. `+ - * // %` of integers are\n" +
	"integers: overflow ends the run with the row that is to blame, and `//` and `%` by zero are null. `/` is real.\n" +
	"Both branches of `if` are computed, so a value that faults in either is an error; `try_int` and its kin give null instead.\n\n" +
	"A list is taken element by element, and gives a list of the same shape: `tags = 'a'` is a list of bools. Everything that\n" +
	"meets has one shape or is the same for all rows: `prices * 1.1`, but not `prices * rate`. `length` and the `list_` functions\n" +
	"see a list whole. A condition needs one bool: `list_max(int(tags = 'a')) = 1` where any element is 'a'.\n\n" +
	"Null makes null, except that `false and null` is false, `true or null` is true, and `if` takes null for false. NaN is a\n" +
	"value, not a null.\n"
