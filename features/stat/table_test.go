package stat

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
)

// keysOf makes n different keys: of every length around the borders of packed, with
// zeros at their ends, with long common beginnings, and null ("\x00" as a whole key).
func keysOf(r *rand.Rand, n int) [][]byte {
	seen := map[string]bool{}
	keys := [][]byte{{tagNull}}
	common := bytes.Repeat([]byte("common/"), 60)
	for len(keys) < n {
		tail := make([]byte, r.Intn(20))
		for i := range tail {
			tail[i] = byte(r.Intn(3)) * byte(r.Intn(100)+1)
		}
		head := common[:[]int{0, 0, 3, 8, 14, 15, 16, 22, 23, 40, 300, 420}[r.Intn(12)]]
		key := slices.Concat([]byte{tagValue}, head, tail)
		if !seen[string(key)] {
			seen[string(key)] = true
			keys = append(keys, key)
		}
	}
	r.Shuffle(n, func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	return keys
}

// fill puts keys into v, key i with counts[i].
func fill(t tester, v *ValueCounts, keys [][]byte, counts []uint64) {
	t.Helper()
	var f filler
	for i, key := range keys {
		if err := f.add(v, key, counts[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.flush(v); err != nil {
		t.Fatal(err)
	}
}

// All keys are found again, with their counts, while the table grows by parts and
// segments and whatever its order is.
func TestTableFinds(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	keys := keysOf(r, 60_000)
	counts := make([]uint64, len(keys))
	for i := range counts {
		counts[i] = 1 + r.Uint64()>>r.Intn(64)&(1<<40-1)
	}
	v := must(t, stringCounts, Resources{}).(*ValueCounts)
	check := func(what string, n int, times uint64) {
		t.Helper()
		for i, key := range keys {
			e := v.find(v.pack(key))
			if (e != nil) != (i < n) || e != nil && e.held != times*counts[i] {
				t.Fatalf("%s: key %d of %d, %x: %v", what, i, n, key, e)
			}
			if e != nil && string(v.appendKey(nil, e)) != string(key) {
				t.Fatalf("%s: key %x becomes %x", what, key, v.appendKey(nil, e))
			}
		}
		if v.len() != n {
			t.Fatalf("%s: %d keys, want %d", what, v.len(), n)
		}
	}
	at := 0
	for _, n := range []int{1, 15, 16, 17, 4095, 4097, 20_000, 60_000} {
		fill(t, v, keys[at:n], counts[at:n])
		check("grown", n, 1)
		at = n
	}
	v.sortByKey()
	check("sorted", at, 1)
	v.sortByCount(2, 100)
	fill(t, v, keys, counts)
	check("again", at, 2)
	v.empty()
	check("emptied", 0, 0)
	fill(t, v, keys[:30_000], counts)
	check("refilled", 30_000, 1)
}

// Different keys with the same tag are different keys.
func TestTableTellsTagsApart(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	for _, size := range []int{8, 40} {
		v := must(t, stringCounts, Resources{}).(*ValueCounts)
		v.seed = 12345
		byTag, pairs := map[uint32]string{}, 0
		for range 400_000 {
			raw := make([]byte, size)
			r.Read(raw)
			if size > maxInline {
				copy(raw, "the same") // the first word does not tell them apart
			}
			key := string(append([]byte{tagValue}, raw...))
			tag := pack(raw).hash(v.seed)
			if size > maxInline {
				tag = hashBytes(raw, v.seed)
			}
			other, met := byTag[tag]
			byTag[tag] = key
			if !met || other == key {
				continue
			}
			pairs++
			fill(t, v, [][]byte{[]byte(key), []byte(other), []byte(key)}, []uint64{1, 10, 100})
			for want, k := range map[uint64]string{101: key, 10: other} {
				if e := v.find(v.pack([]byte(k))); e == nil || e.held != want {
					t.Fatalf("%x: %v, want %d", k, e, want)
				}
			}
		}
		if pairs == 0 {
			t.Error("no tags collide: the test tests nothing")
		}
	}
}

// Sorting in place gives the order of the bytes, of any number of keys.
func TestSortersOrder(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	for _, n := range []int{1, 2, fewEntries, fewEntries + 1, 100, 1000, 5000, 30_000} {
		keys := keysOf(r, n)
		counts := make([]uint64, n)
		for i := range counts {
			counts[i] = 1 + uint64(r.ExpFloat64()*float64(r.Intn(1000)))
		}
		v := must(t, stringCounts, Resources{}).(*ValueCounts)
		fill(t, v, keys, counts)
		count := func(key string) uint64 { return v.find(v.pack([]byte(key))).held }
		want := make([]string, n)
		for i, key := range keys {
			want[i] = string(key)
		}
		slices.Sort(want)
		v.sortByKey()
		checkOrder(t, v, "by key", want)

		want = want[1:] // null is not ranked
		for _, limit := range []int{n, 1, n/2 + 1} {
			slices.SortFunc(want, func(a, b string) int {
				return cmp.Or(cmp.Compare(count(b), count(a)), strings.Compare(a, b))
			})
			ranked := want
			for len(ranked) > 0 && count(ranked[len(ranked)-1]) < 3 {
				ranked = ranked[:len(ranked)-1]
			}
			if got := v.sortByCount(3, limit); got != len(ranked) {
				t.Fatalf("%d of %d keys have the count, want %d", got, n, len(ranked))
			}
			checkOrder(t, v, fmt.Sprintf("by count, limit %d", limit), ranked[:min(limit, len(ranked))])
		}
	}
}

func checkOrder(t *testing.T, v *ValueCounts, what string, want []string) {
	t.Helper()
	for i, key := range want {
		if got := v.appendKey(nil, v.at(uint32(i))); string(got) != key {
			t.Fatalf("%s: key %d of %d is %x, want %x", what, i, len(want), got, key)
		}
	}
}

// Strings are packed alike wherever they lie in their column.
func TestBlockLoadsText(t *testing.T) {
	whole := []byte("\x00\x01abcdefghijklmnopqrstuvwxyz\x00\x00")
	for from := range whole {
		for to := from; to <= len(whole); to++ {
			v := column.Vector{Type: column.String, Len: 1, Text: column.Text{Offsets: []uint32{uint32(from), uint32(to)}, Bytes: whole}}
			b := block{n: 1}
			b.load(&v)
			if b.keys[0] != pack(whole[from:to]) || b.nlong == 1 && string(b.long[0]) != string(whole[from:to]) {
				t.Fatalf("bytes %d to %d: %x", from, to, b.keys[0])
			}
		}
	}
}

// A table in a budget holds little more than that, counted or not, however large
// the batches are.
func TestBudgetHolds(t *testing.T) {
	const budget = 1 << 20
	for _, fixed := range []bool{true, false} {
		v := must(t, stringCounts, Resources{Bytes: budget, Dir: t.TempDir()}).(*ValueCounts)
		free := must(t, stringCounts, Resources{})
		for i := range 6 {
			ids := make([]uint64, 20_000)
			for j := range ids {
				ids[j] = uint64(i*15_000 + j)
			}
			c := []column.Column{benchWords(ids, fixed)}
			v.Observe(c, nil)
			free.Observe(c, nil)
			held := int64(0)
			for _, s := range v.slots {
				held += 8 * int64(cap(s))
			}
			for _, s := range v.segs {
				held += entryBytes * int64(cap(s))
			}
			for _, c := range v.chunks.chunks {
				held += int64(cap(c))
			}
			if held > budget*12/10 || v.bytes() > budget*12/10 {
				t.Errorf("batch %d: %d bytes held, %d counted, of %d", i, held, v.bytes(), budget)
			}
		}
		if len(v.runs) < 2 {
			t.Errorf("%d runs: the test tests nothing", len(v.runs))
		}
		sameBytes(t, "in a budget", v, free)
	}
}

// Runs are handed on by merging; they stay readable when the giver is closed.
func TestMergeSharesRuns(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewSource(4))
	for _, sub := range subjects() {
		if k := sub.spec.Kind; k != KindValueCounts && k != KindKeyedSums {
			continue
		}
		tight := Resources{Bytes: 3000, Dir: dir}
		want, total := must(t, sub.spec, Resources{}), must(t, sub.spec, tight)
		for range 40 {
			part := must(t, sub.spec, tight)
			for range 3 {
				cols := sub.table(r, 30)
				sub.observe(part, r, cols, 0, 30)
				sub.observe(want, r, cols, 0, 30)
			}
			bytes := encode(t, part)
			if err := total.Merge(part); err != nil {
				t.Fatal(err)
			}
			if string(encode(t, part)) != string(bytes) {
				t.Fatalf("%s: merging changed its argument", sub.name)
			}
			part.Close()
		}
		sameBytes(t, sub.name, want, total)
		if k, ok := total.(*KeyedSums); ok {
			for f, g := range k.Totals() {
				if w := want.(*KeyedSums).Totals()[f]; string(appendGroup(nil, &g)) != string(appendGroup(nil, &w)) {
					t.Errorf("%s: the total of fold %d is another", sub.name, f)
				}
			}
		}
		if a, b := counters(want), counters(total); a != b {
			t.Errorf("%s: counters %v, want %v", sub.name, b, a)
		}
	}
}
