package cpu

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"quern/cpu/kernel"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/program/programtest"
	"quern/features/stat"
)

// sizes are where blocks of 64 and 1024 slots begin and end.
func sizes() []int {
	return []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 7)) }

// start returns a session over p in blocks of the given size: on the best kernels for
// benchmarks, on any for tests.
func start(t testing.TB, p *program.Program, block int) *handle {
	t.Helper()
	sets := kernel.Sets()
	set := sets[len(p.Code)%len(sets)]
	if _, ok := t.(*testing.B); ok {
		set = kernel.Best()
	}
	var b backend.Backend = newBackend(Options{Block: block}, set)
	e, err := b.Compile(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	return e.NewSession().(*handle)
}

// observeOutputs makes p observe each register that leaves, alone and in pairs, where
// these may be observed together.
func observeOutputs(p *program.Program) []stat.Statistic {
	var into []stat.Statistic
	watch := func(args ...program.Register) {
		p.Observes = append(p.Observes, program.Observed{Stat: len(into), Args: args})
		if program.Verify(p) != nil {
			p.Observes = p.Observes[:len(into)]
			return
		}
		into = append(into, &recorder{})
	}
	last := p.Outputs[0].Register
	for _, o := range p.Outputs {
		watch(o.Register)
		watch(last, o.Register)
		last = o.Register
	}
	return into
}

// check runs p over in and compares with the scalar meaning, row by row.
func check(t *testing.T, seed uint64, s *handle, in column.Batch) {
	t.Helper()
	before := clone(in)
	want, wantErr := programtest.Run(s.program, in)
	into := make([]stat.Statistic, s.statistic)
	for i := range into {
		into[i] = &recorder{}
	}
	got, err := s.Run(in, into)
	if !reflect.DeepEqual(err, wantErr) {
		t.Fatalf("seed %d, %d rows: error %#v, want %#v\n%s", seed, in.Rows, err, wantErr, s.program)
	}
	if !sameBatch(before, in) {
		t.Fatalf("seed %d, %d rows: the input was written to\n%s", seed, in.Rows, s.program)
	}
	if err != nil {
		return
	}
	if got.Rows != in.Rows || len(got.Columns) != len(want.Columns) {
		t.Fatalf("seed %d: %d rows, %d columns", seed, got.Rows, len(got.Columns))
	}
	for i := range want.Columns {
		checkStored(t, &got.Columns[i])
		if !programtest.Equal(&got.Columns[i], &want.Columns[i]) {
			t.Fatalf("seed %d, %d rows: output %d differs %s\n%s", seed, in.Rows, i, firstDifference(&got.Columns[i], &want.Columns[i]), s.program)
		}
	}
	checkObserved(t, s, into, want)
}

// checkStored checks that a column is in storage form, with canonical NaNs and no
// bits past its end.
func checkStored(t *testing.T, c *column.Column) {
	t.Helper()
	v := &c.Values
	if v.Type.IsList() {
		if c.Dict() || !wellFormed(c) {
			t.Fatalf("ill-formed lists: %+v", c)
		}
		checkStored(t, v.Elements)
		return
	}
	if v.Type.Narrow() && (v.Int64s != nil || v.Float64s != nil) || len(v.Bools)+len(v.Int32s)+len(v.Int64s)+len(v.Float32s)+len(v.Float64s)+v.Text.Len() != v.Len {
		t.Fatalf("a column of %s is not in storage form: %v", v.Type, v)
	}
	for i, x := range v.Float64s {
		if x != x && !v.Null(i) && math.Float64bits(x) != math.Float64bits(program.NaN()) {
			t.Fatalf("NaN %x leaves", math.Float64bits(x))
		}
	}
	for i, x := range v.Float32s {
		if x != x && !v.Null(i) && math.Float32bits(x) != 0x7FC00000 {
			t.Fatalf("NaN %x leaves", math.Float32bits(x))
		}
	}
	if v.Valid != nil && v.Len&63 != 0 && v.Valid[v.Len>>6]>>(v.Len&63) != 0 {
		t.Fatalf("bits past the end of %d slots: %x", v.Len, v.Valid[v.Len>>6])
	}
}

func firstDifference(got, want *column.Column) string {
	for i := range want.Len {
		a, b := program.ValueAt(&got.Values, got.Slot(i)), program.ValueAt(&want.Values, want.Slot(i))
		if !program.EqualValues(want.Type(), a, b) {
			return fmt.Sprintf("in row %d: %+v, want %+v", i, a, b)
		}
	}
	return "in shape"
}

// Any program over any batch equals the scalar meaning, in every encoding; and all
// operations take part.
func TestDifferential(t *testing.T) {
	used := map[program.Op]bool{}
	programs := uint64(400)
	if testing.Short() {
		programs = 100
	}
	all := len(program.Ops())
	for seed := uint64(0); seed < programs || len(used) < all && seed < 5000; seed++ {
		rng := newRand(seed)
		p := programtest.Random(rng, programtest.Schema(rng, 12))
		observeOutputs(p)
		for _, in := range p.Code {
			used[in.Op] = true
		}
		s := start(t, p, []int{64, 128, 2048}[seed%3])
		for range 3 {
			check(t, seed, s, programtest.RandomBatch(rng, p.Inputs, pickSize(rng, seed)))
		}
	}
	for _, op := range program.Ops() {
		if !used[op] {
			t.Errorf("%s took no part", op)
		}
	}
}

// pickSize draws an edge size; the large ones rarely, as the scalar meaning is slow.
func pickSize(rng *rand.Rand, seed uint64) int {
	all := sizes()
	if seed%16 == 0 {
		return all[rng.IntN(len(all))]
	}
	return all[rng.IntN(len(all)-6)]
}

// Every operation of two or three arguments, with a constant (null too) in every
// place: there are kernels of their own for some of them.
func TestConstantArguments(t *testing.T) {
	for seed := range uint64(6) {
		rng := newRand(seed)
		for _, op := range program.Ops() {
			for _, typ := range []column.Type{column.Bool, column.Int64, column.Float64, column.String} {
				for constants := range 8 {
					p := constantArguments(rng, op, typ, constants)
					if p != nil {
						check(t, seed, start(t, p, 64), programtest.RandomBatch(rng, p.Inputs, 70))
					}
				}
			}
		}
	}
}

// constantArguments returns a program of one operation on a type, whose argument i
// is constant if bit i of constants is set; or nil if there is none.
func constantArguments(rng *rand.Rand, op program.Op, typ column.Type, constants int) *program.Program {
	types := []column.Type{typ, typ, typ}
	switch op {
	case program.Select:
		types[0] = column.Bool
	case program.Substr:
		types[1], types[2] = column.Int64, column.Int64
	case program.Clamp, program.Replace:
	default:
		types = types[:2]
	}
	if _, err := program.Infer(op, program.Imm{}, types, column.Invalid); err != nil {
		return nil
	}
	schema := make(column.Schema, len(types))
	for i, t := range types {
		schema[i] = column.Field{Name: fmt.Sprint("c", i), Type: t}
	}
	b := program.NewBuilder(schema)
	args := make([]program.Register, len(types))
	for i, t := range types {
		switch {
		case constants>>i&1 == 0:
			args[i] = b.Load(i)
		case rng.IntN(6) == 0:
			args[i] = b.ConstNull(t)
		default:
			args[i] = b.ConstTyped(t, programtest.RandomValue(rng, t))
		}
	}
	b.Output("x", b.Emit(op, program.Imm{}, args...), program.RoleFeature)
	return b.Finish()
}

// The first fault of the first faulty row is reported, whatever the encoding.
func TestFaults(t *testing.T) {
	met := map[program.Op]bool{}
	faulting := faultingOps()
	for seed := uint64(0); seed < 200 || len(met) < len(faulting) && seed < 5000; seed++ {
		rng := newRand(seed)
		p := programtest.RandomFaulty(rng, programtest.Schema(rng, 12))
		s := start(t, p, 64)
		for range 3 {
			in := programtest.RandomBatch(rng, p.Inputs, rng.IntN(200))
			check(t, seed, s, in)
			if _, err := s.Run(in, nil); err != nil {
				var fault *program.RowError
				if !errors.As(err, &fault) {
					t.Fatal(err)
				}
				meet(met, faulting, p.Code[fault.Register].Op)
				inPlain, inCoded := reencode(in)
				check(t, seed, s, inPlain)
				check(t, seed, s, inCoded)
			}
		}
	}
	for _, op := range faulting {
		if !met[op] {
			t.Errorf("%s never faulted", op)
		}
	}
}

// faultingOps are those that random values make fault often enough. TestFloorDivFault
// has another; Concat and Replace fault on 16 MiB, which the kernels' tests have.
func faultingOps() []program.Op {
	return []program.Op{program.Add, program.Sub, program.Mul, program.Neg, program.Abs,
		program.ToInt, program.Narrow32, program.Retype, program.ParseInt, program.ParseFloat, program.ParseBool,
		program.ParseTime, program.ToTimestamp, program.ToDatetime}
}

func meet(met map[program.Op]bool, wanted []program.Op, op program.Op) {
	if slices.Contains(wanted, op) {
		met[op] = true
	}
}

// Plain and dictionary-coded columns of the same values give the same outputs,
// through one session that alternates between them.
func TestEncodings(t *testing.T) {
	for seed := range uint64(100) {
		rng := newRand(seed)
		p := programtest.Random(rng, programtest.Schema(rng, 9))
		observeOutputs(p)
		s := start(t, p, 64)
		in := programtest.RandomBatch(rng, p.Inputs, 300)
		plain, coded := reencode(in)
		for _, batch := range []column.Batch{in, plain, coded, in} {
			check(t, seed, s, batch)
		}
	}
}

// Garbage under nulls never matters: filled with anything else, the same comes out
// (equality ignores what lies under nulls) and nothing panics.
func TestGarbageUnderNulls(t *testing.T) {
	for seed := range uint64(100) {
		rng := newRand(seed)
		p := programtest.Random(rng, programtest.Schema(rng, 9))
		s := start(t, p, 64)
		in := programtest.RandomBatch(rng, p.Inputs, 130)
		for range 3 {
			check(t, seed, s, in)
			litter(rng, in)
		}
	}
}

// litter writes extremes under the nulls of a batch.
func litter(rng *rand.Rand, in column.Batch) {
	for c := range in.Columns {
		v := &in.Columns[c].Values
		if v.Type.IsList() {
			v = &v.Elements.Values // a null list has nothing that could be garbage
		}
		for i := range v.Len {
			if !v.Null(i) {
				continue
			}
			x := [...]int64{math.MinInt64, math.MaxInt64, -1, 0, 1 << 62}[rng.IntN(5)]
			f := [...]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, 1e300}[rng.IntN(5)]
			switch {
			case v.Bools != nil:
				v.Bools[i] = rng.IntN(2) == 0
			case v.Int32s != nil:
				v.Int32s[i] = int32(x >> 16)
			case v.Int64s != nil:
				v.Int64s[i] = x
			case v.Float32s != nil:
				v.Float32s[i] = float32(f)
			case v.Float64s != nil:
				v.Float64s[i] = f
			default:
				text := v.Text.At(i)
				for k := range text {
					text[k] = byte(0xFF - rng.IntN(3))
				}
			}
		}
	}
}

// A fault in a slot that no row uses, or under a null, is none.
func TestUnusedSlotsDoNotFault(t *testing.T) {
	b := program.NewBuilder(column.Schema{{Name: "s", Type: column.String}})
	b.Output("n", b.Emit(program.ParseInt, program.Imm{}, b.Load(0)), program.RoleFeature)
	s := start(t, b.Finish(), 64)
	v := column.Vector{Type: column.String}
	for _, text := range []string{"1", "x", "2"} {
		program.AppendStored(&v, program.Value{Str: []byte(text)})
	}
	rows := []int32{0, 2, 2, 0}
	in := column.Batch{Rows: 4, Columns: []column.Column{{Len: 4, Values: v, Index: rows}}}
	check(t, 0, s, in)
	rows[2] = 1
	_, err := s.Run(in, nil)
	want := &program.RowError{Register: 1, Row: 2, Reason: `"x" is not an integer of 64 bits`}
	if !reflect.DeepEqual(err, want) {
		t.Fatalf("error %#v, want %#v", err, want)
	}
	in.Columns[0].Values.Valid = column.Bitmap{0b101}
	check(t, 0, s, in)
}
