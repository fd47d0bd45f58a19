package cpu

import (
	"fmt"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// clicks is a model of click logs: 13 numbers (fill, clip, log1p, standardize) and 26
// texts (look up in a table of so many words), and rows for it.
func clicks(words, rows int) (*program.Program, column.Batch) {
	var schema column.Schema
	for i := range 39 {
		f := column.Field{Name: fmt.Sprint("c", i), Type: column.Int64}
		if i >= 13 {
			f.Type = column.String
		}
		schema = append(schema, f)
	}
	b := program.NewBuilder(schema)
	rng, in := newRand(1), column.Batch{Rows: rows}
	for i, f := range schema {
		c := column.Column{Len: rows, Values: column.Vector{Type: f.Type}}
		x := b.Load(i)
		if i < 13 {
			x = b.Coalesce(x, b.ConstInt(0))
			x = b.Emit(program.Clamp, program.Imm{}, x, b.ConstInt(0), b.ConstInt(1<<40))
			x = b.Emit(program.Log1p, program.Imm{}, b.Emit(program.ToFloat, program.Imm{}, x))
			x = b.Emit(program.Div, program.Imm{}, b.Emit(program.Sub, program.Imm{}, x, b.ConstFloat(2.5)), b.ConstFloat(1.5))
		} else {
			keys, values := column.Vector{Type: column.String}, column.Vector{Type: column.Int64}
			for k := range words {
				program.AppendRegister(&keys, program.Value{Str: fmt.Appendf(nil, "%08x", uint32(k)*2654435761)})
				program.AppendRegister(&values, program.Value{Int: int64(k + 2)})
			}
			x = b.Lookup(b.AddTable(program.NewTable(f.Name, keys, values)), x)
			x = b.Coalesce(x, b.ConstInt(1))
		}
		b.Output(f.Name, x, program.RoleFeature)
		for range rows {
			v := program.Value{Int: rng.Int64N(1000), Str: fmt.Appendf(nil, "%08x", uint32(rng.IntN(words+words/8))*2654435761)}
			program.AppendStored(&c.Values, v)
		}
		in.Columns = append(in.Columns, c)
	}
	return b.Finish(), in
}

// BenchmarkOnline is calls of one row and of a hundred.
func BenchmarkOnline(b *testing.B) {
	for _, rows := range []int{1, 100} {
		p, in := clicks(50_000, rows*64)
		s := start(b, p, 0)
		var requests []column.Batch
		for from := 0; from < in.Rows; from += rows {
			request := column.Batch{Rows: rows}
			for _, c := range in.Columns {
				take := make([]int32, rows)
				for i := range take {
					take[i] = int32(from + i)
				}
				var cut column.Column
				column.Take(&cut, &c, take)
				request.Columns = append(request.Columns, cut)
			}
			requests = append(requests, request)
		}
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := s.Run(requests[i%len(requests)], nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// One row of a model costs no memory.
func TestOnlineAllocatesNothing(t *testing.T) {
	p, in := clicks(100, 1)
	s := start(t, p, 0)
	run := func() {
		if _, err := s.Run(in, nil); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(10, run); n > 0 {
		t.Errorf("%v allocations for one row", n)
	}
}
