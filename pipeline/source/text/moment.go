package text

import "quern/features/column"

// moment is a day, a wall clock or an instant as it is written: in ISO 8601's
// extended form, with T, t or a space before the clock, seconds and their fraction
// optional, and Z, z, +02, +0200 or +02:00 as the zone. Years other than 0000 to
// 9999 have a sign.
type moment struct {
	days    int64 // since 1970-01-01
	seconds int64 // of the clock
	micros  int64
	east    int64 // of UTC, in seconds
	clock   bool
	zone    bool
	inexact bool // digits beyond microseconds were dropped
}

// class returns which type of time m is.
func (m *moment) class() classes {
	switch {
	case m.zone:
		return timestampCell
	case m.clock:
		return datetimeCell
	}
	return dateCell
}

// value returns m as a value of the type of a class, and false if it is out of range.
func (m *moment) value(class classes) (int64, bool) {
	if class == dateCell {
		return m.days, m.days == int64(int32(m.days))
	}
	seconds := m.days*86_400 + m.seconds - m.east // years have at most 7 digits
	const most = 9_223_372_036_854_775_807
	switch {
	case seconds > most/1_000_000 || seconds == most/1_000_000 && m.micros > most%1_000_000:
		return 0, false
	case seconds >= 0:
		return seconds*1_000_000 + m.micros, true
	}
	// The least value is -(most + 1). One second more avoids that seconds*1e6 is less.
	seconds, micros := seconds+1, m.micros-1_000_000
	if seconds < -(most/1_000_000) || seconds == -(most/1_000_000) && micros < -(most%1_000_000)-1 {
		return 0, false
	}
	return seconds*1_000_000 + micros, true
}

// parseTime reads a value of a temporal type. A date has no clock, a datetime may
// lack it (midnight) and has no zone, a timestamp must have clock and zone.
func parseTime(t column.Type, s []byte) (int64, bool) {
	m, ok := parseMoment(s)
	if !ok {
		return 0, false
	}
	switch class := m.class(); {
	case t == column.Date && class == dateCell:
		return m.value(dateCell)
	case t == column.Datetime && class != timestampCell:
		return m.value(datetimeCell)
	case t == column.Timestamp && class == timestampCell:
		return m.value(timestampCell)
	}
	return 0, false
}

// parseMoment reads a moment; false if s is none, or one that no calendar or clock
// shows.
func parseMoment(s []byte) (m moment, ok bool) {
	rest, ok := m.readDate(s)
	if !ok || len(rest) == 0 {
		return m, ok
	}
	if c := rest[0]; c != 'T' && c != 't' && c != ' ' {
		return m, false
	}
	if rest, ok = m.readClock(rest[1:]); !ok || len(rest) == 0 {
		return m, ok
	}
	return m, m.readZone(rest)
}

// readDate reads 2001-06-01 from the front of s and returns what follows.
func (m *moment) readDate(s []byte) (rest []byte, ok bool) {
	digits, sign := 4, int64(1)
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		if s[0] == '-' {
			sign = -1
		}
		s = s[1:]
		for digits < 7 && digits < len(s) && s[digits]-'0' <= 9 {
			digits++
		}
	}
	if len(s) < digits+len("-06-01") || s[digits] != '-' || s[digits+3] != '-' || !onlyDigits(s[:digits]) {
		return nil, false
	}
	year := int64(0)
	for _, c := range s[:digits] {
		year = year*10 + int64(c-'0')
	}
	year *= sign
	month, day := twoDigits(s[digits+1:]), twoDigits(s[digits+4:])
	if month < 1 || month > 12 || day < 1 || day > monthDays(year, month) {
		return nil, false
	}
	m.days = daysOf(year, month, day)
	return s[digits+6:], true
}

// readClock reads 17:30, 17:30:00 or 17:30:00.25 from the front of s.
func (m *moment) readClock(s []byte) (rest []byte, ok bool) {
	if len(s) < len("17:30") || s[2] != ':' {
		return nil, false
	}
	hour, minute, second := twoDigits(s), twoDigits(s[3:]), int64(0)
	s = s[5:]
	if len(s) > 0 && s[0] == ':' {
		if len(s) < len(":00") {
			return nil, false
		}
		second = twoDigits(s[1:])
		s = s[3:]
		if len(s) > 0 && s[0] == '.' {
			if s, ok = m.readFraction(s[1:]); !ok {
				return nil, false
			}
		}
	}
	if hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return nil, false
	}
	m.clock, m.seconds = true, hour*3600+minute*60+second
	return s, true
}

// readFraction reads the digits after the point. Those beyond microseconds are
// dropped, which rounds down.
func (m *moment) readFraction(s []byte) (rest []byte, ok bool) {
	n, unit := 0, int64(100_000)
	for ; n < len(s) && s[n]-'0' <= 9; n++ {
		m.micros += int64(s[n]-'0') * unit
		m.inexact = m.inexact || unit == 0 && s[n] != '0'
		unit /= 10
	}
	return s[n:], n > 0
}

// readZone reads Z, +02, +0200 or +02:00, which must be all of s.
func (m *moment) readZone(s []byte) bool {
	m.zone = true
	if len(s) == 1 {
		return s[0] == 'Z' || s[0] == 'z'
	}
	if s[0] != '+' && s[0] != '-' {
		return false
	}
	minute := int64(0)
	switch {
	case len(s) == len("+02"):
	case len(s) == len("+0200"):
		minute = twoDigits(s[3:])
	case len(s) == len("+02:00") && s[3] == ':':
		minute = twoDigits(s[4:])
	default:
		return false
	}
	hour := twoDigits(s[1:])
	m.east = hour*3600 + minute*60
	if s[0] == '-' {
		m.east = -m.east
	}
	return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59
}

// twoDigits returns the number that s, of two bytes at least, begins with; -1 if its
// first two bytes are not digits.
func twoDigits(s []byte) int64 {
	if s[0]-'0' > 9 || s[1]-'0' > 9 {
		return -1
	}
	return int64(s[0]-'0')*10 + int64(s[1]-'0')
}

// monthDays returns how many days a month has, by the Gregorian rule for all years.
func monthDays(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	}
	return 31
}

func leap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// daysOf returns the days from 1970-01-01 to a date that exists (Reingold and
// Dershowitz, Calendrical Calculations, "fixed from Gregorian": day 1 is 0001-01-01,
// and 1970-01-01 is day 719163).
func daysOf(year, month, day int64) int64 {
	before := year - 1
	fixed := 365*before + floorDiv(before, 4) - floorDiv(before, 100) + floorDiv(before, 400) + (367*month-362)/12 + day
	switch {
	case month <= 2:
	case leap(year):
		fixed--
	default:
		fixed -= 2
	}
	return fixed - 719163
}

// floorDiv returns x/y rounded down, y > 0.
func floorDiv(x, y int64) int64 {
	q := x / y
	if x%y < 0 {
		q--
	}
	return q
}
