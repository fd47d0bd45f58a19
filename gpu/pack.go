package gpu

import (
	"errors"
	"fmt"
	"slices"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/gpu/code"
	"quern/gpu/cuda"
	"quern/gpu/reduce"
)

// Matrix says what becomes a tensor: outputs of a program, by number, as its columns.
type Matrix struct {
	Outputs []int
	Type    code.Type // F32, F64, I64, or Bool: a byte
}

// Tensor is a row-major matrix in the memory of a device.
type Tensor struct {
	Matrix
	Data cuda.Buffer
	Rows int
}

// Packer is a session that leaves outputs on the device as a tensor, for whoever trains
// there.
type Packer interface {
	backend.Session
	// Pack runs the program over in, of which it observes nothing, and packs outputs,
	// scalars, into matrices: nulls of floats are NaN, and numbers are rounded once to the
	// tensor's type. Nothing comes down. The tensors are valid until the next call, or
	// Close. The error is ErrNotPacked if the device could not do it all: a null in a
	// matrix of integers, a fault, no room. Run tells what is wrong.
	Pack(in column.Batch, matrices ...Matrix) ([]Tensor, error)
}

// ErrNotPacked: a batch cannot become a tensor on the device; Run can compute it.
var ErrNotPacked = errors.New("the device could not pack the batch")

// packing is what a runner packs instead of handing outputs over.
type packing struct {
	tensors []Tensor
	places  [][]int // by tensor and column: among feeds and leaves
}

// Pack implements Packer.
func (s *session) Pack(in column.Batch, matrices ...Matrix) ([]Tensor, error) {
	s.release()
	if s.b.lost.Load() || in.Rows == 0 || len(s.program.Observes) > 0 {
		return nil, ErrNotPacked
	}
	if err := s.packable(matrices); err != nil {
		return nil, err
	}
	p, err := s.prepare(in, nil)
	if err != nil {
		s.b.gone(err)
		return nil, ErrNotPacked
	}
	host, err := s.hosted(p, in, nil)
	if err != nil {
		return nil, s.explain(in, nil, err)
	}
	r := s.rowRunner(p, in, host)
	if r.pack, err = s.packing(in.Rows, matrices); err != nil {
		s.b.gone(err)
		return nil, ErrNotPacked
	}
	r.findPacked(p, host)
	if err := r.run(); err != nil {
		return nil, err
	}
	return r.pack.tensors, nil
}

// packable checks that all outputs are scalars that tensors can have.
func (s *session) packable(matrices []Matrix) error {
	for _, m := range matrices {
		for _, n := range m.Outputs {
			t := s.program.Code[s.program.Outputs[n].Register].Type
			if t.IsList() || t == column.String || t.Real() && (m.Type == code.I64 || m.Type == code.Bool) {
				return fmt.Errorf("%w: an output of %s", ErrNotPacked, t)
			}
		}
	}
	return nil
}

// packing takes memory for the tensors, one behind the other.
func (s *session) packing(rows int, matrices []Matrix) (*packing, error) {
	var l layout
	spans := make([]span, len(matrices))
	for i, m := range matrices {
		spans[i] = l.take(rows * len(m.Outputs) * m.Type.Size())
	}
	memory, err := s.room(l.size)
	if err != nil {
		return nil, err
	}
	p := &packing{places: make([][]int, len(matrices))}
	for i, m := range matrices {
		p.tensors = append(p.tensors, Tensor{m, memory.At(spans[i].at, spans[i].n), rows})
	}
	return p, nil
}

// rowRunner returns a runner of the pass over rows, which may have to be made.
func (s *session) rowRunner(p *prepared, in, host column.Batch) *runner {
	for i := range p.passes {
		if p.passes[i].space == program.Rows {
			return s.runner(p, i, in, host, nil)
		}
	}
	return &runner{s: s, pass: &preparedPass{pass: &pass{space: program.Rows}}, in: in, n: in.Rows, own: &results{}}
}

// findPacked finds the columns of the outputs: leaves, or what the host hands over.
func (r *runner) findPacked(p *prepared, host column.Batch) {
	type place struct{ tensor, column int }
	var leaves []place
	for i := range r.pack.tensors {
		for k, n := range r.pack.tensors[i].Outputs {
			at := len(r.feed)
			if h := p.outputs[n]; h >= 0 {
				r.feed = append(r.feed, &host.Columns[h])
			} else {
				at = slices.IndexFunc(r.pass.leaves, func(l leave) bool { return l.output == n })
				leaves = append(leaves, place{i, k})
			}
			r.pack.places[i] = append(r.pack.places[i], at)
		}
	}
	for _, l := range leaves {
		r.pack.places[l.tensor][l.column] += len(r.feed)
	}
}

// room returns memory of the device for a tensor, which the session keeps.
func (s *session) room(bytes int) (cuda.Buffer, error) {
	if s.tensor.Size >= bytes && s.tensor.Addr != 0 {
		return s.tensor, nil
	}
	if err := s.freeTensor(); err != nil {
		return cuda.Buffer{}, err
	}
	var err error
	s.tensor, err = s.b.device.Alloc(bytes)
	return s.tensor, err
}

func (s *session) freeTensor() error {
	if s.tensor.Addr == 0 {
		return nil
	}
	old := s.tensor
	s.tensor = cuda.Buffer{}
	return s.b.device.Free(old)
}

// layOutPack adds the tasks that pack a slice.
func (r *runner) layOutPack(s *slice) error {
	for i := range r.pack.tensors {
		t := &r.pack.tensors[i]
		columns := make([]code.Column, len(t.Outputs))
		for k, at := range r.pack.places[i] {
			columns[k] = s.argument(at)
		}
		address, err := s.params.columns(columns...)
		if err != nil {
			return err
		}
		row := len(t.Outputs) * t.Type.Size()
		task := reduce.Task{Rows: uint64(s.n), State: t.Data.Addr + uint64(s.lo*row)}
		task.P[0], task.P[1], task.P[2] = address, uint64(len(t.Outputs)), uint64(t.Type)
		s.launch("quern_pack", task)
	}
	return nil
}

var _ Packer = (*session)(nil)
