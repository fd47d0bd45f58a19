package stat

import (
	"bytes"
	"cmp"
	"math/rand"
	"slices"
	"testing"
)

// Large tables with one seed are merged by several workers: the result has the bytes of
// the merge key by key, the other statistic is as before, and both go on learning.
func TestMergeBySeveralWorkers(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	keys := keysOf(r, 150_000)
	counts := make([]uint64, len(keys))
	for i := range counts {
		counts[i] = 1 + uint64(r.Intn(5))
	}
	made := func(seed uint64, from, to int) *ValueCounts {
		v := must(t, stringCounts, Resources{Seed: seed}).(*ValueCounts)
		fill(t, v, keys[from:to], counts[from:to])
		return v
	}
	const n, half, third = 150_000, 75_000, 50_000
	v, o := made(11, 0, n-third), made(11, half, n)
	slow, other := made(0, 0, n-third), made(0, half, n)
	for _, pair := range [][2]*ValueCounts{{v, o}, {slow, other}} {
		gone := made(13, half, half+10) // its entries stay, and hold nothing
		if err := pair[1].Subtract(gone); err != nil {
			t.Fatal(err)
		}
	}
	if !v.absorbs(&o.table) || slow.absorbs(&other.table) {
		t.Fatal("not the ways that are to be compared")
	}
	before := encode(t, other)
	for range 2 { // the second time every key is known
		o.open()
		v.open()
		if err := cmp.Or(v.Merge(o), slow.Merge(other)); err != nil {
			t.Fatal(err)
		}
		sameBytes(t, "merged", v, slow)
		if !bytes.Equal(encode(t, o), before) {
			t.Fatal("the other statistic has changed")
		}
	}
	for _, x := range []*ValueCounts{v, slow, o, other} {
		fill(t, x, keys[:third], counts[:third])
	}
	sameBytes(t, "learning on", v, slow)
	sameBytes(t, "the other, learning on", o, other)
	if v.Total() != slow.Total() || v.NullCount() != slow.NullCount() {
		t.Errorf("%d rows, %d nulls, not %d and %d", v.Total(), v.NullCount(), slow.Total(), slow.NullCount())
	}
	if got := v.bytes(); got < int64(entryBytes*v.n) {
		t.Errorf("%d entries take %d bytes", v.n, got)
	}
}

// A merge that would not fit into the budget is not made by several workers.
func TestAbsorbMinds(t *testing.T) {
	r := rand.New(rand.NewSource(8))
	keys := keysOf(r, 2*manyEntries)
	counts := slices.Repeat([]uint64{1}, len(keys))
	made := func(res Resources, n int) *ValueCounts {
		v := must(t, stringCounts, res).(*ValueCounts)
		fill(t, v, keys[:n], counts[:n])
		return v
	}
	v := made(Resources{Seed: 5}, len(keys))
	v.budget = 3*v.bytes() - 1
	for what, o := range map[string]*ValueCounts{"few": made(Resources{Seed: 5}, manyEntries-1), "another seed": made(Resources{Seed: 6}, len(keys)),
		"too large": made(Resources{Seed: 5}, len(keys))} {
		if v.absorbs(&o.table) {
			t.Errorf("%s: absorbed", what)
		}
	}
	if v.budget++; !v.absorbs(&made(Resources{Seed: 5}, len(keys)).table) {
		t.Error("not absorbed")
	}
}

// Tables that are worth several workers are ordered as small ones are, whatever the
// keys have in common and however little memory there is.
func TestSortersOrderBySeveralWorkers(t *testing.T) {
	r := rand.New(rand.NewSource(9))
	keys := keysOf(r, 3*manyEntries/2)
	for i, key := range keys {
		if key[0] == tagValue && i%2 == 0 { // half of them have a long beginning in common
			keys[i] = slices.Concat([]byte{tagValue}, []byte("https://example.org/"), key[1:])
		}
	}
	counts := make([]uint64, len(keys))
	for i := range counts {
		counts[i] = 1 + uint64(r.ExpFloat64()*3)
	}
	var byKeys []int // of the keys that are not null
	for i, key := range keys {
		if !isNull(key) {
			byKeys = append(byKeys, i)
		}
	}
	slices.SortFunc(byKeys, func(i, j int) int { return bytes.Compare(keys[i], keys[j]) })
	byCounts := slices.Clone(byKeys)
	slices.SortStableFunc(byCounts, func(i, j int) int { return cmp.Compare(counts[j], counts[i]) })
	for _, c := range []struct {
		budget int64 // what sorting may take; nothing is spilled
		limit  int
	}{{0, len(byKeys)}, {1, 50_000}} {
		v := must(t, stringCounts, Resources{}).(*ValueCounts)
		fill(t, v, keys, counts)
		v.budget = c.budget
		values, each, err := v.Ranked(1, c.limit)
		if err != nil || values.Len != c.limit || len(each) != c.limit {
			t.Fatalf("limit %d: %d values, %d counts, %v", c.limit, values.Len, len(each), err)
		}
		for at, i := range byCounts[:c.limit] {
			if got := values.Text.At(at); string(got) != string(keys[i][1:]) || each[at] != counts[i] {
				t.Fatalf("limit %d: value %d is %q %d, want %q %d", c.limit, at, got, each[at], keys[i][1:], counts[i])
			}
		}
		at := -1 // null comes first
		v.Each(func(key []byte, count uint64) bool {
			if at >= 0 && (!bytes.Equal(key, keys[byKeys[at]]) || count != counts[byKeys[at]]) {
				t.Fatalf("entry %d is %q %d, want %q", at, key, count, keys[byKeys[at]])
			}
			at++
			return true
		})
	}
}
