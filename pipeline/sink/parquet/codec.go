package parquet

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// codec compresses pages. It is used by one goroutine.
type codec struct {
	kind format.CompressionCodec
	zstd *zstd.Encoder
}

func newCodec(name string) (*codec, error) {
	switch name {
	case "none":
		return &codec{kind: format.Uncompressed}, nil
	case "snappy":
		return &codec{kind: format.Snappy}, nil
	case "zstd", "":
		// One level for everybody: the bytes of a part must not depend on the machine.
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			zstd.WithWindowSize(1<<20), zstd.WithLowerEncoderMem(true)) // few pages are larger
		return &codec{kind: format.Zstd, zstd: enc}, err
	}
	return nil, fmt.Errorf("quern: bug: codec %q was not checked", name)
}

// Data pages that a sample says hardly compress are left as they are: the time that
// the attempt takes is worth more than a few of the bytes. A sample is this many
// bytes from the middle of the page; smaller pages are tried whole.
const (
	sampleBytes = 8 << 10
	worthBytes  = 64 << 10
)

// worth reports whether compressing a data page pays: what is saved is more than a
// quarter; of packed codes, which are small already, more than half. room is scratch
// memory.
func (c *codec) worth(src []byte, coded bool, room *[]byte) bool {
	if c.kind == format.Uncompressed {
		return false
	}
	if len(src) < worthBytes {
		return true
	}
	size := c.sample(src, room)
	if coded {
		return size < sampleBytes/2
	}
	return size < sampleBytes-sampleBytes/4
}

// sample returns how many bytes the sample of a page takes.
func (c *codec) sample(src []byte, room *[]byte) int {
	at := (len(src) - sampleBytes) / 2
	*room = c.compress((*room)[:0], src[at:at+sampleBytes])
	return len(*room)
}

// dictionary is compress for dictionary pages, which cannot be left uncompressed where
// other pages are not: zstd stores those that a sample says do not compress. What is
// in room is overwritten.
func (c *codec) dictionary(room, src []byte) []byte {
	if c.kind == format.Zstd && len(src) >= worthBytes && c.sample(src, &room) > sampleBytes-sampleBytes/32 {
		return appendStored(room[:0], src)
	}
	return c.compress(room[:0], src)
}

// ascending is dictionary for integers of eight bytes that ascend; src is their PLAIN
// encoding.
func (c *codec) ascending(room, src []byte, keys []uint64) []byte {
	if c.kind == format.Zstd {
		return appendAscending(room[:0], keys)
	}
	return c.dictionary(room, src)
}

// compress appends src, compressed, to dst.
func (c *codec) compress(dst, src []byte) []byte {
	switch c.kind {
	case format.Snappy:
		start := len(dst)
		if need := s2.MaxEncodedLen(len(src)); cap(dst)-start < need {
			dst = append(make([]byte, 0, start+need+start/2), dst...)
		}
		return dst[:start+len(s2.EncodeSnappy(dst[start:cap(dst)], src))]
	case format.Zstd:
		return c.zstd.EncodeAll(src, dst)
	}
	return append(dst, src...)
}
