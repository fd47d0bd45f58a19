package packed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/lookup"
	pb "quern/serve/proto"
)

// FuzzRequest: no message makes the reader panic or blame itself, and what it takes,
// protobuf-go takes.
func FuzzRequest(f *testing.F) {
	m := lookup.NewMemory()
	m.Define(everything())
	for _, in := range []*pb.LookupRequest{
		{Features: []string{"all:int64", "all:bool"}, Keys: []*pb.KeyColumn{{Name: "id", Ints: []int64{1, 2}}, {Name: "city", Texts: []string{"a", "b"}}}},
		{View: "all", Layout: 1, FullFeatureNames: true, Keys: []*pb.KeyColumn{{Name: "id", Bools: []bool{true}}}},
		{Service: "s", Keys: []*pb.KeyColumn{{Name: "city", Blobs: [][]byte{{1}}}}},
	} {
		seed, err := proto.Marshal(in)
		check(f, err)
		f.Add(seed)
	}
	q, err := lookup.Compile(m, []lookup.Ref{{View: "all", Feature: "int64"}, {View: "all", Feature: "list_string"}}, false)
	check(f, err)
	var r Request
	var e Encoder
	f.Fuzz(func(t *testing.T, message []byte) {
		known := func(err error) bool {
			var d *diag.Error
			if err != nil && !errors.As(err, &d) {
				t.Fatalf("%x: %v", message, err)
			}
			return err == nil
		}
		if !known(r.Read(message, 20)) {
			return
		}
		if err := proto.Unmarshal(message, &pb.LookupRequest{}); err != nil {
			t.Fatalf("%x was taken: %v", message, err)
		}
		r.Name(nil)
		keys, block := &lookup.Keys{}, &lookup.Block{}
		if !known(r.Keys(q, 50, keys)) {
			return
		}
		check(t, m.Lookup(context.Background(), q, keys, block))
		block.Expire(now(), lookup.Rules{})
		reply, err := e.Append(nil, block, false)
		check(t, err)
		check(t, proto.Unmarshal(reply, &pb.LookupResponse{}))
	})
}

// BenchmarkEncode100x50 is the codec's share of a look-up of 100 rows of 50 float32s.
func BenchmarkEncode100x50(b *testing.B) {
	m := lookup.NewMemory()
	v := reals(column.Float32)
	v.Fields = nil
	in := &pb.LookupRequest{Keys: []*pb.KeyColumn{{Name: "id"}}}
	for i := range 50 {
		name := fmt.Sprintf("feature_%02d", i)
		v.Fields = append(v.Fields, lookup.Field{Name: name, Type: column.Float32})
		in.Features = append(in.Features, v.Name+":"+name)
	}
	fill(b, m, v, 100, rand.New(rand.NewPCG(1, 2)))
	for i := range 100 {
		in.Keys[0].Ints = append(in.Keys[0].Ints, int64(i))
	}
	for _, layout := range []pb.Layout{pb.Layout_LAYOUT_COLUMNS, pb.Layout_LAYOUT_ROWS} {
		b.Run(layout.String(), func(b *testing.B) {
			in.Layout = layout
			message, err := proto.Marshal(in)
			check(b, err)
			var r Request
			var e Encoder
			_, block, err := ask(m, in, lookup.Rules{}, &r, &e)
			check(b, err)
			keys, out := &lookup.Keys{}, []byte(nil)
			b.ReportAllocs()
			for b.Loop() {
				check(b, r.Read(message, 100))
				r.Name(out[:0])
				check(b, r.Keys(block.Query, 100, keys))
				out, err = e.Append(out[:0], block, r.Rows)
				check(b, err)
			}
			b.SetBytes(int64(len(out)))
		})
	}
}
