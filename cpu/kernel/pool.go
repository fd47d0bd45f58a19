package kernel

// Lists is lists of numbers: element e is slot Index[e] of Values or, without Index,
// slot e; it is null where Valid says so.
type Lists[T Number] struct {
	Offsets []uint32
	Index   []int32
	Values  []T
	Valid   []uint64
}

// slot returns the slot of element e.
func (l *Lists[T]) slot(e uint32) int {
	if l.Index != nil {
		return int(l.Index[e])
	}
	return int(e)
}

// SumIntLists sums the elements of each list that are not null; without any, the
// result is null. It reports whether no sum, of a list's first elements or of all,
// overflows.
func SumIntLists(dst []int64, valid []uint64, l Lists[int64]) bool {
	over := int64(0)
	for i := range dst {
		sum, any := int64(0), uint64(0)
		for e := l.Offsets[i]; e < l.Offsets[i+1]; e++ {
			slot := l.slot(e)
			if !present(l.Valid, slot) {
				continue
			}
			x := l.Values[slot]
			next := sum + x
			over |= (sum ^ next) & (x ^ next)
			sum, any = next, 1
		}
		dst[i] = sum
		putBit(valid, i, any)
	}
	return over >= 0
}

// SumFloatLists is SumIntLists for floats, each sum rounded; or, with mean, divided by
// how many elements are not null.
func SumFloatLists(dst []float64, valid []uint64, l Lists[float64], mean bool) {
	for i := range dst {
		sum, count := 0.0, 0
		for e := l.Offsets[i]; e < l.Offsets[i+1]; e++ {
			slot := l.slot(e)
			if !present(l.Valid, slot) {
				continue
			}
			if x := l.Values[slot]; count == 0 {
				sum = x // 0 + -0 would be 0
			} else {
				sum += x
			}
			count++
		}
		if mean {
			sum /= float64(count)
		}
		dst[i] = sum
		putBit(valid, i, Bit(count > 0))
	}
}

// MinLists computes the smallest element that is not null; without any, the result is
// null. A NaN wins, and -0 is less than 0.
func MinLists[T Number](dst []T, valid []uint64, l Lists[T]) {
	for i := range dst {
		var least T
		any := uint64(0)
		for e := l.Offsets[i]; e < l.Offsets[i+1]; e++ {
			slot := l.slot(e)
			switch {
			case !present(l.Valid, slot):
			case any == 0:
				least, any = l.Values[slot], 1
			default:
				least = min(least, l.Values[slot])
			}
		}
		dst[i] = least
		putBit(valid, i, any)
	}
}

// MaxLists is MinLists for the largest.
func MaxLists[T Number](dst []T, valid []uint64, l Lists[T]) {
	for i := range dst {
		var most T
		any := uint64(0)
		for e := l.Offsets[i]; e < l.Offsets[i+1]; e++ {
			slot := l.slot(e)
			switch {
			case !present(l.Valid, slot):
			case any == 0:
				most, any = l.Values[slot], 1
			default:
				most = max(most, l.Values[slot])
			}
		}
		dst[i] = most
		putBit(valid, i, any)
	}
}

// putBit sets bit i, of a run that is written from slot 0 on: bits past the last one
// are zero.
func putBit(bits []uint64, i int, bit uint64) {
	if i&63 == 0 {
		bits[i>>6] = 0
	}
	bits[i>>6] |= bit << (i & 63)
}

// ListLengths counts the elements of each list.
func ListLengths(dst []int64, offsets []uint32) {
	offsets = offsets[:len(dst)+1]
	for i := range dst {
		dst[i] = int64(offsets[i+1] - offsets[i])
	}
}
