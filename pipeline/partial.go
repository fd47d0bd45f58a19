package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

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

// Merge adds what other has seen; other is not changed.
func (p *Partial) Merge(other *Partial) error {
	if len(p.Stats) != len(other.Stats) {
		return stat.ErrMismatch
	}
	for i, s := range p.Stats {
		if err := s.Merge(other.Stats[i]); err != nil {
			return err
		}
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
	b = binary.AppendUvarint(b, p.Read)
	b = binary.AppendUvarint(b, p.Taken)
	b = binary.AppendUvarint(b, uint64(len(p.Stats)))
	for _, s := range p.Stats {
		body, err := s.AppendBinary(nil)
		if err != nil {
			return nil, err
		}
		b = binary.AppendUvarint(b, uint64(len(body)))
		b = append(b, body...)
	}
	return b, nil
}

// DecodePartial reads what AppendBinary wrote. Wrong bytes are stat.ErrCorrupt.
func DecodePartial(data []byte, res stat.Resources) (*Partial, error) {
	p := &Partial{}
	var count uint64
	for _, field := range []*uint64{&p.Read, &p.Taken, &count} {
		var err error
		if *field, data, err = uvarint(data); err != nil {
			return nil, err
		}
	}
	for range count { // each statistic takes at least a byte, so count cannot run away
		size, rest, err := uvarint(data)
		if err != nil || size > uint64(len(rest)) {
			return nil, stat.ErrCorrupt
		}
		s, err := stat.Decode(rest[:size], res)
		if err != nil {
			return nil, fmt.Errorf("statistic %d: %w", len(p.Stats), err)
		}
		p.Stats, data = append(p.Stats, s), rest[size:]
	}
	if len(data) > 0 {
		return nil, stat.ErrCorrupt
	}
	return p, nil
}

func uvarint(data []byte) (uint64, []byte, error) {
	x, n := binary.Uvarint(data)
	if n <= 0 {
		return 0, nil, stat.ErrCorrupt
	}
	return x, data[n:], nil
}
