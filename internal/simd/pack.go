package simd

import "unsafe"

// Fixed is a value of 4 or 8 bytes.
type Fixed interface {
	int32 | int64 | uint32 | uint64 | float32 | float64
}

// as views values as others of the same size.
func as[T, S Fixed](s []S) []T {
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(s))), len(s))
}

func size[T Fixed]() uintptr {
	var x T
	return unsafe.Sizeof(x)
}

// Compact packs the values of src whose bit is set to the front of dst, which is at
// least as long and may be src. It returns how many there are; what follows them is
// garbage.
func Compact[T Fixed](k *Kernels, dst, src []T, valid []uint64) int {
	dst = dst[:len(src)]
	if valid == nil {
		return copy(dst, src)
	}
	checkBits(valid, len(src))
	whole, n := 0, 0
	if k.compact64 != nil {
		whole = len(src) &^ 7
	}
	for i := 0; i < whole; i += maxCall {
		end := min(whole, i+maxCall)
		if size[T]() == 8 {
			n += k.compact64(as[uint64](dst[n:]), as[uint64](src[i:end]), valid[i>>6:])
		} else {
			n += k.compact32(as[uint32](dst[n:]), as[uint32](src[i:end]), valid[i>>6:])
		}
	}
	for i := whole; i < len(src); i++ {
		dst[n] = src[i]
		n += int(valid[i>>6] >> (i & 63) & 1)
	}
	return n
}

// Expand spreads the values of src to the places of dst whose bit is set, in order,
// and puts x everywhere else. src has at least as many values as there are bits; dst
// and src do not overlap.
func Expand[T Fixed](k *Kernels, dst, src []T, valid []uint64, x T) {
	if valid == nil {
		copy(dst, src[:len(dst)])
		return
	}
	checkBits(valid, len(dst))
	i, from := 0, 0
	for k.expand64 != nil {
		end := min(len(dst)&^7, i+maxCall)
		wrote, read := 0, 0
		if size[T]() == 8 {
			wrote, read = k.expand64(as[uint64](dst[i:end]), as[uint64](src[from:]), valid[i>>6:], as[uint64]([]T{x})[0])
		} else {
			wrote, read = k.expand32(as[uint32](dst[i:end]), as[uint32](src[from:]), valid[i>>6:], as[uint32]([]T{x})[0])
		}
		i, from = i+wrote, from+read
		if i < end || i == len(dst)&^7 {
			break
		}
	}
	for ; i < len(dst); i++ {
		if valid[i>>6]>>(i&63)&1 == 0 {
			dst[i] = x
			continue
		}
		dst[i] = src[from]
		from++
	}
}
