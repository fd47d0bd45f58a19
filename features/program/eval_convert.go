package program

import (
	"fmt"

	"quern/features/column"
)

// evalConversion is the meaning of the conversions that need no zone, or nil.
func evalConversion(op Op, t column.Type, imm Imm, args []column.Type) scalar {
	switch op {
	case ToFloat:
		if args[0] == column.Bool {
			return func(v []Value) (Value, error) { return floatValue(float64(one(v[0].Bool))) }
		}
		return func(v []Value) (Value, error) { return floatValue(float64(v[0].Int)) }
	case ToInt:
		if args[0] == column.Bool {
			return func(v []Value) (Value, error) { return intValue(one(v[0].Bool)) }
		}
		return evalToInt
	case Narrow32:
		return evalFit(column.Int32)
	case Retype:
		return evalFit(t)
	case ParseInt, ParseFloat, ParseBool, ParseTime:
		return evalParse(op, t, imm.Int == 1)
	case Format:
		return func(v []Value) (Value, error) { return textValue(AppendFormat(nil, args[0], v[0])) }
	}
	return nil
}

func evalToInt(v []Value) (Value, error) {
	x, ok := IntOf(v[0].Float)
	if !ok {
		return Value{}, fmt.Errorf("%s is not an integer of 64 bits", AppendReal(nil, column.Float64, v[0].Float))
	}
	return intValue(x)
}

// evalFit keeps a value and faults where t cannot hold it.
func evalFit(t column.Type) scalar {
	return func(v []Value) (Value, error) { return v[0], checkFits(t, v[0]) }
}

// evalParse is the meaning of reading a string as type t.
func evalParse(op Op, t column.Type, nullOnFault bool) scalar {
	return func(v []Value) (Value, error) {
		out, ok := parseText(op, t, v[0].Str)
		switch {
		case ok:
			return out, nil
		case nullOnFault:
			return NullValue(), nil
		}
		return Value{}, fmt.Errorf("%s is not %s", quoteShort(v[0].Str), parseGoal(op, t))
	}
}

func parseText(op Op, t column.Type, s []byte) (v Value, ok bool) {
	switch op {
	case ParseInt:
		v.Int, ok = ParseIntText(s)
	case ParseFloat:
		v.Float, ok = ParseFloatText(s)
	case ParseBool:
		v.Bool, ok = ParseBoolText(s)
	default:
		v.Int, ok = ParseTimeText(t, s)
	}
	return v, ok
}

// parseGoal names what a string should have been.
func parseGoal(op Op, t column.Type) string {
	switch {
	case op == ParseInt:
		return "an integer of 64 bits"
	case op == ParseFloat:
		return "a number"
	case op == ParseBool:
		return "true or false"
	case t == column.Timestamp:
		return "a time with a zone (2001-06-01T17:30:00Z)"
	case t == column.Datetime:
		return "a time without a zone (2001-06-01T17:30:00)"
	}
	return "a date (2001-06-01)"
}

// quoteShort quotes the beginning of a string for an error.
func quoteShort(s []byte) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}

// evalTime is the meaning of what reads calendars and zones.
func evalTime(op Op, imm Imm, from column.Type) (scalar, error) {
	var zone *Zone
	if imm.Text != "" {
		var err error
		if zone, err = LoadZone(imm.Text); err != nil {
			return nil, err
		}
	}
	return func(v []Value) (Value, error) {
		x := v[0].Int
		switch op {
		case DatePart:
			return intValue(datePart(imm.Part, from, zone, x))
		case ToDate:
			if zone != nil {
				days, _ := zone.Wall(x)
				return intValue(days)
			}
			days, _ := SplitDay(x)
			return intValue(days)
		}
		return convertTime(op, from, zone, x)
	}, nil
}

func datePart(part Part, from column.Type, zone *Zone, x int64) int64 {
	switch from {
	case column.Timestamp:
		return zone.Part(part, x)
	case column.Datetime:
		return PartOf(part, x)
	}
	return DayPart(part, x)
}

// convertTime makes a Timestamp or a Datetime. Dates reach further than both.
func convertTime(op Op, from column.Type, zone *Zone, x int64) (Value, error) {
	ok := true
	if from == column.Date {
		x, ok = DayMicros(x)
	}
	switch {
	case !ok:
	case op == ToTimestamp:
		x, ok = zone.Instant(x)
	case from == column.Timestamp:
		x, ok = zone.WallMicros(x)
	}
	if !ok {
		return Value{}, fmt.Errorf("time out of range in %s", op)
	}
	return intValue(x)
}
