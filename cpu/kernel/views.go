package kernel

// Views is a run of byte strings that share one memory: string i is
// Bytes[Start[i]:End[i]]. A column.Text is a Views whose End is its Start moved by
// one; a gather or a trim moves offsets and no bytes. Bounds under nulls are
// garbage and are never used.
type Views struct {
	Bytes []byte
	Start []uint32
	End   []uint32
}

// At returns string i. The bytes belong to the Views; the capacity ends with the
// string.
func (v *Views) At(i int) []byte {
	start, end := v.Start[i], v.End[i]
	return v.Bytes[start:end:end]
}

// Put makes string i a copy of s at the end of Bytes. The caller checks, once per
// block, that Bytes has stayed under 4 GiB.
func (v *Views) Put(i int, s []byte) {
	v.Start[i] = uint32(len(v.Bytes))
	v.Bytes = append(v.Bytes, s...)
	v.End[i] = uint32(len(v.Bytes))
}

// share makes string i the part of string j of src, which part is a subslice of
// (src.At(j) cut anywhere, capacity untouched). v.Bytes must be src.Bytes.
func (v *Views) share(i int, src *Views, j int, part []byte) {
	end := src.End[j]
	if len(part) == 0 {
		v.Start[i], v.End[i] = end, end
		return
	}
	// Nothing was cut off the capacity, so it counts the bytes up to the end.
	start := end - uint32(cap(part))
	v.Start[i], v.End[i] = start, start+uint32(len(part))
}

// present reports whether slot i holds a value.
func present(valid []uint64, i int) bool {
	return valid == nil || valid[i>>6]>>(i&63)&1 != 0
}
