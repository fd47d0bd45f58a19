package features

import (
	"math"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
)

// Datetime takes a date or time apart.
type Datetime struct {
	// Parts are the names of the parts, as program.ParsePart knows them.
	Parts []string `quern:"parts"`
	// Cyclical true gives sine and cosine of the part's angle in its period.
	Cyclical bool `quern:"cyclical"`
	// Zone is the IANA time zone in which a Timestamp is read.
	Zone string `quern:"zone"`
}

// Bind implements Operator.
func (o Datetime) Bind(in []column.Field) (Bound, error) {
	t := in[0].Type
	if !t.Temporal() {
		return nil, wrongType("datetime", in[0], "dates and times").WithHint("put `cast: {to: datetime}` before it")
	}
	if err := checkZoneOption("datetime", o.Zone, t == column.Timestamp, in[0]); err != nil {
		return nil, err
	}
	if len(o.Parts) == 0 {
		return nil, missingOption("parts", "datetime needs at least one part").withHint("such as `datetime: {parts: [month, weekday]}`")
	}
	bound := datetimeBound{spec: o, field: in[0]}
	for i, name := range o.Parts {
		part, err := o.part(i, name, t)
		if err != nil {
			return nil, err
		}
		bound.parts = append(bound.parts, part)
	}
	return bound, nil
}

// part checks one part.
func (o Datetime) part(i int, name string, t column.Type) (program.Part, error) {
	part, ok := program.ParsePart(name)
	if !ok {
		e := wrongOption(nth("parts", i), "there is no part %q of a date", name)
		if near := diag.Nearest(name, partNames()); near != "" {
			return part, e.withHint("did you mean %q?", near)
		}
		return part, e.withHint("`quern explain datetime` lists the parts")
	}
	if t == column.Date && part.Clock() {
		return part, wrongOption(nth("parts", i), "a date has no %s", name)
	}
	if _, _, ok := part.Period(); o.Cyclical && !ok {
		return part, wrongOption(nth("parts", i), "%s does not come round: it has no period, so no angle", name).withHint("take it without `cyclical: true`, as a feature of its own")
	}
	for j, earlier := range o.Parts[:i] {
		if earlier == name {
			return part, wrongOption(nth("parts", i), "%s is there twice (parts[%d])", name, j)
		}
	}
	return part, nil
}

// partNames returns the names of the parts.
func partNames() []string {
	var names []string
	for _, p := range program.Parts() {
		names = append(names, p.String())
	}
	return names
}

// checkZoneOption checks that a zone is there if and only if it is needed, and exists.
func checkZoneOption(op, zone string, needed bool, field column.Field) error {
	switch {
	case !needed && zone != "":
		return wrongOption("zone", "%s takes a zone only where an instant and a wall clock meet, and %q is %s", op, field.Name, field.Type).withHint("leave `zone` out")
	case !needed:
		return nil
	case zone == "":
		return missingOption("zone", "%s needs a zone: %q is %s, an instant, and its wall clock differs from place to place", op, field.Name, field.Type).withHint("such as `zone: Europe/Berlin`, or `zone: UTC`")
	}
	if _, err := program.LoadZone(zone); err != nil {
		return wrongOption("zone", "%v", err).withHint("zones have IANA names, such as Europe/Berlin")
	}
	return nil
}

// datetimeBound is Datetime bound to a column.
type datetimeBound struct {
	stateless
	spec  Datetime
	field column.Field
	parts []program.Part
}

// Out implements Bound.
func (o datetimeBound) Out() []column.Field {
	var out []column.Field
	for _, p := range o.parts {
		if o.spec.Cyclical {
			out = append(out, column.Field{Name: p.String() + "_sin", Type: column.Float64}, column.Field{Name: p.String() + "_cos", Type: column.Float64})
		} else {
			out = append(out, column.Field{Name: p.String(), Type: column.Int64})
		}
	}
	return out
}

// Lower implements Bound.
func (o datetimeBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	var out []program.Register
	for _, p := range o.parts {
		part := b.Emit(program.DatePart, program.Imm{Part: p, Text: o.spec.Zone}, in[0])
		if !o.spec.Cyclical {
			out = append(out, part)
			continue
		}
		angle := angleOf(b, part, p)
		out = append(out, b.Emit(program.Sin, program.Imm{}, angle), b.Emit(program.Cos, program.Imm{}, angle))
	}
	return out
}

// angleOf emits (2 pi (part - first)) / period, in this order of operations.
func angleOf(b *program.Builder, part program.Register, p program.Part) program.Register {
	first, period, _ := p.Period()
	x := b.Emit(program.ToFloat, program.Imm{}, part)
	if first != 0 {
		x = b.Emit(program.Sub, program.Imm{}, x, b.ConstFloat(float64(first)))
	}
	x = b.Emit(program.Mul, program.Imm{}, b.ConstFloat(2*math.Pi), x)
	return b.Emit(program.Div, program.Imm{}, x, b.ConstFloat(float64(period)))
}

// datetimeEntry is datetime in the catalogue.
func datetimeEntry() Entry {
	return Entry{
		Name: "datetime",
		New:  func() Operator { return &Datetime{} },
		Doc: Doc{
			Summary: "Takes a date or time apart: month, weekday, hour, and so on, as numbers or as points of a circle.",
			Does: "One output per part. Parts: year, semester, quarter, month (1 to 12), week (ISO 8601), day, day_of_year, weekday (Monday 0), hour, minute, second, microsecond, days_in_month, " +
				"is_leap_year, is_weekend, is_month_start, is_month_end, is_quarter_start, is_quarter_end, is_year_start, is_year_end (0 or 1). " +
				"With `cyclical: true` each part becomes sin(a) and cos(a) of the angle a = 2 pi (part - first) / period, computed in this order. " +
				"The period is fixed per part, never learnt: semester 2, quarter 4, month 12, week 53, day 31, day_of_year 366, weekday 7, hour 24, minute and second 60, microsecond 1000000. Other parts do not come round and are refused.",
			Null:     "Null gives null.",
			NaN:      "Not applicable: times have no NaN.",
			Inf:      "Not applicable: times have no infinities.",
			Unseen:   "Not applicable: nothing is learnt. The proleptic Gregorian calendar covers all values.",
			Constant: "Not applicable: every value is transformed by itself.",
			Output:   "The parts replace the column: NAME_month (int64), or NAME_month_sin and NAME_month_cos (float64).",
			Source:   "ISO 8601 for weeks; fields as feature_engine's DatetimeFeatures. Zone rules: the IANA database inside quern, whose version the model records.",
			Options: []Option{
				{"parts", "list of names", "required", "which parts, in this order"},
				{"cyclical", "bool", "false", "sine and cosine in the place of the number"},
				{"zone", "IANA time zone", "none", "required for timestamp (an instant), refused for datetime and date"},
			},
			Example: "datetime: {parts: [month, weekday, hour], cyclical: true}",
		},
		Samples: datetimeSamples,
	}
}

// datetimeSamples covers every part on every type.
func datetimeSamples() []Sample {
	var every, day, round []string
	for _, p := range program.Parts() {
		every = append(every, p.String())
		if !p.Clock() {
			day = append(day, p.String())
		}
		if _, _, ok := p.Period(); ok {
			round = append(round, p.String())
		}
	}
	return join(
		samplesOf("every", &Datetime{Parts: every}, column.Datetime),
		samplesOf("day", &Datetime{Parts: day}, column.Date),
		samplesOf("zone", &Datetime{Parts: every, Zone: "America/New_York"}, column.Timestamp),
		samplesOf("cyclical", &Datetime{Parts: round, Cyclical: true}, column.Datetime),
		samplesOf("cyclical_date", &Datetime{Parts: []string{"month", "weekday"}, Cyclical: true}, column.Date),
	)
}
