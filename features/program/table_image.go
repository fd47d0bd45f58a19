package program

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"quern/features/column"
)

// A table's image is how it lies in memory, with its index, for processes that share
// memory: whoever maps it has the table without a look at its keys. It is of one machine
// and one build, no format of files, and is believed: what its maker did not check, nobody
// does. It is a head of imageHead words, then sections, each of whole words: slots,
// presence, offsets, bytes or words of the keys, words of the values.
const imageHead = 12

// imageWord is the size of what an image is made of.
const imageWord = 8

// ErrNoImage says that a table has no image: its keys are neither texts nor words of a register.
var ErrNoImage = errors.New("a table whose keys are neither texts nor words has no image")

// Imager writes images of tables, one after the other, which begin at At.
type Imager struct {
	To io.WriterAt
	At int64

	room []uint64 // for slots
}

// Write writes the image of a table and moves At behind it. Errors are those of To,
// ErrNoImage, or say why t is no map.
func (m *Imager) Write(t *Table) error {
	keys, values := &t.Keys, &t.Values
	if keys.Stored() || keys.Type.Kind() == column.Bools {
		return ErrNoImage
	}
	x, err := m.index(t)
	if err != nil {
		return err
	}
	offsets, text := wholeTexts(&keys.Text)
	digest := t.Digest()
	head := []uint64{uint64(keys.Type), uint64(values.Type), uint64(keys.Len), uint64(x.null + 1),
		uint64(len(x.slots)), uint64(len(keys.Valid)), uint64(len(offsets)), uint64(len(text))}
	for i := 0; i < len(digest); i += imageWord {
		head = append(head, binary.NativeEndian.Uint64(digest[i:]))
	}
	for _, section := range [][]byte{bytesOf(head), bytesOf(x.slots), bytesOf(keys.Valid), bytesOf(offsets), text,
		bytesOf(keys.Int64s), bytesOf(keys.Float64s), bytesOf(values.Int64s), bytesOf(values.Float64s)} {
		if _, err := m.To.WriteAt(section, m.At); err != nil {
			return err
		}
		m.At += int64(wholeWords(len(section)))
	}
	return nil
}

// wholeTexts returns texts as they are if nothing lies before them, as it does before those
// that were cut off others.
func wholeTexts(t *column.Text) (offsets []uint32, text []byte) {
	if t.Len() == 0 {
		return nil, nil
	}
	first, last := t.Offsets[0], t.Offsets[t.Len()]
	if first == 0 {
		return t.Offsets, t.Bytes[:last]
	}
	for _, at := range t.Offsets {
		offsets = append(offsets, at-first)
	}
	return offsets, t.Bytes[first:last]
}

// index returns the index of a table, in memory for the next one unless it is there already.
func (m *Imager) index(t *Table) (*KeyIndex, error) {
	if t.facts != nil && t.facts.indexed.Load() {
		return t.Index()
	}
	if n := slotsFor(t.Keys.Len); n > len(m.room) {
		m.room = make([]uint64, n)
	}
	return newKeyIndex(t, m.room)
}

// OfImage returns the table whose image data begins with, which must not change as long as
// the table is in use, and what follows the image. It lies in data, which begins at a
// multiple of 8. The name is not in it.
func OfImage(data []byte) (t Table, rest []byte, err error) {
	c := cutter{rest: data}
	head := viewed[uint64](c.cut(imageHead, imageWord))
	if c.short {
		return t, nil, io.ErrUnexpectedEOF
	}
	rows := head[2]
	keys := column.Vector{Type: column.Type(head[0]), Len: int(rows)}
	values := column.Vector{Type: column.Type(head[1]), Len: int(rows)}
	x := &KeyIndex{null: int(head[3]) - 1, slots: viewed[uint64](c.cut(head[4], imageWord))}
	keys.Valid = viewed[uint64](c.cut(head[5], imageWord))
	keys.Text.Offsets = viewed[uint32](c.cut(head[6], 4))
	keys.Text.Bytes = c.cut(head[7], 1)
	switch keys.Type.Kind() {
	case column.Ints:
		keys.Int64s = viewed[int64](c.cut(rows, imageWord))
	case column.Floats:
		keys.Float64s = viewed[float64](c.cut(rows, imageWord))
	}
	if values.Type == column.Float64 {
		values.Float64s = viewed[float64](c.cut(rows, imageWord))
	} else {
		values.Int64s = viewed[int64](c.cut(rows, imageWord))
	}
	if c.short {
		return t, nil, fmt.Errorf("the image of a table of %d rows: %w", rows, io.ErrUnexpectedEOF)
	}
	x.keys = &keys
	digest := [32]byte(bytesOf(head[imageHead-4:]))
	facts := &tableFacts{distinct: true, digest: func() [32]byte { return digest }, index: func() (*KeyIndex, error) { return x, nil }}
	facts.indexed.Store(true)
	return Table{Keys: keys, Values: values, facts: facts}, c.rest, nil
}

// cutter cuts sections off an image.
type cutter struct {
	rest  []byte
	short bool // there was less than wanted
}

// cut cuts n things of a size off, nil if there are none.
func (c *cutter) cut(n, size uint64) []byte {
	if c.short = c.short || n > uint64(len(c.rest))/size || uint64(wholeWords(int(n*size))) > uint64(len(c.rest)); c.short || n == 0 {
		return nil
	}
	section := c.rest[: n*size : n*size]
	c.rest = c.rest[wholeWords(int(n*size)):]
	return section
}

// wholeWords rounds a number of bytes up to words.
func wholeWords(bytes int) int { return (bytes + imageWord - 1) &^ (imageWord - 1) }

// bytesOf returns the bytes of numbers, as they lie in memory.
func bytesOf[T uint32 | uint64 | int64 | float64](s []T) []byte {
	var x T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(x)))
}

// viewed returns bytes as the numbers that lie there; nil if there are none.
func viewed[T uint32 | uint64 | int64 | float64](b []byte) []T {
	var x T
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/int(unsafe.Sizeof(x)))
}
