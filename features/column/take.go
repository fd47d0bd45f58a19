package column

// Take fills dst with the given rows of src, in that order, reusing dst's memory.
// Rows of a dictionary column keep their slots, so dst shares src's Values (and
// some slots may become unused); rows of a plain column are copied.
func Take(dst, src *Column, rows []int32) {
	dst.Len = len(rows)
	if src.Index != nil {
		dst.Values = src.Values
		dst.Index = resize(dst.Index, len(rows))
		for i, r := range rows {
			dst.Index[i] = src.Index[r]
		}
		return
	}
	if dst.Index != nil { // its values were another's: they must not be written to
		*dst = Column{Len: len(rows)}
	}
	takeVector(&dst.Values, &src.Values, rows)
}

func takeVector(dst, src *Vector, rows []int32) {
	dst.Type, dst.Len = src.Type, len(rows)
	dst.Valid = takeBits(dst.Valid, src.Valid, rows)
	dst.Bools = pick(dst.Bools, src.Bools, rows)
	dst.Int32s = pick(dst.Int32s, src.Int32s, rows)
	dst.Int64s = pick(dst.Int64s, src.Int64s, rows)
	dst.Float32s = pick(dst.Float32s, src.Float32s, rows)
	dst.Float64s = pick(dst.Float64s, src.Float64s, rows)
	if src.Type.IsList() {
		takeLists(dst, src, rows)
		return
	}
	dst.Offsets, dst.Elements = nil, nil
	if src.Type != String {
		dst.Text = Text{}
		return
	}
	dst.Text.Reset()
	for _, r := range rows {
		if src.Valid.Get(int(r)) {
			dst.Text.Append(src.Text.At(int(r)))
		} else {
			dst.Text.Append(nil)
		}
	}
}

// takeBits picks bits; the result is nil when src is.
func takeBits(dst, src Bitmap, rows []int32) Bitmap {
	if src == nil {
		return nil
	}
	dst = resize(dst, (len(rows)+63)/64)
	clear(dst)
	for i, r := range rows {
		if src.Get(int(r)) {
			dst.Set(i)
		}
	}
	return dst
}

// pick gathers src at rows; the result is nil when src is.
func pick[T any](dst, src []T, rows []int32) []T {
	if src == nil {
		return nil
	}
	dst = resize(dst, len(rows))
	for i, r := range rows {
		dst[i] = src[r]
	}
	return dst
}

// resize returns s with n elements, whose contents are arbitrary.
func resize[T any, S ~[]T](s S, n int) S {
	if s == nil || cap(s) < n { // a nil index would mean plain, even with no rows
		return make(S, n)
	}
	return s[:n]
}

// takeLists picks lists: their elements are taken from the column of elements.
func takeLists(dst, src *Vector, rows []int32) {
	dst.Text = Text{}
	offsets := resize(dst.Offsets, len(rows)+1)[:1]
	offsets[0] = 0
	var elements []int32
	for _, r := range rows {
		lo, hi := src.List(int(r))
		for e := lo; e < hi; e++ {
			elements = append(elements, int32(e))
		}
		offsets = append(offsets, uint32(len(elements)))
	}
	dst.Offsets = offsets
	if dst.Elements == nil {
		dst.Elements = &Column{}
	}
	Take(dst.Elements, src.Elements, elements)
}
