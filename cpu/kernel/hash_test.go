package kernel

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

// The written-out XXH3 must be the library's, for every seed.
func TestHashInts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	hash := program.FindHash("xxh3")
	for range 2000 {
		seed := int64(rng.Uint64() >> rng.IntN(64))
		x, y := int64(rng.Uint64()>>rng.IntN(64)), int64(rng.Uint64())
		got := make([]int64, 1)
		HashInts(got, []int64{x}, seed)
		bytes := program.AppendCanonical(nil, column.Int64, program.Value{Int: x})
		if want := int64(hash(seed, bytes)); got[0] != want {
			t.Fatalf("hash of %d with seed %d is %x, want %x", x, seed, got[0], want)
		}
		f := math.Float64frombits(uint64(y))
		HashFloats(got, []float64{f}, seed)
		bytes = program.AppendCanonical(nil, column.Float64, program.Value{Float: f})
		if want := int64(hash(seed, bytes)); got[0] != want {
			t.Fatalf("hash of %v with seed %d is %x, want %x", f, seed, got[0], want)
		}
		MixPairs(got, []int64{x}, []int64{y}, seed)
		bytes = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(x)), uint64(y))
		if want := int64(hash(seed, bytes)); got[0] != want {
			t.Fatalf("mix of %d, %d with seed %d is %x, want %x", x, y, seed, got[0], want)
		}
	}
}
