package feast

import (
	"quern/serve/lookup"
)

// The instants that protobuf's Timestamp can say: years 1 to 9999.
const (
	minSecond = -62135596800
	maxSecond = 253402300799
)

// split returns an instant as seconds and nanoseconds, as in protobuf's Timestamp. A
// row without a time has the epoch, as in Feast; what no Timestamp can say becomes the
// nearest that one can.
func split(micros int64) (seconds int64, nanos int32) {
	if micros == lookup.NoTime {
		return 0, 0
	}
	seconds = floorDiv(micros, 1e6)
	nanos = int32(micros-seconds*1e6) * 1000
	switch {
	case seconds < minSecond:
		return minSecond, 0
	case seconds > maxSecond:
		return maxSecond, 999999000
	}
	return seconds, nanos
}

// appendTime appends an instant as protobuf's JSON does: RFC 3339 in quotes, UTC, with
// no digits of a second's fraction, three or six.
func appendTime(dst []byte, micros int64) []byte {
	seconds, nanos := split(micros)
	days := floorDiv(seconds, 86400)
	rest := uint32(seconds - days*86400)
	year, month, day := civil(days)
	dst = append(dst, '"')
	dst = append(two(two(dst, year/100), year%100), '-')
	dst = append(two(dst, month), '-')
	dst = append(two(dst, day), 'T')
	dst = append(two(dst, rest/3600), ':')
	dst = append(two(dst, rest/60%60), ':')
	dst = two(dst, rest%60)
	if micros := uint32(nanos) / 1000; micros != 0 {
		dst = append(dst, '.')
		dst = append(two(dst, micros/10000), '0'+byte(micros/1000%10))
		if low := micros % 1000; low != 0 {
			dst = two(append(dst, '0'+byte(low/100)), low%100)
		}
	}
	return append(dst, 'Z', '"')
}

// two appends two digits.
func two(dst []byte, n uint32) []byte { return append(dst, '0'+byte(n/10), '0'+byte(n%10)) }

// civil returns the day of the Gregorian calendar that is days after 1970-01-01, for
// years 1 to 9999. The year starts in March, so that the leap day is its last
// (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
func civil(days int64) (year, month, day uint32) {
	n := uint32(days + 719468) // days since 0000-03-01
	era := n / 146097
	n -= era * 146097
	y := (n - n/1460 + n/36524 - n/146096) / 365
	n -= 365*y + y/4 - y/100
	m := (5*n + 2) / 153
	year, month, day = era*400+y, m+3, n-(153*m+2)/5+1
	if month > 12 {
		return year + 1, month - 12, day
	}
	return year, month, day
}
