package row

// Rows are rows one behind the other in memory of their own, which is kept between
// batches: the fixed parts in Fixed, the heaps in Heap, base counted from its start.
type Rows struct {
	Layout      *Layout
	Fixed, Heap []byte
	// NullKeys counts the rows that were left out because a column of their key is null;
	// FirstNullKey is the first of them in the input, -1 if there is none.
	NullKeys, FirstNullKey int
	// From is the number in the input of each row that Encode made.
	From []int
}

// Reset empties r for rows of a layout.
func (r *Rows) Reset(l *Layout) {
	*r = Rows{Layout: l, Fixed: r.Fixed[:0], Heap: r.Heap[:0], FirstNullKey: -1, From: r.From[:0]}
}

// Len returns how many rows there are.
func (r *Rows) Len() int {
	if r.Layout == nil {
		return 0
	}
	return len(r.Fixed) / r.Layout.stride
}

// At returns row i. It shares r's memory: valid until r is reset or appended to.
func (r *Rows) At(i int) Row {
	s := r.Layout.stride
	got, err := r.Layout.Locate(r.Fixed[i*s:(i+1)*s:(i+1)*s], r.Heap)
	if err != nil {
		panic("quern: bug: rows do not hold together")
	}
	return got
}

// Append adds a copy of a row of the same layout.
func (r *Rows) Append(one Row) {
	at := len(r.Fixed)
	r.Fixed = append(r.Fixed, one.Fixed...)
	r.Layout.SetBase(r.Fixed[at:], uint64(len(r.Heap)))
	r.Heap = append(r.Heap, one.Heap...)
}
