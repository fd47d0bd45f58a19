package cpu

import (
	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// ids chooses for numbers to ids: buckets, hashes and lookups.
func (b *binder) ids(in *program.Instr, kind column.Kind) evaluate {
	switch in.Op {
	case program.Bucketize:
		return b.bucketize(in, kind)
	case program.Hash:
		return hash(in, kind)
	case program.HashMix:
		return hashMix(in)
	case program.Bucket:
		n := uint64(in.Imm.Int)
		return func(c *call) { kernel.Buckets(c.dst.ints, c.args[0].ints, n) }
	case program.Lookup:
		return b.lookup(in)
	}
	return nil
}

func (b *binder) bucketize(in *program.Instr, kind column.Kind) evaluate {
	right := in.Imm.Int == 1
	if kind == column.Ints {
		edges := kernel.IntEdges(in.Imm.Floats, right)
		return func(c *call) { b.set.RankInts(c.dst.ints, c.args[0].ints, edges) }
	}
	edges, nan := kernel.FloatEdges(in.Imm.Floats, right), in.Imm.NaN
	return func(c *call) { b.set.RankFloats(c.dst.ints, c.args[0].floats, edges, nan) }
}

// hash has a fast way for numbers with XXH3, and one way for all else.
func hash(in *program.Instr, kind column.Kind) evaluate {
	seed, fast := in.Imm.Int, in.Imm.Text == "xxh3"
	function := program.FindHash(in.Imm.Text)
	sum := func(data []byte) int64 { return int64(function(seed, data)) }
	switch {
	case kind == column.Strings:
		return func(c *call) { kernel.ReadTexts(c.dst.ints, &c.args[0].text, c.dst.valid, sum) }
	case kind == column.Bools:
		return hashed(column.Bool, sum, func(a *lane) []bool { return a.bools }, boolValue)
	case kind == column.Ints && fast:
		return func(c *call) { kernel.HashInts(c.dst.ints, c.args[0].ints, seed) }
	case kind == column.Ints:
		return hashed(column.Int64, sum, laneInts, intValue)
	case fast:
		return func(c *call) { kernel.HashFloats(c.dst.ints, c.args[0].floats, seed) }
	}
	return hashed(column.Float64, sum, laneFloats, floatValue)
}

func boolValue(x bool) program.Value     { return program.Value{Bool: x} }
func intValue(x int64) program.Value     { return program.Value{Int: x} }
func floatValue(x float64) program.Value { return program.Value{Float: x} }

// hashed hashes canonical bytes, written into scratch.
func hashed[T any](t column.Type, sum func([]byte) int64, values func(*lane) []T, value func(T) program.Value) evaluate {
	write := func(dst []byte, x T) []byte { return program.AppendCanonical(dst, t, value(x)) }
	return func(c *call) {
		c.room = kernel.HashCanonical(c.dst.ints, values(c.args[0]), c.dst.valid, c.room, write, sum)
	}
}

func hashMix(in *program.Instr) evaluate {
	seed := in.Imm.Int
	if len(in.Args) == 2 {
		return func(c *call) { kernel.MixPairs(c.dst.ints, c.args[0].ints, c.args[1].ints, seed) }
	}
	return func(c *call) {
		c.parts = c.parts[:0]
		for _, a := range c.args {
			c.parts = append(c.parts, a.ints)
		}
		kernel.MixMany(c.dst.ints, c.parts, c.row, seed)
	}
}

// lookup is null where the key is not in the table. A null key is looked up too.
func (b *binder) lookup(in *program.Instr) evaluate {
	t := b.tables[in.Imm.Int]
	return func(c *call) {
		rows := c.found[:c.n]
		t.find(c, rows)
		kernel.PutNulls(rows, c.args[0].valid, t.null)
		d := c.dst
		d.valid = d.bits[:kernel.Words(c.n)]
		switch {
		case t.floats != nil:
			kernel.Values(d.floats, d.valid, t.floats, rows)
		case t.ints != nil:
			kernel.Values(d.ints, d.valid, t.ints, rows)
		default:
			kernel.Sequence(d.ints, d.valid, t.first, rows)
			if t.apart {
				kernel.FillNulls(d.ints, d.valid, c.args[0].valid, t.other)
			}
		}
	}
}
