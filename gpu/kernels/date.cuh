// Civil dates and time zones as package features/program defines them (date.go,
// zone.go).
#pragma once
#include "number.cuh"

#define MICROS_PER_SECOND 1000000ll
#define SECONDS_PER_DAY 86400ll
#define MICROS_PER_DAY (SECONDS_PER_DAY * MICROS_PER_SECOND)

// The numbers of program.Part.
enum {
  YEAR = 1, SEMESTER, QUARTER, MONTH, WEEK, DAY, DAY_OF_YEAR, WEEKDAY, HOUR, MINUTE, SECOND, MICROSECOND,
  DAYS_IN_MONTH, IS_LEAP_YEAR, IS_WEEKEND, IS_MONTH_START, IS_MONTH_END, IS_QUARTER_START, IS_QUARTER_END,
  IS_YEAR_START, IS_YEAR_END,
};

// Division towards -Inf by a positive constant.
DEVICE i64 floor_by(i64 a, i64 b) {
  i64 q = a / b;
  return q - (q * b > a);
}

struct Civil {
  i64 year;
  i32 month, day;  // from 1
};

DEVICE Civil civil_of(i64 days) {
  days += 719468;  // from 0000-03-01
  i64 era = floor_by(days, 146097);
  i32 in_era = (i32)(days - era * 146097);
  i32 year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
  i32 in_year = in_era - (365 * year + year / 4 - year / 100);
  i32 shifted = (5 * in_year + 2) / 153;
  i32 day = in_year - (153 * shifted + 2) / 5 + 1;
  bool late = shifted >= 10;
  return {year + era * 400 + late, late ? shifted - 9 : shifted + 3, day};
}

// The day of 1 January.
DEVICE i64 new_year(i64 year) {
  year--;  // which starts in March, and ends with our January and February
  i64 era = floor_by(year, 400);
  i32 in = (i32)(year - era * 400);
  return era * 146097 + in * 365 + in / 4 - in / 100 + 306 - 719468;
}

DEVICE bool leap_year(i64 year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

DEVICE i32 month_days(i64 year, i32 month) {
  if (month == 2) return 28 + leap_year(year);
  return 30 + ((month + (month >> 3)) & 1);
}

DEVICE i64 weekday_of(i64 days) { return days + 3 - 7 * floor_by(days + 3, 7); }

DEVICE i64 week_of(i64 days) {
  i64 thursday = days - weekday_of(days) + 3;
  return (thursday - new_year(civil_of(thursday).year)) / 7 + 1;
}

DEVICE i64 day_part(u32 part, i64 days) {
  if (part == WEEK) return week_of(days);
  if (part == WEEKDAY) return weekday_of(days);
  if (part == IS_WEEKEND) return weekday_of(days) >= 5;
  Civil c = civil_of(days);
  bool first = c.day == 1, last = c.day == month_days(c.year, c.month);
  switch (part) {
    case YEAR: return c.year;
    case SEMESTER: return (c.month - 1) / 6 + 1;
    case QUARTER: return (c.month - 1) / 3 + 1;
    case MONTH: return c.month;
    case DAY: return c.day;
    case DAY_OF_YEAR: return days - new_year(c.year) + 1;
    case DAYS_IN_MONTH: return month_days(c.year, c.month);
    case IS_LEAP_YEAR: return leap_year(c.year);
    case IS_MONTH_START: return first;
    case IS_MONTH_END: return last;
    case IS_QUARTER_START: return first && c.month % 3 == 1;
    case IS_QUARTER_END: return last && c.month % 3 == 0;
    case IS_YEAR_START: return first && c.month == 1;
    case IS_YEAR_END: return last && c.month == 12;
  }
  return 0;
}

// A part of the microseconds since midnight.
DEVICE i64 clock_part(u32 part, i64 micros) {
  switch (part) {
    case HOUR: return micros / (3600 * MICROS_PER_SECOND);
    case MINUTE: return micros / (60 * MICROS_PER_SECOND) % 60;
    case SECOND: return micros / MICROS_PER_SECOND % 60;
    case MICROSECOND: return micros % MICROS_PER_SECOND;
  }
  return 0;
}

// A zone lies in the pool as: n, the second from which on it says nothing (the greatest
// integer: there is none), n seconds from which offsets hold (ascending; the first is the
// least integer), n offsets in seconds east of UTC. Address 0 is UTC.

// The span in which a second lies.
DEVICE i64 span_of(u64 zone, i64 second) {
  i64 low = 0, high = read<i64>(zone, 0);
  while (high - low > 1) {
    i64 mid = (low + high) >> 1;
    if (read<i64>(zone, 2 + mid) <= second) low = mid;
    else high = mid;
  }
  return low;
}

DEVICE i64 offset_of(u64 zone, i64 span) { return read<i64>(zone, 2 + read<i64>(zone, 0) + span); }

// What the clocks show at an instant: a day, and the microseconds since midnight.
struct Wall {
  i64 day, clock;
  bool beyond;  // of the zone's table: garbage
};

DEVICE Wall wall_of(u64 zone, i64 instant) {
  i64 second = floor_by(instant, MICROS_PER_SECOND);
  i64 fraction = instant - second * MICROS_PER_SECOND;
  bool beyond = false;
  if (zone != 0) {
    beyond = second >= read<i64>(zone, 1);
    second += offset_of(zone, span_of(zone, second));
  }
  i64 day = floor_by(second, SECONDS_PER_DAY);
  return {day, (second - day * SECONDS_PER_DAY) * MICROS_PER_SECOND + fraction, beyond};
}

// The offset, in microseconds, at an instant.
DEVICE Checked offset_at(u64 zone, i64 instant) {
  i64 second = floor_by(instant, MICROS_PER_SECOND);
  return {offset_of(zone, span_of(zone, second)) * MICROS_PER_SECOND, second >= read<i64>(zone, 1)};
}

// The offset, in microseconds, at the instant when clocks showed wall: program.Zone.Instant
// says which, where that happened twice or never.
DEVICE Checked offset_of_wall(u64 zone, i64 wall) {
  const i64 most = 26 * 3600;  // no zone was ever further from UTC
  i64 second = floor_by(wall, MICROS_PER_SECOND);
  if (second + most >= read<i64>(zone, 1)) return {0, true};
  i64 count = read<i64>(zone, 0);
  i64 span = span_of(zone, second - most);
  i64 offset = offset_of(zone, span);
  for (; span + 1 < count; span++) {
    i64 end = read<i64>(zone, 2 + span + 1);
    if (end > second - offset) break;
    i64 next = offset_of(zone, span + 1);
    if (second - next < end) break;
    offset = next;
  }
  return {offset * MICROS_PER_SECOND, false};
}
