package stat

import (
	"encoding/binary"
	"io"
	"os"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"quern/features/diag"
)

// run is entries in ascending order of their keys, in blocks that hold whole ones: in
// memory, or in a file without a name. An entry is as in the bytes of the statistic: a
// uvarint length, the key, and the body. In a file each block is
//
//	4 bytes    length of the entries, little-endian
//	8 bytes    xxh3 of the entries
//	the entries
type run struct {
	file   *os.File // nil: in memory
	blocks [][]byte // in memory; nobody changes them
	size   int64    // in bytes
	level  int      // of a file; 0: spilled from memory; k+1: merged from runs of level k
	// owners counts the statistics that read it: a run never changes, so merging
	// hands it on.
	owners atomic.Int32
}

const (
	runHead     = 12
	minRunBlock = 1 << 12
	maxRunBlock = 1 << 18
)

// share returns r for one more owner.
func (r *run) share() *run {
	r.owners.Add(1)
	return r
}

// close gives r up; the last owner closes the file. It was only read since it was
// written: there is nothing to do about an error.
func (r *run) close() {
	if r.owners.Add(-1) == 0 && r.file != nil {
		r.file.Close()
	}
}

// runWriter writes a run; add must get ascending keys.
type runWriter struct {
	run   *run
	block []byte
	limit int // of a block
}

// newHeapRun makes a run in memory of about so many bytes.
func newHeapRun(size int64) *runWriter {
	limit := int(min(max(size, 1), maxRunBlock))
	return &runWriter{run: (&run{}).share(), block: make([]byte, 0, limit), limit: limit}
}

// newRun makes a file in dir that has no name any more: when the process ends,
// however it ends, the file is gone.
func newRun(dir string, level, block int) (*runWriter, error) {
	f, err := os.CreateTemp(dir, "quern-spill-*")
	if err != nil {
		return nil, spillError(err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, spillError(err)
	}
	r := &run{file: f, level: level}
	return &runWriter{run: r.share(), block: make([]byte, runHead, block+block/8), limit: block}, nil
}

func spillError(err error) error {
	return diag.New("Q460", "cannot spill statistics to disk").Because(err)
}

func (w *runWriter) add(key, body []byte) error {
	if w.run.file == nil && len(w.block) > 0 && len(w.block)+len(key)+len(body)+binary.MaxVarintLen64 > cap(w.block) {
		w.flushHeap()
	}
	w.block = binary.AppendUvarint(w.block, uint64(len(key)))
	w.block = append(w.block, key...)
	w.block = append(w.block, body...)
	if len(w.block) < w.limit {
		return nil
	}
	return w.flush()
}

func (w *runWriter) flush() error {
	if w.run.file == nil {
		w.flushHeap()
		return nil
	}
	entries := w.block[runHead:]
	if len(entries) == 0 {
		return nil
	}
	if len(entries) > 1<<31-1 {
		return diag.New("Q460", "cannot spill a value of %d bytes", len(entries))
	}
	binary.LittleEndian.PutUint32(w.block, uint32(len(entries)))
	binary.LittleEndian.PutUint64(w.block[4:], xxh3.Hash(entries))
	if _, err := w.run.file.WriteAt(w.block, w.run.size); err != nil {
		return spillError(err)
	}
	w.run.size += int64(len(w.block))
	w.block = w.block[:runHead]
	return nil
}

// flushHeap makes what was written a block of a run in memory.
func (w *runWriter) flushHeap() {
	if len(w.block) > 0 {
		w.run.blocks = append(w.run.blocks, w.block)
		w.run.size += int64(len(w.block))
		w.block = make([]byte, 0, w.limit)
	}
}

// finish returns the run that was written.
func (w *runWriter) finish() (*run, error) {
	if err := w.flush(); err != nil {
		w.run.close()
		return nil, err
	}
	w.block = nil
	return w.run, nil
}

// runCursor reads a run, block by block.
type runCursor struct {
	run   *run
	load  payload
	at    int64 // of the next block: where it begins in the file, or its number
	block []byte
	place int // in block, of the next entry
}

func (c *runCursor) stays() bool { return c.run.file == nil }

func (c *runCursor) next(i *item) (bool, error) {
	if c.place == len(c.block) {
		if more, err := c.advance(); !more || err != nil {
			return false, err
		}
	}
	entry := c.block[c.place:]
	size, n := uvarint(entry)
	if n == 0 || size >= uint64(len(entry)-n) { // no body is empty
		return false, damaged()
	}
	at := n + int(size)
	end := c.load.length(entry[at:])
	if end == 0 {
		return false, damaged()
	}
	end += at
	i.set(entry[n:at:at])
	i.body = entry[at:end]
	c.place += end
	return true, nil
}

// advance takes the next block; false: there is none.
func (c *runCursor) advance() (bool, error) {
	if c.run.file != nil && c.at < c.run.size {
		return true, c.read()
	}
	if c.run.file != nil || c.at == int64(len(c.run.blocks)) {
		return false, nil
	}
	c.block, c.place = c.run.blocks[c.at], 0
	c.at++
	return true, nil
}

// read reads and checks the next block of a file.
func (c *runCursor) read() error {
	var head [runHead]byte
	if _, err := c.run.file.ReadAt(head[:], c.at); err != nil {
		return readError(err)
	}
	n := int64(binary.LittleEndian.Uint32(head[:]))
	c.at += runHead
	if n == 0 || n > c.run.size-c.at {
		return damaged()
	}
	c.block = resize(c.block, int(n))
	if _, err := c.run.file.ReadAt(c.block, c.at); err != nil {
		return readError(err)
	}
	if xxh3.Hash(c.block) != binary.LittleEndian.Uint64(head[4:]) {
		return damaged()
	}
	c.at += n
	c.place = 0
	return nil
}

func readError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return damaged()
	}
	return diag.New("Q461", "cannot read spilled statistics back").Because(err)
}

func damaged() error {
	return diag.New("Q461", "spilled statistics are not what was written")
}
