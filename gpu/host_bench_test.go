//go:build linux && cuda && cgo

package gpu

import (
	"fmt"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/features/program"
)

// BenchmarkHost measures what the host does for a slice: copying columns into page-locked
// memory (fill), and results out of it (take). Nothing is computed.
func BenchmarkHost(b *testing.B) {
	const rows = 1 << 16
	be, err := unchecked(Options{Reference: cpu.New(), Slots: 1, SlotBytes: 32 << 20, LeastRows: 1})
	if err != nil {
		b.Skip(err)
	}
	defer be.Close()
	plain := column.Column{Len: rows, Values: column.Vector{Type: column.Float64, Len: rows, Float64s: make([]float64, rows), Valid: column.NewBitmap(rows)}}
	for _, slots := range []int{0, 200, 60_000, 70_000} {
		c, name := plain, "plain"
		if slots > 0 {
			c, name = inCodes(rows, slots), fmt.Sprintf("codes of %d bytes", codeWidth(slots))
		}
		b.Run("fill "+name, func(b *testing.B) {
			slot := be.slots.get(true)
			defer be.slots.put(slot)
			b.ReportAllocs()
			for b.Loop() {
				s := &slice{slot: slot, n: rows}
				for range 8 {
					s.feed(&c, !c.Dict())
				}
				for _, upload := range s.uploads {
					upload()
				}
				b.SetBytes(int64(s.in.size))
			}
		})
	}
	b.Run("take", func(b *testing.B) {
		slot := be.slots.get(true)
		defer be.slots.put(slot)
		p := &pass{space: program.Rows}
		var types []column.Type
		for i := range 8 {
			p.leaves, types = append(p.leaves, leave{output: i}), append(types, column.Float32)
		}
		var own results
		s := &slice{slot: slot, n: rows}
		for _, t := range types {
			s.leave(t, true)
		}
		b.ReportAllocs()
		b.SetBytes(int64(s.out.size))
		for b.Loop() {
			own.open(p, types, rows)
			for i := range types {
				own.take(i, s)
			}
		}
	})
}
