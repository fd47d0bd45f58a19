package program

import "quern/features/column"

// The text of times is ISO 8601's extended form:
//
//	Date       2001-06-01
//	Datetime   2001-06-01T17:30:00      2001-06-01T17:30:00.25
//	Timestamp  2001-06-01T17:30:00Z     2001-06-01T17:30:00+02:00
//
// Years outside of 0000..9999 have a sign and at least four digits: -0044, +12024.

// AppendTime writes a temporal value. A Timestamp is written in UTC. Fractions of
// a second have as many digits as they need, none if they are zero.
func AppendTime(dst []byte, t column.Type, x int64) []byte {
	if t == column.Date {
		return appendDate(dst, x)
	}
	days, inDay := SplitDay(x)
	dst = append(appendDate(dst, days), 'T')
	dst = append(appendPadded(dst, ClockPart(Hour, inDay), 2), ':')
	dst = append(appendPadded(dst, ClockPart(Minute, inDay), 2), ':')
	dst = appendPadded(dst, ClockPart(Second, inDay), 2)
	if fraction := ClockPart(Microsecond, inDay); fraction != 0 {
		dst = appendPadded(append(dst, '.'), fraction, 6)
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	if t == column.Timestamp {
		dst = append(dst, 'Z')
	}
	return dst
}

func appendDate(dst []byte, days int64) []byte {
	year, month, day := CivilParts(days)
	switch {
	case year < 0:
		dst = append(dst, '-')
		year = -year
	case year > 9999:
		dst = append(dst, '+')
	}
	dst = append(appendPadded(dst, year, 4), '-')
	dst = append(appendPadded(dst, month, 2), '-')
	return appendPadded(dst, day, 2)
}

// appendPadded writes x >= 0 with at least width digits.
func appendPadded(dst []byte, x int64, width int) []byte {
	start := len(dst)
	for ; x > 0 || len(dst)-start < width; x /= 10 {
		dst = append(dst, byte('0'+x%10))
	}
	for i, j := start, len(dst)-1; i < j; i, j = i+1, j-1 {
		dst[i], dst[j] = dst[j], dst[i]
	}
	return dst
}

// ParseTimeText reads a value of temporal type t, and returns false for what is
// none: a part that does not exist (30 February, hour 24, second 60), white space,
// or a value outside of the type. A Date has no clock. A Datetime may lack the
// clock (midnight) or the seconds and has no zone. A Timestamp must have clock and
// zone: Z, +02, +0200 or +02:00. T may be a space; T and Z may be small. Digits
// beyond microseconds are dropped (which floors).
func ParseTimeText(t column.Type, s []byte) (int64, bool) {
	p := timeReader{rest: s, ok: true}
	days := p.date()
	if t == column.Date {
		return days, p.done() && days == int64(int32(days))
	}
	if t == column.Datetime && len(p.rest) == 0 {
		micros, fits := DayMicros(days)
		return micros, p.ok && fits
	}
	p.oneOf("Tt ")
	inDay := p.clock()
	if t == column.Timestamp {
		inDay -= p.zone() * microsPerSecond
	}
	if !p.done() {
		return 0, false
	}
	return addClock(days, inDay)
}

// addClock returns days*microsPerDay + inDay, where inDay may reach into the
// days around. The product alone may be too small though the sum is not.
func addClock(days, inDay int64) (int64, bool) {
	more, rest := SplitDay(inDay)
	days += more
	if days < 0 {
		days, rest = days+1, rest-microsPerDay
	}
	micros, ok := DayMicros(days)
	if !ok {
		return 0, false
	}
	return AddInt(micros, rest)
}

// timeReader reads from the front of rest; the first mistake clears ok for good.
type timeReader struct {
	rest []byte
	ok   bool
}

func (p *timeReader) done() bool { return p.ok && len(p.rest) == 0 }

// peek returns the next byte, or 0.
func (p *timeReader) peek() byte {
	if len(p.rest) == 0 {
		return 0
	}
	return p.rest[0]
}

// oneOf reads one of the given bytes.
func (p *timeReader) oneOf(bytes string) byte {
	c := p.peek()
	for i := range len(bytes) {
		if c != 0 && bytes[i] == c {
			p.rest = p.rest[1:]
			return c
		}
	}
	p.ok = false
	return 0
}

// digits reads at least low and at most high digits.
func (p *timeReader) digits(low, high int) int64 {
	n, x := 0, int64(0)
	for ; n < high && n < len(p.rest) && '0' <= p.rest[n] && p.rest[n] <= '9'; n++ {
		x = x*10 + int64(p.rest[n]-'0')
	}
	p.rest = p.rest[n:]
	p.ok = p.ok && n >= low
	return x
}

// within reads two digits of at most high.
func (p *timeReader) within(low, high int64) int64 {
	x := p.digits(2, 2)
	p.ok = p.ok && x >= low && x <= high
	return x
}

// date reads a date. Years have at most 7 digits: more than any type can hold.
func (p *timeReader) date() int64 {
	var year int64
	switch p.peek() {
	case '-':
		p.oneOf("-")
		year = -p.digits(4, 7)
	case '+':
		p.oneOf("+")
		year = p.digits(4, 7)
	default:
		year = p.digits(4, 4)
	}
	p.oneOf("-")
	month := p.within(1, 12)
	p.oneOf("-")
	day := p.within(1, 31)
	p.ok = p.ok && day <= MonthDays(year, month)
	if !p.ok {
		return 0
	}
	return DaysOf(year, month, day)
}

// clock reads 17:30, 17:30:00 or 17:30:00.25 as microseconds since midnight.
func (p *timeReader) clock() int64 {
	seconds := p.within(0, 23) * 3600
	p.oneOf(":")
	seconds += p.within(0, 59) * 60
	if p.peek() != ':' {
		return seconds * microsPerSecond
	}
	p.oneOf(":")
	seconds += p.within(0, 59)
	if p.peek() != '.' {
		return seconds * microsPerSecond
	}
	p.oneOf(".")
	return seconds*microsPerSecond + p.fraction()
}

// fraction reads one or more digits after the point as microseconds.
func (p *timeReader) fraction() int64 {
	before := len(p.rest)
	micros := p.digits(1, 6)
	for n := before - len(p.rest); n < 6; n++ {
		micros *= 10
	}
	for '0' <= p.peek() && p.peek() <= '9' {
		p.rest = p.rest[1:]
	}
	return micros
}

// zone reads Z, +02, +0200 or +02:00 as seconds east of UTC.
func (p *timeReader) zone() int64 {
	sign := p.oneOf("Zz+-")
	if sign != '+' && sign != '-' {
		return 0
	}
	seconds := p.within(0, 23) * 3600
	if p.peek() == ':' {
		p.oneOf(":")
		seconds += p.within(0, 59) * 60
	} else if len(p.rest) > 0 {
		seconds += p.within(0, 59) * 60
	}
	if sign == '-' {
		return -seconds
	}
	return seconds
}
