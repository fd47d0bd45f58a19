//go:build linux && cuda && cgo

package reduce

import (
	"encoding/binary"
	"math"
	"math/rand"
	"os"
	"quern/gpu/code"
	"testing"

	"quern/features/column"
	"quern/features/stat"
	"quern/gpu/cuda"
	"quern/gpu/fake"
	"quern/gpu/kernels"
)

// strictly has the fake driver run every launch twice, in different orders; only tables of
// keys may show the order.
const strictly = "uninit=1,trace=1,replay=100,replay_skip=quern_table_insert+quern_table_list+quern_table_move"

// TestMain runs the tests on the fake driver, unless there must be a GPU.
func TestMain(m *testing.M) { os.Exit(fake.Main(m, strictly)) }

// rig is a device with the kernels. Everything it does is done when it returns.
type rig struct {
	t       *testing.T
	d       *cuda.Device
	s       *cuda.Stream
	kernels map[string]cuda.Kernel
	buffers []cuda.Buffer
	r       *rand.Rand
}

func newRig(t *testing.T) *rig {
	d, err := cuda.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{t: t, d: d, kernels: map[string]cuda.Kernel{}, r: rand.New(rand.NewSource(7))}
	g.s, err = d.NewStream()
	g.must(err)
	var loaded []*cuda.Module
	for _, k := range kernels.ReadManifest().Kernels {
		if k.Name == "program" {
			continue
		}
		m, err := d.Load(kernels.PTX(k.Name))
		g.must(err)
		loaded = append(loaded, m)
		for _, e := range k.Entries {
			g.kernels[e], err = m.Kernel(e)
			g.must(err)
		}
	}
	t.Cleanup(func() {
		g.free()
		for _, m := range loaded {
			g.must(m.Unload())
		}
		g.must(g.s.Close())
		g.must(d.Close())
	})
	return g
}

func (g *rig) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

// free gives all buffers back.
func (g *rig) free() {
	for _, b := range g.buffers {
		g.must(g.d.Free(b))
	}
	g.buffers = nil
}

func (g *rig) do(f func(q *cuda.Queue)) {
	g.t.Helper()
	var m cuda.Mark
	g.must(g.d.Do(func(q *cuda.Queue) error {
		f(q)
		m = q.Record(g.s)
		return nil
	}))
	g.must(g.d.Wait(m))
}

// filled returns the address of n bytes of device memory.
func (g *rig) filled(n int, value byte) uint64 {
	g.t.Helper()
	b, err := g.d.Alloc(max(n, 1))
	g.must(err)
	g.buffers = append(g.buffers, b)
	if n > 0 {
		g.do(func(q *cuda.Queue) { q.Fill(g.s, b, 0, n, value) })
	}
	return b.Addr
}

func (g *rig) buffer(address uint64) cuda.Buffer {
	for _, b := range g.buffers {
		if b.Addr == address {
			return b
		}
	}
	g.t.Fatalf("no buffer at %x", address)
	return cuda.Buffer{}
}

// put returns the address of a copy of data.
func (g *rig) put(data []byte) uint64 {
	g.t.Helper()
	b := g.buffer(g.filled(len(data), 0xaa))
	g.write(b.Addr, data)
	return b.Addr
}

func (g *rig) write(address uint64, data []byte) {
	g.t.Helper()
	if len(data) == 0 {
		return
	}
	p, err := g.d.AllocHost(len(data))
	g.must(err)
	copy(p.Bytes(), data)
	g.do(func(q *cuda.Queue) { q.Upload(g.s, g.buffer(address), 0, p, 0, len(data)) })
	g.must(p.Free())
}

// get returns the first n bytes at an address that put or filled has returned.
func (g *rig) get(address uint64, n int) []byte {
	g.t.Helper()
	if n == 0 {
		return nil
	}
	p, err := g.d.AllocHost(n)
	g.must(err)
	g.do(func(q *cuda.Queue) { q.Download(g.s, p, 0, g.buffer(address), 0, n) })
	data := append([]byte{}, p.Bytes()[:n]...)
	g.must(p.Free())
	return data
}

// launch runs a kernel on some grid.
func (g *rig) launch(kernel string, args ...uint64) {
	g.t.Helper()
	g.launchOn(kernel, []int{1, 2, 5, 9}[g.r.Intn(4)], args...)
}

func (g *rig) launchOn(kernel string, grid int, args ...uint64) {
	g.t.Helper()
	block := []int{32, 96, 256}[g.r.Intn(3)]
	k, ok := g.kernels[kernel]
	if !ok {
		g.t.Fatalf("no kernel %s", kernel)
	}
	g.do(func(q *cuda.Queue) { q.Launch(g.s, k, grid, block, args...) })
}

// tasks returns the arguments of a launch of tasks.
func (g *rig) tasks(fault uint64, tasks ...Task) []uint64 {
	g.t.Helper()
	var b []byte
	for i := range tasks {
		b = tasks[i].Append(b)
	}
	return []uint64{g.put(b), uint64(len(tasks)), fault}
}

// run launches a kernel for tasks, without a fault word.
func (g *rig) run(kernel string, tasks ...Task) {
	g.t.Helper()
	g.launch(kernel, g.tasks(0, tasks...)...)
}

// column copies c to the device. stored: int32 and float32 in their own size.
func (g *rig) column(c *column.Column, stored bool) code.Column {
	g.t.Helper()
	v := &c.Values
	d := code.Column{Slots: uint64(v.Len)}
	var b []byte
	d.Type = typeOf(v.Type, stored)
	for i := range v.Len {
		switch d.Type {
		case code.Bool:
			b = append(b, map[bool]byte{true: 1}[v.Bools[i]])
		case code.F32:
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v.Float64s[i])))
		case code.F64:
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float64s[i]))
		case code.I32:
			b = binary.LittleEndian.AppendUint32(b, uint32(v.Int64s[i]))
		default:
			b = binary.LittleEndian.AppendUint64(b, uint64(v.Int64s[i]))
		}
	}
	d.Values = g.put(b)
	if v.Valid != nil {
		var bits []byte
		for _, w := range v.Valid {
			bits = binary.LittleEndian.AppendUint64(bits, w)
		}
		d.Valid = g.put(bits)
	}
	if c.Dict() {
		d.Width = 4
		switch {
		case v.Len <= 1<<8 && g.r.Intn(4) > 0:
			d.Width = 1
		case v.Len <= 1<<16 && g.r.Intn(4) > 0:
			d.Width = 2
		}
		var codes []byte
		for _, slot := range c.Index {
			codes = append(codes, binary.LittleEndian.AppendUint32(nil, uint32(slot))[:d.Width]...)
		}
		d.Index = g.put(codes)
	}
	return d
}

// typeOf is how a column lies in device memory.
func typeOf(t column.Type, stored bool) code.Type {
	switch {
	case t == column.Bool:
		return code.Bool
	case t == column.Float32 && stored:
		return code.F32
	case t.Real():
		return code.F64
	case (t == column.Int32 || t == column.Date) && stored:
		return code.I32
	}
	return code.I64
}

// plainTask is a task over a column.
func (g *rig) plainTask(c *column.Column, state uint64) Task {
	return Task{X: g.column(c, g.r.Intn(2) == 0), Rows: uint64(c.Len), State: state}
}

// sizes of batches.
func sizes() []int { return []int{0, 1, 31, 32, 33, 257, 5000} }

// shapes are what columns are like.
func shapes() []string {
	return []string{"any", "equal", "skewed", "small", "bits", "normal", "zeros", "nulls"}
}

// random returns a column of a shape; values under nulls are garbage.
func random(r *rand.Rand, t column.Type, shape string, n int, coded bool) column.Column {
	slots := n
	if coded {
		slots = 1 + r.Intn(300)
	}
	v := column.Vector{Type: t, Len: slots}
	first := element(r, t, "any")
	var bits []uint64
	for range slots {
		b := element(r, t, shape)
		if shape == "equal" || shape == "skewed" && r.Intn(10) > 0 {
			b = first
		}
		bits = append(bits, b)
	}
	v = Values(t, bits)
	if shape == "nulls" || r.Intn(2) == 0 {
		v.Valid = column.NewBitmap(slots)
		for i := range slots {
			if shape == "nulls" && r.Intn(20) == 0 || shape != "nulls" && r.Intn(5) > 0 {
				v.Valid.Set(i)
			}
		}
	}
	c := column.Column{Len: n, Values: v}
	if coded {
		c.Index = make([]int32, n)
		for i := range c.Index {
			c.Index[i] = int32(r.Intn(slots))
		}
	}
	return c
}

// element returns the bits of a register.
func element(r *rand.Rand, t column.Type, shape string) uint64 {
	switch t.Kind() {
	case column.Bools:
		return uint64(r.Intn(2))
	case column.Ints:
		i := int64(r.Uint64())
		switch shape {
		case "any":
			i = []int64{0, 1, -1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, i, i >> 20, i >> 40}[r.Intn(9)]
		case "zeros":
			i = int64(r.Intn(2))
		case "small", "skewed", "nulls":
			i = int64(r.Intn(100) - 50)
		}
		if t == column.Int32 || t == column.Date {
			i = int64(int32(i))
		}
		return uint64(i)
	}
	x := r.NormFloat64()
	switch shape {
	case "any":
		x = []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 5e-324, -1e-310, math.MaxFloat64, -math.MaxFloat64, 1e-45, -1e-40,
			math.MaxFloat32, 1, x, x * 1e30, x * 1e-30, math.Exp(600 * x)}[r.Intn(17)]
	case "bits":
		x = math.Float64frombits(r.Uint64())
		if t == column.Float32 {
			x = float64(math.Float32frombits(r.Uint32()))
		}
	case "small", "skewed", "nulls":
		x = float64(r.Intn(100) - 50)
	case "zeros":
		x = x * float64(r.Intn(2))
	}
	if t == column.Float32 {
		x = float64(float32(x))
	}
	return math.Float64bits(x)
}

func made(t *testing.T, spec stat.Spec) stat.Statistic {
	t.Helper()
	s, err := stat.New(spec, stat.Resources{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// same fails unless two statistics have the same bytes.
func same(t *testing.T, what string, want, got stat.Statistic) {
	t.Helper()
	a, err := want.AppendBinary(nil)
	b, err2 := got.AppendBinary(nil)
	if err != nil || err2 != nil || string(a) != string(b) {
		t.Fatalf("%s: states differ (%v, %v):\n%.200x\n%.200x", what, err, err2, a, b)
	}
}
