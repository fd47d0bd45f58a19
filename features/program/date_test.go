package program

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"quern/features/column"
)

// wantPart computes a part with package time.
func wantPart(part Part, at time.Time) int64 {
	_, week := at.ISOWeek()
	monthDays := int64(time.Date(at.Year(), at.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day())
	month, day := int64(at.Month()), int64(at.Day())
	switch part {
	case Year:
		return int64(at.Year())
	case Semester:
		return (month + 5) / 6
	case Quarter:
		return (month + 2) / 3
	case Month:
		return month
	case Week:
		return int64(week)
	case Day:
		return day
	case DayOfYear:
		return int64(at.YearDay())
	case Weekday:
		return int64(at.Weekday()+6) % 7
	case Hour:
		return int64(at.Hour())
	case Minute:
		return int64(at.Minute())
	case Second:
		return int64(at.Second())
	case Microsecond:
		return int64(at.Nanosecond() / 1000)
	case DaysInMonth:
		return monthDays
	case IsLeapYear:
		return one(time.Date(at.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay() == 366)
	case IsWeekend:
		return one(at.Weekday() == time.Saturday || at.Weekday() == time.Sunday)
	case IsMonthStart:
		return one(day == 1)
	case IsMonthEnd:
		return one(day == monthDays)
	case IsQuarterStart:
		return one(day == 1 && month%3 == 1)
	case IsQuarterEnd:
		return one(day == monthDays && month%3 == 0)
	case IsYearStart:
		return one(at.YearDay() == 1)
	case IsYearEnd:
		return one(month == 12 && day == 31)
	}
	panic("no such part")
}

func checkParts(t *testing.T, micros int64) {
	t.Helper()
	at := time.UnixMicro(micros).UTC()
	for _, part := range Parts() {
		if got, want := PartOf(part, micros), wantPart(part, at); got != want {
			t.Fatalf("%s of %d (%s) is %d, not %d", part, micros, at, got, want)
		}
	}
}

func TestPartsAgainstTime(t *testing.T) {
	// Every day (testing.Short: every fifth) of 1895 to 2105, at odd times of day, then far away.
	step := int64(1)
	if testing.Short() {
		step = 5
	}
	for day := int64(-27394); day < 49309; day += step {
		checkParts(t, day*microsPerDay+ModInt(day*7_777_777_777, microsPerDay))
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		checkParts(t, int64(rng.Uint64()))
	}
	for _, micros := range []int64{math.MinInt64, math.MinInt64 + 1, -1, 0, math.MaxInt64} {
		checkParts(t, micros)
	}
}

// CivilParts and DaysOf are inverses on every Date (sampled) and agree with time.
func TestCivilParts(t *testing.T) {
	check := func(days int64) {
		year, month, day := CivilParts(days)
		at := time.Unix(days*secondsPerDay, 0).UTC()
		if year != int64(at.Year()) || month != int64(at.Month()) || day != int64(at.Day()) || DaysOf(year, month, day) != days {
			t.Fatalf("day %d is %d-%d-%d, not %s", days, year, month, day, at)
		}
	}
	for days := int64(math.MinInt32); days <= math.MaxInt32; days += 9973 {
		check(days)
	}
	for days := int64(-2 * daysPerEra); days < 2*daysPerEra; days++ {
		check(days)
	}
	check(math.MinInt32)
	check(math.MaxInt32)
}

func TestPeriods(t *testing.T) {
	for _, part := range Parts() {
		first, period, ok := part.Period()
		for day := int64(-1000); ok && day < 1000; day++ {
			if x := PartOf(part, day*microsPerDay+day*day); x < first || x >= first+period {
				t.Fatalf("%s %d is not within %d and %d values", part, x, first, period)
			}
		}
		if back, found := ParsePart(part.String()); !found || back != part {
			t.Errorf("%s does not read back", part)
		}
		if ok && (part.Flag() || part == Year) {
			t.Errorf("%s comes round", part)
		}
	}
	if _, ok := ParsePart(""); ok || NoPart.String() != "invalid" || numParts.String() != "invalid" {
		t.Error("a part without a name")
	}
}

// Times read back from their text, and truncated or changed text never panics.
func TestTimeText(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, typ := range []column.Type{column.Date, column.Datetime, column.Timestamp} {
		for range 5000 {
			x := int64(rng.Uint64()) >> rng.IntN(64)
			if typ == column.Date {
				x = int64(int32(x))
			}
			text := AppendTime(nil, typ, x)
			if back, ok := ParseTimeText(typ, text); !ok || back != x {
				t.Fatalf("%s %d is written %s and read %d, %v", typ, x, text, back, ok)
			}
			text[rng.IntN(len(text))] = byte(rng.Uint32())
			ParseTimeText(typ, text[:rng.IntN(len(text)+1)])
		}
	}
	for range 2000 {
		x := rng.Int64N(253402300799) * 1_000_000 // to the year 9999
		want := time.UnixMicro(x).UTC().Format(time.RFC3339Nano)
		if got := string(AppendTime(nil, column.Timestamp, x)); got != want {
			t.Fatalf("%d is %s, not %s", x, got, want)
		}
	}
}

// The embedded file is the one that TimezoneDataVersion says.
func TestTimezoneData(t *testing.T) {
	sum := sha256.Sum256(zoneFile)
	const want = "8f55634d05f8bca1f7bc7c69c5933428c69357e0bdf565e5ba224e3f88ff12e8"
	if hex.EncodeToString(sum[:]) != want || TimezoneDataVersion() != "2025c" {
		t.Error("zoneinfo.zip, TimezoneDataVersion and this test change together")
	}
}

func TestLoadZone(t *testing.T) {
	for _, name := range []string{"", "Local", "Europe", "Europe/", "../UTC", "Europe/berlin", "Nowhere", "\x00"} {
		if _, err := LoadZone(name); err == nil {
			t.Errorf("zone %q loads", name)
		}
	}
}

// instantByTrial finds the earliest instant at which clocks showed wall, from the
// offsets that were in force in the days around, or else the offset before the gap.
func instantByTrial(z *Zone, wall int64) int64 {
	second := floorSecond(wall)
	best, found := int64(0), false
	gap := int64(0)
	for at := second - 2*secondsPerDay; at < second+2*secondsPerDay; {
		offset, _, end := z.Span(at)
		if u := second - offset; z.Offset(u) == offset && (!found || u < best) {
			best, found = u, true
		}
		if next := z.Offset(end); end < second+2*secondsPerDay && end+offset <= second && second < end+next {
			gap = offset
		}
		at = max(at+1, end)
		if end == math.MaxInt64 {
			break
		}
	}
	if !found {
		best = second - gap
	}
	return wall + (best-second)*microsPerSecond
}

// Instant agrees with trial around every jump of many zones, and Wall undoes it
// outside of gaps.
func TestInstant(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe",
		"Pacific/Apia", "Asia/Manila", "Africa/Casablanca", "Europe/Dublin", "Antarctica/Troll", "Asia/Kathmandu"}
	gaps, folds := 0, 0
	for _, name := range zones {
		z, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(-5e9); at < 5e9; {
			offset, start, end := z.Span(at)
			if offset != z.Offset(at) || at < start || at >= end {
				t.Fatalf("%s: span [%d, %d) at %d", name, start, end, at)
			}
			for _, d := range []int64{-7200, -3600, -1800, -1, 0, 1, 1799, 1800, 3599, 3600, 7200, 86400} {
				wall := (max(start, -5e9)+offset+d)*microsPerSecond + 5
				got, ok := z.Instant(wall)
				if want := instantByTrial(z, wall); got != want || !ok {
					t.Fatalf("%s: clocks showed %s at %d, not %d", name, AppendTime(nil, column.Datetime, wall), want, got)
				}
				back, _ := z.WallMicros(got)
				if back != wall {
					gaps++
				} else if again, _ := z.WallMicros(got + 3600*microsPerSecond); again == wall {
					folds++
				}
				days, inDay := z.Wall(got)
				if days*microsPerDay+inDay != back {
					t.Fatalf("%s: Wall and WallMicros differ at %d", name, got)
				}
			}
			if end == math.MaxInt64 {
				break
			}
			at = end
		}
	}
	if gaps < 1000 || folds < 100 {
		t.Errorf("%d gaps, %d folds", gaps, folds)
	}
}

// Parts of an instant agree with package time in the zone, at the ends of int64 too.
func TestZonePart(t *testing.T) {
	z, err := LoadZone("America/St_Johns")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	instants := []int64{math.MinInt64, math.MaxInt64, 0, -1}
	for range 3000 {
		instants = append(instants, int64(rng.Uint64())>>rng.IntN(30))
	}
	for _, x := range instants {
		at := time.UnixMicro(x).In(z.location)
		for _, part := range Parts() {
			if got, want := z.Part(part, x), wantPart(part, at); got != want {
				t.Fatalf("%s of %s is %d, not %d", part, at, got, want)
			}
		}
	}
}

// zoneNames returns the names in the archive, as archive/zip sees it, and checks
// that zoneData finds the same bytes.
func zoneNames(t *testing.T) []string {
	archive, err := zip.NewReader(bytes.NewReader(zoneFile), int64(len(zoneFile)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range archive.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(data, zoneData(f.Name)) {
			t.Fatalf("%s: other bytes (%v)", f.Name, err)
		}
		names = append(names, f.Name)
	}
	return names
}

// The offset of a span holds everywhere in it, in every zone: kernels rely on it.
func TestSpans(t *testing.T) {
	if testing.Short() {
		t.Skip("every zone, about a second")
	}
	names := zoneNames(t)
	if len(names) < 500 {
		t.Errorf("only %d zones", len(names))
	}
	for _, name := range names {
		z, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(-5e9); at < 5e9; {
			offset, start, end := z.Span(at)
			step := int64(5*secondsPerDay + 3571)
			for x := max(start, -5e9); x < min(end, 5e9); x += step {
				if z.Offset(x) != offset {
					t.Fatalf("%s: offset %d at %d, but %d at %d within [%d, %d)", name, offset, at, z.Offset(x), x, start, end)
				}
			}
			if start > at || end <= at || start > -5e9 && z.Offset(start) != offset || end < 5e9 && z.Offset(end-1) != offset {
				t.Fatalf("%s: offset %d at %d does not hold within [%d, %d)", name, offset, at, start, end)
			}
			at = min(end, 5e9)
		}
	}
}
