package program

// Civil dates are proleptic Gregorian with astronomical years (year 0 is 1 BC),
// counted in days since 1970-01-01. All arithmetic is in int64 and exact for
// every day that a Date, Datetime or Timestamp can hold.

const (
	daysPerEra = 146097 // 400 years
	// epochShift is the days from 0000-03-01 to 1970-01-01: years that start in
	// March put the leap day last, so that months follow one formula.
	epochShift = 719468

	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
	microsPerDay    = secondsPerDay * microsPerSecond
)

// CivilParts returns the year, month (1..12) and day (1..31) of a day.
func CivilParts(days int64) (year, month, day int64) {
	days += epochShift
	era, _ := FloorDivInt(days, daysPerEra)
	inEra := days - era*daysPerEra // 0..146096
	// A year has 365 days, one more in 4, one less in 100, one more in 400.
	yearOfEra := (inEra - inEra/1460 + inEra/36524 - inEra/146096) / 365
	inYear := inEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100) // from 1 March
	shifted := (5*inYear + 2) / 153                                 // months from March: 153 days in 5
	day = inYear - (153*shifted+2)/5 + 1
	year = yearOfEra + era*400
	if shifted < 10 {
		return year, shifted + 3, day
	}
	return year + 1, shifted - 9, day
}

// DaysOf returns the day of a date: the inverse of CivilParts. The date must exist
// (see MonthDays).
func DaysOf(year, month, day int64) int64 {
	shifted := month - 3
	if month < 3 {
		year--
		shifted = month + 9
	}
	era, _ := FloorDivInt(year, 400)
	yearOfEra := year - era*400
	inYear := (153*shifted+2)/5 + day - 1
	inEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + inYear
	return era*daysPerEra + inEra - epochShift
}

// LeapYear reports whether year has a 29 February.
func LeapYear(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// MonthDays returns how many days a month (1..12) has.
func MonthDays(year, month int64) int64 {
	switch month {
	case 2:
		if LeapYear(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

// WeekdayOf returns Monday 0 .. Sunday 6. 1970-01-01 was a Thursday.
func WeekdayOf(days int64) int64 { return ModInt(days+3, 7) }

// WeekOf returns the ISO 8601 week, 1..53: weeks start on Monday, and a week
// belongs to the year that its Thursday is in.
func WeekOf(days int64) int64 {
	thursday := days - WeekdayOf(days) + 3
	year, _, _ := CivilParts(thursday)
	return (thursday-DaysOf(year, 1, 1))/7 + 1
}

// DayPart returns a part of a day. The parts of the clock are 0.
func DayPart(part Part, days int64) int64 {
	switch part {
	case Week:
		return WeekOf(days)
	case Weekday:
		return WeekdayOf(days)
	case IsWeekend:
		return one(WeekdayOf(days) >= 5)
	}
	year, month, day := CivilParts(days)
	switch part {
	case Year:
		return year
	case Semester:
		return (month-1)/6 + 1
	case Quarter:
		return (month-1)/3 + 1
	case Month:
		return month
	case Day:
		return day
	case DayOfYear:
		return days - DaysOf(year, 1, 1) + 1
	case DaysInMonth:
		return MonthDays(year, month)
	case IsLeapYear:
		return one(LeapYear(year))
	}
	return one(borderPart(part, year, month, day))
}

// borderPart reports whether a date is the first or last day of a period.
func borderPart(part Part, year, month, day int64) bool {
	first, last := day == 1, day == MonthDays(year, month)
	switch part {
	case IsMonthStart:
		return first
	case IsMonthEnd:
		return last
	case IsQuarterStart:
		return first && month%3 == 1
	case IsQuarterEnd:
		return last && month%3 == 0
	case IsYearStart:
		return first && month == 1
	case IsYearEnd:
		return last && month == 12
	}
	return false
}

// ClockPart returns Hour, Minute, Second or Microsecond of the microseconds since
// midnight.
func ClockPart(part Part, micros int64) int64 {
	switch part {
	case Hour:
		return micros / (3600 * microsPerSecond)
	case Minute:
		return micros / (60 * microsPerSecond) % 60
	case Second:
		return micros / microsPerSecond % 60
	case Microsecond:
		return micros % microsPerSecond
	}
	return 0
}

// PartOf returns a part of a wall clock: microseconds since 1970-01-01T00:00:00.
func PartOf(part Part, micros int64) int64 {
	days, inDay := SplitDay(micros)
	if part.Clock() {
		return ClockPart(part, inDay)
	}
	return DayPart(part, days)
}

// SplitDay returns the day of a wall clock and the microseconds since midnight.
func SplitDay(micros int64) (days, inDay int64) {
	days, _ = FloorDivInt(micros, microsPerDay)
	return days, micros - days*microsPerDay
}

// DayMicros returns the microseconds of a day's midnight, and false when they are
// outside of int64: some Dates have no Datetime.
func DayMicros(days int64) (int64, bool) { return MulInt(days, microsPerDay) }

func one(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
