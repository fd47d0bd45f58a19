package gpu

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// errDiffers: the device is refused.
var errDiffers = errors.New("the device computes otherwise than the reference")

// checkRows is the length of the canned batch, and checkParts how many it is cut into, so
// that what is wrong with some rows shows in one of many extremes.
const (
	checkRows  = 2000
	checkParts = 8
)

// check runs canned batches on the device and on the reference and compares every bit.
// They are not counted.
func (b *Backend) check() error {
	p, specs := cannedProgram()
	x, err := b.Compile(p)
	if err != nil {
		panic("quern: bug: gpu: the canned program is not one: " + err.Error())
	}
	whole, err := b.reference.Compile(p)
	if err != nil {
		return err
	}
	session, reference := x.NewSession(), whole.NewSession()
	defer session.Close()
	defer reference.Close()
	for i := range checkParts {
		in := cannedPart(i)
		ours, theirs := newStatistics(specs), newStatistics(specs)
		got, err := session.Run(in, ours)
		if err != nil {
			return err
		}
		if err := b.didAll(); err != nil {
			return err
		}
		want, err := reference.Run(in, theirs)
		if err != nil {
			return err
		}
		for i := range want.Columns {
			if !sameColumn(&got.Columns[i], &want.Columns[i]) {
				return fmt.Errorf("%w: in %s", errDiffers, p.Code[p.Outputs[i].Register].Op)
			}
		}
		if err := sameStatistics(ours, theirs); err != nil {
			return err
		}
	}
	return nil
}

// cannedPart returns part i of the canned batch; in half of them plain columns have no
// nulls.
func cannedPart(i int) column.Batch {
	whole, rows := cannedBatch(), checkRows/checkParts
	in := column.Batch{Rows: rows}
	for k := range whole.Columns {
		c := column.Cut(&whole.Columns[k], i*rows, (i+1)*rows)
		if i%2 == 1 && !c.Dict() {
			c.Values.Valid = nil
		}
		in.Columns = append(in.Columns, c)
	}
	return in
}

// didAll returns why the device has not computed everything that it was given, or nil,
// and sets the counts to zero.
func (b *Backend) didAll() error {
	c := b.Counts()
	b.done.device.Store(0)
	b.done.reference.Store(0)
	b.done.tuples.Store(0)
	switch cause := b.cause.Load(); {
	case cause != nil:
		return *cause
	case c.Device == 0 || c.Reference > 0:
		return fmt.Errorf("%w: it reports a fault, or its slots have no room for %d rows", errDiffers, checkRows/checkParts)
	case c.Tuples > 0:
		return fmt.Errorf("%w: in %d statistics", errDiffers, c.Tuples)
	}
	return nil
}

func newStatistics(specs []stat.Spec) []stat.Statistic {
	all := make([]stat.Statistic, len(specs))
	for i, spec := range specs {
		s, err := stat.New(spec, stat.Resources{})
		if err != nil {
			panic("quern: bug: gpu: a canned spec is not one: " + err.Error())
		}
		all[i] = s
	}
	return all
}

func sameStatistics(ours, theirs []stat.Statistic) error {
	for i := range ours {
		a, err := ours[i].AppendBinary(nil)
		if err != nil {
			return err
		}
		b, err := theirs[i].AppendBinary(nil)
		if err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			return fmt.Errorf("%w: in the statistic %s", errDiffers, ours[i].Spec().Kind)
		}
	}
	return nil
}

// sameColumn reports whether two columns hold the same bits.
func sameColumn(a, b *column.Column) bool {
	if a.Len != b.Len || a.Type() != b.Type() {
		return false
	}
	for i := range a.Len {
		if !a.Values.Equal(a.Slot(i), &b.Values, b.Slot(i)) {
			return false
		}
	}
	return true
}

// Columns of the canned batch.
const (
	cannedX    = iota // float64, with nulls and everything that is not a number
	cannedY           // float32
	cannedI           // int64, small
	cannedJ           // int32
	cannedB           // bool
	cannedTime        // timestamp
	cannedCode        // int64 in a dictionary
	cannedText        // string in a dictionary
)

func cannedSchema() column.Schema {
	return column.Schema{
		{Name: "x", Type: column.Float64}, {Name: "y", Type: column.Float32}, {Name: "i", Type: column.Int64},
		{Name: "j", Type: column.Int32}, {Name: "b", Type: column.Bool}, {Name: "t", Type: column.Timestamp},
		{Name: "code", Type: column.Int64}, {Name: "text", Type: column.String},
	}
}

// cannedProgram uses every kind of instruction and every statistic that has a kernel.
func cannedProgram() (*program.Program, []stat.Spec) {
	c := &canned{b: program.NewBuilder(cannedSchema())}
	x, y := c.b.Load(cannedX), c.b.Convert(c.b.Load(cannedY), column.Float64)
	for _, op := range []program.Op{
		program.Neg, program.Abs, program.Sign, program.Floor, program.Ceil, program.Round, program.Trunc, program.Sqrt,
		program.Log, program.Log1p, program.Exp, program.Expm1, program.Sin, program.Cos, program.Round32,
		program.IsNull, program.IsNaN, program.IsInf,
	} {
		c.leave(op, program.Imm{}, x)
	}
	for _, op := range []program.Op{
		program.Add, program.Sub, program.Mul, program.Div, program.FloorDiv, program.Mod, program.Min, program.Max,
		program.Pow, program.Eq, program.Ne, program.Lt, program.Le, program.Coalesce,
	} {
		c.leave(op, program.Imm{}, x, y)
	}
	c.integers(x)
	specs := c.observe(x, y)
	return c.b.Finish(), specs
}

// canned builds the canned program.
type canned struct {
	b *program.Builder
	n int
}

func (c *canned) leave(op program.Op, imm program.Imm, args ...program.Register) program.Register {
	r := c.b.Emit(op, imm, args...)
	c.b.Output(fmt.Sprintf("%s %d", op, c.n), r, program.RoleFeature)
	c.n++
	return r
}

func (c *canned) integers(x program.Register) {
	i, j := c.b.Load(cannedI), c.b.Convert(c.b.Load(cannedJ), column.Int64)
	for _, op := range []program.Op{
		program.Add, program.Sub, program.Mul, program.FloorDiv, program.Mod, program.Min, program.Max, program.Lt,
	} {
		c.leave(op, program.Imm{}, i, j)
	}
	c.leave(program.ToFloat, program.Imm{}, i)
	c.leave(program.Select, program.Imm{}, c.b.Load(cannedB), i, j)
	c.leave(program.Not, program.Imm{}, c.b.Load(cannedB))
	c.leave(program.Bucketize, program.Imm{Floats: []float64{-1, 0, 2.5, 1e6}, NaN: 7}, x)
	for _, hash := range []string{"xxh3", "murmur3", "farm"} {
		c.leave(program.Bucket, program.Imm{Int: 1000}, c.b.Emit(program.Hash, program.Imm{Text: hash}, i))
	}
	for _, part := range []program.Part{program.Year, program.Month, program.Week, program.Hour, program.Microsecond} {
		c.leave(program.DatePart, program.Imm{Part: part, Text: "America/New_York"}, c.b.Load(cannedTime))
	}
}

// observe observes columns, results and codes with every statistic that has a kernel.
func (c *canned) observe(x, y program.Register) []stat.Spec {
	var specs []stat.Spec
	observe := func(s stat.Spec, args ...program.Register) {
		for _, r := range args {
			s.Types = append(s.Types, c.b.Type(r))
		}
		c.b.Observe(len(specs), args...)
		specs = append(specs, s)
	}
	i, code, text := c.b.Load(cannedI), c.b.Load(cannedCode), c.b.Load(cannedText)
	sum := c.b.Emit(program.Add, program.Imm{}, x, y)
	for _, r := range []program.Register{x, c.b.Load(cannedY), sum, i, c.b.Load(cannedJ), code} {
		observe(stat.Spec{Kind: stat.KindTally}, r)
		observe(stat.Spec{Kind: stat.KindSums}, r)
		observe(stat.Spec{Kind: stat.KindExtremes}, r)
		observe(stat.Spec{Kind: stat.KindHistogram}, r)
		observe(stat.Spec{Kind: stat.KindValueCounts}, r)
		observe(stat.Spec{Kind: stat.KindEntries, Limit: 100}, r)
		observe(stat.Spec{Kind: stat.KindBinCounts, Bins: []uint32{0x8000, 0xbf80, 0xc000, 0xc100}}, r)
	}
	observe(stat.Spec{Kind: stat.KindValueCounts}, c.b.Load(cannedB))
	observe(stat.Spec{Kind: stat.KindValueCounts}, text)
	observe(stat.Spec{Kind: stat.KindValueCounts}, code, text)
	fold := c.b.Coalesce(c.b.Emit(program.Bucket, program.Imm{Int: 3}, i), c.b.ConstInt(0))
	small := c.b.Emit(program.Round, program.Imm{}, c.b.Emit(program.Clamp, program.Imm{}, y, c.b.ConstFloat(-100), c.b.ConstFloat(100)))
	for _, r := range []program.Register{i, c.b.Load(cannedJ), small} {
		observe(stat.Spec{Kind: stat.KindKeyedSums, Folds: 3}, r, fold, code, text)
	}
	return specs
}

// cannedBatch is the same everywhere.
func cannedBatch() column.Batch {
	seed := uint64(1)
	next := func() uint64 {
		seed = seed*6364136223846793005 + 1442695040888963407
		return seed >> 11
	}
	special := []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 5e-324, 1e300, -1, 1e-40, -3e38, 0.5, 709.9}
	v := make([]column.Vector, len(cannedSchema()))
	for i, f := range cannedSchema()[:cannedCode] {
		v[i] = column.Vector{Type: f.Type, Len: checkRows, Valid: column.NewBitmap(checkRows)}
	}
	codes := make([]int32, checkRows)
	for i := range checkRows {
		for k := range v[:cannedCode] {
			if next()%10 > 0 {
				v[k].Valid.Set(i)
			}
		}
		x := (float64(next()%2000000) - 1000000) / 1000
		if next()%8 == 0 {
			x = special[next()%uint64(len(special))]
		}
		v[cannedX].Float64s = append(v[cannedX].Float64s, x)
		y := float32(int64(next()%4000)-2000) / 16
		if next()%8 == 0 {
			y = float32(special[next()%uint64(len(special))])
		}
		v[cannedY].Float32s = append(v[cannedY].Float32s, y)
		v[cannedI].Int64s = append(v[cannedI].Int64s, int64(next()%100000)-50000)
		v[cannedJ].Int32s = append(v[cannedJ].Int32s, int32(next()%100)-50)
		v[cannedB].Bools = append(v[cannedB].Bools, next()%2 == 0)
		v[cannedTime].Int64s = append(v[cannedTime].Int64s, int64(next()%4e15)-2e15)
		codes[i] = int32(next() % 5)
	}
	v[cannedCode] = program.StoredVector(column.Int64, program.Value{Int: 3}, program.Value{Int: -1}, program.Value{Null: true}, program.Value{Int: 9}, program.Value{Int: 4})
	v[cannedText] = program.StoredVector(column.String, program.Value{Str: []byte("a")}, program.Value{Str: []byte("b")}, program.Value{Null: true}, program.Value{}, program.Value{Str: []byte("c")})
	batch := column.Batch{Rows: checkRows, Columns: make([]column.Column, len(v))}
	for i := range v {
		batch.Columns[i] = column.Column{Len: checkRows, Values: v[i]}
		if i >= cannedCode {
			batch.Columns[i].Index = codes
		}
	}
	return batch
}
