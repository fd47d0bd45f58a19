package features

import (
	"math"

	"quern/features/column"
	"quern/features/program"
)

// Cast converts a column to another type.
type Cast struct {
	// To is the name of the type.
	To string `quern:"to"`
	// OnError says what a value gives that the type cannot hold.
	OnError CastError `quern:"on_error"`
	// Zone is the IANA time zone of conversions between instants and wall clocks.
	Zone string `quern:"zone"`
}

// NewCast returns a Cast that fails on values that do not convert; To must be set.
func NewCast() *Cast { return &Cast{OnError: CastFail} }

// CastError says what a value gives that the type cannot hold.
type CastError string

// The choices; the zero value is CastFail.
const (
	CastFail CastError = "fail" // the run ends with an error that names the row
	CastNull CastError = "null" // the value becomes null
)

// Choices implements Chooser.
func (CastError) Choices() []string { return []string{string(CastFail), string(CastNull)} }

// castTypes returns the names of the types.
func castTypes() []string {
	var names []string
	for _, t := range column.Types() {
		names = append(names, t.String())
	}
	return names
}

// Bind implements Operator.
func (o Cast) Bind(in []column.Field) (Bound, error) {
	from := in[0].Type
	if o.To == "" {
		return nil, missingOption("to", "cast needs `to`, a type").withHint("such as `cast: {to: int64}`")
	}
	to, ok := column.ParseType(o.To)
	if !ok {
		e := wrongOption("to", "%s", notOneOf(o.To, castTypes()).Error())
		return nil, e
	}
	if to.IsList() {
		return nil, wrongOption("to", "cast makes no lists: `to` is the type of the elements").withHint("write `to: %s`; a list stays a list", to.Elem())
	}
	if err := chosen("on_error", o.OnError); err != nil {
		return nil, err
	}
	if hint := castRefusal(from, to); hint != "" {
		return nil, wrongOption("to", "cast does not go from %s (%q) to %s", from, in[0].Name, to).withHint("%s", hint)
	}
	if from == column.String && to == column.Timestamp && o.Zone != "" {
		if _, err := program.LoadZone(o.Zone); err != nil {
			return nil, wrongOption("zone", "%v", err).withHint("zones have IANA names, such as Europe/Berlin")
		}
	} else if err := checkZoneOption("cast", o.Zone, crossesZone(from, to), in[0]); err != nil {
		return nil, err
	}
	return castBound{from: from, to: to, zone: o.Zone, null: o.OnError == CastNull}, nil
}

// castRefusal returns why there is no conversion, as a hint, or "".
func castRefusal(from, to column.Type) string {
	switch {
	case from == to || from == column.String || to == column.String:
		return ""
	case from == column.Bool && to.Temporal(), from.Temporal() && to == column.Bool:
		return "a truth value is no time"
	case from.Real() && to.Temporal():
		return "put `cast: {to: int64}` before it: microseconds since 1970, or days for date"
	case from.Temporal() && to.Numeric() && to != column.Int64:
		return "put `cast: {to: int64}` before it: microseconds since 1970, or days for date; or take parts with `datetime`"
	}
	return ""
}

// crossesZone reports whether one of the types is an instant and the other a wall clock.
func crossesZone(from, to column.Type) bool {
	wall := func(t column.Type) bool { return t == column.Datetime || t == column.Date }
	return from == column.Timestamp && wall(to) || wall(from) && to == column.Timestamp
}

// castBound is Cast bound to a column.
type castBound struct {
	stateless
	from, to column.Type
	zone     string
	null     bool // what does not fit becomes null
}

// Out implements Bound.
func (o castBound) Out() []column.Field { return []column.Field{{Type: o.to}} }

// Lower implements Bound.
func (o castBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	return []program.Register{o.convert(b, in[0])}
}

// convert emits the conversion of x.
func (o castBound) convert(b *program.Builder, x program.Register) program.Register {
	switch {
	case o.from == o.to:
		return x
	case o.from == column.String:
		return o.parse(b, x)
	case o.to == column.String:
		return b.Emit(program.Format, program.Imm{}, x)
	case o.to == column.Bool:
		return o.truth(b, x)
	case o.from.Temporal() || o.to.Temporal():
		return o.time(b, x)
	case o.to.Real():
		return b.Convert(x, o.to)
	}
	return o.integer(b, x)
}

// parse emits the conversion of a text.
func (o castBound) parse(b *program.Builder, x program.Register) program.Register {
	imm := program.Imm{}
	if o.null {
		imm.Int = 1
	}
	switch {
	case o.to == column.Bool:
		return b.Emit(program.ParseBool, imm, x)
	case o.to.Real():
		return b.Convert(b.Emit(program.ParseFloat, imm, x), o.to)
	case o.to.Integer():
		return o.integer(b, b.Emit(program.ParseInt, imm, x))
	case o.to == column.Timestamp && o.zone != "":
		wall := b.EmitTyped(program.ParseTime, column.Datetime, imm, x)
		return o.instant(b, wall)
	}
	return b.EmitTyped(program.ParseTime, o.to, imm, x)
}

// truth emits x != 0. NaN is neither and does not fit: ToInt faults on it.
func (o castBound) truth(b *program.Builder, x program.Register) program.Register {
	if b.Elem(x).Real() {
		if o.null {
			x = notNaN(b, x)
		}
		x = b.Emit(program.ToInt, program.Imm{}, b.Emit(program.Sign, program.Imm{}, x))
	}
	return b.Emit(program.Ne, program.Imm{}, x, b.ConstInt(0))
}

// integer emits x as an Int64 or Int32: reals are truncated towards zero.
func (o castBound) integer(b *program.Builder, x program.Register) program.Register {
	if b.Elem(x).Real() {
		if o.null {
			// -1 << 63 is a float64; the next one below it is out of range.
			x = within(b, x, b.ConstFloat(-1<<63), b.ConstFloat(math.Nextafter(1<<63, 0)))
		}
		x = b.Emit(program.ToInt, program.Imm{}, x)
	}
	if o.to == column.Int64 {
		return b.Convert(x, column.Int64)
	}
	if o.null && b.Elem(x) == column.Int64 {
		x = within(b, x, b.ConstInt(math.MinInt32), b.ConstInt(math.MaxInt32))
	}
	return b.Convert(x, column.Int32)
}

// time emits the conversion from or to a time.
func (o castBound) time(b *program.Builder, x program.Register) program.Register {
	imm := program.Imm{Text: o.zone}
	switch {
	case o.to == column.Int64:
		return b.EmitTyped(program.Retype, column.Int64, program.Imm{}, x)
	case o.from.Integer():
		if o.null && o.to == column.Date {
			x = within(b, b.Convert(x, column.Int64), b.ConstInt(math.MinInt32), b.ConstInt(math.MaxInt32))
		}
		return b.Convert(x, o.to)
	case o.to == column.Date:
		if o.null && o.from == column.Timestamp {
			x = withinMicros(b, x)
		}
		return b.Emit(program.ToDate, imm, x)
	case o.to == column.Timestamp:
		return o.instant(b, x)
	case o.null && o.from == column.Date:
		x = withinDays(b, x)
	case o.null:
		x = withinMicros(b, x)
	}
	return b.Emit(program.ToDatetime, imm, x)
}

// instant emits a wall clock as an instant.
func (o castBound) instant(b *program.Builder, x program.Register) program.Register {
	if o.null && b.Elem(x) == column.Date {
		x = withinDays(b, x)
	} else if o.null {
		x = withinMicros(b, x)
	}
	return b.Emit(program.ToTimestamp, program.Imm{Text: o.zone}, x)
}

// within emits x, or null where it is not from low to high (or is NaN).
func within(b *program.Builder, x, low, high program.Register) program.Register {
	ok := b.Emit(program.And, program.Imm{}, b.Emit(program.Le, program.Imm{}, low, x), b.Emit(program.Le, program.Imm{}, x, high))
	return b.Choose(ok, x, b.ConstNull(b.Elem(x)))
}

// The bounds of what converts between instants and wall clocks with certainty: two
// days away from the ends of 64 bits of microseconds, more than any zone's offset.
const (
	microsPerDay = 24 * 60 * 60 * 1_000_000
	lastDay      = math.MaxInt64/microsPerDay - 2
	lastMicro    = lastDay * microsPerDay
)

// withinDays emits a Date, or null where its microseconds are beyond 64 bits.
func withinDays(b *program.Builder, x program.Register) program.Register {
	return within(b, x, b.ConstTyped(column.Date, program.Value{Int: -lastDay}), b.ConstTyped(column.Date, program.Value{Int: lastDay}))
}

// withinMicros emits a Datetime or Timestamp, or null within two days of the ends.
func withinMicros(b *program.Builder, x program.Register) program.Register {
	t := b.Elem(x)
	return within(b, x, b.ConstTyped(t, program.Value{Int: -lastMicro}), b.ConstTyped(t, program.Value{Int: lastMicro}))
}

// castEntry is cast in the catalogue.
func castEntry() Entry {
	return Entry{
		Name: "cast",
		New:  func() Operator { return NewCast() },
		Doc: Doc{
			Summary: "Converts a column to another type.",
			Does: "To int64 and int32: reals are truncated towards zero, true is 1, texts are decimal integers. To float64 and float32: rounded to nearest even (integers and texts to float32 through float64); beyond float32 gives an infinity. " +
				"To bool: a number is true unless it is 0, texts are true, false, 1 and 0. To string: the shortest decimal that reads back, true or false, ISO 8601. " +
				"To timestamp, datetime and date: ISO 8601 texts, or integers (microseconds since 1970, days for date); times become such integers as int64. " +
				"Between an instant (timestamp) and a wall clock (datetime, date) there must be a zone; of two instants of one wall clock the earlier is taken, a wall clock that a zone skips is shifted forward. Texts to timestamp need an offset such as Z, or `zone` for wall clocks.",
			Null:     "Null stays null.",
			NaN:      "Real to real: NaN stays NaN; to string: \"nan\". It does not fit integers and bool.",
			Inf:      "Real to real: an infinity stays; to string: \"inf\" and \"-inf\"; to bool: true. It does not fit integers.",
			Unseen:   "Not applicable: nothing is learnt. A value that does not fit (overflow, a text that is no number) ends the run with an error that names the row; with `on_error: null` it becomes null.",
			Constant: "Not applicable: every value is transformed by itself.",
			Output:   "One output under the name of the column, of the type `to`.",
			Source:   "IEEE 754 conversions; ISO 8601.",
			Options: []Option{
				{"to", "bool | int32 | int64 | float32 | float64 | string | timestamp | datetime | date", "required", "the type"},
				{"on_error", "fail | null", "fail", "what a value gives that does not fit"},
				{"zone", "IANA time zone", "none", "between timestamp and datetime or date; for texts without an offset"},
			},
			Example: "cast: {to: int64, on_error: null}",
		},
		Samples: castSamples,
	}
}

// castSamples covers every pair of types that has a conversion.
func castSamples() []Sample {
	var out []Sample
	for _, from := range column.Types() {
		for _, to := range column.Types() {
			if castRefusal(from, to) != "" {
				continue
			}
			op := &Cast{To: to.String(), OnError: CastNull}
			if crossesZone(from, to) {
				op.Zone = "Europe/Berlin"
			}
			out = append(out, Sample{Name: from.String() + "_to_" + to.String(), Operator: op, In: []column.Type{from}})
		}
	}
	return out
}
