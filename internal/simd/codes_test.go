package simd

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// bitByBit packs codes with no tricks at all.
func bitByBit(codes []int32, width int) []byte {
	out := make([]byte, len(codes)*width/8)
	for i, code := range codes {
		for b := range width {
			at := i*width + b
			out[at/8] |= byte(code>>b&1) << (at % 8)
		}
	}
	return out
}

func checkCodes(t testing.TB, codes []int32, width int) {
	t.Helper()
	want := bitByBit(codes, width)
	for _, k := range levels() {
		dst, check := guarded[byte](t, len(want)+PackCodesSlack, 77)
		k.PackCodes(dst, codes, width)
		check()
		if !bytes.Equal(dst[:len(want)], want) {
			t.Fatalf("%v: %d codes of %d bits: % x, want % x", k.Level(), len(codes), width, dst[:len(want)], want)
		}
	}
}

// codesOf is n codes of width bits: all zeros, all ones, or anything.
func codesOf(r *rand.Rand, n, width int) []int32 {
	codes, kind := make([]int32, n), r.IntN(4)
	for i := range codes {
		switch {
		case kind == 0 || kind == 1 && r.IntN(2) == 0:
			codes[i] = int32(uint32(1<<width - 1))
		case kind == 2:
		default:
			codes[i] = int32(r.Uint32() & uint32(1<<width-1))
		}
	}
	return codes
}

func TestPackCodes(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	for width := 1; width <= 32; width++ {
		for groups := range 12 {
			for range 4 {
				checkCodes(t, codesOf(r, 8*groups, width), width)
			}
		}
		checkCodes(t, codesOf(r, 1000, width), width)
	}
	checkCodes(t, codesOf(r, 2*maxCall+72, 13), 13)
}

func FuzzPackCodes(f *testing.F) {
	f.Add(uint64(1), uint16(10), uint8(3))
	f.Add(uint64(2), uint16(3), uint8(17))
	f.Fuzz(func(t *testing.T, seed uint64, groups uint16, width uint8) {
		w := int(width%32) + 1
		checkCodes(t, codesOf(rand.New(rand.NewPCG(seed, 1)), 8*int(groups%300), w), w)
	})
}

func BenchmarkPackCodes(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 1))
	for _, width := range []int{4, 9, 17, 20} {
		codes := make([]int32, 1<<12)
		for i := range codes {
			codes[i] = r.Int32N(1 << width)
		}
		dst := make([]byte, len(codes)*width/8+PackCodesSlack)
		for _, k := range levels() {
			b.Run(fmt.Sprintf("%d/%v", width, k.Level()), func(b *testing.B) {
				b.SetBytes(int64(4 * len(codes)))
				for b.Loop() {
					k.PackCodes(dst, codes, width)
				}
			})
		}
	}
}
