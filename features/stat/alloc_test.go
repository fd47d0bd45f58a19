package stat

import (
	"math/rand"
	"testing"

	"quern/features/column"
)

// Once buffers have grown, observing allocates nothing: whatever the encoding,
// with nulls, NaNs and infinities, with weights.
func TestObserveDoesNotAllocate(t *testing.T) {
	for _, sub := range subjects() {
		r := rand.New(rand.NewSource(4))
		cols := sub.table(r, 300)
		args, coded := make([]column.Column, len(cols)), make([]column.Column, len(cols))
		for c := range cols {
			args[c] = plain(sub.spec.Types[c], cols[c])
			coded[c] = dictionary(r, sub.spec.Types[c], cols[c])
		}
		weights := make([]uint64, 300)
		for i := range weights {
			weights[i] = uint64(i % 3)
		}
		s := must(t, sub.spec, Resources{})
		observe := func() {
			s.Observe(args, nil)
			s.Observe(coded, nil)
			if len(args) == 1 {
				s.Observe(args, weights)
			}
		}
		observe()
		observe()
		if sub.spec.Kind == KindGram {
			continue // gonum's products start goroutines
		}
		if n := testing.AllocsPerRun(10, observe); n != 0 {
			t.Errorf("%s: %g allocations", sub.name, n)
		}
	}
}
