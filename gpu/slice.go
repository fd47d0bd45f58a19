package gpu

import (
	"encoding/binary"
	"errors"

	"quern/features/column"
	"quern/gpu/code"
	"quern/gpu/cuda"
	"quern/gpu/reduce"
)

// errPlain: what was to come as codes does not.
var errPlain = errors.New("a column is not dictionary-coded")

// errRoom: a slice does not fit a slot, whatever its length.
var errRoom = errors.New("no room on the device")

// slice is a run of rows of a pass (of elements, if that is over lists), on its way
// through a slot. What it needs is laid out in three regions: in goes up, out comes down,
// work stays.
type slice struct {
	slot      *slot
	lo, n     int
	in        layout
	out       layout
	work      layout
	params    params
	fault     span // of the program; in out, as all that is zeroed
	feeds     []code.Column
	sources   []*column.Column // of the feeds
	leaves    []code.Column
	left      []leftover // by leave
	jobs      []placed   // by tuple
	groups    []launches
	uploads   []func()              // fill the slot, once everything has its place
	clears    []clearing            // of work
	scratch   span                  // of the program
	then      []single              // launches behind those of groups
	after     []func(q *cuda.Queue) // copies behind all launches
	columns   uint64                // address of feeds and leaves
	mark      cuda.Mark
	timing    bool
	intervals []interval
}

// single is a launch of its own, over n rows.
type single struct {
	kernel string
	n      int
	args   []uint64
}

// clearing sets the bytes of a span of work.
type clearing struct {
	span
	value byte
}

// leftover is where a leave of the program is on its way down.
type leftover struct{ values, valid span }

// launches are the tasks of one kernel.
type launches struct {
	kernel  string
	tasks   []reduce.Task
	address uint64 // of the tasks
}

// job is what the device does for one tuple of a slice that a statistic observes.
type job interface {
	// place takes memory of the slice and adds tasks to it.
	place(s *slice) error
	// finish gives what came down to the statistic, all at once. Or it wants more from the
	// device first: then it is called again when that is done. errHost: nothing was given.
	finish(s *slice) (next func(q *cuda.Queue), err error)
}

// placed is a job with the memory that it took of its slice.
type placed struct {
	job
	took taken
}

// taken is memory of the regions of a slice.
type taken struct{ in, out, work int }

func (t taken) less(u taken) taken { return taken{t.in - u.in, t.out - u.out, t.work - u.work} }

// sum weighs the regions as slots have them: see Options.SlotBytes.
func (t taken) sum() int { return 2*t.in + 2*t.out + t.work }

// errHost: the reference back end must observe a tuple of a slice.
var errHost = errors.New("the device could not observe a tuple")

// params is memory for what kernels are told: columns, tasks, tables. It is the first
// thing in the region that goes up.
type params struct {
	bytes []byte
	base  uint64
	room  int
}

// put returns the address of a copy of what appends appends.
func (p *params) put(appends func([]byte) []byte) (uint64, error) {
	for len(p.bytes)%16 != 0 {
		p.bytes = append(p.bytes, 0)
	}
	at := p.base + uint64(len(p.bytes))
	p.bytes = appends(p.bytes)
	if len(p.bytes) > p.room {
		return 0, errRoom
	}
	return at, nil
}

// columns puts an array of columns.
func (p *params) columns(cs ...code.Column) (uint64, error) {
	return p.put(func(b []byte) []byte {
		for i := range cs {
			b = cs[i].Append(b)
		}
		return b
	})
}

// fits reports whether what was laid out so far has room in the slot.
func (s *slice) fits() bool {
	return s.in.size <= s.slot.in.device.Size && s.out.size <= s.slot.out.device.Size && s.work.size <= s.slot.work.Size
}

// taken returns how much was laid out so far.
func (s *slice) taken() taken { return taken{s.in.size, s.out.size, s.work.size} }

// give takes memory back, of whatever place.
func (s *slice) give(t taken) {
	s.in.size, s.out.size, s.work.size = s.in.size-t.in, s.out.size-t.out, s.work.size-t.work
}

// down takes memory that comes down and is zero at first.
func (s *slice) down(n int) span { return s.out.take(n) }

// got returns what came down.
func (s *slice) got(at span) []byte { return at.of(s.slot.out.host) }

// away returns the address of a span that comes down.
func (s *slice) away(at span) uint64 { return at.in(s.slot.out.device) }

// stay takes memory that stays, all of whose bytes are value at first.
func (s *slice) stay(n int, value byte) span {
	at := s.work.take(n)
	s.clears = append(s.clears, clearing{at, value})
	return at
}

// argument returns column i of a tuple: of the feeds, then of the leaves.
func (s *slice) argument(i int) code.Column {
	if i < len(s.feeds) {
		return s.feeds[i]
	}
	return s.leaves[i-len(s.feeds)]
}

// launch adds a task for a kernel. Tasks of one kernel are one launch.
func (s *slice) launch(kernel string, t reduce.Task) {
	for i := range s.groups {
		if s.groups[i].kernel == kernel {
			s.groups[i].tasks = append(s.groups[i].tasks, t)
			return
		}
	}
	s.groups = append(s.groups, launches{kernel: kernel, tasks: []reduce.Task{t}})
}

// launchThen adds a launch behind those of tasks.
func (s *slice) launchThen(kernel string, n int, args ...uint64) {
	s.then = append(s.then, single{kernel, n, args})
}

// feed lays a column's rows out and has them copied. What the codes point to goes up
// only if it is wanted.
func (s *slice) feed(c *column.Column, values bool) {
	r := code.Column{Slots: uint64(s.n)}
	v := &c.Values
	lo, hi := s.lo, s.lo+s.n
	if c.Dict() {
		r.Slots, r.Width = uint64(v.Len), codeWidth(v.Len)
		at := s.in.take(s.n * int(r.Width))
		r.Index = at.in(s.slot.in.device)
		index := c.Index[lo:hi]
		s.uploads = append(s.uploads, func() { narrow(at.of(s.slot.in.host), index, int(r.Width)) })
		lo, hi = 0, v.Len
	}
	if values {
		s.values(&r, v, lo, hi)
	}
	s.feeds, s.sources = append(s.feeds, r), append(s.sources, c)
}

// values lays slots from lo to hi of v out. lo is a multiple of 64.
func (s *slice) values(r *code.Column, v *column.Vector, lo, hi int) {
	data, t := rawBytes(v, lo, hi)
	r.Type = t
	at := s.in.take(len(data))
	r.Values = at.in(s.slot.in.device)
	s.uploads = append(s.uploads, func() { copy(at.of(s.slot.in.host), data) })
	if v.Valid == nil {
		return
	}
	valid := cuda.Bytes(v.Valid[lo>>6 : (hi+63)>>6])
	bits := s.in.take(len(valid))
	r.Valid = bits.in(s.slot.in.device)
	s.uploads = append(s.uploads, func() { copy(bits.of(s.slot.in.host), valid) })
}

// leave lays a result of the program out, in storage form. What only statistics see
// does not come down.
func (s *slice) leave(t column.Type, comes bool) {
	kind, _ := code.StorageType(t)
	size := kind.Size()
	var l leftover
	r := code.Column{Slots: uint64(s.n), Type: kind}
	if comes {
		l = leftover{s.out.take(s.n * size), s.out.take(words(s.n))}
		r.Values, r.Valid = l.values.in(s.slot.out.device), l.valid.in(s.slot.out.device)
	} else {
		l = leftover{s.work.take(s.n * size), s.work.take(words(s.n))}
		r.Values, r.Valid = l.values.in(s.slot.work), l.valid.in(s.slot.work)
	}
	s.leaves, s.left = append(s.leaves, r), append(s.left, l)
}

// codeWidth returns how many bytes a code of so many slots has.
func codeWidth(slots int) uint32 {
	switch {
	case slots <= 1<<8:
		return 1
	case slots <= 1<<16:
		return 2
	}
	return 4
}

// narrow writes codes in width bytes each, eight bytes at a time.
func narrow(dst []byte, index []int32, width int) {
	switch width {
	case 1:
		for ; len(index) >= 8; dst, index = dst[8:], index[8:] {
			c := index[:8:8]
			low := uint32(uint8(c[0])) | uint32(uint8(c[1]))<<8 | uint32(uint8(c[2]))<<16 | uint32(c[3])<<24
			high := uint32(uint8(c[4])) | uint32(uint8(c[5]))<<8 | uint32(uint8(c[6]))<<16 | uint32(c[7])<<24
			binary.LittleEndian.PutUint64(dst, uint64(low)|uint64(high)<<32)
		}
		for i, code := range index {
			dst[i] = byte(code)
		}
	case 2:
		for ; len(index) >= 4; dst, index = dst[8:], index[4:] {
			c := index[:4:4]
			low, high := uint32(uint16(c[0]))|uint32(c[1])<<16, uint32(uint16(c[2]))|uint32(c[3])<<16
			binary.LittleEndian.PutUint64(dst, uint64(low)|uint64(high)<<32)
		}
		for i, code := range index {
			binary.LittleEndian.PutUint16(dst[2*i:], uint16(code))
		}
	default:
		copy(dst, cuda.Bytes(index))
	}
}

// rawBytes returns the memory of slots of v, and what is in it.
func rawBytes(v *column.Vector, lo, hi int) ([]byte, code.Type) {
	switch {
	case v.Type == column.Bool:
		return cuda.Bytes(v.Bools[lo:hi]), code.Bool
	case v.Int32s != nil:
		return cuda.Bytes(v.Int32s[lo:hi]), code.I32
	case v.Float32s != nil:
		return cuda.Bytes(v.Float32s[lo:hi]), code.F32
	case v.Type.Kind() == column.Floats:
		return cuda.Bytes(v.Float64s[lo:hi]), code.F64
	}
	return cuda.Bytes(v.Int64s[lo:hi]), code.I64
}

// widened returns v in register form, as statistics want it.
func widened(v column.Vector) column.Vector {
	switch {
	case v.Int32s != nil:
		wide := make([]int64, v.Len)
		for i, x := range v.Int32s[:v.Len] {
			wide[i] = int64(x)
		}
		v.Int32s, v.Int64s = nil, wide
	case v.Float32s != nil:
		wide := make([]float64, v.Len)
		for i, x := range v.Float32s[:v.Len] {
			wide[i] = float64(x)
		}
		v.Float32s, v.Float64s = nil, wide
	}
	return v
}
