package packed

import (
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"quern/features/column"
	"quern/serve/lookup"
	pb "quern/serve/proto"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/lookups.txt anew")

// TestGolden: requests and replies are the bytes of testdata/lookups.txt, which old clients
// read. There, a look-up is the request as text and in hex, and the reply in hex.
func TestGolden(t *testing.T) {
	m := lookup.NewMemory()
	rnd := rand.New(rand.NewPCG(3, 4))
	fill(t, m, everything(), 5, rnd)
	fill(t, m, reals(column.Float32), 5, rnd)
	var whole []string
	for _, f := range everything().Fields {
		whole = append(whole, "all:"+f.Name)
	}
	ids := &pb.KeyColumn{Name: "id", Ints: []int64{0, 1, 2, 3, 4, 77}}
	cities := &pb.KeyColumn{Name: "city", Texts: []string{"s0", "s1", "s2", "s3", "s4", ""}}
	var out strings.Builder
	for _, in := range []*pb.LookupRequest{
		{Features: whole, Keys: []*pb.KeyColumn{ids, cities}},
		{Features: []string{"reals_float32:float32_0", "reals_float32:float32_8"}, FullFeatureNames: true, Layout: pb.Layout_LAYOUT_ROWS, Keys: []*pb.KeyColumn{ids}},
		{Features: []string{"reals_float32:float32_3", "all:bool"}, Keys: []*pb.KeyColumn{cities, ids}},
	} {
		message, err := proto.MarshalOptions{Deterministic: true}.Marshal(in)
		check(t, err)
		reply, _, err := ask(m, in, lookup.Rules{}, &Request{}, &Encoder{})
		check(t, err)
		text := strings.ReplaceAll(prototext.MarshalOptions{}.Format(in), "  ", " ") // the package varies its spaces
		fmt.Fprintf(&out, "%s\n%s\n%s\n", text, hex.EncodeToString(message), hex.EncodeToString(reply))
	}
	const path = "testdata/lookups.txt"
	if *rewrite {
		check(t, os.MkdirAll("testdata", 0o755))
		check(t, os.WriteFile(path, []byte(out.String()), 0o644))
	}
	want, err := os.ReadFile(path)
	check(t, err)
	if out.String() != string(want) {
		t.Errorf("other bytes than in %s:\n%s", path, out.String())
	}
}
