package kernel

// Gather copies the slot of each row: src[index[i]].
func Gather[T any](dst, src []T, index []int32) {
	index = index[:len(dst)]
	for i := range dst {
		dst[i] = src[index[i]]
	}
}

// GatherWide is Gather with a widening from storage to register form.
func GatherWide[W Number, N int32 | float32](dst []W, src []N, index []int32) {
	index = index[:len(dst)]
	for i := range dst {
		dst[i] = W(src[index[i]])
	}
}

// GatherBits copies the bit of the slot of each row.
func GatherBits(dst, src []uint64, index []int32) {
	for w := range dst[:Words(len(index))] {
		part := index[w<<6:]
		if len(part) > 64 {
			part = part[:64]
		}
		word := uint64(0)
		for i, slot := range part {
			word |= src[slot>>6] >> (slot & 63) & 1 << (i & 63)
		}
		dst[w] = word
	}
}

// GatherOffsets gathers views of strings: no byte moves.
func GatherOffsets(start, end, offsets []uint32, index []int32) {
	start, end = start[:len(index)], end[:len(index)]
	for i, slot := range index {
		start[i], end[i] = offsets[slot], offsets[slot+1]
	}
}

// Count adds to counts how many rows use each slot.
func Count(counts []uint64, index []int32) {
	for _, slot := range index {
		counts[slot]++
	}
}
