package tensor

import (
	"encoding/binary"

	"quern/features/column"
)

// elements are those of a column's lists, without those of lists that are not there.
type elements struct {
	of      *Column
	rows, n int
}

// each calls f with the number of every element and its slot among the values.
func (e *elements) each(f func(k, slot int, there bool)) {
	v := &e.of.Values.Values
	k := 0
	for r := range e.rows {
		if !e.of.There(r) {
			continue
		}
		lo, hi := v.List(e.of.Values.Slot(r))
		for i := lo; i < hi; i++ {
			slot := v.Elements.Slot(i)
			f(k, slot, v.Elements.Values.Valid.Get(slot))
			k++
		}
	}
}

func (e *elements) valid(b []byte) {
	e.each(func(k, _ int, there bool) {
		if there {
			b[k>>3] |= 1 << (k & 7)
		}
	})
}

// values writes values of a fixed size.
func (e *elements) values(b []byte, size int) {
	one := Column{Values: column.Column{Values: e.of.Values.Values.Elements.Values}}
	e.each(func(k, slot int, there bool) {
		if there {
			one.putSlot(b[k*size:], slot)
		} else {
			putGap(b[k*size:], one.Values.Type())
		}
	})
}

// offsets writes where strings end, and returns how many bytes they have.
func (e *elements) offsets(b []byte) int {
	text, total := &e.of.Values.Values.Elements.Values.Text, 0
	e.each(func(k, slot int, there bool) {
		if there {
			total += len(text.At(slot))
		}
		binary.LittleEndian.PutUint32(b[4*(k+1):], uint32(total))
	})
	return total
}

// bytes writes the strings.
func (e *elements) bytes(b []byte) {
	text := &e.of.Values.Values.Elements.Values.Text
	e.each(func(_, slot int, there bool) {
		if there {
			b = b[copy(b, text.At(slot)):]
		}
	})
}
