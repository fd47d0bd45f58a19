package text

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"quern/features/diag"
)

// packing is how a file is compressed.
type packing uint8

const (
	unpacked packing = iota
	packedGzip
	packedZstd
)

// String returns the name of the compression.
func (p packing) String() string {
	switch p {
	case packedGzip:
		return "gzip"
	case packedZstd:
		return "zstd"
	}
	return "no compression"
}

// maxZstdWindow is the largest window of zstd that is accepted: what the program
// zstd writes with --long=27 at most.
const maxZstdWindow = 128 << 20

// packingOf tells the compression by the first bytes of a file, which say more than
// its name. No text starts with them.
func packingOf(front []byte) packing {
	switch {
	case bytes.HasPrefix(front, []byte{0x1f, 0x8b}):
		return packedGzip
	case bytes.HasPrefix(front, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return packedZstd
	}
	return unpacked
}

// rangeReader reads bytes from off to end of a file, and keeps the error of the
// file, to tell it from errors of a decoder.
type rangeReader struct {
	from     io.ReaderAt
	off, end int64
	err      error
}

func (r *rangeReader) Read(p []byte) (int, error) {
	if r.off >= r.end {
		return 0, io.EOF
	}
	n, err := r.from.ReadAt(p[:min(int64(len(p)), r.end-r.off)], r.off)
	r.off += int64(n)
	if n > 0 && (err == nil || err == io.EOF) {
		return n, nil
	}
	if err == io.EOF {
		err = diag.New("Q214", "the file is shorter than it was")
	} else if err != nil {
		err = diag.New("Q202", "cannot read the file").Because(err)
	}
	r.err = err
	return n, err
}

// unpacker decodes files one after the other; it keeps what its codecs allocate.
type unpacker struct {
	raw  rangeReader
	kind packing
	gzip *gzip.Reader
	zstd *zstd.Decoder
	in   io.Reader
}

// start begins to decode a range of a file.
func (u *unpacker) start(kind packing, from io.ReaderAt, off, end int64) (err error) {
	u.kind, u.raw = kind, rangeReader{from: from, off: off, end: end}
	u.in = &u.raw
	switch {
	case kind == packedGzip && u.gzip == nil:
		u.gzip, err = gzip.NewReader(&u.raw)
	case kind == packedGzip:
		err = u.gzip.Reset(&u.raw)
	case kind == packedZstd && u.zstd == nil:
		u.zstd, err = zstd.NewReader(&u.raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow))
	case kind == packedZstd:
		err = u.zstd.Reset(&u.raw)
	}
	switch {
	case err != nil:
		return u.explain(err)
	case kind == packedGzip:
		u.in = u.gzip
	case kind == packedZstd:
		u.in = u.zstd
	}
	return nil
}

// Read decodes up to len(p) bytes. Errors other than io.EOF are *diag.Error.
func (u *unpacker) Read(p []byte) (n int, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			n, err = 0, u.explain(fmt.Errorf("panic: %v", fault))
		}
	}()
	n, err = u.in.Read(p)
	if err != nil && err != io.EOF {
		err = u.explain(err)
	}
	return n, err
}

// explain says whether the file or its contents are to blame.
func (u *unpacker) explain(err error) error {
	if u.raw.err != nil {
		return u.raw.err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		err = errors.New("the file is cut off")
	}
	return diag.New("Q248", "the file cannot be decompressed (%v)", u.kind).Because(err)
}

// close frees what the codecs hold.
func (u *unpacker) close() {
	if u.zstd != nil {
		u.zstd.Close()
	}
}
