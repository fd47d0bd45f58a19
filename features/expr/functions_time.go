package expr

import (
	"fmt"
	"strings"

	"quern/features/column"
	"quern/features/program"
)

func timeFunctions() []function {
	const group = "dates"
	var all []function
	for _, p := range program.Parts() {
		result := "int64"
		if p.Flag() {
			result = "bool"
		}
		all = append(all, function{
			Function: Function{Signature: fmt.Sprintf("%s(t time [, zone]) -> %s", p, result), Group: group, Doc: partDoc(p)},
			needs:    []need{moment, fixedText}, optional: 1, build: partOf(p),
		})
	}
	zoned := func(signature, doc string, optional int, build func(*checker, *node, []*term) *term) function {
		return function{Function: Function{Signature: signature, Group: group, Doc: doc}, needs: []need{moment, fixedText}, optional: optional, build: build}
	}
	two := func(signature, doc string, build func(*checker, *node, []*term) *term) function {
		return function{Function: Function{Signature: signature, Group: group, Doc: doc}, needs: []need{moment, moment}, build: build}
	}
	return append(all,
		zoned("to_date(t time [, zone]) -> date", "The day of t; that of a timestamp in a zone, such as 'Europe/Berlin'.", 1, convertTime(program.ToDate, column.Date)),
		zoned("to_datetime(t time [, zone]) -> datetime", "What the clocks of a zone show at a timestamp; midnight of a date, which takes no zone.", 1, convertTime(program.ToDatetime, column.Datetime)),
		zoned("to_timestamp(t date or datetime, zone) -> timestamp", "The instant at which the clocks of a zone show t: of two the earlier, in a gap moved forward. Out of range is a fault.", 0, convertTime(program.ToTimestamp, column.Timestamp)),
		two("days_between(a time, b time) -> int64", "The days from the date of a to the date of b, negative if b is earlier. Timestamps become dates first: to_date(t, zone).", daysBetween),
		two("seconds_between(a T, b T) -> float64", "The seconds from a to b, with fractions, negative if b is earlier.", secondsBetween),
	)
}

// partDoc describes a part of a date.
func partDoc(p program.Part) string {
	switch p {
	case program.Year:
		return "The year."
	case program.Semester:
		return "The half of the year, 1 or 2."
	case program.Quarter:
		return "The quarter, 1 to 4."
	case program.Month:
		return "The month, 1 to 12."
	case program.Week:
		return "The ISO 8601 week, 1 to 53; weeks start on Monday."
	case program.Day:
		return "The day of the month, 1 to 31."
	case program.DayOfYear:
		return "The day of the year, 1 to 366."
	case program.Weekday:
		return "The day of the week: Monday is 0, Sunday 6."
	case program.Hour:
		return "The hour, 0 to 23. A date has none."
	case program.Minute:
		return "The minute, 0 to 59. A date has none."
	case program.Second:
		return "The second, 0 to 59. A date has none."
	case program.Microsecond:
		return "The microsecond of the second, 0 to 999999. A date has none."
	case program.DaysInMonth:
		return "How many days the month has, 28 to 31."
	case program.IsLeapYear:
		return "Whether the year has 366 days."
	case program.IsWeekend:
		return "Whether the day is a Saturday or a Sunday."
	}
	name := strings.TrimPrefix(p.String(), "is_")
	unit, end, _ := strings.Cut(name, "_")
	if end == "start" {
		return fmt.Sprintf("Whether the day is the first of its %s.", unit)
	}
	return fmt.Sprintf("Whether the day is the last of its %s.", unit)
}

func partOf(p program.Part) func(*checker, *node, []*term) *term {
	return func(c *checker, n *node, args []*term) *term {
		if args[0].typ == column.Date && p.Clock() {
			c.report(n.args[0].span, "Q114", "a date has no %s: %s", p, c.source(n.args[0]))
			return nil
		}
		zone, ok := c.zone(n, args[0].typ == column.Timestamp)
		if !ok {
			return nil
		}
		t := apply(program.DatePart, program.Imm{Part: p, Text: zone}, args[0])
		if p.Flag() {
			return plain(program.Ne, t, intTerm(0))
		}
		return t
	}
}

// zone returns the zone that a call has as its second argument, and false after a
// report: it must be there if and only if it is needed.
func (c *checker) zone(n *node, needed bool) (string, bool) {
	switch {
	case needed && len(n.args) < 2:
		c.report(n.span, "Q117", "%s needs a time zone: %s is an instant", n.text, c.source(n.args[0])).
			Hint = fmt.Sprintf("write %s(%s, 'Europe/Berlin'), with the zone that is meant, or 'UTC'", n.text, c.source(n.args[0]))
		return "", false
	case !needed && len(n.args) > 1:
		c.report(n.args[1].span, "Q117", "%s takes no time zone here: %s is a wall clock", n.text, c.source(n.args[0])).
			Hint = fmt.Sprintf("write %s(%s)", n.text, c.source(n.args[0]))
		return "", false
	case !needed:
		return "", true
	}
	name := string(n.args[1].value.Str)
	if _, err := program.LoadZone(name); err != nil {
		c.report(n.args[1].span, "Q116", "%v", err).Hint = "zones are named as in 'Europe/Berlin', 'America/New_York' or 'UTC'"
		return "", false
	}
	return name, true
}

// convertTime builds to_date, to_datetime and to_timestamp.
func convertTime(code program.Op, t column.Type) func(*checker, *node, []*term) *term {
	return func(c *checker, n *node, args []*term) *term {
		from := args[0].typ
		if t == column.Timestamp && from == t {
			c.report(n.args[0].span, "Q114", "%s is a timestamp already", c.source(n.args[0]))
			return nil
		}
		zone, ok := c.zone(n, from == column.Timestamp || t == column.Timestamp)
		switch {
		case !ok:
			return nil
		case from == t:
			return args[0]
		}
		return apply(code, program.Imm{Text: zone}, args[0])
	}
}

func daysBetween(c *checker, n *node, args []*term) *term {
	for i, t := range args {
		switch t.typ {
		case column.Datetime:
			args[i] = plain(program.ToDate, t)
		case column.Timestamp:
			c.report(n.args[i].span, "Q117", "%s needs a time zone: %s is an instant", n.text, c.source(n.args[i])).
				Hint = fmt.Sprintf("write to_date(%s, 'Europe/Berlin'), with the zone that is meant", c.source(n.args[i]))
			return nil
		}
	}
	return plain(program.Sub, args[1], args[0])
}

func secondsBetween(c *checker, n *node, args []*term) *term {
	args = c.unify(n.text, n.args, args)
	if args == nil {
		return nil
	}
	between := plain(program.ToFloat, plain(program.Sub, args[1], args[0]))
	if args[0].typ == column.Date {
		return plain(program.Mul, between, floatTerm(24*60*60))
	}
	return plain(program.Div, between, floatTerm(1e6))
}
