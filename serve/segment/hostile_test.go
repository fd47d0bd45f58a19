package segment

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/serve/row"
	"quern/serve/row/rowtest"
)

// reseal gives a changed file checksums and a seal that agree, as an attacker would.
func reseal(b []byte) []byte {
	if len(b) < headerSize+trailerSize {
		return b
	}
	trailer := b[len(b)-trailerSize:]
	body := binary.LittleEndian.Uint64(trailer)
	if body < headerSize || body > uint64(len(b)-trailerSize) {
		return b
	}
	tail := b[body : len(b)-trailerSize]
	blocks := int((body + blockSize - 1) / blockSize)
	if 4*blocks > len(tail) {
		return b
	}
	for i := range blocks {
		sum := crc32.Checksum(b[i*blockSize:min(int(body), (i+1)*blockSize)], crc32.MakeTable(crc32.Castagnoli))
		binary.LittleEndian.PutUint32(tail[len(tail)-4*(blocks-i):], sum)
	}
	binary.LittleEndian.PutUint64(trailer[8:], uint64(len(tail)))
	seal := sealOf(b[:headerSize], tail, trailer[:32])
	copy(trailer[32:], seal[:])
	return b
}

// mutate changes a copy of a file: bits, bytes, numbers, cuts, and pieces of another file.
func mutate(rnd *rand.Rand, file, other []byte) []byte {
	b := bytes.Clone(file)
	at := rnd.IntN(len(b))
	if rnd.IntN(3) == 0 { // where most of the sense is
		at = len(b) - 1 - rnd.IntN(min(len(b), 600))
	}
	switch rnd.IntN(6) {
	case 0:
		b[at] ^= 1 << rnd.IntN(8)
	case 1:
		for range 1 + rnd.IntN(8) {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
	case 2: // a number that is on some edge
		edge := []uint64{0, 1, 0xffffffff, 1 << 32, 1 << 63, ^uint64(0), uint64(len(b)), uint64(len(b)) / 64}
		at &^= 7
		binary.LittleEndian.PutUint64(append(b[at:at:at+min(8, len(b)-at)], make([]byte, 8)...), edge[rnd.IntN(len(edge))])
		if at+8 <= len(b) {
			binary.LittleEndian.PutUint64(b[at:], edge[rnd.IntN(len(edge))])
		}
	case 3: // cut the end, the start, or a piece
		n := 1 + rnd.IntN(len(b)-at)
		return [][]byte{b[:at], b[at:], append(b[:at:at], b[at+n:]...)}[rnd.IntN(3)]
	case 4: // a piece of itself or of another file over it
		from := [][]byte{file, other}[rnd.IntN(2)]
		src := rnd.IntN(len(from))
		copy(b[at:], from[src:min(len(from), src+1+rnd.IntN(300))])
	case 5: // the head of one and the tail of another
		return append(b[:at:at], other[min(at, len(other)):]...)
	}
	return b
}

// readAll looks all keys up and reads all cells, and returns an error that is not ErrCorrupt.
func readAll(s *Segment, t *table, keys *row.Keys) error {
	rows := make([]row.Row, keys.Len())
	if s.Layout().Stride() != t.layout.Stride() || !s.Info().Schema.Equal(t.layout.Schema()) {
		return nil // servers compare schemas first
	}
	var g row.Gatherer
	var v column.Vector
	if err := s.Lookup(keys, rows); err != nil {
		return err
	}
	g.Start(s.Layout(), rows)
	for f := range t.in.Fields {
		if _, err := g.Field(f, &v, nil); err != nil && !errors.Is(err, row.ErrCorrupt) {
			return err
		}
	}
	return nil
}

// TestMutants changes files in 20,000 ways. None may panic, hang or be read beyond its end,
// and what Verify lets pass gives the right answers. A third of them have checksums and seal
// that agree with the change.
func TestMutants(t *testing.T) {
	const files, each = 10, 2000
	opened, verified := 0, 0
	for seed := range uint64(files) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		s := rowtest.Schema(rnd)
		tab := newTable(t, rnd, s, 200, 300)
		other := newTable(t, rnd, s, 200, 300)
		o := BuildOptions{View: "v", wide: seed%2 == 0}
		file, _, _ := tab.build(t, o, order(200, nil), 1)
		second, _, _ := other.build(t, o, order(200, nil), 1)
		var keys row.Keys
		keys.Reset(tab.layout)
		for r := range tab.in.Rows {
			rowtest.Put(&keys, tab.in, r)
		}
		for range each {
			m, sealed := mutate(rnd, file, second), rnd.IntN(3) == 0
			if sealed {
				m = reseal(m)
			}
			seg, err := openBytes(m)
			if err != nil {
				checkError(t, err)
				continue
			}
			opened++
			checkError(t, readAll(seg, tab, &keys))
			if err := seg.Verify(context.Background()); err != nil {
				checkError(t, err)
				continue
			}
			verified++
			if !sealed && !bytes.Equal(m, file) && !bytes.Equal(m, second) {
				t.Fatalf("file %d: a changed file is verified", seed)
			}
		}
	}
	if opened < files*each/10 || verified == 0 {
		t.Errorf("only %d of %d could be opened, %d were verified: the test does not reach far", opened, files*each, verified)
	}
	t.Logf("%d opened, %d verified", opened, verified)
}

func checkError(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrCorrupt) && !isCode(err, "Q655") {
		t.Fatal(err)
	}
}

// FuzzOpen changes a file, a byte at a time, and gives it a seal that agrees: edits are
// places, two bytes, counted from the end if odd, and what to put there.
func FuzzOpen(f *testing.F) {
	for seed := range uint64(6) {
		rnd := rand.New(rand.NewPCG(seed, 8))
		tab := newTable(f, rnd, rowtest.Schema(rnd), 20, 30)
		b, _, _ := tab.build(f, BuildOptions{}, order(20, nil), 1)
		f.Add(b, []byte{})
		f.Add(b, []byte{0x10, 0x01, 0xff, 0x81, 0x02, 0x07})
	}
	f.Fuzz(func(t *testing.T, file, edits []byte) {
		b := bytes.Clone(file)
		for ; len(edits) >= 3 && len(b) > 0; edits = edits[3:] {
			at := int(binary.LittleEndian.Uint16(edits)) / 2 % len(b)
			if edits[0]&1 == 1 {
				at = len(b) - 1 - at
			}
			b[at] = edits[2]
		}
		s, err := openBytes(reseal(b))
		if err != nil {
			checkError(t, err)
			return
		}
		var keys row.Keys
		keys.Reset(s.Layout())
		for range 20 {
			for _, k := range s.Layout().Schema().Keys {
				if k.Type == column.String {
					keys.PutBytes([]byte("key"))
				} else {
					keys.PutInt(1)
				}
			}
		}
		checkError(t, s.Lookup(&keys, make([]row.Row, keys.Len())))
		for i := range min(s.Info().Rows, 1000) {
			r, err := s.Row(i)
			checkError(t, err)
			for f := range s.Info().Schema.Fields {
				if err == nil {
					rowtest.Cell(s.Layout(), r, f)
				}
			}
		}
		checkError(t, s.Verify(context.Background()))
	})
}
