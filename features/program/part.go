package program

// Part is a part of a date or time.
type Part uint8

// The parts. Weeks start on Monday; weeks and years of Week are ISO 8601's.
const (
	NoPart         Part = iota
	Year                // proleptic Gregorian, astronomical numbering
	Semester            // 1, 2
	Quarter             // 1..4
	Month               // 1..12
	Week                // ISO week 1..53
	Day                 // day of the month 1..31
	DayOfYear           // 1..366
	Weekday             // Monday 0 .. Sunday 6
	Hour                // 0..23
	Minute              // 0..59
	Second              // 0..59
	Microsecond         // 0..999999
	DaysInMonth         // 28..31
	IsLeapYear          // 0, 1, as are the following
	IsWeekend           // Saturday, Sunday
	IsMonthStart        // day 1
	IsMonthEnd          // last day
	IsQuarterStart      // first day of the first month
	IsQuarterEnd        // last day of the last month
	IsYearStart         // 1 January
	IsYearEnd           // 31 December
	numParts
)

// partNames returns the name of every part, by number.
func partNames() [numParts]string {
	return [numParts]string{
		Year: "year", Semester: "semester", Quarter: "quarter", Month: "month",
		Week: "week", Day: "day", DayOfYear: "day_of_year", Weekday: "weekday",
		Hour: "hour", Minute: "minute", Second: "second", Microsecond: "microsecond",
		DaysInMonth: "days_in_month", IsLeapYear: "is_leap_year", IsWeekend: "is_weekend",
		IsMonthStart: "is_month_start", IsMonthEnd: "is_month_end",
		IsQuarterStart: "is_quarter_start", IsQuarterEnd: "is_quarter_end",
		IsYearStart: "is_year_start", IsYearEnd: "is_year_end",
	}
}

// String returns the name that recipes and programs use: "day_of_year".
func (p Part) String() string {
	if p == NoPart || p >= numParts {
		return "invalid"
	}
	return partNames()[p]
}

// Parts returns every part, in the order of their numbers, without NoPart.
func Parts() []Part {
	all := make([]Part, 0, numParts-1)
	for p := NoPart + 1; p < numParts; p++ {
		all = append(all, p)
	}
	return all
}

// ParsePart returns the part called name, or NoPart and false.
func ParsePart(name string) (Part, bool) {
	for i, n := range partNames() {
		if n == name && n != "" {
			return Part(i), true
		}
	}
	return NoPart, false
}

// Clock reports whether p is a part of the time of day, which a Date does not have.
func (p Part) Clock() bool { return p >= Hour && p <= Microsecond }

// Flag reports whether p is 0 or 1.
func (p Part) Flag() bool { return p >= IsLeapYear && p < numParts }

// Period returns what a cyclical encoding needs: the angle of a value is
// 2 pi (value - first) / period. ok is false for parts that do not come round.
//
// The period is fixed per part, never that of the row's month or year: the week's
// is 53, the day's 31 and the day of the year's 366, so that equal values always
// have equal angles; a short month skips the end of the circle.
func (p Part) Period() (first, period int64, ok bool) {
	switch p {
	case Semester:
		return 1, 2, true
	case Quarter:
		return 1, 4, true
	case Month:
		return 1, 12, true
	case Week:
		return 1, 53, true
	case Day:
		return 1, 31, true
	case DayOfYear:
		return 1, 366, true
	case Weekday:
		return 0, 7, true
	case Hour:
		return 0, 24, true
	case Minute, Second:
		return 0, 60, true
	case Microsecond:
		return 0, 1_000_000, true
	}
	return 0, 0, false
}
