package column

import "testing"

func TestCut(t *testing.T) {
	v := Vector{Type: Int32, Len: 200, Valid: NewBitmap(200)}
	texts := Vector{Type: String, Len: 200}
	for i := range 200 {
		v.Int32s = append(v.Int32s, int32(i))
		texts.Text.Append([]byte{byte(i)})
		if i%3 == 0 {
			v.Valid.Set(i)
		}
	}
	index := make([]int32, 200)
	for i := range index {
		index[i] = int32(199 - i)
	}
	lists := Vector{Type: ListOf(Int32), Len: 100, Elements: &Column{Len: 200, Values: v}}
	for i := range 101 {
		lists.Offsets = append(lists.Offsets, uint32(2*i))
	}
	for name, c := range map[string]Column{
		"plain": {Len: 200, Values: v}, "coded": {Len: 200, Values: v, Index: index},
		"texts": {Len: 200, Values: texts}, "lists": {Len: 100, Values: lists},
	} {
		for _, to := range []int{64, 100, c.Len} {
			for _, from := range []int{0, 64} {
				out := Cut(&c, from, to)
				if out.Len != to-from {
					t.Fatalf("%s: %d rows of %d", name, out.Len, to-from)
				}
				for i := range out.Len {
					if !out.Values.Equal(out.Slot(i), &c.Values, c.Slot(from+i)) {
						t.Fatalf("%s from %d to %d: row %d", name, from, to, i)
					}
				}
			}
		}
	}
}

// TestTakeOwnsWhatItWrites: after a dictionary, whose values it shares, Take must not
// write into them.
func TestTakeOwnsWhatItWrites(t *testing.T) {
	shared := Vector{Type: Int64, Len: 3, Int64s: []int64{10, 20, 30}}
	var dst Column
	Take(&dst, &Column{Len: 2, Values: shared, Index: []int32{2, 0}}, []int32{1})
	Take(&dst, &Column{Len: 3, Values: Vector{Type: Int64, Len: 3, Int64s: []int64{7, 8, 9}}}, []int32{0, 2})
	if dst.Len != 2 || dst.Dict() || dst.Values.Int64s[0] != 7 || dst.Values.Int64s[1] != 9 {
		t.Errorf("took %v", dst)
	}
	if shared.Int64s[0] != 10 || shared.Int64s[1] != 20 {
		t.Errorf("the dictionary has become %v", shared.Int64s)
	}
}
