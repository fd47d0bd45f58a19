package record

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io/fs"
	"math"
)

// Errors, matched with errors.Is.
var (
	ErrTorn    = errors.New("record is damaged")
	ErrForeign = errors.New("record belongs to another job or place")
	ErrVersion = errors.New("record was written by a later version of quern")
)

const (
	magic      = "qrec"
	version    = 1
	headerSize = len(magic) + 2 + len(Job{})
)

// encoder appends fields in their canonical form.
type encoder struct{ b []byte }

func begin(kind Kind, job Job) *encoder {
	e := &encoder{b: make([]byte, 0, 256)}
	e.b = append(e.b, magic...)
	e.b = append(e.b, version, byte(kind))
	e.b = append(e.b, job[:]...)
	return e
}

// seal appends the checksum and returns the record.
func (e *encoder) seal() []byte {
	sum := sha256.Sum256(e.b)
	return append(e.b, sum[:]...)
}

func (e *encoder) number(x uint64)     { e.b = binary.AppendUvarint(e.b, x) }
func (e *encoder) fixed(b []byte)      { e.b = append(e.b, b...) }
func (e *encoder) bytes(b []byte)      { e.number(uint64(len(b))); e.b = append(e.b, b...) }
func (e *encoder) text(s string)       { e.number(uint64(len(s))); e.b = append(e.b, s...) }
func (e *encoder) count(n int64)       { e.number(uint64(n)) }
func (e *encoder) list(n int)          { e.number(uint64(n)) }
func (e *encoder) attempt(a Attempt)   { e.fixed(a[:]) }
func (e *encoder) small(values uint32) { e.number(uint64(values)) }

func (e *encoder) truth(v bool) {
	x := uint64(0)
	if v {
		x = 1
	}
	e.number(x)
}

// decoder reads fields and remembers the first thing that is wrong; after it every
// field is zero.
type decoder struct {
	b   []byte
	err error
}

// open checks all that surrounds the fields of a record.
func open(data []byte, kind Kind, job Job) (*decoder, error) {
	if len(data) < headerSize+sha256.Size || string(data[:len(magic)]) != magic {
		return nil, ErrTorn
	}
	body := data[:len(data)-sha256.Size]
	if sha256.Sum256(body) != [sha256.Size]byte(data[len(body):]) {
		return nil, ErrTorn
	}
	switch {
	case body[len(magic)] > version:
		return nil, ErrVersion
	case body[len(magic)] != version:
		return nil, ErrTorn
	case Kind(body[len(magic)+1]) != kind || Job(body[headerSize-len(job):headerSize]) != job:
		return nil, ErrForeign
	}
	return &decoder{b: body[headerSize:]}, nil
}

// close checks that nothing is left.
func (d *decoder) close() error {
	if d.err == nil && len(d.b) > 0 {
		d.fail()
	}
	return d.err
}

func (d *decoder) fail() {
	d.err, d.b = ErrTorn, nil
}

func (d *decoder) number() uint64 {
	x, n := binary.Uvarint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 { // cut, too large, or longer than need be
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return x
}

func (d *decoder) fixed(n int) []byte {
	if n > len(d.b) {
		d.fail()
		return make([]byte, n)
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

// list returns a length of which each element takes size bytes at least.
func (d *decoder) list(size int) int {
	n := d.number()
	if n > uint64(len(d.b)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

func (d *decoder) bytes() []byte {
	if n := d.list(1); n > 0 {
		return append([]byte(nil), d.fixed(n)...)
	}
	return nil
}

func (d *decoder) text() string { return string(d.fixed(d.list(1))) }

func (d *decoder) small() uint32 {
	x := d.number()
	if x > math.MaxUint32 {
		d.fail()
	}
	return uint32(x)
}

func (d *decoder) count() int64 {
	x := d.number()
	if x > math.MaxInt64 {
		d.fail()
		return 0
	}
	return int64(x)
}

func (d *decoder) truth() bool {
	x := d.number()
	if x > 1 {
		d.fail()
	}
	return x == 1
}

func (d *decoder) attempt() Attempt { return Attempt(d.fixed(len(Attempt{}))) }

// name reads the name of an object, which must not lead out of a store.
func (d *decoder) name() string {
	s := d.text()
	if d.err == nil && (!fs.ValidPath(s) || s == ".") {
		d.fail()
	}
	return s
}
