package diag

// exprCodes lists Q101 to Q149.
func exprCodes() []Entry {
	return append(exprSyntaxCodes(), exprTypeCodes()...)
}

// exprSyntaxCodes are found without knowing the columns.
func exprSyntaxCodes() []Entry {
	return []Entry{
		{"Q101", Usage, "expression that cannot be read",
			"The text is not an expression of quern: something is missing, is one too many, or means nothing here. The caret stands at the first thing that does not fit.",
			"Compare with docs/EXPRESSIONS.md. Comparisons do not chain (a < b and b < c), strings stand in single quotes, names with unusual characters in backquotes."},
		{"Q102", Usage, "string or name that is not well formed",
			"A quote or backquote has no partner, a backslash is followed by something that has no meaning, or a name is empty. Unknown escapes are refused because the usual cause is a pattern whose backslashes were meant to stay.",
			"Write a backslash as \\\\, a quote inside a string as '' and a backquote inside a name as ``."},
		{"Q103", Usage, "number that is malformed or out of range",
			"The text starts like a number but is none, or it is beyond int64 (without a point) or float64. It would have to be rounded or wrapped in silence.",
			"Write 12, 0.5 or 1.5e3; add .0 to a whole number that is meant as a real."},
		{"Q104", Usage, "expression beyond the limits",
			"An expression has at most 64 KiB of text, 200 levels of nesting and 10,000 parts, so that no recipe can exhaust the program that reads it.",
			"Split it into several features, and use the earlier ones as features.NAME."},
		{"Q105", Usage, "date or time that does not exist",
			"The literal is not in ISO 8601's form, or names a day or a moment that no calendar has, such as 30 February.",
			"Write date('2001-06-01'), datetime('2001-06-01T17:30:00') or timestamp('2001-06-01T17:30:00Z')."},
	}
}

// exprTypeCodes need the columns and their types.
func exprTypeCodes() []Entry {
	return []Entry{
		{"Q111", Usage, "unknown name in an expression",
			"The expression names a column that the source does not have, or a feature that is not defined before this one.",
			"Run `quern infer` on a file of the source to see its columns. Earlier features are written features.NAME."},
		{"Q112", Usage, "unknown function",
			"There is no function of this name. Recipes cannot define functions, so that a model never carries code.",
			"See docs/EXPRESSIONS.md for the functions that there are."},
		{"Q113", Usage, "wrong number of arguments",
			"The function takes another number of arguments.",
			"The hint shows its signature; square brackets mark what may be left out."},
		{"Q114", Usage, "wrong type",
			"An operator or function does not take values of this type. Only integers become reals, and narrow numbers wide ones, by themselves; every other conversion is written, so that nobody has to guess what a comparison meant.",
			"Convert with int(x), float(x), string(x), bool(x), date(x), datetime(x) or timestamp(x); try_int(x) and its like give null where int has a fault."},
		{"Q115", Usage, "argument that must be a literal",
			"This argument is the same for all rows and is checked before the run: it cannot come from a column.",
			"Write the pattern, the zone or the number into the expression."},
		{"Q116", Usage, "pattern or time zone that does not exist",
			"The pattern is not of RE2's syntax, or the zone is not in the time zone database that quern carries.",
			"Patterns: github.com/google/re2/wiki/Syntax. Zones are named as in 'Europe/Berlin' or 'UTC'."},
		{"Q117", Usage, "time zone missing or not wanted",
			"A timestamp is an instant: its hour, or its day, exists only in a zone. A datetime and a date are what a clock or a calendar showed, and a zone would change nothing. Guessing UTC is how features come to disagree.",
			"Add the zone as the last argument, hour(t, 'Europe/Berlin'), or leave it out."},
		{"Q118", Usage, "null without a type",
			"null stands where nothing says of which type it is, so the column that would come out has no type.",
			"Write int(null), float(null), string(null), date(null) ..."},
		{"Q119", Usage, "values of different types",
			"The values among which this function chooses must have one type, because a column has one. Integers and reals meet as reals.",
			"Convert one of them: int(x), float(x), string(x)."},
		{"Q120", Usage, "comparison with null",
			"A comparison with null is null for every row, never true: x = null finds nothing, and neither does null in a list.",
			"Write x is null, or x is not null."},
		{"Q121", Usage, "lists that are not of one shape",
			"Operators and functions take lists element by element, so what meets must have an element for each: the same list, or what was made of it. A value of the row has none, and the elements of another list belong to other things. What is the same for all rows goes with everything.",
			"Make one value of a list first: list_mean(l), list_sum(l), list_min(l), list_max(l), list_at(l, 0), length(l)."},
	}
}
