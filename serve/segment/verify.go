package segment

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"

	"quern/internal/background"
	"quern/serve/row"
)

// Verify reads the whole file: every checksum agrees, the rows are in order, each holds
// together and is found by its key, and nothing else is in the slots. A file that fails
// is a *diag.Error, Q654, that wraps ErrCorrupt; a disk that fails is ErrFault. After it all
// pages are in memory, so that no look-up waits for the disk. It rests as package background says.
func (s *Segment) Verify(ctx context.Context) error {
	return Guard(func() error {
		pace := background.Of(ctx)
		if err := s.verifySums(pace); err != nil {
			return err
		}
		return s.verifyRows(pace)
	})
}

func (s *Segment) verifySums(pace *background.Pace) error {
	const piece = 32 // blocks; the system is asked for that much of the file at a time
	table := crc32.MakeTable(crc32.Castagnoli)
	for i, want := range s.tail.sums {
		from := i * blockSize
		if i%piece == 0 {
			s.data.populate(from, min(len(s.body), from+piece*blockSize))
		}
		if crc32.Checksum(s.body[from:min(len(s.body), from+blockSize)], table) != want {
			return damaged(s.path, "the checksum of block %d does not agree", i)
		}
		if err := pace.Rest(); err != nil {
			return err
		}
	}
	return nil
}

// verifyRows walks rows and slots together: row i is in the i-th slot that is not empty.
func (s *Segment) verifyRows(pace *background.Pace) error {
	t := s.tail
	low, slot := uint64(1)<<t.rowBits-1, uint64(0)
	heap, last, lastKey := uint64(0), row.Hash{}, []byte(nil)
	for i := range t.rows {
		r, err := s.at(i)
		if err != nil || s.layout.HasHeap() && s.layout.Base(r.Fixed) != heap || s.layout.Check(r) != nil {
			return damaged(s.path, "row %d does not hold together", i)
		}
		heap += uint64(len(r.Heap))
		key := s.layout.Key(r)
		h := row.HashKey(key, t.seed)
		if i > 0 && compareKeys(last, lastKey, h, key) >= 0 {
			return damaged(s.path, "row %d is out of order", i)
		}
		last, lastKey = h, key
		from := max(slot, home(h.Hi, t.capacity))
		for ; slot < from; slot++ {
			if slot >= t.slots || s.slot(slot) != 0 {
				return damaged(s.path, "slot %d should be empty", slot)
			}
		}
		want := tagOf(h.Lo, t.rowBits) | (i + 1)
		if !s.mine(h) || slot >= t.slots || s.slot(slot) != want || slot-home(h.Hi, t.capacity) >= uint64(t.probe) || want&low != i+1 {
			return damaged(s.path, "row %d is not found by its key", i)
		}
		slot++
		if i%1024 == 0 {
			if err := pace.Rest(); err != nil {
				return err
			}
		}
	}
	for ; slot < t.slots; slot++ {
		if s.slot(slot) != 0 {
			return damaged(s.path, "slot %d should be empty", slot)
		}
	}
	if heap != t.at[1].size {
		return damaged(s.path, "the heap has other bytes than those of the rows")
	}
	return nil
}

func (s *Segment) slot(i uint64) uint64 { return binary.LittleEndian.Uint64(s.slots[8*i:]) }

// compareKeys is the order of rows in a segment.
func compareKeys(a row.Hash, keyA []byte, b row.Hash, keyB []byte) int {
	switch {
	case a.Hi < b.Hi:
		return -1
	case a.Hi > b.Hi:
		return 1
	case a.Lo < b.Lo:
		return -1
	case a.Lo > b.Lo:
		return 1
	}
	return bytes.Compare(keyA, keyB)
}
