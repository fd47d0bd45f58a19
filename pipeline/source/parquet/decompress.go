package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"quern/features/diag"
)

// Codecs of the format.
const (
	uncompressedCodec = 0
	snappyCodec       = 1
	gzipCodec         = 2
	brotliCodec       = 4
	zstdCodec         = 6
	lz4RawCodec       = 7
)

// codecName returns the format's name of a codec.
func codecName(codec int32) string {
	names := []string{"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"}
	if codec >= 0 && int(codec) < len(names) {
		return names[codec]
	}
	return fmt.Sprintf("codec %d", codec)
}

// errSize means that a page is not as long as its header says.
var errSize = errors.New("the decompressed length differs from the page header's")

// decompressor decompresses pages; it keeps what its codecs allocate.
type decompressor struct {
	from   bytes.Reader
	zstd   *zstd.Decoder
	gzip   *gzip.Reader
	brotli *brotli.Reader
}

// decompress fills into, which must be as long as the page header says, from data.
// It never writes past into, and fails if data stands for more or less.
func (d *decompressor) decompress(codec int32, data, into []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
		if err != nil {
			err = diag.New("Q205", "a page cannot be decompressed (%s)", codecName(codec)).Because(err)
		}
	}()
	switch codec {
	case uncompressedCodec:
		if len(data) != len(into) {
			return errSize
		}
		copy(into, data)
		return nil
	case snappyCodec:
		return decompressSnappy(data, into)
	case gzipCodec:
		return d.decompressGzip(data, into)
	case brotliCodec:
		return d.decompressBrotli(data, into)
	case zstdCodec:
		return d.decompressZstd(data, into)
	case lz4RawCodec:
		n, err := lz4.UncompressBlock(data, into)
		if err == nil && n != len(into) {
			err = errSize
		}
		return err
	}
	panic("quern: bug: codec not checked")
}

// known reports whether decompress knows codec.
func known(codec int32) bool {
	switch codec {
	case uncompressedCodec, snappyCodec, gzipCodec, brotliCodec, zstdCodec, lz4RawCodec:
		return true
	}
	return false
}

func decompressSnappy(data, into []byte) error {
	n, err := snappy.DecodedLen(data)
	if err != nil {
		return err
	}
	if n != len(into) {
		return errSize
	}
	_, err = snappy.Decode(into, data)
	return err
}

func (d *decompressor) decompressGzip(data, into []byte) (err error) {
	d.from.Reset(data)
	if d.gzip == nil {
		d.gzip, err = gzip.NewReader(&d.from)
	} else {
		err = d.gzip.Reset(&d.from)
	}
	if err != nil {
		return err
	}
	return readExactly(d.gzip, into)
}

func (d *decompressor) decompressBrotli(data, into []byte) error {
	d.from.Reset(data)
	if d.brotli == nil {
		d.brotli = brotli.NewReader(&d.from)
	} else if err := d.brotli.Reset(&d.from); err != nil {
		return err
	}
	return readExactly(d.brotli, into)
}

// readExactly reads len(into) bytes, and then the end.
func readExactly(r io.Reader, into []byte) error {
	if _, err := io.ReadFull(r, into); err != nil {
		return err
	}
	var more [1]byte
	n, err := io.ReadFull(r, more[:])
	switch {
	case n > 0:
		return errSize
	case err != io.EOF:
		return err
	}
	return nil
}

func (d *decompressor) decompressZstd(data, into []byte) (err error) {
	if d.zstd == nil {
		d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxPage), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic("quern: bug: " + err.Error())
		}
	}
	out, err := d.zstd.DecodeAll(data, into[:0:len(into)])
	if err == nil && len(out) != len(into) {
		err = errSize
	}
	return err
}

// close frees what the codecs hold.
func (d *decompressor) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
}
