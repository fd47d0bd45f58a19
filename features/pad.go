package features

import (
	"fmt"
	"strconv"

	"quern/features/column"
	"quern/features/program"
)

// Pad gives every list the same length, so that a column of lists becomes a matrix:
// longer ones are cut, shorter ones filled.
type Pad struct {
	// Length is how many elements a list has then; at least 1.
	Length int `quern:"length"`
	// With is what fills: a value of the elements' type, or null; empty: 0, false or
	// the empty text.
	With PadWith `quern:"with"`
	// Side is where the list is filled, and cut.
	Side PadSide `quern:"side"`
	// Truncate cuts lists that are longer; without it they stay as they are.
	Truncate bool `quern:"truncate"`
}

// NewPad returns a Pad that fills and cuts on the right; Length must be set.
func NewPad() *Pad { return &Pad{Side: PadRight, Truncate: true} }

// PadSide says where a list is filled, and cut.
type PadSide string

// The sides; the zero value is PadRight.
const (
	PadRight PadSide = "right" // behind the last element: the first ones are kept
	PadLeft  PadSide = "left"  // before the first element: the last ones are kept
)

// Choices implements Chooser.
func (PadSide) Choices() []string { return []string{string(PadRight), string(PadLeft)} }

// PadWith is what a list is filled with, as JSON writes it: 0, true, "none", null.
type PadWith string

// PadNull fills with null.
const PadNull PadWith = "null"

// PadText returns the constant text.
func PadText(text string) PadWith { return PadWith(strconv.Quote(text)) }

// SetOption implements OptionSetter.
func (w *PadWith) SetOption(v any) error {
	switch v := v.(type) {
	case nil:
		*w = PadNull
	case bool:
		*w = PadWith(strconv.FormatBool(v))
	case Literal:
		if _, ok := v.Rat(); !ok {
			return fmt.Errorf("must be a finite number, not %s", string(v))
		}
		*w = PadWith(v)
	case string:
		*w = PadText(v)
	default:
		return fmt.Errorf("must be a constant or null, not %s", shapeOf(v))
	}
	return nil
}

// Option implements OptionGetter.
func (w PadWith) Option() any {
	switch w {
	case PadNull:
		return nil
	case "true", "false":
		return w == "true"
	}
	if text, err := strconv.Unquote(string(w)); err == nil {
		return text
	}
	return Literal(w)
}

// value returns what fills lists of elements of type t.
func (w PadWith) value(t column.Type, field column.Field) (program.Value, error) {
	switch {
	case w == PadNull:
		return program.NullValue(), nil
	case w == "" && t.Temporal():
		return program.Value{}, missingOption("with", "pad needs `with`: there is no natural %s to fill %q with", t, field.Name).
			withHint("write null, or a text in ISO 8601")
	case w == "":
		return program.Value{}, nil
	}
	value, err := valueOf(t, w.Option())
	if err != nil {
		text := string(w)
		return value, wrongOption("with", "the constant %s is no %s, which %q has lists of", text, t, field.Name)
	}
	return value, nil
}

// TakesLists implements ListTaker.
func (Pad) TakesLists() {}

// Bind implements Operator.
func (o Pad) Bind(in []column.Field) (Bound, error) {
	if err := listsOnly("pad", in[0]); err != nil {
		return nil, err
	}
	if err := chosen("side", o.Side); err != nil {
		return nil, err
	}
	switch {
	case o.Length == 0:
		return nil, missingOption("length", "pad needs `length`: how many elements shall a list have?").withHint("such as `pad: {length: 20}`")
	case o.Length < 0 || o.Length > program.MaxPad:
		return nil, wrongOption("length", "length must be between 1 and %d, not %d", program.MaxPad, o.Length)
	}
	fill, err := o.With.value(in[0].Type.Elem(), in[0])
	if err != nil {
		return nil, err
	}
	return padBound{spec: o, field: in[0], fill: fill}, nil
}

// padBound is Pad bound to a lane.
type padBound struct {
	stateless
	spec  Pad
	field column.Field
	fill  program.Value
}

// Out implements Bound.
func (o padBound) Out() []column.Field { return []column.Field{{Type: o.field.Type}} }

// PassIDs implements IDPasser: what fills ids is an id too, if it can be one.
func (o padBound) PassIDs(in []int64) []int64 {
	switch {
	case in[0] == 0 || o.fill.Null:
		return in
	case o.fill.Int < 0:
		return []int64{0}
	}
	return []int64{max(in[0], o.fill.Int+1)}
}

// Lower implements Bound.
func (o padBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	x, length := in[0], int64(o.spec.Length)
	left := o.spec.Side == PadLeft
	switch {
	case o.spec.Truncate && left:
		x = sliced(b, x, -length, ToEnd)
	case o.spec.Truncate:
		x = sliced(b, x, 0, length)
	}
	fill := b.ConstTyped(o.field.Type.Elem(), o.fill)
	return []program.Register{b.Emit(program.ListPad, program.Imm{Int: length, Extra: int64(boolRank(left))}, x, fill)}
}

// padEntry is pad in the catalogue.
func padEntry() Entry {
	return Entry{
		Name:    "pad",
		New:     func() Operator { return NewPad() },
		Doc:     padDoc(),
		Samples: padSamples,
	}
}

func padDoc() Doc {
	return Doc{
		Summary: "Gives every list the same length: longer ones are cut, shorter ones filled.",
		Does: "With `side: right` the first `length` elements, then as many of `with` as are missing; with `side: left` as many of `with` as are missing, then the last `length` elements. " +
			"With `truncate: false` longer lists stay as long as they are. After `categorify` and `hash_bucket` the default, 0, is the padding id.",
		Null:     "A null list counts as an empty one: it is filled, and nothing is null any more. Null elements are elements and stay null. An empty list is filled.",
		NaN:      "NaN is an element like any other.",
		Inf:      "Infinities are elements like any others.",
		Unseen:   "Not applicable: nothing is learnt.",
		Constant: "Not applicable: values are not looked at.",
		Output:   "One list of the same type per lane, with the lane's name, never null, of exactly `length` elements (with `truncate: false` at least so many). Ids stay ids; there are as many as before, or `with` + 1 if that is more.",
		Source:   "NVTabular's ListSlice with padding; the padded sequences of Keras (pad_sequences, with another default side).",
		Options: []Option{
			{"length", "integer", "required", fmt.Sprintf("How many elements a list has then; at most %d.", program.MaxPad)},
			{"with", "a constant | null", "0, false or \"\"", "What fills. Lists of dates and times have no default; dates are texts."},
			{"side", "right | left", "right", "Where the list is filled and cut: right keeps the first elements, left the last."},
			{"truncate", "bool", "true", "Whether longer lists are cut."},
		},
		Example: "pad: {length: 20, side: left}",
	}
}

// padSamples covers every type, side and kind of constant.
func padSamples() []Sample {
	with := func(w PadWith) *Pad { return &Pad{Length: 4, With: w, Truncate: true} }
	list := column.ListOf
	return join(
		samplesOf("default", with(""), list(column.Int64), list(column.Float32), list(column.Bool), list(column.String)),
		samplesOf("null", with(PadNull), list(column.Timestamp), list(column.Int32)),
		samplesOf("left", &Pad{Length: 3, With: "-1", Side: PadLeft, Truncate: true}, list(column.Float64), list(column.Int32)),
		samplesOf("longer", &Pad{Length: 2, With: PadText("none"), Side: PadLeft}, list(column.String)),
		samplesOf("fraction", with("0.1"), list(column.Float32)),
		samplesOf("true", with("true"), list(column.Bool)),
		samplesOf("day", with(PadText("2001-02-03")), list(column.Date), list(column.Datetime)),
		samplesOf("one", &Pad{Length: 1, Truncate: true}, list(column.Int64)),
	)
}
