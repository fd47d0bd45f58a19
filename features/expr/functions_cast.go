package expr

import (
	"fmt"

	"quern/features/column"
	"quern/features/program"
)

// try is the immediate of a parse that gives null in place of a fault.
func try(null bool) program.Imm {
	if null {
		return program.Imm{Int: 1}
	}
	return program.Imm{}
}

func castFunctions() []function {
	const group = "conversion"
	cast := func(signature, doc, null string, w need, build func(*checker, *node, []*term) *term) function {
		return function{Function: Function{Signature: signature, Group: group, Doc: doc, Null: null}, needs: []need{w}, build: build}
	}
	const noText = "null for null, and for what cannot be converted"
	return []function{
		cast("int(x number, bool or string) -> int64", "The whole part, towards zero; 0 or 1 for a bool; the number that a string spells. NaN, infinities, values out of range and other strings are faults.", "", anyOrNull, toInt(false)),
		cast("try_int(x number, bool or string) -> int64", "As int, with null where int has a fault.", noText, anyOrNull, toInt(true)),
		cast("int32(x number, bool or string) -> int32", "As int, in 32 bits; out of range is a fault.", "", anyOrNull, toInt32),
		cast("float(x number, bool or string) -> float64", "The number as a real; the number that a string spells (nan, inf and -inf too). Other strings are faults.", "", anyOrNull, toFloat(false)),
		cast("try_float(x number, bool or string) -> float64", "As float, with null where float has a fault.", noText, anyOrNull, toFloat(true)),
		cast("float32(x number, bool or string) -> float32", "As float, rounded to the nearest float32.", "", anyOrNull, toFloat32),
		cast("string(x T) -> string", "The shortest text that reads back: 0.1, true, 2001-06-01T17:30:00.", "", anyOrNull, toText),
		cast("bool(x bool, number or string) -> bool", "true, false, 1 or 0 in any case for a string, others are faults; x != 0 for a number.", "", anyOrNull, toBool(false)),
		cast("try_bool(x bool, number or string) -> bool", "As bool, with null where bool has a fault.", noText, anyOrNull, toBool(true)),
		cast("date(x string) -> date", "The day that a string spells: 2001-06-01. Other strings are faults; of a literal, an error before the run.", "", anyOrNull, toMoment(column.Date, false)),
		cast("try_date(x string) -> date", "As date, with null where date has a fault.", noText, anyOrNull, toMoment(column.Date, true)),
		cast("datetime(x string) -> datetime", "The wall-clock time that a string spells: 2001-06-01T17:30:00, with a space for T, without seconds or without time. Other strings are faults; of a literal, an error before the run.", "", anyOrNull, toMoment(column.Datetime, false)),
		cast("try_datetime(x string) -> datetime", "As datetime, with null where datetime has a fault.", noText, anyOrNull, toMoment(column.Datetime, true)),
		cast("timestamp(x string) -> timestamp", "The instant that a string spells: 2001-06-01T17:30:00Z, or with an offset +02:00. Other strings are faults; of a literal, an error before the run.", "", anyOrNull, toMoment(column.Timestamp, false)),
		cast("try_timestamp(x string) -> timestamp", "As timestamp, with null where timestamp has a fault.", noText, anyOrNull, toMoment(column.Timestamp, true)),
	}
}

// noCast reports that x cannot be converted.
func (c *checker) noCast(n *node, x *term, hint string) *term {
	c.report(n.args[0].span, "Q114", "%s cannot convert %s: %s", n.text, withArticle(x.full()), c.source(n.args[0])).Hint = hint
	return nil
}

func toInt(orNull bool) func(*checker, *node, []*term) *term {
	return func(c *checker, n *node, args []*term) *term {
		x := args[0]
		switch {
		case x.untyped() || x.typ.Integer():
			return x.as(column.Int64)
		case x.typ == column.String:
			return apply(program.ParseInt, try(orNull), x)
		case x.typ.Temporal():
			return c.noCast(n, x, "take a part, as in hour(...), or days_between(a, b), seconds_between(a, b)")
		case x.typ.Real() && orNull:
			x = whereInt(x)
		}
		return plain(program.ToInt, x)
	}
}

// whereInt is x where its whole part is an int64, else null.
func whereInt(x *term) *term {
	fits := plain(program.And, plain(program.Le, floatTerm(-1<<63), x), plain(program.Lt, x, floatTerm(1<<63)))
	return plain(program.Select, fits, x, constant(x.typ, program.NullValue()))
}

func toInt32(c *checker, n *node, args []*term) *term {
	if args[0].typ == column.Int32 {
		return args[0]
	}
	x := toInt(false)(c, n, args)
	if x == nil {
		return nil
	}
	return plain(program.Narrow32, x)
}

func toFloat(orNull bool) func(*checker, *node, []*term) *term {
	return func(c *checker, n *node, args []*term) *term {
		x := args[0]
		switch {
		case x.untyped() || x.typ.Numeric():
			return x.as(column.Float64)
		case x.typ == column.String:
			return apply(program.ParseFloat, try(orNull), x)
		case x.typ.Temporal():
			return c.noCast(n, x, "take a part, as in hour(...), or days_between(a, b), seconds_between(a, b)")
		}
		return plain(program.ToFloat, x)
	}
}

func toFloat32(c *checker, n *node, args []*term) *term {
	if args[0].typ == column.Float32 {
		return args[0]
	}
	x := toFloat(false)(c, n, args)
	if x == nil {
		return nil
	}
	return plain(program.Round32, x)
}

func toText(_ *checker, _ *node, args []*term) *term {
	if args[0].untyped() || args[0].typ == column.String {
		return args[0].as(column.String)
	}
	return plain(program.Format, args[0])
}

func toBool(orNull bool) func(*checker, *node, []*term) *term {
	return func(c *checker, n *node, args []*term) *term {
		x := args[0]
		switch {
		case x.untyped() || x.typ == column.Bool:
			return x.as(column.Bool)
		case x.typ == column.String:
			return apply(program.ParseBool, try(orNull), x)
		case x.typ.Temporal():
			return c.noCast(n, x, "compare it, or test it: x is not null")
		case x.typ.Real():
			return plain(program.Ne, x, floatTerm(0))
		}
		return plain(program.Ne, x, intTerm(0))
	}
}

// toMoment builds date(x) and its like, of what is no literal.
func toMoment(t column.Type, orNull bool) func(*checker, *node, []*term) *term {
	return func(c *checker, n *node, args []*term) *term {
		x := args[0]
		switch {
		case x.untyped() || x.typ == t:
			return x.as(t)
		case x.typ == column.String:
			return applyTyped(program.ParseTime, t, try(orNull), x)
		case x.typ.Temporal():
			zone := ""
			if x.typ == column.Timestamp || t == column.Timestamp {
				zone = ", 'Europe/Berlin'"
			}
			return c.noCast(n, x, fmt.Sprintf("write to_%s(%s%s)", t, c.source(n.args[0]), zone))
		}
		return c.noCast(n, x, "it reads strings; a source's schema: can read numbers as timestamps")
	}
}
