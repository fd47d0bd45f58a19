package features

import (
	"quern/features/column"
	"quern/features/program"
)

// Log1p is the natural logarithm of 1 + x. It learns nothing.
type Log1p struct{}

// Bind implements Operator.
func (o Log1p) Bind(in []column.Field) (Bound, error) {
	if err := numericOnly("log1p", in[0]); err != nil {
		return nil, err
	}
	return log1pBound{field: in[0]}, nil
}

// log1pBound is Log1p bound to a column.
type log1pBound struct {
	stateless
	field column.Field
}

// Out implements Bound.
func (o log1pBound) Out() []column.Field { return []column.Field{{Type: realType(o.field.Type)}} }

// Lower implements Bound.
func (o log1pBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	y := b.Emit(program.Log1p, program.Imm{}, toReal(b, in[0]))
	return []program.Register{toStored(b, y, realType(o.field.Type))}
}

// log1pEntry is log1p in the catalogue.
func log1pEntry() Entry {
	return Entry{
		Name: "log1p",
		New:  func() Operator { return &Log1p{} },
		Doc: Doc{
			Summary:  "Natural logarithm of 1 + x, for counts, amounts and other skewed numbers.",
			Does:     "y = ln(1 + x), computed as one function, so that small x lose no digits. The result is within 1 ulp of the truth and the same bits on every device. An integer beyond 2^53 is first rounded to float64.",
			Null:     "Null stays null.",
			NaN:      "NaN stays NaN.",
			Inf:      "+Inf gives +Inf, -Inf gives NaN.",
			Unseen:   "Not applicable: nothing is learnt. x < -1 gives NaN, x = -1 gives -Inf; clip before it if such values occur.",
			Constant: "Not applicable: every value is transformed by itself.",
			Output:   "One output under the name of the column: float32 from float32, otherwise float64.",
			Source:   "The function log1p of C and numpy. The argument reduction and the polynomial are quern's own.",
			Example:  "log1p",
		},
		Samples: func() []Sample {
			return samplesOf("plain", &Log1p{}, column.Float64, column.Float32, column.Int64, column.Int32)
		},
	}
}
