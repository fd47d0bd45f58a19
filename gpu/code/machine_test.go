//go:build cuda && cgo

package code

import (
	"encoding/binary"
	"math"
	"os"
	"testing"

	"quern/features/column"
	"quern/gpu/cuda"
	"quern/gpu/fake"
	"quern/gpu/kernels"
)

// TestMain runs the tests on the fake driver, unless there must be a GPU.
func TestMain(m *testing.M) { os.Exit(fake.Main(m, "uninit=1,replay=5")) }

// machine is a device with the interpreter.
type machine struct {
	t      testing.TB
	device *cuda.Device
	stream *cuda.Stream
	kernel cuda.Kernel
	lent   []cuda.Buffer
}

func newMachine(t testing.TB) *machine {
	t.Helper()
	d, err := cuda.Open(0)
	m := &machine{t: t, device: d}
	m.must(err)
	module, err := d.Load(kernels.PTX(Module))
	m.must(err)
	m.kernel, err = module.Kernel(Kernel)
	m.must(err)
	m.stream, err = d.NewStream()
	m.must(err)
	t.Cleanup(func() {
		m.must(m.stream.Close())
		m.must(module.Unload())
		m.must(d.Close())
	})
	return m
}

func (m *machine) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// do enqueues f's work and waits for it.
func (m *machine) do(f func(q *cuda.Queue)) {
	m.t.Helper()
	var mark cuda.Mark
	m.must(m.device.Do(func(q *cuda.Queue) error {
		f(q)
		mark = q.Record(m.stream)
		return nil
	}))
	m.must(m.device.Wait(mark))
}

// alloc returns device memory of exactly n bytes, so that whoever leaves it is caught.
func (m *machine) alloc(n int) cuda.Buffer {
	m.t.Helper()
	b, err := m.device.Alloc(max(n, 1))
	m.must(err)
	m.lent = append(m.lent, b)
	return b
}

// upload returns the address of a copy of data, or 0 of nothing.
func (m *machine) upload(data []byte) uint64 {
	m.t.Helper()
	if len(data) == 0 {
		return 0
	}
	b := m.alloc(len(data))
	host, err := m.device.AllocHost(len(data))
	m.must(err)
	copy(host.Bytes(), data)
	m.do(func(q *cuda.Queue) { q.Upload(m.stream, b, 0, host, 0, len(data)) })
	m.must(host.Free())
	return b.Addr
}

func (m *machine) download(b cuda.Buffer, n int) []byte {
	m.t.Helper()
	if n == 0 {
		return nil
	}
	host, err := m.device.AllocHost(n)
	m.must(err)
	m.do(func(q *cuda.Queue) { q.Download(m.stream, host, 0, b, 0, n) })
	data := append([]byte(nil), host.Bytes()...)
	m.must(host.Free())
	return data
}

// run computes code over a batch's columns with a grid of blocks, and returns the
// results in their columns' form and the fault word.
func (m *machine) run(c *Code, results []Result, types []column.Type, in column.Batch, blocks int) ([]column.Column, uint64) {
	m.t.Helper()
	var table []byte
	for i := range in.Columns {
		table = m.input(&in.Columns[i], in.Rows, i).Append(table)
	}
	values := make([]cuda.Buffer, len(results))
	valid := make([]cuda.Buffer, len(results))
	words := (in.Rows + 63) / 64 * 8
	for i, r := range results {
		values[i], valid[i] = m.alloc(in.Rows*r.Type.Size()), m.alloc(words)
		table = Column{Values: values[i].Addr, Valid: valid[i].Addr, Type: r.Type, Slots: uint64(in.Rows)}.Append(table)
	}
	scratch := uint64(0)
	if c.Scratch > 0 {
		scratch = m.alloc(c.Scratch * blocks * Block).Addr
	}
	word := m.alloc(8)
	args := c.Args(m.upload(c.Constants), m.upload(table), uint64(in.Rows), scratch, word.Addr)
	m.do(func(q *cuda.Queue) {
		q.Fill(m.stream, word, 0, 8, 0)
		q.Launch(m.stream, m.kernel, blocks, Block, args...)
	})
	fault := binary.LittleEndian.Uint64(m.download(word, 8))
	out := make([]column.Column, len(results))
	for i, r := range results {
		data, bitmap := m.download(values[i], in.Rows*r.Type.Size()), m.download(valid[i], words)
		out[i] = column.Column{Len: in.Rows, Values: decodeVector(types[i], r.Type, data, bitmap, in.Rows)}
	}
	for _, b := range m.lent {
		m.must(m.device.Free(b))
	}
	m.lent = nil
	return out, fault
}

// input uploads a column; number varies the width of its codes.
func (m *machine) input(c *column.Column, rows, number int) Column {
	m.t.Helper()
	var data, bitmap, index []byte
	v := &c.Values
	for i := range v.Len {
		switch {
		case v.Bools != nil:
			data = append(data, byte(one(v.Bools[i])))
		case v.Int32s != nil:
			data = binary.LittleEndian.AppendUint32(data, uint32(v.Int32s[i]))
		case v.Int64s != nil:
			data = binary.LittleEndian.AppendUint64(data, uint64(v.Int64s[i]))
		case v.Float32s != nil:
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v.Float32s[i]))
		case v.Float64s != nil:
			data = binary.LittleEndian.AppendUint64(data, math.Float64bits(v.Float64s[i]))
		}
	}
	for i := range (v.Len + 63) / 64 {
		if v.Valid != nil {
			bitmap = binary.LittleEndian.AppendUint64(bitmap, v.Valid[i])
		}
	}
	width := []int{1, 2, 4}[number%3]
	if v.Len > 256 {
		width = max(width, 2)
	}
	for i := range rows {
		if c.Dict() {
			index = append(index, binary.LittleEndian.AppendUint32(nil, uint32(c.Index[i]))[:width]...)
		}
	}
	stored, _ := StorageType(v.Type)
	return Column{Values: m.upload(data), Valid: m.upload(bitmap), Index: m.upload(index), Type: stored, Width: uint32(width), Slots: uint64(v.Len)}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// decodeVector reads a result: it checks that bits beyond the last row are zero, that
// what is under nulls is, and that NaNs are canonical.
func decodeVector(t column.Type, stored Type, data, bitmap []byte, rows int) column.Vector {
	v := column.Vector{Type: t, Len: rows, Valid: column.NewBitmap(rows)}
	for i := range len(bitmap) / 8 {
		v.Valid[i] = binary.LittleEndian.Uint64(bitmap[8*i:])
	}
	if rows%64 != 0 && v.Valid[rows/64]>>(rows%64) != 0 {
		panic("bits beyond the last row")
	}
	for i := range rows {
		var bits uint64
		for k := range stored.Size() {
			bits |= uint64(data[i*stored.Size()+k]) << (8 * k)
		}
		if v.Null(i) && bits != 0 {
			panic("a value under a null")
		}
		appendBits(&v, stored, bits)
	}
	return v
}

func appendBits(v *column.Vector, stored Type, bits uint64) {
	switch stored {
	case Bool:
		v.Bools = append(v.Bools, bits == 1)
	case I32:
		v.Int32s = append(v.Int32s, int32(bits))
	case I64:
		v.Int64s = append(v.Int64s, int64(bits))
	case F32:
		v.Float32s = append(v.Float32s, math.Float32frombits(uint32(bits)))
	case F64:
		v.Float64s = append(v.Float64s, math.Float64frombits(bits))
	}
}
