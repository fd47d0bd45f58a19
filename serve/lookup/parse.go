package lookup

import (
	"math"
)

// plainDigits reports what keeps text from being -?(0|[1-9][0-9]*) without "-0".
func plainDigits(text []byte) Problem {
	digits := text
	if len(digits) > 0 && digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) == 0 || digits[0] == '0' && len(text) > 1 {
		return notDigits
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return notDigits
		}
	}
	return fine
}

// wholeNumber returns the exact value of a JSON number that is whole, however it is
// written: 1001, 1001.0, 1.001e3.
func wholeNumber(text []byte) (int64, Problem) {
	rest, negative := text, false
	if len(rest) > 0 && rest[0] == '-' {
		rest, negative = rest[1:], true
	}
	var n uint64
	i := 0
	for ; i < len(rest) && i < 18 && rest[i]-'0' <= 9; i++ {
		n = n*10 + uint64(rest[i]-'0')
	}
	if i == len(rest) && i > 0 {
		if negative {
			return -int64(n), fine
		}
		return int64(n), fine
	}
	return decimalNumber(rest, negative)
}

// decimalNumber is wholeNumber for long numbers and for those with a point or an
// exponent. It walks over the digits: those before the shifted point count, those
// after it must be zero.
func decimalNumber(text []byte, negative bool) (int64, Problem) {
	digits, exponent := text, 0
	for i, c := range text {
		if c == 'e' || c == 'E' {
			digits, exponent = text[:i], exponentOf(text[i+1:])
			break
		}
	}
	whole := len(digits) // digits before the point
	for i, c := range digits {
		if c == '.' {
			whole = i
			break
		}
	}
	var n uint64
	at := 0 // digits seen
	for _, c := range digits {
		if c == '.' {
			continue
		}
		d := uint64(c - '0')
		switch {
		case d > 9:
			return 0, notDigits
		case at >= whole+exponent && d != 0:
			return 0, notWhole
		case at < whole+exponent:
			if n > (math.MaxUint64-d)/10 {
				return 0, outOfRange
			}
			n = n*10 + d
		}
		at++
	}
	for ; at < whole+exponent && n != 0; at++ {
		if n > math.MaxUint64/10 {
			return 0, outOfRange
		}
		n *= 10
	}
	if negative && n <= 1<<63 {
		return -int64(n), fine
	}
	if negative || n > math.MaxInt64 {
		return 0, outOfRange
	}
	return int64(n), fine
}

// exponentOf reads [+-]?digits and stops at a million, which no number of an
// accepted length can bring back.
func exponentOf(text []byte) int {
	negative := false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		negative = text[0] == '-'
		text = text[1:]
	}
	e := 0
	for _, c := range text {
		if e = e*10 + int(c-'0'); e > 1e9 {
			e = 1e9
		}
	}
	if negative {
		return -e
	}
	return e
}

// The instants of the years 1 to 9999, which is what Feast's timestamps can say.
const (
	minSecond = -62135596800 // 0001-01-01T00:00:00Z
	maxSecond = 253402300799 // 9999-12-31T23:59:59Z
)

// clock is a time as it was written.
type clock struct {
	micros int64 // since 1970-01-01T00:00:00 on the written clock
	offset int64 // microseconds that the written clock is ahead of UTC
	zoned  bool
}

// ParseTime reads an ISO 8601 time as clients send them: 2026-11-22T10:00:00.123456Z,
// with a space for the T, with an offset, without a zone (which means UTC), or the
// day alone. It returns microseconds since 1970-01-01T00:00:00Z.
func ParseTime(text []byte) (int64, Problem) {
	c, p := parseClock(text)
	return c.micros - c.offset, p
}

func parseClock(text []byte) (c clock, p Problem) {
	s := scan{text}
	year, ok1 := s.number(4)
	ok2 := s.skip('-')
	month, ok3 := s.number(2)
	ok4 := s.skip('-')
	day, ok5 := s.number(2)
	if !(ok1 && ok2 && ok3 && ok4 && ok5) || year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return c, notTime
	}
	c.micros = daysFromCivil(year, month, day) * 86400e6
	if len(s.rest) == 0 {
		return c, fine
	}
	if !s.skip('T') && !s.skip(' ') {
		return c, notTime
	}
	hour, ok1 := s.number(2)
	ok2 = s.skip(':')
	minute, ok3 := s.number(2)
	var second int
	seconds := s.skip(':')
	if seconds {
		second, ok4 = s.number(2)
	}
	if !(ok1 && ok2 && ok3 && ok4) || hour > 23 || minute > 59 || second > 59 {
		return c, notTime
	}
	c.micros += int64(hour*3600+minute*60+second) * 1e6
	if seconds {
		if p := s.fraction(&c); p != fine {
			return c, p
		}
	}
	return c, s.zone(&c)
}

// scan reads a text from the left.
type scan struct{ rest []byte }

func (s *scan) skip(c byte) bool {
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// number reads exactly width digits.
func (s *scan) number(width int) (n int, ok bool) {
	if len(s.rest) < width {
		return 0, false
	}
	for _, c := range s.rest[:width] {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	s.rest = s.rest[width:]
	return n, true
}

// fraction reads an optional fraction of a second, of 1 to 9 digits.
func (s *scan) fraction(c *clock) Problem {
	if !s.skip('.') {
		return fine
	}
	unit, digits := int64(100000), 0
	for len(s.rest) > 0 && s.rest[0] >= '0' && s.rest[0] <= '9' {
		d := int64(s.rest[0] - '0')
		if unit == 0 && d != 0 {
			return tooFine
		}
		c.micros += d * unit
		unit /= 10
		digits++
		s.rest = s.rest[1:]
	}
	if digits == 0 || digits > 9 {
		return notTime
	}
	return fine
}

// zone reads nothing, Z, +HH:MM or +HHMM up to the end.
func (s *scan) zone(c *clock) Problem {
	if len(s.rest) == 0 {
		return fine
	}
	c.zoned = true
	if s.skip('Z') && len(s.rest) == 0 {
		return fine
	}
	sign := int64(1)
	if s.skip('-') {
		sign = -1
	} else if !s.skip('+') {
		return notTime
	}
	hour, ok1 := s.number(2)
	s.skip(':')
	minute, ok2 := s.number(2)
	if !ok1 || !ok2 || hour > 23 || minute > 59 || len(s.rest) > 0 {
		return notTime
	}
	c.offset = sign * int64(hour*60+minute) * 60e6
	return fine
}

func (c *Cells) instant(text []byte) Problem {
	n, p := ParseTime(text)
	if p != fine {
		return p
	}
	return c.AddMicros(n)
}

func (c *Cells) wallClock(text []byte) Problem {
	t, p := parseClock(text)
	switch {
	case p != fine:
		return p
	case t.zoned:
		return hasZone
	}
	return c.AddMicros(t.micros)
}

// day takes a day, or midnight of one on a clock without a zone.
func (c *Cells) day(text []byte) Problem {
	t, p := parseClock(text)
	if p != fine || t.zoned || t.micros%86400e6 != 0 {
		return notDay
	}
	c.Int32s = append(c.Int32s, int32(t.micros/86400e6))
	return c.present()
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// daysFromCivil returns the days from 1970-01-01 to a day of the Gregorian calendar.
// The year starts in March, so that the leap day is its last (H. Hinnant,
// "chrono-Compatible Low-Level Date Algorithms").
func daysFromCivil(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := year / 400
	yearOfEra := year - era*400
	dayOfYear := (153*(month-3)+2)/5 + day - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return int64(era*146097+dayOfEra) - 719468
}
