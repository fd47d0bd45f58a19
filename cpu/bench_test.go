package cpu

import (
	"fmt"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// BenchmarkChain is a numeric chain (fill, clip, log1p, standardize) and a string
// chain (lower, look up in a vocabulary), each over 64 Ki rows, plain and with a
// dictionary of 4096 slots.
func BenchmarkChain(b *testing.B) {
	const rows, slots = 1 << 16, 4096
	rng := newRand(1)
	number := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float32}})
	x := number.Coalesce(number.Convert(number.Load(0), column.Float64), number.ConstFloat(1))
	x = number.Emit(program.Clamp, program.Imm{}, x, number.ConstFloat(0), number.ConstFloat(1000))
	x = number.Emit(program.Log1p, program.Imm{}, x)
	x = number.Emit(program.Sub, program.Imm{}, x, number.ConstFloat(2.5))
	x = number.Emit(program.Div, program.Imm{}, x, number.ConstFloat(1.5))
	number.Output("x", number.Emit(program.Round32, program.Imm{}, x), program.RoleFeature)

	text := program.NewBuilder(column.Schema{{Name: "s", Type: column.String}})
	table := program.Table{Name: "t", Keys: column.Vector{Type: column.String}, Values: column.Vector{Type: column.Int64}}
	coded := []column.Column{{Len: rows, Values: column.Vector{Type: column.Float32}}, {Len: rows, Values: column.Vector{Type: column.String}}}
	for i := range slots {
		word := fmt.Appendf(nil, "Word%d", rng.IntN(1e6))
		program.AppendStored(&coded[0].Values, program.Value{Float: float64(float32(rng.ExpFloat64() * 100))})
		program.AppendStored(&coded[1].Values, program.Value{Str: word})
		program.AppendRegister(&table.Keys, program.Value{Str: fmt.Appendf(nil, "word%d", i)})
		program.AppendRegister(&table.Values, program.Value{Int: int64(i)})
	}
	id := text.Lookup(text.AddTable(table), text.Emit(program.Lower, program.Imm{}, text.Load(0)))
	text.Output("id", text.Coalesce(id, text.ConstInt(1)), program.RoleFeature)

	programs := []*program.Program{number.Finish(), text.Finish()}
	b.Run("number/one_row", func(b *testing.B) {
		s := start(b, programs[0], 0)
		one := column.Batch{Rows: 1, Columns: []column.Column{{Len: 1, Values: program.StoredVector(column.Float32, program.Value{Float: 3})}}}
		for b.Loop() {
			if _, err := s.Run(one, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for i, p := range programs {
		c := &coded[i]
		c.Index = make([]int32, rows)
		plain := column.Column{Len: rows, Values: column.Vector{Type: c.Type()}}
		for row := range c.Index {
			c.Index[row] = int32(rng.IntN(slots))
			program.AppendStored(&plain.Values, program.ValueAt(&c.Values, c.Slot(row)))
		}
		for name, in := range map[string]column.Column{"dictionary": *c, "plain": plain} {
			b.Run([]string{"number", "text"}[i]+"/"+name, func(b *testing.B) {
				s := start(b, p, 0)
				batch := column.Batch{Rows: rows, Columns: []column.Column{in}}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Run(batch, nil); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
			})
		}
	}
}

// BenchmarkDense is a chain over plain floats with nulls and NaNs (fill both, log1p,
// standardize) in batches of 32 Ki rows.
func BenchmarkDense(b *testing.B) {
	const rows = 1 << 15
	number := program.NewBuilder(column.Schema{{Name: "x", Type: column.Float32}})
	loaded, zero := number.Load(0), number.ConstTyped(column.Float32, program.Value{})
	nan := number.Emit(program.IsNaN, program.Imm{}, loaded)
	x := number.Emit(program.Select, program.Imm{}, nan, zero, number.Coalesce(loaded, zero))
	x = number.Emit(program.Round32, program.Imm{}, number.Emit(program.Log1p, program.Imm{}, x))
	x = number.Emit(program.Sub, program.Imm{}, x, number.ConstFloat(2.5))
	x = number.Emit(program.Div, program.Imm{}, x, number.ConstFloat(1.5))
	number.Output("x", number.Emit(program.Round32, program.Imm{}, x), program.RoleFeature)
	rng, v := newRand(1), column.Vector{Type: column.Float32}
	for range rows {
		f := program.Value{Float: float64(float32(rng.ExpFloat64())), Null: rng.IntN(20) == 0}
		if rng.IntN(20) == 0 {
			f.Float = program.NaN()
		}
		program.AppendStored(&v, f)
	}
	s, in := start(b, number.Finish(), 0), batchOf(column.Column{Len: rows, Values: v})
	for b.Loop() {
		if _, err := s.Run(in, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

// BenchmarkLists is a chain over lists of texts (lower, look up, pad to 8 ids, and
// their sum) with 0 to 9 elements, plain and with a dictionary of 4096 slots.
func BenchmarkLists(b *testing.B) {
	const rows, slots = 1 << 14, 4096
	rng := newRand(1)
	table := program.Table{Name: "t", Keys: column.Vector{Type: column.String}, Values: column.Vector{Type: column.Int64}}
	texts := make([]string, slots)
	for i := range texts {
		texts[i] = fmt.Sprintf("Word%d", i)
		program.AppendRegister(&table.Keys, program.Value{Str: fmt.Appendf(nil, "word%d", i)})
		program.AppendRegister(&table.Values, program.Value{Int: int64(i)})
	}
	builder := program.NewBuilder(column.Schema{{Name: "s", Type: column.ListOf(column.String)}})
	id := builder.Lookup(builder.AddTable(table), builder.Emit(program.Lower, program.Imm{}, builder.Load(0)))
	pad := builder.Emit(program.ListPad, program.Imm{Int: 8}, builder.Emit(program.ListSlice, program.Imm{Extra: 8}, id), builder.ConstInt(0))
	builder.Output("ids", pad, program.RoleFeature)
	builder.Output("sum", builder.Emit(program.ListSum, program.Imm{}, pad), program.RoleFeature)
	p := builder.Finish()

	offsets := []uint32{0}
	for range rows {
		offsets = append(offsets, offsets[len(offsets)-1]+uint32(rng.IntN(10)))
	}
	index := make([]int32, offsets[rows])
	var each []string
	for i := range index {
		index[i] = int32(rng.IntN(slots))
		each = append(each, texts[index[i]])
	}
	for name, in := range map[string]column.Column{"dictionary": listColumn(offsets, index, texts...), "plain": listColumn(offsets, nil, each...)} {
		b.Run(name, func(b *testing.B) {
			s := start(b, p, 0)
			batch := batchOf(in)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Run(batch, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(index)), "ns/element")
		})
	}
}
