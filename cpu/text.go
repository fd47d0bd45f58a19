package cpu

import (
	"regexp"

	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// text chooses for strings.
func (b *binder) text(in *program.Instr, _ column.Kind) evaluate {
	switch in.Op {
	case program.Lower:
		return appended(program.AppendLower)
	case program.Upper:
		return appended(program.AppendUpper)
	case program.Trim:
		return func(c *call) { kernel.TrimTexts(&c.dst.text, &c.args[0].text, c.dst.valid) }
	case program.Substr:
		return func(c *call) {
			kernel.SubstrTexts(&c.dst.text, &c.args[0].text, c.args[1].ints, c.args[2].ints, c.dst.valid)
		}
	case program.SplitPart:
		return splitPart(in.Imm.Int)
	case program.Length:
		return func(c *call) {
			kernel.ReadTexts(c.dst.ints, &c.args[0].text, c.dst.valid, program.LengthText)
		}
	case program.Concat:
		return concat
	case program.Replace:
		return replace
	case program.Match:
		match := regexp.MustCompile(in.Imm.Text).Match // Verify has compiled it
		return func(c *call) { kernel.ReadTexts(c.dst.bools, &c.args[0].text, c.dst.valid, match) }
	}
	return nil
}

func appended(f func(dst, s []byte) []byte) evaluate {
	return func(c *call) {
		c.dst.open()
		kernel.AppendTexts(&c.dst.text, &c.args[0].text, c.dst.valid, f)
		c.dst.close()
	}
}

// splitPart is null where there is no such field.
func splitPart(n int64) evaluate {
	return func(c *call) {
		c.failed = kernel.SplitTexts(&c.dst.text, &c.args[0].text, &c.args[1].text, n, c.dst.valid, c.failed)
		c.nullify()
	}
}

func concat(c *call) {
	c.texts = c.texts[:0]
	for _, a := range c.args {
		c.texts = append(c.texts, &a.text)
	}
	c.dst.open()
	c.failed = kernel.ConcatTexts(&c.dst.text, c.texts, c.dst.valid, c.failed)
	c.dst.close()
}

func replace(c *call) {
	c.dst.open()
	c.failed = kernel.ReplaceTexts(&c.dst.text, &c.args[0].text, &c.args[1].text, &c.args[2].text, c.dst.valid, c.failed)
	c.dst.close()
}
