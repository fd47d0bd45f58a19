package source

import (
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The bytes of a layout are, after a magic and a version, its fields in order; numbers are
// varints. What files and chunks have in common with the one before is not repeated:
// a chunk takes about 25 bytes of text formats, less of Parquet.
const layoutMagic = "qlay\x01"

// maxShared says how much of the text before may be repeated by one of n new bytes:
// so that no bytes decode to more than 64 times as many.
func maxShared(n int) int { return 63 * (n + 1) }

// maxDigest is how many bytes of digest a chunk can share with the one before.
const maxDigest = 64

// How a chunk's digest is written. A grouped one is that of the file, in hexadecimal, and
// the number of the row group: ab12/3.
const (
	digestText    = iota // as it is
	digestHex            // its bytes
	digestGrouped        // the file's bytes
	digestSame           // grouped, with the bytes of the chunk before
)

// AppendBinary appends the layout's bytes, in the only form that UnmarshalBinary reads.
// The error is nil.
func (l *Layout) AppendBinary(b []byte) ([]byte, error) {
	e := layoutEncoder{b: append(b, layoutMagic...)}
	e.text(l.Format)
	e.count(len(l.Schema))
	for _, f := range l.Schema {
		e.text(f.Name)
		e.b = append(e.b, byte(f.Type))
	}
	e.count(len(l.Unusable))
	for _, name := range slices.Sorted(maps.Keys(l.Unusable)) {
		e.text(name)
		e.text(l.Unusable[name])
	}
	e.count(len(l.Headers))
	for _, names := range l.Headers {
		e.count(len(names))
		for _, name := range names {
			e.text(name)
		}
	}
	e.count(len(l.Files))
	at := 0
	for i := range l.Files {
		e.file(&l.Files[i])
		last := at
		for last < len(l.Spans) && l.Spans[last].File == i {
			last++
		}
		e.count(last - at)
		e.end = 0
		for ; at < last; at++ {
			e.chunk(&l.Chunks[at], &l.Spans[at])
		}
	}
	if at != len(l.Chunks) {
		panic("quern: bug: chunks out of the order of their files")
	}
	return e.b, nil
}

// layoutEncoder appends fields in their canonical form.
type layoutEncoder struct {
	b          []byte
	name, head string // of the file before
	end        int64  // of the chunk before, in the file
	digest     string // of the file of the chunk before
}

func (e *layoutEncoder) count(n int)    { e.b = binary.AppendUvarint(e.b, uint64(n)) }
func (e *layoutEncoder) number(n int64) { e.b = binary.AppendUvarint(e.b, uint64(n)) }
func (e *layoutEncoder) text(s string)  { e.count(len(s)); e.b = append(e.b, s...) }

// fronted appends s by what it shares with the text before.
func (e *layoutEncoder) fronted(s, before string) {
	n := sharedBytes(s, before)
	e.count(n)
	e.text(s[n:])
}

// sharedBytes returns how many bytes of before s repeats in its encoded form: the most
// that are allowed.
func sharedBytes(s, before string) int {
	n := 0
	for n < min(len(s), len(before)) && s[n] == before[n] {
		n++
	}
	for n > maxShared(len(s)-n) {
		n--
	}
	return n
}

// file appends a file without its chunks. Locations mostly end in the name.
func (e *layoutEncoder) file(f *LayoutFile) {
	e.fronted(f.Name, e.name)
	head, named := strings.CutSuffix(f.Location, f.Name)
	form := 0
	if named {
		form = 1
	}
	e.count(form)
	e.fronted(head, e.head)
	e.name, e.head = f.Name, head
	e.number(f.Size)
	e.text(f.Version)
	e.b = append(e.b, f.Packing)
	e.number(f.Start)
	e.count(f.Header + 1)
}

// chunk appends a chunk of the file at hand.
func (e *layoutEncoder) chunk(c *Chunk, at *Span) {
	e.count(c.Group + 1)
	e.number(c.Rows + 1)
	e.number(c.Bytes)
	e.number(c.Memory)
	e.number(at.From - e.end)
	e.number(at.To - at.From)
	e.end = at.To
	form, data := digestForm(c, e.digest)
	e.b = append(e.b, form)
	switch form {
	case digestText:
		e.text(c.Digest)
	case digestHex:
		e.text(string(data))
	case digestGrouped:
		e.text(string(data))
		e.digest = string(data)
	}
}

// digestForm returns how the digest of a chunk is written, and the bytes that it stands for.
func digestForm(c *Chunk, before string) (form byte, data []byte) {
	digits, group, grouped := strings.Cut(c.Digest, "/")
	data, err := hex.DecodeString(digits)
	canonical := err == nil && len(data) > 0 && hex.EncodeToString(data) == digits
	switch {
	case canonical && !grouped:
		return digestHex, data
	case canonical && len(data) <= maxDigest && group == strconv.Itoa(c.Group):
		if string(data) == before {
			return digestSame, nil
		}
		return digestGrouped, data
	}
	return digestText, nil
}
