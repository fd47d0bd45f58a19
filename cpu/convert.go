package cpu

import (
	"strconv"

	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// conversion chooses between numbers, and from anything to text.
func (b *binder) conversion(in *program.Instr, kind column.Kind) evaluate {
	switch {
	case in.Op == program.ToFloat && kind == column.Bools:
		return func(c *call) { kernel.BoolsToFloats(c.dst.floats, c.args[0].bools) }
	case in.Op == program.ToFloat:
		return func(c *call) { b.set.Floats64(c.dst.floats, c.args[0].ints) }
	case in.Op == program.ToInt && kind == column.Bools:
		return func(c *call) { kernel.BoolsToInts(c.dst.ints, c.args[0].bools) }
	case in.Op == program.ToInt:
		return toInt
	case in.Op == program.Round32:
		return b.round32
	case in.Op == program.Narrow32:
		return checkedMap(kernel.CheckInts32, kernel.Int32Faults)
	case in.Op == program.Retype && in.Type == column.Date:
		return checkedMap(kernel.CheckInts32, kernel.Int32Faults)
	case in.Op == program.Retype && kind == column.Floats:
		return sameFloats
	case in.Op == program.Retype:
		return sameInts
	case in.Op == program.Format:
		return format(b.typ(in.Args[0]))
	}
	return nil
}

func toInt(c *call) {
	a := c.args[0].floats
	if kernel.FloatsToInts(c.dst.ints, a) {
		c.failed = kernel.FloatFaults(c.failed, a[:c.n])
	}
}

// format writes values of type t. A string is its own text.
func format(t column.Type) evaluate {
	switch {
	case t == column.Bool:
		return formatted(strconv.AppendBool, func(a *lane) []bool { return a.bools })
	case t.Temporal():
		return formatted(func(dst []byte, x int64) []byte { return program.AppendTime(dst, t, x) }, laneInts)
	case t.Kind() == column.Ints:
		return formatted(func(dst []byte, x int64) []byte { return strconv.AppendInt(dst, x, 10) }, laneInts)
	case t.Kind() == column.Floats:
		return formatted(func(dst []byte, x float64) []byte { return program.AppendReal(dst, t, x) }, laneFloats)
	}
	return func(c *call) { kernel.CopyTexts(&c.dst.text, &c.args[0].text) }
}

func laneInts(a *lane) []int64     { return a.ints }
func laneFloats(a *lane) []float64 { return a.floats }

func formatted[T any](write func(dst []byte, x T) []byte, values func(*lane) []T) evaluate {
	return func(c *call) {
		c.dst.open()
		kernel.FormatTexts(&c.dst.text, values(c.args[0]), c.dst.valid, write)
		c.dst.close()
	}
}

// parsing chooses from text to anything. With Imm.Int 1 what cannot be read is
// null.
func (b *binder) parsing(in *program.Instr, _ column.Kind) evaluate {
	read := parser(in)
	if read == nil || in.Imm.Int == 0 {
		return read
	}
	return func(c *call) {
		read(c)
		c.nullify()
	}
}

func parser(in *program.Instr) evaluate {
	switch in.Op {
	case program.ParseInt:
		return parsed(program.ParseIntText, func(d *lane) []int64 { return d.ints })
	case program.ParseFloat:
		return parsed(program.ParseFloatText, func(d *lane) []float64 { return d.floats })
	case program.ParseBool:
		return parsed(program.ParseBoolText, func(d *lane) []bool { return d.bools })
	case program.ParseTime:
		t := in.Type
		return parsed(func(s []byte) (int64, bool) { return program.ParseTimeText(t, s) }, laneInts)
	}
	return nil
}

func parsed[T any](read func(s []byte) (T, bool), values func(*lane) []T) evaluate {
	return func(c *call) {
		c.failed = kernel.ParseTexts(values(c.dst), &c.args[0].text, c.dst.valid, read, c.failed)
	}
}

// times chooses for dates and times.
func (b *binder) times(in *program.Instr, _ column.Kind) evaluate {
	var from column.Type
	if len(in.Args) > 0 {
		from = b.typ(in.Args[0])
	}
	switch in.Op {
	case program.DatePart:
		return b.datePart(in, from)
	case program.ToDate:
		if from == column.Timestamp {
			return walls(b.zone(in.Imm.Text), nil, false)
		}
		return mapped(func(x int64) int64 { days, _ := program.SplitDay(x); return days })
	case program.ToTimestamp:
		zone := b.zone(in.Imm.Text)
		if from == column.Date {
			return checked(func(days int64) (int64, bool) {
				wall, ok := program.DayMicros(days)
				if !ok {
					return 0, false
				}
				return zone.Instant(wall)
			})
		}
		return checked(zone.Instant)
	case program.ToDatetime:
		if from == column.Timestamp {
			return checked(b.zone(in.Imm.Text).WallMicros)
		}
		return checked(program.DayMicros)
	}
	return nil
}

func (b *binder) datePart(in *program.Instr, from column.Type) evaluate {
	part := in.Imm.Part
	ofDay := func(days int64) int64 { return program.DayPart(part, days) }
	ofClock := func(clock int64) int64 { return program.ClockPart(part, clock) }
	switch {
	case from == column.Date:
		return mapped(ofDay)
	case from == column.Datetime:
		return mapped(func(x int64) int64 { return program.PartOf(part, x) })
	case part.Clock():
		return walls(b.zone(in.Imm.Text), ofClock, true)
	}
	return walls(b.zone(in.Imm.Text), ofDay, false)
}

// walls computes f (nil: nothing) of the clocks or of the days of instants.
func walls(zone *program.Zone, f func(int64) int64, clock bool) evaluate {
	return func(c *call) {
		days, clocks := c.dst.ints, c.ints[:c.n]
		if clock {
			days, clocks = clocks, days
		}
		kernel.Walls(days, clocks, c.args[0].ints[:c.n], zone)
		if f != nil {
			kernel.MapInts(c.dst.ints, c.dst.ints, f)
		}
	}
}

func mapped(f func(int64) int64) evaluate {
	return func(c *call) { kernel.MapInts(c.dst.ints, c.args[0].ints, f) }
}

func checked(f func(int64) (int64, bool)) evaluate {
	return func(c *call) {
		c.failed = kernel.CheckedInts(c.dst.ints, c.args[0].ints, c.dst.valid, f, c.failed)
	}
}
