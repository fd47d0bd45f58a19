package cpu

import (
	"bytes"

	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// comparison chooses for Eq, Ne, Lt and Le, and for the tests of two strings.
func (b *binder) comparison(in *program.Instr, kind column.Kind) evaluate {
	switch kind {
	case column.Ints:
		if k := compareNumbers[int64](in.Op); k != nil {
			return func(c *call) { k(c.dst.bools, c.args[0].ints, c.args[1].ints) }
		}
	case column.Floats:
		if k := compareNumbers[float64](in.Op); k != nil {
			return func(c *call) { k(c.dst.bools, c.args[0].floats, c.args[1].floats) }
		}
	case column.Bools:
		if k := compareBools(in.Op); k != nil {
			return func(c *call) { k(c.dst.bools, c.args[0].bools, c.args[1].bools) }
		}
	case column.Strings:
		if f := compareStrings(in.Op); f != nil {
			return func(c *call) {
				kernel.CompareTexts(c.dst.bools, &c.args[0].text, &c.args[1].text, c.dst.valid, f)
			}
		}
	}
	return nil
}

func compareNumbers[T kernel.Number](op program.Op) func(dst []bool, a, b []T) {
	switch op {
	case program.Eq:
		return kernel.Eqs[T]
	case program.Ne:
		return kernel.Nes[T]
	case program.Lt:
		return kernel.Lts[T]
	case program.Le:
		return kernel.Les[T]
	}
	return nil
}

func compareBools(op program.Op) func(dst, a, b []bool) {
	switch op {
	case program.Eq:
		return kernel.Eqs[bool]
	case program.Ne:
		return kernel.Nes[bool]
	case program.Lt:
		return kernel.LtBools
	case program.Le:
		return kernel.LeBools
	}
	return nil
}

// compareStrings is for all tests of two strings.
func compareStrings(op program.Op) func(a, b []byte) bool {
	switch op {
	case program.Eq:
		return bytes.Equal
	case program.Ne:
		return func(a, b []byte) bool { return !bytes.Equal(a, b) }
	case program.Lt:
		return func(a, b []byte) bool { return bytes.Compare(a, b) < 0 }
	case program.Le:
		return func(a, b []byte) bool { return bytes.Compare(a, b) <= 0 }
	case program.Contains:
		return bytes.Contains
	case program.StartsWith:
		return bytes.HasPrefix
	case program.EndsWith:
		return bytes.HasSuffix
	}
	return nil
}

// logic chooses for three-valued logic and the tests that are never null.
func (b *binder) logic(in *program.Instr, _ column.Kind) evaluate {
	switch in.Op {
	case program.And:
		return kleene(kernel.Ands, kernel.AndKnown)
	case program.Or:
		return kleene(kernel.Ors, kernel.OrKnown)
	case program.Not:
		return func(c *call) { kernel.Nots(c.dst.bools, c.args[0].bools) }
	case program.IsNull:
		return func(c *call) {
			c.dst.valid = nil
			kernel.UnpackNots(c.dst.bools, c.args[0].valid)
		}
	case program.IsNaN:
		return floatTest(kernel.NaNs)
	case program.IsInf:
		return floatTest(kernel.Infs)
	}
	return nil
}

// floatTest is false for null.
func floatTest(k func(dst []bool, a []float64)) evaluate {
	return func(c *call) {
		c.dst.valid = nil
		k(c.dst.bools, c.args[0].floats)
		kernel.ClearNulls(c.dst.bools, c.args[0].valid)
	}
}

// kleene computes values and, if an argument may be null, what is known of them.
func kleene(
	values func(dst, a, b []bool),
	known func(known, a, knownA, b, knownB []uint64, n int),
) evaluate {
	return func(c *call) {
		d, a, b := c.dst, c.args[0], c.args[1]
		values(d.bools, a.bools, b.bools)
		d.valid = nil
		if a.valid == nil && b.valid == nil {
			return
		}
		kernel.PackBools(c.choice, a.bools[:c.n])
		kernel.PackBools(c.other, b.bools[:c.n])
		d.valid = d.bits[:kernel.Words(c.n)]
		kernel.CopyBits(d.valid, a.valid, c.n)
		knownB := b.valid
		if knownB == nil {
			knownB = c.ones
		}
		known(d.valid, c.choice, d.valid, c.other, knownB, c.n)
	}
}

// choice chooses for Select and Coalesce: both take one argument where a bit is
// set and the other where it is not.
func (b *binder) choice(in *program.Instr, _ column.Kind) evaluate {
	pick := picker(b.set, in.Type.Kind())
	switch in.Op {
	case program.Select:
		return func(c *call) {
			kernel.PackBools(c.choice, c.args[0].bools[:c.n])
			if valid := c.args[0].valid; valid != nil {
				kernel.AndBits(c.choice[:kernel.Words(c.n)], valid)
			}
			pick(c, c.args[1], c.args[2])
		}
	case program.Coalesce:
		return func(c *call) {
			kernel.CopyBits(c.choice, c.args[0].valid, c.n)
			pick(c, c.args[0], c.args[1])
		}
	}
	return nil
}

// picker returns the choice between x (where c.choice is set) and y.
func picker(set *kernel.Set, kind column.Kind) func(c *call, x, y *lane) {
	values := pickValues(set, kind)
	return func(c *call, x, y *lane) {
		c.dst.valid = nil
		if x.valid != nil || y.valid != nil {
			c.dst.valid = c.dst.bits[:kernel.Words(c.n)]
			kernel.ChooseBits(c.dst.valid, c.choice, x.valid, y.valid, c.n)
		}
		values(c, x, y)
	}
}

func pickValues(set *kernel.Set, kind column.Kind) func(c *call, x, y *lane) {
	switch kind {
	case column.Bools:
		return func(c *call, x, y *lane) { kernel.ChooseBools(c.dst.bools, c.choice, x.bools, y.bools) }
	case column.Ints:
		return func(c *call, x, y *lane) { kernel.Choose(set, c.dst.ints, c.choice, x.ints, y.ints) }
	case column.Floats:
		return func(c *call, x, y *lane) { kernel.Choose(set, c.dst.floats, c.choice, x.floats, y.floats) }
	}
	return func(c *call, x, y *lane) {
		c.dst.open()
		kernel.ChooseTexts(&c.dst.text, c.choice, &x.text, &y.text, c.dst.valid)
		c.dst.close()
	}
}
