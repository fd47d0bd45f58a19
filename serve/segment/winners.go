package segment

import (
	"bufio"
	"encoding/binary"
	"io"
	"os"

	"quern/serve/row"
)

// winners are the rows of a segment, in order. Each method is called once, in this order:
// a file has its rows, then their heaps, then the slots, which follow from the hashes.
type winners interface {
	rows(yield func(row.Hash, row.Row) error) error
	heaps(w io.Writer) error
	hashes(yield func(row.Hash) error) error
}

// inMemory are rows that were never spilled.
type inMemory struct {
	arena   *arena
	entries []entry
}

func (m inMemory) rows(yield func(row.Hash, row.Row) error) error {
	for _, e := range m.entries {
		if err := yield(e.hash, m.arena.at(e.row)); err != nil {
			return err
		}
	}
	return nil
}

func (m inMemory) heaps(w io.Writer) error {
	if !m.arena.layout.HasHeap() {
		return nil
	}
	for _, e := range m.entries {
		if _, err := w.Write(m.arena.at(e.row).Heap); err != nil {
			return err
		}
	}
	return nil
}

func (m inMemory) hashes(yield func(row.Hash) error) error {
	for _, e := range m.entries {
		if err := yield(e.hash); err != nil {
			return err
		}
	}
	return nil
}

// merged are rows of runs. While they are merged, heaps and hashes go to files of their own.
type merged struct {
	b           *Builder
	runs        []*run
	heap, hash  *os.File
	heapBytes   int64
	hashesCount int64
}

// newMerged spills what is left in memory and takes all runs.
func (b *Builder) newMerged() (*merged, error) {
	if b.arena.rows > 0 {
		if err := b.spill(); err != nil {
			return nil, err
		}
	}
	b.arena, b.sort = nil, nil
	m := &merged{b: b}
	for _, level := range b.levels {
		m.runs = append(m.runs, level...)
	}
	var err error
	if m.heap, err = b.tempFile(); err != nil {
		return nil, err
	}
	if m.hash, err = b.tempFile(); err != nil {
		m.heap.Close()
		return nil, err
	}
	return m, nil
}

func (m *merged) close() {
	m.heap.Close()
	m.hash.Close()
}

func (m *merged) rows(yield func(row.Hash, row.Row) error) error {
	heap, hash := bufio.NewWriterSize(m.heap, m.b.o.buffer), bufio.NewWriterSize(m.hash, m.b.o.buffer)
	var two [16]byte
	err := m.b.merge(m.runs, func(h row.Hash, r row.Row) error {
		binary.LittleEndian.PutUint64(two[:], h.Hi)
		binary.LittleEndian.PutUint64(two[8:], h.Lo)
		if _, err := hash.Write(two[:]); err != nil {
			return spillError("hashes cannot be written", err)
		}
		if _, err := heap.Write(r.Heap); err != nil {
			return spillError("strings and lists cannot be written", err)
		}
		m.hashesCount++
		m.heapBytes += int64(len(r.Heap))
		return yield(h, r)
	})
	if err != nil {
		return err
	}
	if err := hash.Flush(); err != nil {
		return spillError("hashes cannot be written", err)
	}
	if err := heap.Flush(); err != nil {
		return spillError("strings and lists cannot be written", err)
	}
	return nil
}

func (m *merged) heaps(w io.Writer) error {
	n, err := io.Copy(w, io.NewSectionReader(m.heap, 0, m.heapBytes))
	if err == nil && n != m.heapBytes {
		err = spillError("strings and lists cannot be read", io.ErrUnexpectedEOF)
	}
	return err
}

func (m *merged) hashes(yield func(row.Hash) error) error {
	in := bufio.NewReaderSize(io.NewSectionReader(m.hash, 0, 16*m.hashesCount), m.b.o.buffer)
	var two [16]byte
	for range m.hashesCount {
		if _, err := io.ReadFull(in, two[:]); err != nil {
			return spillError("hashes cannot be read", err)
		}
		h := row.Hash{Hi: binary.LittleEndian.Uint64(two[:]), Lo: binary.LittleEndian.Uint64(two[8:])}
		if err := yield(h); err != nil {
			return err
		}
	}
	return nil
}
