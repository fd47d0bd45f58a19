//go:build linux && cuda && cgo

package gpu

import (
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/features/program"
	"quern/gpu/code"
	"quern/gpu/cuda"
)

// A tensor that stays on the device is what packing the reference's outputs gives,
// whatever the slices.
func TestPack(t *testing.T) {
	p, _ := cannedProgram()
	p.Outputs = append(p.Outputs, program.Output{Name: "code", Register: loadOf(p, cannedCode), Role: program.RoleFeature})
	p.Observes = nil
	p = restOf(p)
	whole, err := cpu.New().Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	want, err := whole.NewSession().Run(cannedBatch(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var outputs []int
	for i := range p.Outputs {
		outputs = append(outputs, len(p.Outputs)-1-i)
	}
	for _, most := range []int{0, 64, 448} {
		b := open(t, Options{SlotBytes: 8 << 20})
		b.most = most
		x, err := b.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		s := x.NewSession().(*session)
		for _, typ := range []code.Type{code.F32, code.F64} {
			tensors, err := s.Pack(cannedBatch(), Matrix{outputs[:7], typ}, Matrix{outputs[7:], typ})
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range tensors {
				if x.Rows != checkRows || x.Data.Size != x.Rows*len(x.Outputs)*typ.Size() {
					t.Fatalf("%d rows in %d bytes", x.Rows, x.Data.Size)
				}
				comparePacked(t, fetch(t, b, x.Data, x.Data.Size), typ, want, x.Outputs)
			}
		}
		s.Close()
	}
}

// loadOf makes p load a column, unless it does, and returns its register.
func loadOf(p *program.Program, input int) program.Register {
	name := cannedSchema()[input].Name
	if at := p.Inputs.Find(name); at >= 0 {
		for r, in := range p.Code {
			if in.Op == program.Load && in.Imm.Int == int64(at) {
				return program.Register(r)
			}
		}
	}
	panic("the canned program does not load " + name)
}

func comparePacked(t *testing.T, data []byte, typ code.Type, want column.Batch, outputs []int) {
	t.Helper()
	for row := range want.Rows {
		for i, n := range outputs {
			x := number(&want.Columns[n], row)
			at := row*len(outputs) + i
			if typ == code.F32 {
				if got := binary.LittleEndian.Uint32(data[4*at:]); got != math.Float32bits(canonical32(x)) {
					t.Fatalf("row %d, output %d: %x, want %v", row, n, got, x)
				}
			} else if got := binary.LittleEndian.Uint64(data[8*at:]); got != math.Float64bits(x) {
				t.Fatalf("row %d, output %d: %x, want %v", row, n, got, x)
			}
		}
	}
}

// number returns a row as a float64: NaN if it is null.
func number(c *column.Column, row int) float64 {
	v := program.ValueAt(&c.Values, c.Slot(row))
	switch {
	case v.Null:
		return program.NaN()
	case c.Type() == column.Bool:
		if v.Bool {
			return 1
		}
		return 0
	case c.Type().Kind() == column.Floats:
		return v.Float
	}
	return float64(v.Int)
}

func canonical32(x float64) float32 {
	if x != x {
		return math.Float32frombits(0x7FC00000)
	}
	return float32(x)
}

// fetch returns memory of the device.
func fetch(t *testing.T, b *Backend, from cuda.Buffer, n int) []byte {
	t.Helper()
	host, err := b.device.AllocHost(n)
	if err != nil {
		t.Fatal(err)
	}
	s := b.slots.get(true)
	defer b.slots.put(s)
	if err := b.run(func(q *cuda.Queue) { q.Download(s.stream, host, 0, from, 0, n) }, s.stream); err != nil {
		t.Fatal(err)
	}
	data := append([]byte{}, host.Bytes()...)
	if err := host.Free(); err != nil {
		t.Fatal(err)
	}
	return data
}

// What is no tensor is refused, and no output comes down.
func TestPackRefuses(t *testing.T) {
	b := open(t, Options{SlotBytes: 8 << 20})
	p, _ := cannedProgram()
	x, err := b.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	s := x.NewSession().(*session)
	defer s.Close()
	if _, err := s.Pack(cannedBatch(), Matrix{[]int{0}, code.F32}); !errors.Is(err, ErrNotPacked) {
		t.Errorf("a program that observes: %v", err)
	}
}
