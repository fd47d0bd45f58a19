package bench

import (
	"errors"
	"sync/atomic"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/gpu"
	"quern/gpu/code"
	"quern/pipeline/model"
	"quern/pipeline/sink"
	"quern/pipeline/sink/tensor"
)

// tensor compares making model-ready tensors: reals in one matrix of float32, ids in one
// of int64. On the CPU they are in its memory then, on the GPU in the device's: where the
// one that trains wants them. A back end that has no tensors is not compared.
func (c *comparer) tensor(name string, m *model.Model, h *held) (*Compared, error) {
	fields, outputs := tensorFields(m.Serving)
	arrays, err := tensor.Layout(fields, false)
	if err != nil || len(arrays) == 0 {
		return nil, nil // what these outputs are is no tensor
	}
	w := gpu.WorkOf(m.Serving, h.rows())
	x := &Compared{Name: name, What: "tensor", Rows: w.Rows, Up: w.Up + max(0, bytesOf(fields)-w.Down)}
	on, err := newPacker(c.cpu, m.Serving, h, func(s backend.Session) (func(column.Batch) error, error) {
		w, err := tensor.NewWriter(fields, false)
		return func(in column.Batch) error { return packHere(s, w, in, outputs) }, err
	})
	if err != nil {
		return nil, err
	}
	matrices := make([]gpu.Matrix, len(arrays))
	for i, a := range arrays {
		matrices[i].Type = map[tensor.DType]code.Type{tensor.F32: code.F32, tensor.F64: code.F64, tensor.I64: code.I64, tensor.U8: code.Bool}[a.DType]
		for _, f := range a.Fields {
			matrices[i].Outputs = append(matrices[i].Outputs, outputs[f])
		}
	}
	there, err := newPacker(c.GPU, m.Serving, h, func(s backend.Session) (func(column.Batch) error, error) {
		p, ok := s.(gpu.Packer)
		if !ok {
			return nil, gpu.ErrNotPacked
		}
		return func(in column.Batch) error { _, err := p.Pack(in, matrices...); return err }, nil
	})
	if err != nil {
		return nil, err
	}
	err = c.sides(x, func() error { return on.run(1) }, func() error { return on.run(c.Cores) }, func() error { return there.run(c.Cores) })
	var null *diag.Error
	if errors.Is(err, gpu.ErrNotPacked) || errors.As(err, &null) && null.Code == "Q421" {
		return nil, nil // ids with nulls are no tensor either
	}
	return x, err
}

// tensorFields returns the outputs of p that are numbers, one per row.
func tensorFields(p *program.Program) (fields []sink.Field, outputs []int) {
	for i, f := range p.Fields() {
		if f.Type.Numeric() && p.Outputs[i].Role == program.RoleFeature {
			fields, outputs = append(fields, sink.Field{Field: f, Role: program.RoleFeature}), append(outputs, i)
		}
	}
	return fields, outputs
}

func bytesOf(fields []sink.Field) (bytes float64) {
	for _, f := range fields {
		bytes += gpu.BytesOf(f.Type)
	}
	return bytes
}

// packHere computes a batch and makes tensors of it in the memory of the host.
func packHere(s backend.Session, w *tensor.Writer, in column.Batch, outputs []int) error {
	out, err := s.Run(in, nil)
	if err != nil {
		return err
	}
	picked := column.Batch{Rows: out.Rows}
	for _, i := range outputs {
		picked.Columns = append(picked.Columns, out.Columns[i])
	}
	w.Reset()
	return w.Append(picked)
}

// packer makes tensors of batches, one session per worker.
type packer struct {
	exe     backend.Executable
	inputs  []int
	batches []column.Batch
	open    func(backend.Session) (func(column.Batch) error, error)
}

func newPacker(be backend.Backend, p *program.Program, h *held, open func(backend.Session) (func(column.Batch) error, error)) (*packer, error) {
	exe, err := be.Compile(p)
	k := &packer{exe: exe, batches: h.batches, open: open}
	for _, f := range p.Inputs {
		k.inputs = append(k.inputs, h.schema.Find(f.Name))
	}
	return k, err
}

// run makes tensors of everything once, with so many workers, and drops them.
func (k *packer) run(workers int) error { return together(min(workers, len(k.batches)), k.work) }

func (k *packer) work(next *atomic.Int64) error {
	s := k.exe.NewSession()
	defer s.Close()
	pack, err := k.open(s)
	if err != nil {
		return err
	}
	for {
		i := int(next.Add(1)) - 1
		if i >= len(k.batches) {
			return nil
		}
		in := column.Batch{Rows: k.batches[i].Rows}
		for _, at := range k.inputs {
			in.Columns = append(in.Columns, k.batches[i].Columns[at])
		}
		if err := pack(in); err != nil {
			return err
		}
	}
}
