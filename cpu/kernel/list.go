package kernel

import "quern/features/program"

// SliceLists writes the offsets of what ListSlice takes of each list, and appends the
// slots of its elements to index.
func SliceLists(offsets []uint32, index []int32, from []uint32, slots []int32, start, end int64) []int32 {
	offsets[0] = 0
	for i := range offsets[1:] {
		lo, hi := program.SliceBounds(int(from[i+1]-from[i]), start, end)
		index = appendSlots(index, slots, int(from[i])+lo, int(from[i])+hi)
		offsets[i+1] = uint32(len(index))
	}
	return index
}

// appendSlots appends the slots of the elements from lo to hi.
func appendSlots(index, slots []int32, lo, hi int) []int32 {
	if slots != nil {
		return append(index, slots[lo:hi]...)
	}
	for e := lo; e < hi; e++ {
		index = append(index, int32(e))
	}
	return index
}

// PadOffsets writes the offsets of lists that are made length elements long where they
// have fewer, and returns how many elements there are. Once they are more than most it
// stops.
func PadOffsets(offsets, from []uint32, length, most int) int {
	n := 0
	offsets[0] = 0
	for i := range offsets[1:] {
		n += max(length, int(from[i+1]-from[i]))
		if n > most {
			break
		}
		offsets[i+1] = uint32(n)
	}
	return n
}

// PadLists writes the slots of the elements of lists that PadOffsets has made longer:
// fill for what is new, behind the elements or before them.
func PadLists(index []int32, offsets, from []uint32, slots []int32, fill int32, before bool) {
	for i := range offsets[1:] {
		list := index[offsets[i]:offsets[i+1]]
		n := int(from[i+1] - from[i])
		old, added := list[:n], list[n:]
		if before {
			added, old = list[:len(list)-n], list[len(list)-n:]
		}
		appendSlots(old[:0], slots, int(from[i]), int(from[i+1]))
		for k := range added {
			added[k] = fill
		}
	}
}

// ListsAt writes the slot of each list's element at a position, or none where the list
// has no such element, and reports whether there is such a list.
func ListsAt(index []int32, from []uint32, slots []int32, position int64, none int32) bool {
	lacking := false
	for i := range index {
		at := program.ElementAt(int(from[i+1]-from[i]), position)
		switch e := int(from[i]) + at; {
		case at < 0:
			index[i], lacking = none, true
		case slots != nil:
			index[i] = slots[e]
		default:
			index[i] = int32(e)
		}
	}
	return lacking
}
