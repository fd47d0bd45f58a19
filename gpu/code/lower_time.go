package code

import (
	"quern/features/column"
	"quern/features/program"
)

const microsPerDay = 86_400_000_000

// time is DatePart, ToDate, ToDatetime and ToTimestamp.
func (l *lowering) time(in *program.Instr, from column.Type, x operand) operand {
	zone := l.zone(in.Imm.Text)
	if in.Op == program.DatePart {
		return l.part(in.Imm.Part, from, zone, x)
	}
	if in.Op == program.ToDate {
		return l.once(WallDay, x, bitsOf(zone))
	}
	if from == column.Date {
		x = l.emit(MulInt, x, intOf(microsPerDay))
	}
	switch {
	case zone == 0:
		return x
	case in.Op == program.ToTimestamp:
		return l.emit(SubInt, x, l.once(OffsetWall, x, bitsOf(zone)))
	}
	return l.emit(AddInt, x, l.once(Offset, x, bitsOf(zone)))
}

// zone returns the place of a zone in the pool, or 0 for a wall clock (no name) and for
// what is UTC always.
func (l *lowering) zone(name string) uint64 {
	if at, ok := l.zones[name]; ok || name == "" {
		return at
	}
	if table := zoneTable(name); table != nil {
		l.zones[name] = l.pool.add(table)
	} else {
		l.zones[name] = 0
	}
	return l.zones[name]
}

// part is DatePart.
func (l *lowering) part(part program.Part, from column.Type, zone uint64, x operand) operand {
	number := intOf(int64(part))
	switch {
	case part.Clock():
		return l.emit(ClockPart, l.once(WallClock, x, bitsOf(zone)), number)
	case from != column.Date:
		x = l.once(WallDay, x, bitsOf(zone))
	}
	return l.emit(DayPart, x, number)
}
