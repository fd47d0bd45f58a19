package stat

import (
	"encoding/binary"
	"io"
	"os"
	"sync/atomic"

	"github.com/zeebo/xxh3"

	"quern/features/diag"
)

// run is a file of entries in ascending order of their keys, without a name. It
// is a sequence of blocks:
//
//	4 bytes    length of the entries, little-endian
//	8 bytes    xxh3 of the entries
//	entries    each: uvarint length, key, uvarint length, body
type run struct {
	file  *os.File
	size  int64
	level int // 0: spilled from memory; k+1: merged from runs of level k
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
	if r.owners.Add(-1) == 0 {
		r.file.Close()
	}
}

// runWriter writes a run; add must get ascending keys.
type runWriter struct {
	run   *run
	block []byte
	limit int // of a block
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
	w.block = binary.AppendUvarint(w.block, uint64(len(key)))
	w.block = append(w.block, key...)
	w.block = binary.AppendUvarint(w.block, uint64(len(body)))
	w.block = append(w.block, body...)
	if len(w.block) < w.limit {
		return nil
	}
	return w.flush()
}

func (w *runWriter) flush() error {
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

// finish returns the run that was written.
func (w *runWriter) finish() (*run, error) {
	if err := w.flush(); err != nil {
		w.run.file.Close()
		return nil, err
	}
	return w.run, nil
}

// runCursor reads a run, block by block.
type runCursor struct {
	run   *run
	at    int64
	block []byte
	rest  reader
}

func (c *runCursor) next(i *item) (bool, error) {
	if len(c.rest.data) == 0 {
		if c.at == c.run.size {
			return false, nil
		}
		if err := c.load(); err != nil {
			return false, err
		}
	}
	i.set(c.rest.take(c.rest.uvarint()))
	i.body = c.rest.take(c.rest.uvarint())
	if c.rest.bad {
		return false, damaged()
	}
	return true, nil
}

// load reads and checks the next block.
func (c *runCursor) load() error {
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
	c.rest = reader{data: c.block}
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
