package cuda

import "unsafe"

// Word is what columns are made of.
type Word interface {
	~bool | ~uint8 | ~int32 | ~uint32 | ~int64 | ~uint64 | ~float32 | ~float64
}

// Bytes returns the memory of s: the machine is little-endian, as devices are. A byte of
// a bool is 0 or 1: whoever writes there keeps to it.
func Bytes[T Word](s []T) []byte {
	var t T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}
