package overlay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"quern/features/diag"
	"quern/serve/row"
)

// ErrCorrupt: a file of the log is not what was written.
var ErrCorrupt = errors.New("damaged write-ahead log")

const (
	walMagic      = "quernwal"
	frameMagic    = "qfrm"
	formatVersion = 1

	headerSize = 8 + 4 + 4 + 8 + 8 + 32 + 4 + 4
	headSize   = 4 + 4 + 8 + 8 + 4 + 4 + 4 + 4
	rowHead    = 4

	maxPayload = 1 << 30 // bytes of the rows of one frame
)

// checksum is CRC-32C.
func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// sealed appends the checksum of b to b.
func sealed(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, checksum(b)) }

// unsealed returns b without the checksum at its end; false if it is another one.
func unsealed(b []byte) ([]byte, bool) {
	n := len(b) - 4
	return b[:n], checksum(b[:n]) == binary.LittleEndian.Uint32(b[n:])
}

// header is the start of a file of rows.
type header struct {
	id, first uint64
	schema    [32]byte
}

func (h header) append(b []byte) []byte {
	one := binary.LittleEndian.AppendUint32([]byte(walMagic), formatVersion)
	one = binary.LittleEndian.AppendUint32(one, 0)
	one = binary.LittleEndian.AppendUint64(one, h.id)
	one = binary.LittleEndian.AppendUint64(one, h.first)
	one = append(one, h.schema[:]...)
	return append(b, sealed(binary.LittleEndian.AppendUint32(one, 0))...)
}

// parseHeader reads a header; false if b is not the start of a file of rows.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) != headerSize || !bytes.HasPrefix(b, []byte(walMagic)) {
		return header{}, false
	}
	if b, ok = unsealed(b); !ok || binary.LittleEndian.Uint32(b[8:]) != formatVersion {
		return header{}, false
	}
	h = header{id: binary.LittleEndian.Uint64(b[16:]), first: binary.LittleEndian.Uint64(b[24:])}
	copy(h.schema[:], b[32:])
	return h, true
}

// head is the start of a frame.
type head struct {
	length    uint32 // bytes of the rows
	first, id uint64
	rows, sum uint32
}

// put writes a head to the start of b.
func (h head) put(b []byte) {
	copy(b, frameMagic)
	binary.LittleEndian.PutUint32(b[4:], h.length)
	binary.LittleEndian.PutUint64(b[8:], h.first)
	binary.LittleEndian.PutUint64(b[16:], h.id)
	binary.LittleEndian.PutUint32(b[24:], h.rows)
	binary.LittleEndian.PutUint32(b[28:], h.sum)
	binary.LittleEndian.PutUint32(b[32:], 0)
	binary.LittleEndian.PutUint32(b[36:], checksum(b[:36]))
}

// parseHead reads the head of a frame; false if b does not start with one.
func parseHead(b []byte) (h head, ok bool) {
	if len(b) < headSize || !bytes.HasPrefix(b, []byte(frameMagic)) {
		return head{}, false
	}
	if b, ok = unsealed(b[:headSize]); !ok {
		return head{}, false
	}
	return head{
		length: binary.LittleEndian.Uint32(b[4:]),
		first:  binary.LittleEndian.Uint64(b[8:]),
		id:     binary.LittleEndian.Uint64(b[16:]),
		rows:   binary.LittleEndian.Uint32(b[24:]),
		sum:    binary.LittleEndian.Uint32(b[28:]),
	}, true
}

// size returns the bytes of the whole frame.
func (h head) size() int64 { return headSize + (int64(h.length)+7)&^7 }

// appendRow appends a row as frames hold it.
func appendRow(b []byte, r row.Row) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(r.Heap)))
	return append(append(b, r.Fixed...), r.Heap...)
}

// parseRows hands out copies of the rows of a frame, numbered from its first on. It
// fails with ErrCorrupt where the rows are none of the layout.
func parseRows(l *row.Layout, h head, b []byte, yield func(row.Row)) error {
	stride := l.Stride()
	for i := range h.rows {
		if len(b) < rowHead+stride {
			return ErrCorrupt
		}
		heap := uint64(binary.LittleEndian.Uint32(b))
		if heap > uint64(len(b)-rowHead-stride) || heap != uint64(l.HeapLen(b[rowHead:rowHead+stride])) {
			return ErrCorrupt
		}
		n := rowHead + stride + int(heap)
		r := copyRow(row.Row{Fixed: b[rowHead : rowHead+stride], Heap: b[rowHead+stride : n]})
		l.SetBase(r.Fixed, 0)
		l.SetSeq(r, h.first+uint64(i))
		if _, err := l.Locate(r.Fixed, r.Heap); err != nil || l.Check(r) != nil {
			return ErrCorrupt
		}
		yield(r)
		b = b[n:]
	}
	if len(b) > 0 {
		return ErrCorrupt
	}
	return nil
}

// copyRow returns a row in memory of its own.
func copyRow(r row.Row) row.Row {
	b := append(append(make([]byte, 0, len(r.Fixed)+len(r.Heap)), r.Fixed...), r.Heap...)
	n := len(r.Fixed)
	return row.Row{Fixed: b[:n:n], Heap: b[n:]}
}

// damaged is Q671.
func damaged(name string, at int64, what string) error {
	return diag.New("Q671", "%s: at byte %d: %s", name, at, what).Because(ErrCorrupt)
}
