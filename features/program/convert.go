package program

import (
	"fmt"

	"quern/features/column"
)

// Not returns the register of the negation of a Bool.
func (b *Builder) Not(r Register) Register { return b.Emit(Not, Imm{}, r) }

// IsNull returns the register that is true where r is null.
func (b *Builder) IsNull(r Register) Register { return b.Emit(IsNull, Imm{}, r) }

// Coalesce returns the register of x, or of y where x is null.
func (b *Builder) Coalesce(x, y Register) Register { return b.Emit(Coalesce, Imm{}, x, y) }

// Choose returns the register of x where cond is true and of y elsewhere.
func (b *Builder) Choose(cond, x, y Register) Register { return b.Emit(Select, Imm{}, cond, x, y) }

// Convert returns r as type t, in as many instructions as it takes (see CanConvert).
// Conversions fault where the value does not fit. A real becomes Float32 by one
// rounding, an integer by two (through Float64). A list is converted element by
// element: t is the type of its elements.
func (b *Builder) Convert(r Register, t column.Type) Register {
	for b.Elem(r) != t {
		op, next := convertStep(b.Elem(r), t)
		if op == NoOp {
			panic(fmt.Sprintf("quern: bug: no conversion from %s to %s", b.Elem(r), t))
		}
		r = b.EmitTyped(op, next, Imm{}, r)
	}
	return r
}

// CanConvert reports whether Convert goes from one type to the other. It does
// not where a time zone would be needed, and never from a number or a time to Bool.
func CanConvert(from, to column.Type) bool {
	for from != to {
		op, next := convertStep(from, to)
		if op == NoOp {
			return false
		}
		from = next
	}
	return from != column.Invalid
}

// convertStep returns the first instruction on the way between two different types
// and the type that it gives, or NoOp. Every way is finite: it goes to Int64 or
// Float64, then to the goal.
func convertStep(from, to column.Type) (Op, column.Type) {
	switch {
	case to == column.String && from != column.Invalid:
		return Format, column.String
	case from == column.String:
		return parseStep(to)
	case from.Temporal() || to.Temporal():
		return temporalStep(from, to)
	case !to.Numeric() || !(from.Numeric() || from == column.Bool):
		return NoOp, column.Invalid
	case to == column.Float32 && from == column.Float64:
		return Round32, to
	case to.Real() && from == column.Float32:
		return Retype, column.Float64
	case to.Real():
		return ToFloat, column.Float64
	case from == column.Int32:
		return Retype, column.Int64
	case from == column.Int64:
		return Narrow32, column.Int32
	}
	return ToInt, column.Int64 // from a Bool or a real
}

func parseStep(to column.Type) (Op, column.Type) {
	switch {
	case to == column.Bool:
		return ParseBool, to
	case to.Integer():
		return ParseInt, column.Int64
	case to.Real():
		return ParseFloat, column.Float64
	case to.Temporal():
		return ParseTime, to
	}
	return NoOp, column.Invalid
}

func temporalStep(from, to column.Type) (Op, column.Type) {
	switch {
	case from == column.Date && to == column.Datetime:
		return ToDatetime, to
	case from == column.Datetime && to == column.Date:
		return ToDate, to
	case from == column.Int64 && to.Temporal():
		return Retype, to
	case from == column.Int32 && to.Temporal():
		return Retype, column.Int64
	case from.Temporal() && to.Numeric():
		return Retype, column.Int64
	}
	return NoOp, column.Invalid
}
