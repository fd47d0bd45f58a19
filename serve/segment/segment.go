package segment

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"quern/features/diag"
	"quern/serve/row"
)

// Info is what a segment says of itself.
type Info struct {
	View, Version      string
	Shard, Shards      int
	Schema             row.Schema
	Model              [32]byte // digest of the model whose rows these are
	Seal               [32]byte // names the contents
	Seed               uint64   // of the keys' hashes
	Rows               int64
	Bytes, HeapBytes   int64   // of the file, and of strings, lists and keys in it
	MinEvent, MaxEvent int64   // microseconds since 1970; row.NoTime: no row has a time
	Nulls              []int64 // rows in which a field is null, for each field
}

// Segment is an open segment. It is safe for concurrent use. Rows that it gave are valid
// as long as someone holds it: Open holds it once, Retain once more, Release lets go,
// and the last to let go unmaps the file.
type Segment struct {
	path    string
	data    mapping
	info    Info
	tail    *tail
	layout  *row.Layout
	body    []byte
	rows    []byte
	heap    []byte
	slots   []byte
	stride  uint64
	holders atomic.Int64
	closed  atomic.Bool
}

// Open opens a segment file: it maps it, so pages are read when they are needed (Verify needs
// all of them), or reads it where files are not mapped. A file that is none, or is damaged where Open looks, is a
// *diag.Error, Q654, that wraps ErrCorrupt; one of another format version is Q655.
func Open(path string) (*Segment, error) {
	file, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if size == 0 { // which cannot be mapped
		return nil, damaged(path, "it is empty")
	}
	data, err := mapFile(file, size)
	if err != nil {
		return nil, err
	}
	return open(path, data)
}

// open makes a segment of what is mapped; it is unmapped on errors.
func open(path string, data mapping) (*Segment, error) {
	s := &Segment{path: path, data: data}
	s.holders.Store(1)
	if err := Guard(s.parse); err != nil {
		s.Release()
		return nil, err
	}
	return s, nil
}

// openRegular opens a regular file: opening a pipe would wait for a writer.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		return nil, 0, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = file.Stat(); err != nil || int64(int(info.Size())) != info.Size() {
		file.Close()
		return nil, 0, errors.Join(err, fmt.Errorf("%s: cannot be mapped", path))
	}
	return file, info.Size(), nil
}

// parse reads what surrounds the body.
func (s *Segment) parse() error {
	b := s.data.bytes
	if len(b) < headerSize+trailerSize {
		return damaged(s.path, "it has only %d bytes", len(b))
	}
	trailer := b[len(b)-trailerSize:]
	if !bytes.Equal(b[:8], []byte(magic)) {
		return damaged(s.path, "it does not begin as a segment")
	}
	if !bytes.Equal(trailer[24:32], []byte(endMagic)) {
		return damaged(s.path, "its end is lost")
	}
	for _, at := range [][]byte{b[8:], trailer[16:]} {
		if v := binary.LittleEndian.Uint32(at); v != version {
			return diag.New("Q655", "%s has format version %d, not %d", s.path, v, version)
		}
	}
	body, n := binary.LittleEndian.Uint64(trailer), binary.LittleEndian.Uint64(trailer[8:])
	rest := uint64(len(b) - trailerSize)
	if body < headerSize || body > rest || n != rest-body {
		return damaged(s.path, "its parts do not make up its length")
	}
	s.body = b[:body:body]
	ends := b[body : body+n : body+n]
	if seal := sealOf(b[:headerSize], ends, trailer[:32]); !bytes.Equal(seal[:], trailer[32:]) {
		return damaged(s.path, "its seal does not agree")
	}
	t, err := parseTail(ends, body)
	if err != nil {
		return damaged(s.path, "its tail makes no sense")
	}
	return s.take(t, [32]byte(trailer[32:]))
}

// take makes s the segment that a tail describes.
func (s *Segment) take(t *tail, seal [32]byte) error {
	layout, err := row.NewLayout(t.schema)
	if err != nil {
		return err
	}
	s.tail, s.layout, s.stride = t, layout, uint64(layout.Stride())
	part := func(p section) []byte { return s.body[p.at : p.at+p.size : p.at+p.size] }
	s.rows, s.heap, s.slots = part(t.at[0]), part(t.at[1]), part(t.at[2])
	s.info = t.info(seal, int64(len(s.data.bytes)))
	return nil
}

func (t *tail) info(seal [32]byte, size int64) Info {
	return Info{
		View: t.view, Version: t.version, Shard: int(t.shard), Shards: int(t.shards),
		Schema: t.schema, Model: t.model, Seal: seal, Seed: t.seed,
		Rows: int64(t.rows), Bytes: size, HeapBytes: int64(t.at[1].size),
		MinEvent: t.minEvent, MaxEvent: t.maxEvent, Nulls: t.nulls,
	}
}

// sealOf returns the SHA-256 of what is not in a block's checksum, and of the checksums.
func sealOf(header, tail, trailer []byte) [32]byte {
	h := sha256.New()
	h.Write(header)
	h.Write(tail)
	h.Write(trailer)
	return [32]byte(h.Sum(nil))
}

// damaged is Q654 with what was found.
func damaged(path, format string, args ...any) error {
	return diag.New("Q654", "%s is no whole segment: %s", path, fmt.Sprintf(format, args...)).Because(ErrCorrupt)
}

// Info returns what the segment says of itself. Its slices belong to s.
func (s *Segment) Info() Info { return s.info }

// Layout returns the layout of the segment's rows.
func (s *Segment) Layout() *row.Layout { return s.layout }

// Retain holds s once more, unless nobody holds it any longer.
func (s *Segment) Retain() bool {
	for {
		n := s.holders.Load()
		if n <= 0 {
			return false
		}
		if s.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Release lets go of s. After it the caller must not use s, nor rows of it.
func (s *Segment) Release() {
	switch n := s.holders.Add(-1); {
	case n == 0:
		s.data.unmap()
	case n < 0:
		panic("quern: bug: segment released more often than held")
	}
}

// Close lets go of what Open held. A second Close does nothing.
func (s *Segment) Close() error {
	if !s.closed.Swap(true) {
		s.Release()
	}
	return nil
}

// Resident returns how many bytes of the file are in memory, so can be read without the
// disk. Where that cannot be asked it is all of them.
func (s *Segment) Resident() (int64, error) { return s.data.resident() }

// Row returns row i, in the order of the file. A row that does not hold together is ErrCorrupt.
func (s *Segment) Row(i int64) (row.Row, error) {
	if i < 0 || i >= s.info.Rows {
		panic("quern: bug: row out of the segment")
	}
	return s.at(uint64(i))
}

// at returns row i, which the caller has checked.
func (s *Segment) at(i uint64) (row.Row, error) {
	from := i * s.stride
	r, err := s.layout.Locate(s.rows[from:from+s.stride:from+s.stride], s.heap)
	if err != nil {
		return row.Row{}, ErrCorrupt
	}
	return r, nil
}
