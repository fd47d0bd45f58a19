package parquet

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"quern/pipeline/source"
)

// TestDigests: each row group has its own, which is that of the file's size and footer.
// Texts of other sizes show in the footer; that pages of equal size need not is the
// limit that source.Chunk tells.
func TestDigests(t *testing.T) {
	digests := func(data []byte) (all []string) {
		t.Helper()
		s, err := Open(context.Background(), Options{Files: []source.File{inMemory("f", data)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range s.Chunks() {
			if c.Digest == "" || slices.Contains(all, c.Digest) {
				t.Errorf("row group %d: digest %q, before it %q", c.Group, c.Digest, all)
			}
			all = append(all, c.Digest)
		}
		return all
	}
	table := func(seed uint64) []byte {
		data, _ := writeTable(t, rand.New(rand.NewPCG(seed, 3)), map[string]pq.Node{"s": pq.String()}, 100, pq.MaxRowsPerRowGroup(30))
		return data
	}
	first, again, other := table(1), table(1), table(2)
	want := digests(first)
	if len(want) != 4 {
		t.Fatalf("%d row groups", len(want))
	}
	if got := digests(again); !slices.Equal(got, want) {
		t.Errorf("the same bytes: %v, %v", got, want)
	}
	for g, d := range digests(other) {
		if d == want[g] {
			t.Errorf("row group %d of other values has the same digest", g)
		}
	}
	pages := slices.Clone(first)
	pages[4] ^= 1
	if got := digests(pages); !slices.Equal(got, want) {
		t.Error("more than the footer counts: correct the comment of source.Chunk")
	}
	longer := slices.Insert(slices.Clone(first), len(first)-8-int(binary.LittleEndian.Uint32(first[len(first)-8:])), 0)
	for g, d := range digests(longer) {
		if d == want[g] {
			t.Errorf("row group %d of a longer file has the same digest", g)
		}
	}
}
