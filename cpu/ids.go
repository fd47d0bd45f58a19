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
		return bucketize(in, kind)
	case program.Hash:
		return hash(in, kind)
	case program.HashMix:
		return hashMix(in)
	case program.Bucket:
		n := uint64(in.Imm.Int)
		return func(c *call) { kernel.Buckets(c.dst.ints, c.args[0].ints, n) }
	case program.Lookup:
		return b.lookup(in, kind)
	}
	return nil
}

func bucketize(in *program.Instr, kind column.Kind) evaluate {
	right := in.Imm.Int == 1
	if kind == column.Ints {
		edges := kernel.IntEdges(in.Imm.Floats, right)
		return func(c *call) { kernel.BucketizeInts(c.dst.ints, c.args[0].ints, edges) }
	}
	edges, nan := kernel.FloatEdges(in.Imm.Floats, right), in.Imm.NaN
	return func(c *call) { kernel.BucketizeFloats(c.dst.ints, c.args[0].floats, edges, nan) }
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

// table is a program.Table prepared for lookups: find gives the row of each key,
// null the row of the null key; -1: none.
type table struct {
	find   func(c *call, rows []int32)
	null   int32
	ints   []int64
	floats []float64
}

// lookup is null where the key is not in the table. A null key is looked up too.
func (b *binder) lookup(in *program.Instr, kind column.Kind) evaluate {
	t := b.table(int(in.Imm.Int))
	return func(c *call) {
		rows := c.found[:c.n]
		t.find(c, rows)
		kernel.PutNulls(rows, c.args[0].valid, t.null)
		d := c.dst
		d.valid = d.bits[:kernel.Words(c.n)]
		if t.floats != nil {
			kernel.Values(d.floats, d.valid, t.floats, rows)
		} else {
			kernel.Values(d.ints, d.valid, t.ints, rows)
		}
	}
}

// table prepares table number i, once for all instructions that use it.
func (b *binder) table(i int) *table {
	if b.tables[i] != nil {
		return b.tables[i]
	}
	source := &b.p.Tables[i]
	t := &table{null: nullRow(&source.Keys), find: finder(&source.Keys)}
	if source.Values.Type == column.Float64 {
		t.floats = append(make([]float64, 0, source.Values.Len+1), source.Values.Float64s...)
		t.floats = t.floats[:max(1, len(t.floats))] // Values wants one, if only to pass over it
	} else {
		t.ints = append(make([]int64, 0, source.Values.Len+1), source.Values.Int64s...)
		t.ints = t.ints[:max(1, len(t.ints))]
	}
	b.tables[i] = t
	return t
}

func nullRow(keys *column.Vector) int32 {
	for i := range keys.Len {
		if keys.Null(i) {
			return int32(i)
		}
	}
	return -1
}

// finder returns the search for keys of one kind. A null argument's slot gets
// any row.
func finder(keys *column.Vector) func(c *call, rows []int32) {
	if keys.Type.Kind() == column.Strings {
		sum := program.FindHash("xxh3")
		hash := func(s []byte) uint64 { return sum(0, s) }
		t := kernel.NewStringTable(keys.Text.Bytes, keys.Text.Offsets, keys.Valid, hash)
		return func(c *call, rows []int32) {
			kernel.FindStrings(rows, &c.args[0].text, c.args[0].valid, t)
		}
	}
	words, rowOf := tableWords(keys)
	t := kernel.NewTable(words, rowOf)
	switch keys.Type.Kind() {
	case column.Bools:
		return func(c *call, rows []int32) {
			kernel.BoolsToInts(c.ints[:c.n], c.args[0].bools)
			kernel.FindInts(rows, c.ints, t)
		}
	case column.Ints:
		return func(c *call, rows []int32) { kernel.FindInts(rows, c.args[0].ints, t) }
	}
	return func(c *call, rows []int32) {
		kernel.OrderedFloats(c.ints[:c.n], c.args[0].floats)
		kernel.FindInts(rows, c.ints, t)
	}
}

// tableWords returns the keys that are not null as words that are equal when their
// canonical bytes are, and the row of each.
func tableWords(keys *column.Vector) (words []uint64, rowOf []int32) {
	for i := range keys.Len {
		if keys.Null(i) {
			continue
		}
		word := uint64(0)
		switch keys.Type.Kind() {
		case column.Bools:
			word = kernel.Bit(keys.Bools[i])
		case column.Ints:
			word = uint64(keys.Int(i))
		case column.Floats:
			word = program.OrderedBits(keys.Float(i))
		}
		words, rowOf = append(words, word), append(rowOf, int32(i))
	}
	return words, rowOf
}
