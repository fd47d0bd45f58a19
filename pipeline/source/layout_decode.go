package source

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math"
	"strconv"

	"quern/features/column"
)

// ErrLayout says that bytes are no layout, matched with errors.Is.
var ErrLayout = errors.New("layout of a source is damaged")

// The least bytes that a file and a chunk take.
const (
	leastFile  = 10
	leastChunk = 7
)

// UnmarshalBinary sets l to the layout that data holds: ErrLayout if that is none, or not
// in the form that AppendBinary gives it. What comes out is sound: types exist, numbers of
// files and headers are in range, chunks lie in their files.
func (l *Layout) UnmarshalBinary(data []byte) error {
	d := layoutDecoder{b: data}
	if !bytes.HasPrefix(data, []byte(layoutMagic)) {
		return ErrLayout
	}
	d.b = data[len(layoutMagic):]
	var got Layout
	got.Format = d.text()
	got.Schema = d.schema()
	got.Unusable = d.unusable()
	for range d.list(1) {
		names := make([]string, d.list(1))
		for i := range names {
			names[i] = d.text()
		}
		got.Headers = append(got.Headers, names)
	}
	for range d.list(leastFile) {
		if d.file(&got); d.failed {
			break
		}
	}
	if d.failed || len(d.b) > 0 {
		return ErrLayout
	}
	if again, err := got.AppendBinary(nil); err != nil || !bytes.Equal(again, data) {
		return ErrLayout
	}
	*l = got
	return nil
}

// layoutDecoder reads fields; after the first mistake all are zero.
type layoutDecoder struct {
	b          []byte
	failed     bool
	name, head string
	digest     string
}

func (d *layoutDecoder) fail() { d.failed, d.b = true, nil }

// number reads a number that an int64 holds.
func (d *layoutDecoder) number() int64 {
	x, n := binary.Uvarint(d.b)
	if n <= 0 || x > math.MaxInt64 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return int64(x)
}

// list reads how many things follow, each of which takes size bytes at least.
func (d *layoutDecoder) list(size int) int {
	n := d.number()
	if n > int64(len(d.b)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *layoutDecoder) octet() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	x := d.b[0]
	d.b = d.b[1:]
	return x
}

func (d *layoutDecoder) text() string {
	n := d.list(1)
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// fronted reads a text that shares bytes with the one before.
func (d *layoutDecoder) fronted(before string) string {
	shared := d.number()
	rest := d.text()
	if shared > int64(len(before)) || shared > int64(maxShared(len(rest))) {
		d.fail()
		return ""
	}
	return before[:shared] + rest
}

func (d *layoutDecoder) schema() (s column.Schema) {
	for range d.list(2) {
		f := column.Field{Name: d.text(), Type: column.Type(d.octet())}
		if f.Type.Kind() == column.NoKind {
			d.fail()
			return nil
		}
		s = append(s, f)
	}
	return s
}

func (d *layoutDecoder) unusable() map[string]string {
	n := d.list(2)
	if n == 0 {
		return nil
	}
	m := make(map[string]string, n)
	for range n {
		name := d.text()
		m[name] = d.text()
	}
	return m
}

// file reads a file and its chunks.
func (d *layoutDecoder) file(l *Layout) {
	d.name = d.fronted(d.name)
	named := d.number()
	d.head = d.fronted(d.head)
	f := LayoutFile{Name: d.name, Location: d.head}
	if named == 1 {
		f.Location += f.Name
	}
	f.Size, f.Version, f.Packing, f.Start = d.number(), d.text(), d.octet(), d.number()
	header := d.number()
	f.Header = int(header) - 1
	if header > int64(len(l.Headers)) || named > 1 {
		d.fail()
		return
	}
	l.Files = append(l.Files, f)
	end := int64(0)
	for range d.list(leastChunk) {
		c := Chunk{Index: len(l.Chunks), File: f.Name}
		group, rows := d.number(), d.number()
		c.Group, c.Rows = int(group)-1, rows-1
		c.Bytes, c.Memory = d.number(), d.number()
		gap, length := d.number(), d.number()
		if group > math.MaxInt32 || gap > f.Size-end || length > f.Size-end-gap {
			d.fail()
			return
		}
		span := Span{File: len(l.Files) - 1, From: end + gap, To: end + gap + length}
		end = span.To
		c.Digest = d.digestOf(&c)
		l.Chunks, l.Spans = append(l.Chunks, c), append(l.Spans, span)
	}
}

// digestOf reads the digest of a chunk.
func (d *layoutDecoder) digestOf(c *Chunk) string {
	switch d.octet() {
	case digestText:
		return d.text()
	case digestHex:
		return hex.EncodeToString([]byte(d.text()))
	case digestGrouped:
		d.digest = d.text()
	case digestSame:
	default:
		d.fail()
	}
	if len(d.digest) > maxDigest {
		d.fail()
		return ""
	}
	return hex.EncodeToString([]byte(d.digest)) + "/" + strconv.Itoa(c.Group)
}
