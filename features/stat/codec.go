package stat

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"quern/features/column"
)

// The bytes of every statistic:
//
//	'q' 'S'         magic
//	1               version
//	kind            1 byte, see kindCode
//	uvarint         number of types, then 1 byte each
//	parameters      bin_counts: uvarint count, then the bins as uvarint gaps
//	                keyed_sums: uvarint folds
//	                gram: one varint per column, the grid
//	                entries: uvarint limit
//	state           drawn above each kind's appendState; ends with the data
//
// Integers are minimal varints and maps are sorted, so equal states have equal
// bytes. There is no checksum: the files that hold statistics have one.
const (
	magic0, magic1 = 'q', 'S'
	version        = 1
)

// kindCode is the kind's number in the bytes; 0 is no kind.
func kindCode(k Kind) byte { return byte(slices.Index(kinds(), k) + 1) }

// kinds lists all kinds, in the order of their numbers. Only append.
func kinds() []Kind {
	return []Kind{KindTally, KindSums, KindExtremes, KindHistogram, KindBinCounts,
		KindValueCounts, KindKeyedSums, KindGram, KindEntries}
}

// appendHeader appends everything before the state.
func appendHeader(b []byte, s *Spec) []byte {
	b = append(b, magic0, magic1, version, kindCode(s.Kind))
	b = binary.AppendUvarint(b, uint64(len(s.Types)))
	for _, t := range s.Types {
		b = append(b, byte(t))
	}
	switch s.Kind {
	case KindBinCounts:
		b = binary.AppendUvarint(b, uint64(len(s.Bins)))
		last := uint32(0)
		for _, bin := range s.Bins {
			b = binary.AppendUvarint(b, uint64(bin-last))
			last = bin
		}
	case KindKeyedSums:
		b = binary.AppendUvarint(b, uint64(s.Folds))
	case KindEntries:
		b = binary.AppendUvarint(b, uint64(s.Limit))
	case KindGram:
		for _, e := range s.Grid {
			b = binary.AppendVarint(b, int64(e))
		}
	}
	return b
}

// readHeader is the inverse of appendHeader. The spec is checked.
func readHeader(r *reader) (Spec, error) {
	var s Spec
	if r.byte() != magic0 || r.byte() != magic1 {
		return s, corrupt("no statistic")
	}
	if v := r.byte(); v != version {
		return s, corrupt("version %d is not known", v)
	}
	code := int(r.byte())
	if code < 1 || code > len(kinds()) {
		return s, corrupt("kind %d is not known", code)
	}
	s.Kind = kinds()[code-1]
	for _, t := range r.take(r.uvarint()) {
		s.Types = append(s.Types, column.Type(t))
	}
	readParameters(r, &s)
	if r.bad {
		return s, corrupt("header ends early")
	}
	if err := s.validate(); err != nil {
		return s, corrupt("%v", err)
	}
	return s, nil
}

func readParameters(r *reader, s *Spec) {
	switch s.Kind {
	case KindBinCounts:
		last := uint64(0)
		for n := r.uvarint(); n > 0 && !r.bad; n-- {
			last += r.uvarint()
			if last >= numBins {
				r.bad = true
			}
			s.Bins = append(s.Bins, uint32(last))
		}
	case KindKeyedSums:
		s.Folds = int(min(r.uvarint(), 1<<20))
	case KindEntries:
		s.Limit = int(min(r.uvarint(), 1<<40))
	case KindGram:
		for range s.Types {
			s.Grid = append(s.Grid, int(max(min(r.varint(), 1<<20), -1<<20)))
		}
	}
}

// corrupt is ErrCorrupt with what was found.
func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// reader takes bytes apart. After the first impossible read it is bad and
// returns zeros, so callers check once.
type reader struct {
	data []byte
	bad  bool
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.bad = true
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

// take returns the next n bytes; they belong to the data.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.data)) {
		r.bad = true
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

// uvarint reads a varint and refuses forms that are longer than necessary.
func (r *reader) uvarint() uint64 {
	v, n := uvarint(r.data)
	if n == 0 {
		r.bad = true
		return 0
	}
	r.data = r.data[n:]
	return v
}

// uvarint reads the varint that data begins with, and says how many bytes it has: 0 if it
// is cut off, or in a form that is longer than necessary. Loops over many entries use it and
// count bytes: to move a reader on is to write a pointer, which costs much while the
// collector marks.
func uvarint(data []byte) (v uint64, n int) {
	if len(data) > 0 && data[0] < 0x80 { // mostly
		return uint64(data[0]), 1
	}
	return longUvarint(data)
}

func longUvarint(data []byte) (v uint64, n int) {
	v, n = binary.Uvarint(data)
	if n <= 0 || data[n-1] == 0 {
		return 0, 0
	}
	return v, n
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

// counter reads a count of rows.
func (r *reader) counter() uint64 {
	v := r.uvarint()
	if v > maxRows {
		r.bad = true
	}
	return v
}

// end returns the error of a state that must be over.
func (r *reader) end() error {
	if r.bad || len(r.data) > 0 {
		return corrupt("state has the wrong length")
	}
	return nil
}

// header is the part that all statistics share: the spec and its bytes.
type header struct {
	spec Spec
	head []byte
}

func newHeader(s Spec) header { return header{spec: s, head: appendHeader(nil, &s)} }

// Spec returns the spec that the statistic was made from. Its slices are shared.
func (h *header) Spec() Spec { return h.spec }

// same reports whether the specs are equal.
func (h *header) same(o *header) bool { return bytes.Equal(h.head, o.head) }

// state returns a reader of the state in data, whose spec must be h's.
func (h *header) state(data []byte) (*reader, error) {
	r := &reader{data: data}
	s, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(appendHeader(nil, &s), h.head) {
		return nil, ErrMismatch
	}
	return r, nil
}

// check panics unless args are what the spec says: the program that feeds a
// statistic was verified.
func (h *header) check(args []column.Column, weights []uint64) {
	if len(args) != len(h.spec.Types) {
		panic("quern: bug: statistic observes the wrong number of columns")
	}
	for i := range args {
		v := &args[i].Values
		if v.Type != h.spec.Types[i] || args[i].Len != args[0].Len || v.Stored() {
			panic("quern: bug: statistic observes a column of another type, length or form")
		}
	}
	if weights != nil && (len(args) != 1 || args[0].Dict() || len(weights) < args[0].Len) {
		panic("quern: bug: weights are for one plain column")
	}
}
