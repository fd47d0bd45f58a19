package pipeline

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"quern/features/stat"
)

// Partial is what chunks taught in one phase: the counts of rows and one
// statistic per spec of the phase. Partials merge exactly, in any order, so the
// model does not depend on workers, shards or retries.
type Partial struct {
	Read  uint64 // rows read
	Taken uint64 // rows that passed source.where and fit.where
	Stats []stat.Statistic
}

// NewPartial returns the partial that has seen nothing.
func NewPartial(specs []stat.Spec, res stat.Resources) (*Partial, error) {
	p := &Partial{Stats: make([]stat.Statistic, len(specs))}
	for i, s := range specs {
		var err error
		if p.Stats[i], err = stat.New(s, res); err != nil {
			p.Stats = p.Stats[:i]
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// Empty returns the partial of a phase that has seen nothing.
func (o *Options) Empty(ph *Phase) (*Partial, error) {
	return NewPartial(ph.Specs, o.resources(len(ph.Specs)))
}

// Merge adds what other has seen; other is not changed. Statistics are merged several at a
// time.
func (p *Partial) Merge(other *Partial) error {
	if len(p.Stats) != len(other.Stats) {
		return stat.ErrMismatch
	}
	var next atomic.Int64
	var group sync.WaitGroup
	errs := make([]error, len(p.Stats))
	for range min(runtime.GOMAXPROCS(0), len(p.Stats)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(errs); i = int(next.Add(1)) - 1 {
				errs[i] = p.Stats[i].Merge(other.Stats[i])
			}
		})
	}
	group.Wait()
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	p.Read += other.Read
	p.Taken += other.Taken
	return nil
}

// fits reports whether the statistics are those of specs.
func (p *Partial) fits(specs []stat.Spec) bool {
	return slices.EqualFunc(p.Stats, specs, func(s stat.Statistic, spec stat.Spec) bool { return s.Spec().Equal(spec) })
}

// Close frees what the statistics hold outside the heap.
func (p *Partial) Close() error {
	var errs []error
	for _, s := range p.Stats {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// AppendBinary writes the canonical bytes: read, taken, number of statistics
// (uvarints), then each statistic as a uvarint length and its bytes.
func (p *Partial) AppendBinary(b []byte) ([]byte, error) {
	b = slices.Grow(b, p.extent())
	b = binary.AppendUvarint(b, p.Read)
	b = binary.AppendUvarint(b, p.Taken)
	b = binary.AppendUvarint(b, uint64(len(p.Stats)))
	for _, s := range p.Stats {
		var err error
		if b, err = appendSized(b, s); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// extent returns about how many bytes AppendBinary appends, as far as that is known
// beforehand: growing by and by would copy large statistics several times.
func (p *Partial) extent() int {
	n := 3 * binary.MaxVarintLen64
	for _, s := range p.Stats {
		n += 256 // of most that are not large
		if large, ok := s.(interface{ Extent() int }); ok {
			n += large.Extent()
		}
	}
	return n
}

// appendSized appends a statistic behind its length, which is known only afterwards: the
// bytes are moved where that is shorter than the room that was left for it.
func appendSized(b []byte, s stat.Statistic) ([]byte, error) {
	var length [binary.MaxVarintLen64]byte
	from := len(b)
	const room = 4 // for less than 256 MiB
	b, err := s.AppendBinary(append(b, length[:room]...))
	if err != nil {
		return nil, err
	}
	n := binary.PutUvarint(length[:], uint64(len(b)-from-room))
	if n != room {
		b = slices.Replace(b, from, from+room, length[:n]...)
		return b, nil
	}
	copy(b[from:], length[:n])
	return b, nil
}

// DecodePartial reads what AppendBinary wrote, of which it keeps parts. Wrong bytes are
// stat.ErrCorrupt.
func DecodePartial(data []byte, res stat.Resources) (*Partial, error) {
	return ReadPartial(stat.NewPieces(InOnePiece(data)), res)
}

// InOnePiece hands out bytes as one piece.
func InOnePiece(data []byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		piece := data
		data = nil
		return piece, io.EOF
	}
}

// ReadPartial reads what AppendBinary wrote, of which it keeps pieces. Wrong bytes are
// stat.ErrCorrupt; other errors are those of the pieces and of the disk.
func ReadPartial(pieces *stat.Pieces, res stat.Resources) (_ *Partial, err error) {
	p := &Partial{}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	var count uint64
	for _, field := range []*uint64{&p.Read, &p.Taken, &count} {
		if *field, err = pieces.Uvarint(); err != nil {
			return nil, err
		}
	}
	for range count { // each statistic takes at least a byte, so count cannot run away
		size, err := pieces.Uvarint()
		if err != nil {
			return nil, err
		}
		s, err := pieces.Statistic(size, res)
		if err != nil {
			return nil, fmt.Errorf("statistic %d: %w", len(p.Stats), err)
		}
		p.Stats = append(p.Stats, s)
	}
	return p, pieces.End()
}
