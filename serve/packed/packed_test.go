package packed

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
	pb "quern/serve/proto"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// now is when all look-ups of the tests are.
func now() int64 { return time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC).UnixMicro() }

// everything is a view with features of every type, and keys of two.
func everything() *lookup.View {
	v := &lookup.View{Name: "all", Version: "v7", TTL: 24 * time.Hour,
		Keys: []column.Field{{Name: "id", Type: column.Int64}, {Name: "city", Type: column.String}}}
	for _, t := range column.Types() {
		v.Fields = append(v.Fields, lookup.Field{Name: t.String(), Type: t}, lookup.Field{Name: "list_" + t.String(), Type: column.ListOf(t)})
	}
	return v
}

// reals is a view with features of one type.
func reals(t column.Type) *lookup.View {
	v := &lookup.View{Name: "reals_" + t.String(), Version: "v1", Keys: []column.Field{{Name: "id", Type: column.Int64}}}
	for i := range 9 {
		v.Fields = append(v.Fields, lookup.Field{Name: fmt.Sprintf("%s_%d", t, i), Type: t})
	}
	return v
}

// fill writes rows of v for the keys 0 to n-1: some values null, some rows too old, some
// without a time.
func fill(t testing.TB, m *lookup.Memory, v *lookup.View, n int, rnd *rand.Rand) {
	r := &lookup.Rows{}
	r.Reset(v)
	r.Rows = n
	for i := range n {
		for k := range r.Keys {
			add(&r.Keys[k], rnd, int64(i))
		}
		for f := range r.Fields {
			if rnd.IntN(5) == 0 {
				r.Fields[f].AddNull()
				continue
			}
			add(&r.Fields[f], rnd, rnd.Int64N(2000)-1000)
		}
		event := now() - rnd.Int64N(48*3600e6)
		if rnd.IntN(9) == 0 {
			event = lookup.NoTime
		}
		r.Event, r.Created = append(r.Event, event), append(r.Created, lookup.NoTime)
	}
	m.Define(v)
	check(t, m.Write(context.Background(), r))
}

func add(c *lookup.Cells, rnd *rand.Rand, n int64) {
	switch t := c.Type; {
	case t.IsList():
		for range rnd.IntN(4) {
			if rnd.IntN(3) == 0 {
				c.Element().AddNull()
				continue
			}
			add(c.Element(), rnd, rnd.Int64N(100))
		}
		c.End()
	case t == column.Bool:
		c.AddBool(n&1 == 0)
	case t == column.String:
		c.AddBytes(fmt.Appendf(nil, "s%d", n))
	case t == column.Date:
		c.AddDay(n)
	case t == column.Timestamp, t == column.Datetime:
		c.AddMicros(n * 1e6)
	case t.Real() && n%7 == 0:
		c.AddFloat(math.Inf(-1))
	case t.Real():
		c.AddFloat(float64(n) / 7)
	default:
		c.AddInt(n)
	}
}

// ask answers a request, as the server does.
func ask(c lookup.Catalog, in *pb.LookupRequest, rules lookup.Rules, r *Request, e *Encoder) ([]byte, *lookup.Block, error) {
	message, err := proto.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	if err := r.Read(message, 1000); err != nil {
		return nil, nil, err
	}
	var refs []lookup.Ref
	for _, f := range r.Features {
		ref, err := lookup.ParseRef(string(f))
		if err != nil {
			return nil, nil, err
		}
		refs = append(refs, ref)
	}
	q, err := lookup.Compile(c, refs, r.Full)
	if err != nil {
		return nil, nil, err
	}
	keys, block := &lookup.Keys{}, &lookup.Block{}
	if err := r.Keys(q, 500, keys); err != nil {
		return nil, nil, err
	}
	if err := c.Lookup(context.Background(), q, keys, block); err != nil {
		return nil, nil, err
	}
	block.Expire(now(), rules)
	for i := range block.Parts {
		block.Parts[i].Latest = []int64{now() - 25*3600e6, lookup.NoTime, now() + 5}[i%3]
	}
	reply, err := e.Append([]byte("before"), block, r.Rows)
	return reply[min(len(reply), 6):], block, err
}

// plain says what the reply is, in the plainest way: value by value, through the
// generated code.
func plain(b *lookup.Block, rows bool) *pb.LookupResponse {
	reply := &pb.LookupResponse{Rows: uint32(b.Rows)}
	for p := range b.Parts {
		v := b.Query.Parts[p].View
		view := &pb.View{Name: v.Name, Version: v.Version}
		for r := range b.Rows {
			view.Statuses = append(view.Statuses, byte(b.Parts[p].Status[r]))
			view.Events = append(view.Events, b.Parts[p].Event[r])
		}
		switch p % 3 {
		case 0:
			view.BatchEnd, view.Staleness = proto.Int64(now()-25*3600e6), proto.Int64(25*3600e6)
			view.Stale = v.TTL > 0
		case 2:
			view.BatchEnd, view.Staleness = proto.Int64(now()+5), proto.Int64(-5)
		}
		reply.Views = append(reply.Views, view)
	}
	for f, q := range b.Query.Fields {
		c := &pb.Column{Name: q.Name, Type: pb.Type(pb.Type_value["TYPE_"+upper(q.Type.Elem().String())]), List: q.Type.IsList(), View: uint32(q.Part)}
		reply.Columns = append(reply.Columns, c)
		if !rows {
			plainColumn(c, b, f)
		}
	}
	var valid bits
	for r := 0; rows && r < b.Rows; r++ {
		for f := range b.Values {
			_, shown := b.Status(f, r)
			reply.Matrix = append(reply.Matrix, number(&b.Values[f].Vector, r, shown)...)
			valid.add(shown)
		}
	}
	reply.Valid = valid.bytes()
	return reply
}

func upper(s string) string { return string(bytes.ToUpper([]byte(s))) }

func plainColumn(c *pb.Column, b *lookup.Block, f int) {
	v := &b.Values[f].Vector
	put := func(v *column.Vector, i int, shown bool) {
		if v.Type != column.String {
			c.Data = append(c.Data, number(v, i, shown)...)
			return
		}
		if shown {
			c.Data = append(c.Data, v.Text.At(i)...)
		}
		c.Offsets = append(c.Offsets, uint32(len(c.Data)))
	}
	if v.Type.Elem() == column.String {
		c.Offsets = []uint32{0}
	}
	if v.Type.IsList() {
		c.ListOffsets = []uint32{0}
	}
	var valid, elements bits
	for r := range b.Rows {
		_, shown := b.Status(f, r)
		valid.add(shown)
		if !v.Type.IsList() {
			put(v, r, shown)
			continue
		}
		if shown {
			lo, hi := v.List(r)
			for i := lo; i < hi; i++ {
				elements.add(!v.Elements.Null(i))
				put(&v.Elements.Values, i, !v.Elements.Null(i))
			}
		}
		c.ListOffsets = append(c.ListOffsets, uint32(elements.n))
	}
	c.Valid, c.ElementValid = valid.bytes(), elements.bytes()
}

// bits are a bitmap, which is nothing where all are set.
type bits struct {
	all   big.Int
	n     int
	clear bool
}

func (b *bits) add(set bool) {
	if b.n++; set {
		b.all.SetBit(&b.all, b.n-1, 1)
	}
	b.clear = b.clear || !set
}

func (b *bits) bytes() []byte {
	if !b.clear {
		return nil
	}
	out := b.all.FillBytes(make([]byte, (b.n+7)/8))
	slices.Reverse(out)
	return out
}

func number(v *column.Vector, i int, shown bool) []byte {
	var x any
	switch t := v.Type; {
	case t == column.Bool:
		x = shown && v.Bools[i]
	case t == column.Float32:
		x = math.Float32frombits(0x7fc00000)
		if shown {
			x = v.Float32s[i]
		}
	case t == column.Float64:
		x = math.Float64frombits(0x7ff8000000000000)
		if shown {
			x = v.Float64s[i]
		}
	case t.Narrow():
		x = int32(0)
		if shown {
			x = int32(v.Int(i))
		}
	default:
		x = int64(0)
		if shown {
			x = v.Int(i)
		}
	}
	dst, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		panic(err)
	}
	return dst
}

// TestRepliesAreThoseOfTheGeneratedCode: for every type, null rule and size, both layouts.
func TestRepliesAreThoseOfTheGeneratedCode(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	m := lookup.NewMemory()
	fill(t, m, everything(), 200, rnd)
	var whole []string
	for _, f := range everything().Fields {
		whole = append(whole, "all:"+f.Name)
	}
	asks := []*pb.LookupRequest{{Features: whole}, {Features: whole, FullFeatureNames: true}}
	for _, typ := range []column.Type{column.Bool, column.Int32, column.Int64, column.Float32, column.Float64, column.Date, column.Timestamp, column.Datetime} {
		v := reals(typ)
		fill(t, m, v, 200, rnd)
		in := &pb.LookupRequest{Features: []string{"all:" + typ.String()}}
		for _, f := range v.Fields {
			in.Features = append(in.Features, v.Name+":"+f.Name)
		}
		asks = append(asks, in, &pb.LookupRequest{Features: in.Features, Layout: pb.Layout_LAYOUT_ROWS}, &pb.LookupRequest{Features: in.Features[1:], Layout: pb.Layout_LAYOUT_ROWS})
	}
	var request Request
	var encoder Encoder
	for _, rules := range []lookup.Rules{{}, {KeepStale: true}, {Compat: lookup.FeastPython}, {Compat: lookup.FeastGo}} {
		for _, rows := range []int{1, 7, 8, 9, 63, 64, 65, 130} {
			for _, in := range asks {
				ids, cities := &pb.KeyColumn{Name: "id"}, &pb.KeyColumn{Name: "city"}
				for range rows {
					id := rnd.Int64N(230)
					ids.Ints, cities.Texts = append(ids.Ints, id), append(cities.Texts, fmt.Sprintf("s%d", id))
				}
				in.Keys = []*pb.KeyColumn{ids, cities}
				if !bytes.HasPrefix([]byte(in.Features[0]), []byte("all:")) {
					in.Keys = in.Keys[:1]
				}
				got, block, err := ask(m, in, rules, &request, &encoder)
				check(t, err)
				want, err := proto.Marshal(plain(block, in.Layout == pb.Layout_LAYOUT_ROWS))
				check(t, err)
				if !bytes.Equal(got, want) {
					var reply pb.LookupResponse
					t.Fatalf("%d rows of %v, %v: other bytes (%v)\ngot  %v\nwant %v", rows, in.Features, rules, proto.Unmarshal(got, &reply), &reply, plain(block, in.Layout == 1))
				}
			}
		}
	}
}

// TestKeys: every type of key, every way to send it, and what is refused.
func TestKeys(t *testing.T) {
	m := lookup.NewMemory()
	v := &lookup.View{Name: "v", Fields: []lookup.Field{{Name: "x", Type: column.Float32}}}
	for _, typ := range []column.Type{column.Bool, column.Int32, column.Int64, column.String, column.Date, column.Timestamp, column.Datetime} {
		v.Keys = append(v.Keys, column.Field{Name: typ.String(), Type: typ})
	}
	m.Define(v)
	q, err := lookup.Compile(m, []lookup.Ref{{View: "v", Feature: "x"}}, false)
	check(t, err)
	good := func() []*pb.KeyColumn {
		return []*pb.KeyColumn{
			{Name: "bool", Bools: []bool{true, false}},
			{Name: "int32", Ints: []int64{-5, math.MaxInt32}},
			{Name: "int64", Texts: []string{"-9223372036854775808", "7"}},
			{Name: "string", Blobs: [][]byte{{0xff, 0}, nil}},
			{Name: "date", Ints: []int64{-1, 20000}},
			{Name: "timestamp", Ints: []int64{math.MinInt64, 3}},
			{Name: "datetime", Ints: []int64{1, 2}},
		}
	}
	read := func(keys []*pb.KeyColumn) (*lookup.Keys, error) {
		message, err := proto.Marshal(&pb.LookupRequest{Features: []string{"v:x"}, Keys: keys})
		check(t, err)
		var r Request
		check(t, r.Read(message, 10))
		into := &lookup.Keys{}
		return into, r.Keys(q, 3, into)
	}
	k, err := read(good())
	check(t, err)
	got := fmt.Sprint(k.Rows, k.Columns[0].Bools, k.Columns[1].Int32s, k.Columns[2].Int64s, k.Columns[3].Text.Bytes, k.Columns[3].Text.Offsets,
		k.Columns[4].Int32s, k.Columns[5].Int64s, k.Columns[6].Int64s)
	if want := "2 [true false] [-5 2147483647] [-9223372036854775808 7] [255 0] [0 2 2] [-1 20000] [-9223372036854775808 3] [1 2]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for i, c := range []struct {
		at   int
		with *pb.KeyColumn
		code string
	}{
		{0, &pb.KeyColumn{Name: "bool", Ints: []int64{1, 0}}, "Q607"},
		{0, &pb.KeyColumn{Name: "boolean", Bools: []bool{true}}, "Q606"},
		{1, &pb.KeyColumn{Name: "int32", Ints: []int64{1, math.MaxInt32 + 1}}, "Q607"},
		{1, &pb.KeyColumn{Name: "int32", Ints: []int64{1}}, "Q608"},
		{0, &pb.KeyColumn{Name: "bool", Bools: make([]bool, 4)}, "Q609"},
		{2, &pb.KeyColumn{Name: "int64", Texts: []string{"1", "1.5"}}, "Q607"},
		{2, &pb.KeyColumn{Name: "int64", Blobs: [][]byte{{1}, {2}}}, "Q607"},
		{2, &pb.KeyColumn{Name: "int64", Ints: []int64{1}, Texts: []string{"2"}}, "Q614"},
		{4, &pb.KeyColumn{Name: "date", Ints: []int64{1 << 40, 1}}, "Q607"},
		{6, &pb.KeyColumn{Name: "datetime"}, "Q608"},
	} {
		keys := good()
		keys[c.at] = c.with
		_, err := read(keys)
		expect(t, fmt.Sprint("key ", i), err, c.code)
	}
	_, err = read(append(good(), &pb.KeyColumn{Name: "other"}))
	expect(t, "a key that is none", err, "Q614")
	empty := good()
	for i := range empty {
		empty[i] = &pb.KeyColumn{Name: empty[i].Name}
	}
	_, err = read(empty)
	expect(t, "no rows", err, "Q615")
}

func expect(t *testing.T, what string, err error, code string) {
	t.Helper()
	var e *diag.Error
	if !errors.As(err, &e) || string(e.Code) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// TestHostileMessages: what is no request is refused with a reason.
func TestHostileMessages(t *testing.T) {
	for name, c := range map[string]struct{ message, code string }{
		"cut short":         {"\x0a\x05ab", "Q614"},
		"a tag that ends":   {"\x80", "Q614"},
		"not UTF-8":         {"\x0a\x01\xff", "Q614"},
		"another layout":    {"\x30\x02", "Q614"},
		"a key twice":       {"\x2a\x03\x0a\x01a\x2a\x03\x0a\x01a", "Q614"},
		"too many":          {"\x0a\x01a\x0a\x01b\x0a\x01c", "Q609"},
		"a key that is cut": {"\x2a\x02\x0a\x05", "Q614"},
	} {
		var r Request
		expect(t, name, r.Read([]byte(c.message), 2), c.code)
	}
	var r Request
	check(t, r.Read([]byte("\x2a\x08\x0a\x01a\x12\x03abc"), 2))
	q := &lookup.Query{Keys: []column.Field{{Name: "a", Type: column.Int64}}, Fields: []lookup.Output{{}}}
	expect(t, "numbers of three bytes", r.Keys(q, 10, &lookup.Keys{}), "Q614")
}

// TestMatrixNeedsOneType: a matrix of several types, of texts or of lists is refused.
func TestMatrixNeedsOneType(t *testing.T) {
	m := lookup.NewMemory()
	m.Define(everything())
	for _, c := range []struct {
		features []string
		ok       bool
	}{
		{[]string{"all:int64"}, true},
		{[]string{"all:int64", "all:int32"}, false},
		{[]string{"all:string"}, false},
		{[]string{"all:list_float32"}, false},
	} {
		_, _, err := ask(m, &pb.LookupRequest{Features: c.features, Layout: pb.Layout_LAYOUT_ROWS,
			Keys: []*pb.KeyColumn{{Name: "id", Ints: []int64{1}}, {Name: "city", Texts: []string{"a"}}}}, lookup.Rules{}, &Request{}, &Encoder{})
		if !c.ok {
			expect(t, c.features[0], err, "Q625")
		} else {
			check(t, err)
		}
	}
}
