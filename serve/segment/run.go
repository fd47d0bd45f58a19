package segment

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"io"
	"os"

	"quern/features/diag"
	"quern/serve/row"
)

// A run is a file of rows in the order of the segment, one for each key:
//
//	hash 16 bytes, length of the heap uint32, fixed part, heap
//
// It is read once, by the process that wrote it. Its name is removed at once where the
// system lets open files be removed, so nothing is left of a process that dies.
type run struct {
	file *os.File
	rows int64
	sum  uint32 // CRC-32C of all bytes
}

const recordHead = 20

// spillError is Q656: a disk that is full or fails.
func spillError(what string, err error) error {
	return diag.New("Q656", "%s", what).Because(err)
}

// runWriter appends rows to a run.
type runWriter struct {
	run  *run
	out  *bufio.Writer
	head [recordHead]byte
}

// newRun makes a run in the builder's folder.
func (b *Builder) newRun() (*runWriter, error) {
	file, err := b.tempFile()
	if err != nil {
		return nil, err
	}
	return &runWriter{run: &run{file: file}, out: bufio.NewWriterSize(file, b.o.buffer)}, nil
}

// tempFile makes a file in the builder's folder.
func (b *Builder) tempFile() (*os.File, error) {
	if b.temp == "" {
		dir, err := os.MkdirTemp(b.o.Temp, "quern-segment-")
		if err != nil {
			return nil, spillError("no folder for sorted rows", err)
		}
		b.temp = dir
	}
	file, err := os.CreateTemp(b.temp, "run-")
	if err != nil {
		return nil, spillError("no file for sorted rows", err)
	}
	os.Remove(file.Name()) // else it is removed with the folder
	return file, nil
}

func (w *runWriter) add(h row.Hash, r row.Row) error {
	binary.LittleEndian.PutUint64(w.head[:], h.Hi)
	binary.LittleEndian.PutUint64(w.head[8:], h.Lo)
	binary.LittleEndian.PutUint32(w.head[16:], uint32(len(r.Heap)))
	table := crc32.MakeTable(crc32.Castagnoli)
	for _, part := range [][]byte{w.head[:], r.Fixed, r.Heap} {
		w.run.sum = crc32.Update(w.run.sum, table, part)
		if _, err := w.out.Write(part); err != nil {
			return spillError("sorted rows cannot be written", err)
		}
	}
	w.run.rows++
	return nil
}

func (w *runWriter) finish() (*run, error) {
	if err := w.out.Flush(); err != nil {
		return nil, spillError("sorted rows cannot be written", err)
	}
	if _, err := w.run.file.Seek(0, io.SeekStart); err != nil {
		return nil, spillError("sorted rows cannot be read", err)
	}
	return w.run, nil
}

// spill sorts the rows in memory into a run, and merges runs where they have become many.
func (b *Builder) spill() error {
	w, err := b.newRun()
	if err != nil {
		return err
	}
	for _, e := range b.sorted() {
		if err := w.add(e.hash, b.arena.at(e.row)); err != nil {
			w.run.file.Close()
			return err
		}
	}
	b.arena.reset()
	return b.keep(w, 0)
}

// keep files a finished run under its level.
func (b *Builder) keep(w *runWriter, level int) error {
	r, err := w.finish()
	if err != nil {
		w.run.file.Close()
		return err
	}
	if level == len(b.levels) {
		b.levels = append(b.levels, nil)
	}
	b.levels[level] = append(b.levels[level], r)
	if len(b.levels[level]) < b.o.fanIn {
		return nil
	}
	if w, err = b.newRun(); err != nil {
		return err
	}
	if err := b.merge(b.levels[level], w.add); err != nil {
		w.run.file.Close()
		return err
	}
	b.levels[level] = nil
	return b.keep(w, level+1)
}

// runReader reads a run; its memory is used again for the next row.
type runReader struct {
	run  *run
	in   *bufio.Reader
	left int64
	sum  uint32
	hash row.Hash
	row  row.Row
	head [recordHead]byte
	buf  []byte
}

// next reads the next row; false at the end, where the checksum is checked.
func (r *runReader) next(l *row.Layout) (bool, error) {
	if r.left == 0 {
		if r.sum != r.run.sum {
			return false, spillError("sorted rows are not what was written", ErrCorrupt)
		}
		return false, r.run.file.Close()
	}
	r.left--
	if err := r.read(r.head[:]); err != nil {
		return false, err
	}
	r.hash = row.Hash{Hi: binary.LittleEndian.Uint64(r.head[:]), Lo: binary.LittleEndian.Uint64(r.head[8:])}
	heap := int(binary.LittleEndian.Uint32(r.head[16:]))
	if heap > 2*row.MaxHeap {
		return false, spillError("sorted rows are not what was written", ErrCorrupt)
	}
	n := l.Stride() + heap
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	r.buf = r.buf[:n]
	if err := r.read(r.buf); err != nil {
		return false, err
	}
	r.row = row.Row{Fixed: r.buf[:l.Stride()], Heap: r.buf[l.Stride():]}
	return true, nil
}

func (r *runReader) read(b []byte) error {
	if _, err := io.ReadFull(r.in, b); err != nil {
		return spillError("sorted rows cannot be read", err)
	}
	r.sum = crc32.Update(r.sum, crc32.MakeTable(crc32.Castagnoli), b)
	return nil
}
