package stat

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"io"
	"math"

	"quern/features/column"
)

// Pieces are bytes that come piece by piece, from a file or a connection. Statistics read
// from them keep pieces instead of copying them, or, past their budget, write them to
// disk as they come: so bytes can be read that are larger than the memory.
type Pieces struct {
	next func() ([]byte, error)
	rest []byte // of the piece at hand
	err  error  // of next; io.EOF: nothing comes any more
	// Statistics of at least so many bytes are read piece by piece, if they can be.
	large uint64
}

// large is so many bytes that it is worth not to have them all in one place.
const large = 1 << 20

// NewPieces returns the bytes whose next piece next returns, io.EOF at their end. Nobody
// may change a piece afterwards.
func NewPieces(next func() ([]byte, error)) *Pieces { return &Pieces{next: next, large: large} }

// wholePieces returns bytes that are all there.
func wholePieces(data []byte) *Pieces { return &Pieces{rest: data, err: io.EOF, large: large} }

// Uvarint reads a number. Its errors are ErrCorrupt and those of the pieces.
func (p *Pieces) Uvarint() (uint64, error) {
	for {
		if v, n := binary.Uvarint(p.rest); n > 0 {
			p.rest = p.rest[n:]
			return v, nil
		} else if n < 0 {
			return 0, corrupt("a number of more than 64 bits")
		}
		if err := p.need(len(p.rest) + 1); err != nil {
			return 0, err
		}
	}
}

// End returns an error unless all bytes were read.
func (p *Pieces) End() error {
	if err := p.fetch(); err != nil {
		return err
	}
	if len(p.rest) > 0 {
		return corrupt("bytes behind the end")
	}
	return nil
}

// small is so few bytes that it is better to copy them.
const small = 1 << 15

// Statistic reads a statistic of size bytes. Errors are those of Decode and of the pieces.
func (p *Pieces) Statistic(size uint64, res Resources) (Statistic, error) {
	const head = 64 // bytes of the header of statistics of few columns
	if size >= max(p.large, head) {
		if err := p.need(head); err != nil {
			return nil, err
		}
		r := &reader{data: p.rest}
		spec, err := readHeader(r)
		if err == nil && (spec.Kind == KindValueCounts || spec.Kind == KindKeyedSums) {
			n := len(p.rest) - len(r.data)
			p.rest = r.data
			return decodeEntries(spec, p, size-uint64(n), res)
		}
	}
	data, err := p.take(size)
	if err != nil {
		return nil, err
	}
	if size < small {
		data = bytes.Clone(data) // it is not to keep a piece that is much larger
	}
	return Decode(data, res)
}

// decodeEntries reads the state of a large statistic of a kind that holds entries.
func decodeEntries(spec Spec, p *Pieces, size uint64, res Resources) (Statistic, error) {
	s, err := New(spec, res)
	if err != nil {
		return nil, corrupt("%v", err)
	}
	if err := s.(interface{ read(*Pieces, uint64) error }).read(p, size); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// fetch sees to it that there is something at hand, unless nothing comes any more.
func (p *Pieces) fetch() error {
	for len(p.rest) == 0 && p.err == nil {
		p.rest, p.err = p.next()
	}
	if p.err == io.EOF {
		return nil
	}
	return p.err
}

// need sees to it that at least n bytes are at hand. That they do not come is ErrCorrupt.
// It takes as much memory as came, and copies what it joins so that the cost of many
// needs is that of the last.
func (p *Pieces) need(n int) error {
	if err := p.fetch(); err != nil {
		return err
	}
	if len(p.rest) >= n {
		return nil
	}
	want := max(n, 2*len(p.rest))
	joined := bytes.Clone(p.rest)
	for len(joined) < want && p.err == nil {
		p.rest = nil
		if err := p.fetch(); err != nil {
			return err
		}
		joined = append(joined, p.rest...)
	}
	if p.rest = joined; len(joined) >= n {
		return nil
	}
	return cmp.Or(p.failure(), corrupt("the bytes end early"))
}

// failure returns the error of the pieces, if there was one.
func (p *Pieces) failure() error {
	if p.err == io.EOF {
		return nil
	}
	return p.err
}

// take returns the next n bytes.
func (p *Pieces) take(n uint64) ([]byte, error) {
	if err := p.need(int(min(n, math.MaxInt))); err != nil {
		return nil, err
	}
	data := p.rest[:n:n]
	p.rest = p.rest[n:]
	return data, nil
}

// readAll reads size bytes of entries, ascending ones, and makes them a run of k. Scan
// looks at whole entries: it returns how many of the bytes those are that it takes, up to
// an entry that is cut off or wrong, or an error.
func (k *keyed) readAll(p *Pieces, size uint64, scan func(entries []byte) (int, error)) error {
	t := taker{of: k, r: (&run{}).share()}
	err := t.take(p, size, scan)
	if err == nil {
		err = t.finish()
	}
	if err != nil {
		t.drop()
	}
	return err
}

// taker makes a run of entries as they come.
type taker struct {
	of   *keyed
	r    *run       // in memory; nil after
	file *runWriter // past the budget; nil: not yet
}

func (t *taker) take(p *Pieces, size uint64, scan func([]byte) (int, error)) error {
	for size > 0 {
		if err := p.fetch(); err != nil {
			return err
		}
		piece := p.rest[:min(uint64(len(p.rest)), size)]
		n, err := scan(piece)
		if err != nil {
			return err
		}
		if n > 0 {
			if err := t.keep(piece[:n:n]); err != nil {
				return err
			}
			p.rest, size = p.rest[n:], size-uint64(n)
			continue
		}
		if uint64(len(piece)) == size {
			return corrupt("an entry that cannot be")
		}
		if err := p.need(len(piece) + 1); err != nil {
			return err
		}
	}
	return nil
}

// keep takes a block.
func (t *taker) keep(entries []byte) error {
	if t.file == nil {
		t.r.blocks = append(t.r.blocks, entries)
		t.r.size += int64(len(entries))
		if b := t.of.res.Bytes; b == 0 || t.r.size <= b {
			return nil
		}
		return t.spill()
	}
	return t.copy(&run{blocks: [][]byte{entries}})
}

// spill goes on in a file.
func (t *taker) spill() (err error) {
	if t.file, err = newRun(t.of.res.Dir, 0, t.of.block()); err != nil {
		return err
	}
	err = t.copy(t.r)
	t.r = nil
	return err
}

// copy writes entries to the file.
func (t *taker) copy(from *run) error {
	return walk(t.of.cursor(from), func(key, body []byte) (bool, error) { return true, t.file.add(key, body) })
}

// finish gives the run to the statistic.
func (t *taker) finish() (err error) {
	r := t.r
	if t.file != nil {
		w := t.file
		t.file = nil
		if r, err = w.finish(); err != nil {
			return err
		}
	}
	if r.size > 0 {
		t.of.own(r)
	} else {
		r.close()
	}
	return nil
}

// drop gives up what was written.
func (t *taker) drop() {
	if t.file != nil {
		t.file.run.close()
	}
}

// keyScan checks the keys of entries.
type keyScan struct {
	types []column.Type
	cells []Cell // of the key looked at last, if decoded
	last  []byte // that key; nil: none yet
}

func newKeyScan(types []column.Type) keyScan {
	return keyScan{types: types, cells: make([]Cell, len(types))}
}

// next reads the key that an entry begins with, which must come after the last one (nil:
// there is none), and says where the body begins; 0: the key is cut off.
func (s *keyScan) next(entry, last []byte) (key []byte, body int, err error) {
	size, n := uvarint(entry)
	if n == 0 || size > uint64(len(entry)-n) {
		return nil, 0, nil
	}
	body = n + int(size)
	if key = entry[n:body:body]; last != nil && string(key) <= string(last) {
		return nil, 0, corrupt("keys are not ascending")
	}
	return key, body, nil
}

// decode checks that a key is one of the types.
func (s *keyScan) decode(key []byte) error {
	if len(s.types) == 1 && s.types[0] == column.String && len(key) > 0 && (key[0] == tagValue || len(key) == 1 && key[0] == tagNull) {
		return nil // any bytes are a string
	}
	return DecodeKey(s.types, key, s.cells)
}
