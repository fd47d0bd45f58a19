package program

import (
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// zoneFile is the IANA time zone database in the form that the Go distribution
// ships (lib/time/zoneinfo.zip; the data is in the public domain). It is embedded,
// and the machine's own is never read, so that a model means the same everywhere.
// Whoever replaces the file changes TimezoneDataVersion; a test compares the two.
//
//go:embed zoneinfo.zip
var zoneFile []byte

// TimezoneDataVersion is the release of the IANA time zone database that zones
// come from.
func TimezoneDataVersion() string { return "2025c" }

// maxOffset is more seconds than any zone was ever away from UTC.
const maxOffset = 26 * 3600

// Zone is a time zone's rules. It is immutable and safe for concurrent use.
type Zone struct{ location *time.Location }

// LoadZone returns the zone of an IANA name: "UTC", "Europe/Berlin". "Local" is
// no zone: it would mean something else on every machine.
func LoadZone(name string) (*Zone, error) {
	if name == "UTC" {
		return &Zone{time.UTC}, nil
	}
	if name == "" {
		return nil, errors.New("a time zone is needed")
	}
	data := zoneData(name)
	if len(data) == 0 { // a folder has no bytes
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	location, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return nil, fmt.Errorf("time zone %q: %w", name, err)
	}
	return &Zone{location}, nil
}

// zoneData returns the bytes of a zone, or nil. The archive is our own: its entries
// are stored, not compressed, and it has no comment, so that a walk over its central
// directory finds one in microseconds (ZIP application note 4.3.12 and 4.3.16; a
// test compares with archive/zip).
func zoneData(name string) []byte {
	const endLength, entryLength, localLength = 22, 46, 30
	word := func(at int) int { return int(binary.LittleEndian.Uint32(zoneFile[at:])) }
	half := func(at int) int { return int(binary.LittleEndian.Uint16(zoneFile[at:])) }
	end := len(zoneFile) - endLength
	for at, left := word(end+16), half(end+10); left > 0; left-- {
		names, extra, comment := half(at+28), half(at+30), half(at+32)
		if string(zoneFile[at+entryLength:at+entryLength+names]) == name {
			size, local := word(at+24), word(at+42)
			start := local + localLength + half(local+26) + half(local+28)
			return zoneFile[start : start+size]
		}
		at += entryLength + names + extra + comment
	}
	return nil
}

// Span returns the offset in seconds east of UTC at an instant (seconds since
// 1970-01-01T00:00:00Z) and the instants [start, end) around it in which it surely holds (neighbours may have the same offset).
// Kernels keep the last span: sorted or clustered times then cost a comparison.
func (z *Zone) Span(second int64) (offset, start, end int64) {
	at := time.Unix(second, 0).In(z.location)
	_, east := at.Zone()
	start, end = -1<<63, 1<<63-1
	first, last := at.ZoneBounds()
	if !first.IsZero() {
		start = first.Unix()
		if z.Offset(start) != int64(east) {
			// The last recorded change lies within what the rule for later years
			// alone would make the span (Ciudad Juarez, November 2022).
			start = second
		}
	}
	if !last.IsZero() {
		end = last.Unix()
	}
	if end <= second {
		// Beyond the recorded changes package time splits spans at the turn of the
		// year and counts 365 days: on the last day of a leap year the end that it
		// gives is the midnight before.
		end = max(end+secondsPerDay, second+1)
	}
	return int64(east), start, end
}

// Offset returns the offset in seconds east of UTC at an instant.
func (z *Zone) Offset(second int64) int64 {
	_, east := time.Unix(second, 0).In(z.location).Zone()
	return int64(east)
}

// Wall returns what the clocks showed at an instant, as a day and the
// microseconds since midnight. Unlike microseconds it cannot overflow.
func (z *Zone) Wall(instant int64) (days, inDay int64) {
	second, _ := FloorDivInt(instant, microsPerSecond)
	fraction := instant - second*microsPerSecond
	second += z.Offset(second)
	days, _ = FloorDivInt(second, secondsPerDay)
	return days, (second-days*secondsPerDay)*microsPerSecond + fraction
}

// WallMicros returns what the clocks showed at an instant, both in microseconds,
// and false when it is outside of int64.
func (z *Zone) WallMicros(instant int64) (int64, bool) {
	return AddInt(instant, z.Offset(floorSecond(instant))*microsPerSecond)
}

// Part returns a part of an instant in the zone.
func (z *Zone) Part(part Part, instant int64) int64 {
	days, inDay := z.Wall(instant)
	if part.Clock() {
		return ClockPart(part, inDay)
	}
	return DayPart(part, days)
}

// Instant returns when the clocks showed wall, both in microseconds, and false
// when it is outside of int64. Where clocks showed it twice, the earlier instant
// counts; where they jumped over it, the offset before the jump counts, so that
// the time moves forward by the length of the jump (02:30 becomes 03:30).
func (z *Zone) Instant(wall int64) (int64, bool) {
	second := floorSecond(wall)
	at := second - maxOffset
	offset, _, end := z.Span(at)
	// Walk the spans from one that is surely too early. The first one in which the
	// wall clock still comes before the span's end is the answer: either it lies in
	// the span (and this is its earliest instant), or it lies before the span, in the
	// gap after the last one.
	for end <= second-offset {
		next, _, nextEnd := z.Span(end)
		if second-next < end {
			break
		}
		offset, end = next, nextEnd
	}
	return SubInt(wall, offset*microsPerSecond)
}

func floorSecond(micros int64) int64 {
	second, _ := FloorDivInt(micros, microsPerSecond)
	return second
}
