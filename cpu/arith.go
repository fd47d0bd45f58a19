package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
	"quern/features/real"
)

// arithmetic chooses for what integers and floats have in common.
func (b *binder) arithmetic(in *program.Instr, kind column.Kind) evaluate {
	if kind == column.Ints {
		return intArithmetic(in)
	}
	switch in.Op {
	case program.Add:
		return floatPair(b.set.AddFloats)
	case program.Sub:
		return floatPair(b.set.SubFloats)
	case program.Mul:
		return floatPair(b.set.MulFloats)
	case program.Div:
		return floatPair(b.set.DivFloats)
	case program.FloorDiv:
		return floatPair(kernel.FloorDivFloats)
	case program.Mod:
		return floatZip(program.ModFloat)
	case program.Neg:
		return floatMap(kernel.NegFloats)
	case program.Abs:
		return floatMap(kernel.AbsFloats)
	case program.Sign:
		return floatMap(kernel.SignFloats)
	}
	return nil
}

func intArithmetic(in *program.Instr) evaluate {
	switch in.Op {
	case program.Add:
		return checkedPair(kernel.AddInts, program.AddInt)
	case program.Sub:
		return checkedPair(kernel.SubInts, program.SubInt)
	case program.Mul:
		return checkedPair(kernel.MulInts, program.MulInt)
	case program.FloorDiv:
		return floorDiv
	case program.Mod:
		return mod
	case program.Neg:
		return checkedMap(kernel.NegInts, kernel.IntFaults)
	case program.Abs:
		return checkedMap(kernel.AbsInts, kernel.IntFaults)
	case program.Sign:
		return intMap(kernel.SignInts)
	}
	return nil
}

// floorDiv is null where the divisor is zero.
func floorDiv(c *call) {
	a, b := c.args[0].ints, c.args[1].ints
	zero, over := kernel.FloorDivInts(c.dst.ints, a, b)
	if over {
		c.failed = kernel.DivFaults(c.failed, a[:c.n], b)
	}
	if zero {
		c.mayBeNull()
		kernel.ClearZeros(c.dst.valid, b[:c.n])
	}
}

// mod is null where the divisor is zero.
func mod(c *call) {
	b := c.args[1].ints
	if kernel.ModInts(c.dst.ints, c.args[0].ints, b) {
		c.mayBeNull()
		kernel.ClearZeros(c.dst.valid, b[:c.n])
	}
}

// ordering chooses for Min, Max and Clamp.
func (b *binder) ordering(in *program.Instr, kind column.Kind) evaluate {
	ints := kind == column.Ints
	switch {
	case in.Op == program.Min && ints:
		return func(c *call) { kernel.Mins(c.dst.ints, c.args[0].ints, c.args[1].ints) }
	case in.Op == program.Min:
		return floatPair(kernel.Mins[float64])
	case in.Op == program.Max && ints:
		return func(c *call) { kernel.Maxs(c.dst.ints, c.args[0].ints, c.args[1].ints) }
	case in.Op == program.Max:
		return floatPair(kernel.Maxs[float64])
	case in.Op == program.Clamp && ints:
		return func(c *call) {
			kernel.Clamps(c.dst.ints, c.args[0].ints, c.args[1].ints, c.args[2].ints)
		}
	case in.Op == program.Clamp:
		return func(c *call) {
			kernel.Clamps(c.dst.floats, c.args[0].floats, c.args[1].floats, c.args[2].floats)
		}
	}
	return nil
}

// real chooses for functions of floats.
func (b *binder) real(in *program.Instr, _ column.Kind) evaluate {
	switch in.Op {
	case program.Floor:
		return floatMap(kernel.FloorFloats)
	case program.Ceil:
		return floatMap(kernel.CeilFloats)
	case program.Round:
		return floatMap(kernel.RoundFloats)
	case program.Trunc:
		return floatMap(kernel.TruncFloats)
	case program.Sqrt:
		return floatMap(kernel.SqrtFloats)
	case program.Pow:
		return floatZip(real.Pow)
	case program.Dot:
		return b.dot(in.Imm.Floats)
	}
	return b.transcendental(in.Op)
}

func (b *binder) transcendental(op program.Op) evaluate {
	switch op {
	case program.Log:
		return floatMap(b.set.Log)
	case program.Log1p:
		return floatMap(b.set.Log1p)
	case program.Exp:
		return floatMap(b.set.Exp)
	case program.Expm1:
		return floatMap(b.set.Expm1)
	case program.Sin:
		return floatMap(func(dst, a []float64) { kernel.MapFloats(dst, a, real.Sin) })
	case program.Cos:
		return floatMap(func(dst, a []float64) { kernel.MapFloats(dst, a, real.Cos) })
	}
	return nil
}

func floatZip(f func(a, b float64) float64) evaluate {
	return func(c *call) { kernel.ZipFloats(c.dst.floats, c.args[0].floats, c.args[1].floats, f) }
}

// dot starts with the last coefficient and adds a term per argument.
func (b *binder) dot(coefficients []float64) evaluate {
	return func(c *call) {
		kernel.FillFloats(c.dst.floats, coefficients[len(c.args)])
		for i, a := range c.args {
			b.set.AddScaled(c.dst.floats, a.floats, coefficients[i])
		}
	}
}
