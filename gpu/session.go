package gpu

import (
	"errors"
	"slices"
	"time"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/gpu/cuda"
)

// session runs batches one after the other.
type session struct {
	*executable
	whole  backend.Session
	hosts  map[*prepared]backend.Session
	rests  map[backend.Executable]backend.Session
	own    []results // by pass
	out    column.Batch
	clock  clock
	tensor cuda.Buffer
	kept   []stayed // with Options.Resident: slices of the last batch
}

// Run evaluates the program over in; see backend.Session. Slices that the device fails to
// compute are computed by the reference back end, with the same bits.
func (s *session) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	if in.Rows < max(s.b.least, 1) || s.b.lost.Load() {
		return s.whole.Run(in, into)
	}
	p, err := s.prepare(in, into)
	if err != nil {
		s.b.gone(err)
		return s.whole.Run(in, into)
	}
	if len(p.passes) == 0 {
		return s.whole.Run(in, into)
	}
	s.release()
	start := time.Now()
	host, err := s.hosted(p, in, into)
	s.clock.since(backend.StageHost, start)
	if err != nil {
		return column.Batch{}, s.explain(in, into, err)
	}
	s.out.Rows = in.Rows
	s.out.Columns = slices.Grow(s.out.Columns[:0], len(p.outputs))[:len(p.outputs)]
	for i, n := range p.outputs {
		if n >= 0 {
			s.out.Columns[i] = host.Columns[n]
		}
	}
	for i := range p.passes {
		r := s.runner(p, i, in, host, into)
		if err := r.run(); err != nil {
			return column.Batch{}, s.explain(in, into, err)
		}
		r.deliver(&s.out)
	}
	return s.out, nil
}

// hosted runs the host's part.
func (s *session) hosted(p *prepared, in column.Batch, into []stat.Statistic) (column.Batch, error) {
	if p.host == nil {
		return column.Batch{}, nil
	}
	if s.hosts[p] == nil {
		if s.hosts == nil {
			s.hosts = map[*prepared]backend.Session{}
		}
		s.hosts[p] = p.host.NewSession()
	}
	part := column.Batch{Rows: in.Rows, Columns: make([]column.Column, len(p.inputs))}
	for i, n := range p.inputs {
		part.Columns[i] = in.Columns[n]
	}
	return s.hosts[p].Run(part, into)
}

// explain returns the error of the first row that faults, whichever part found one.
func (s *session) explain(in column.Batch, into []stat.Statistic, found error) error {
	var fault *program.RowError
	if !errors.As(found, &fault) {
		return found
	}
	scratch := make([]stat.Statistic, len(into))
	for i := range into {
		var err error
		if scratch[i], err = stat.New(into[i].Spec(), stat.Resources{}); err != nil {
			panic("quern: bug: gpu: a statistic with a bad spec: " + err.Error())
		}
		defer scratch[i].Close()
	}
	if _, err := s.whole.Run(in, scratch); err != nil {
		return err
	}
	panic("quern: bug: gpu: a part of a program faulted where the program does not")
}

// remainder runs outputs and observations of the program on the reference back end.
func (s *session) remainder(in column.Batch, outputs, observed []int, into []stat.Statistic) (column.Batch, error) {
	x := s.rest(outputs, observed)
	if s.rests[x] == nil {
		if s.rests == nil {
			s.rests = map[backend.Executable]backend.Session{}
		}
		s.rests[x] = x.NewSession()
	}
	return s.rests[x].Run(in, into)
}

// Close gives the buffers back.
func (s *session) Close() {
	s.release()
	if err := s.freeTensor(); err != nil {
		s.b.gone(err)
	}
	s.whole.Close()
	for _, h := range s.hosts {
		h.Close()
	}
	for _, r := range s.rests {
		r.Close()
	}
}
