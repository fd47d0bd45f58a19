// Package expr is the expression language of recipes: small, typed, columnar. An
// expression is data; it can compute nothing but one value per row, from the
// columns of that row, and it always ends. It becomes instructions of package
// program.
//
//	if(hour(date) >= 17, distance, 0)
//	date < datetime('2001-06-01') and origin in ('SFO', 'OAK')
//	coalesce(features.delay_norm, 0) * `Seats (total)`
//
// # Precedence, from loose to tight
//
//	or
//	and
//	not x
//	= == != <> < <= > >=   in (...)   between a and b   is null   is not null
//	+ -
//	* / // %
//	-x
//	literals, names, calls, parentheses
//
// Operators of one line group from the left, but comparisons do not chain: a < b < c is
// an error. Words are written in lower case.
//
// # Literals and names
//
//	12  -3                         int64
//	12.0  1e3                      float64
//	'text'  'it\'s'  '\x00'        string; inside, a quote is doubled or has a backslash, and
//	                               \\ \n \t \r \0 \xHH \uHHHH have a meaning
//	true  false  null
//	date('2001-06-01')  datetime('2001-06-01T17:30:00')  timestamp('2001-06-01T17:30:00Z')
//	delay                          a column
//	`Seats (total)`                any column; a backquote inside is doubled
//	features.delay                 an earlier feature
//
// # Types
//
// An integer becomes a float64 where it meets a real, int32 becomes int64 and float32
// float64 where two types meet; nothing else is converted by itself. +, -, *, // and %
// of integers are integers (overflow is a fault; // and % by the integer 0 are null), / is
// real (by 0: infinite or NaN). Arithmetic on float32 gives float64. Strings are compared with strings, a date with a date.
//
// # Lists
//
// Operators and functions take a list element by element and give a list of the same
// shape: tags = 'a' is a list of bools. All that meets in one of them has one shape,
// or is the same for all rows: prices * 1.1, but not prices * rate. A name has a shape
// of its own, and so has list_slice(...). length and the functions whose names start
// with list_ see a list whole.
//
// # Null
//
// Operators give null for a null argument, except and, or (false and null is false,
// true or null is true), is null and is not null. if takes null for false. Functions
// say it where they differ (see Functions). NaN is a value, not a null.
package expr
