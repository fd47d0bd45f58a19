package kernel

import (
	"math"

	"quern/features/program"
)

// Kernels over strings loop over the scalar functions of package program. They
// skip null slots. The number of slots is len(dst), or len(dst.Start) where the
// destination is a Views. A destination that gets new bytes appends them to
// dst.Bytes; one that gets parts of its argument's strings shares their bytes.
// Kernels that make strings longer stop once dst.Bytes has passed 4 GiB, which the
// caller checks.

// AppendTexts makes each string what f appends for it.
func AppendTexts(dst, a *Views, valid []uint64, f func(dst, s []byte) []byte) {
	for i := range dst.Start {
		dst.Start[i] = uint32(len(dst.Bytes))
		if present(valid, i) {
			dst.Bytes = f(dst.Bytes, a.At(i))
		}
		dst.End[i] = uint32(len(dst.Bytes))
	}
}

// FormatTexts makes each string what f appends for a value.
func FormatTexts[T any](dst *Views, a []T, valid []uint64, f func(dst []byte, x T) []byte) {
	for i := range dst.Start {
		dst.Start[i] = uint32(len(dst.Bytes))
		if present(valid, i) {
			dst.Bytes = f(dst.Bytes, a[i])
		}
		dst.End[i] = uint32(len(dst.Bytes))
	}
}

// CopyTexts makes dst views of the same strings.
func CopyTexts(dst, a *Views) {
	dst.Bytes = a.Bytes
	copy(dst.Start, a.Start)
	copy(dst.End, a.End)
}

// ChooseTexts copies string i of a where the bit of choice is set, else of b.
// valid tells which results are present.
func ChooseTexts(dst *Views, choice []uint64, a, b *Views, valid []uint64) {
	for i := range dst.Start {
		switch {
		case !present(valid, i):
			dst.Put(i, nil)
		case choice[i>>6]>>(i&63)&1 != 0:
			dst.Put(i, a.At(i))
		default:
			dst.Put(i, b.At(i))
		}
	}
}

// TrimTexts removes white space on both sides.
func TrimTexts(dst, a *Views, valid []uint64) {
	dst.Bytes = a.Bytes
	for i := range dst.Start {
		if present(valid, i) {
			dst.share(i, a, i, program.TrimText(a.At(i)))
		}
	}
}

// SubstrTexts cuts out length runes from start on.
func SubstrTexts(dst, a *Views, start, length []int64, valid []uint64) {
	dst.Bytes = a.Bytes
	for i := range dst.Start {
		if present(valid, i) {
			dst.share(i, a, i, program.SubstrText(a.At(i), start[i], length[i]))
		}
	}
}

// SplitTexts cuts out field n between separators and appends to missing the slots
// that have no such field.
func SplitTexts(dst, a, separator *Views, n int64, valid []uint64, missing []int32) []int32 {
	dst.Bytes = a.Bytes
	for i := range dst.Start {
		if !present(valid, i) {
			continue
		}
		field, ok := program.SplitField(a.At(i), separator.At(i), n)
		if !ok {
			missing = append(missing, int32(i))
			continue
		}
		dst.share(i, a, i, field)
	}
	return missing
}

// ConcatTexts joins the parts' strings and appends to failed the slots whose
// result is longer than program.MaxText. (A single part is not made longer.)
func ConcatTexts(dst *Views, parts []*Views, valid []uint64, failed []int32) []int32 {
	for i := range dst.Start {
		dst.Start[i] = uint32(len(dst.Bytes))
		if present(valid, i) && len(dst.Bytes) <= math.MaxUint32 {
			size := 0
			for _, p := range parts {
				size += len(p.At(i))
			}
			if size > program.MaxText && len(parts) > 1 {
				failed = append(failed, int32(i))
			} else {
				dst.Bytes = appendParts(dst.Bytes, parts, i)
			}
		}
		dst.End[i] = uint32(len(dst.Bytes))
	}
	return failed
}

func appendParts(bytes []byte, parts []*Views, i int) []byte {
	for _, p := range parts {
		bytes = append(bytes, p.At(i)...)
	}
	return bytes
}

// ReplaceTexts replaces every old by new and appends to failed the slots whose
// result is longer than program.MaxText.
func ReplaceTexts(dst, a, old, new *Views, valid []uint64, failed []int32) []int32 {
	for i := range dst.Start {
		dst.Start[i] = uint32(len(dst.Bytes))
		if present(valid, i) && len(dst.Bytes) <= math.MaxUint32 {
			var ok bool
			dst.Bytes, ok = program.AppendReplace(dst.Bytes, a.At(i), old.At(i), new.At(i))
			if !ok {
				failed = append(failed, int32(i))
			}
		}
		dst.End[i] = uint32(len(dst.Bytes))
	}
	return failed
}

// CompareTexts computes f of each pair of strings.
func CompareTexts(dst []bool, a, b *Views, valid []uint64, f func(a, b []byte) bool) {
	for i := range dst {
		dst[i] = present(valid, i) && f(a.At(i), b.At(i))
	}
}

// ReadTexts computes f of each string.
func ReadTexts[T any](dst []T, a *Views, valid []uint64, f func(s []byte) T) {
	for i := range dst {
		if present(valid, i) {
			dst[i] = f(a.At(i))
		}
	}
}

// ParseTexts computes f of each string and appends to failed the slots where it
// is false.
func ParseTexts[T any](dst []T, a *Views, valid []uint64, f func(s []byte) (T, bool), failed []int32) []int32 {
	for i := range dst {
		if !present(valid, i) {
			continue
		}
		var ok bool
		if dst[i], ok = f(a.At(i)); !ok {
			failed = append(failed, int32(i))
		}
	}
	return failed
}

// PackTexts appends the strings to a contiguous run: bytes and, for each, the
// offset of its end. A null slot becomes an empty string.
func PackTexts(bytes []byte, ends []uint32, a *Views, valid []uint64) ([]byte, []uint32) {
	for i := range a.Start {
		if present(valid, i) {
			bytes = append(bytes, a.At(i)...)
		}
		ends = append(ends, uint32(len(bytes)))
	}
	return bytes, ends
}
