package kernel

import "math"

// FillGaps computes a, but null where the bit is clear, and nan where it is a NaN.
// room and bits are scratch for as many values.
func FillGaps(set *Set, dst, a []float64, valid []uint64, null, nan float64, room []bool, bits []uint64) {
	numbers(set, bits, a[:len(dst)], room)
	CoalesceConst(set, dst, a, bits, nan)
	if valid != nil {
		CoalesceConst(set, dst, dst, valid, null)
	}
}

// numbers sets the bits of the values that are not NaN.
func numbers(set *Set, bits []uint64, a []float64, room []bool) {
	room = room[:len(a)]
	set.CompareFloats(room, a, Le, math.Inf(1))
	PackBools(bits, room)
}

// MaskNaNs clears the bits of values that are NaN. room and bits are scratch for as
// many values.
func MaskNaNs(set *Set, valid []uint64, a []float64, room []bool, bits []uint64) {
	numbers(set, bits, a, room)
	AndBits(valid[:Words(len(a))], bits)
}

// MaskInfs is MaskNaNs for infinities.
func MaskInfs(set *Set, valid []uint64, a []float64, room []bool, bits []uint64) {
	room, valid = room[:len(a)], valid[:Words(len(a))]
	for _, infinity := range []float64{math.Inf(1), math.Inf(-1)} {
		set.CompareFloats(room, a, Ne, infinity)
		PackBools(bits, room)
		AndBits(valid, bits)
	}
}
