package stat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"runtime"
	"testing"

	"quern/features/column"
)

// cutUp returns bytes as pieces of random lengths, of which some are empty.
func cutUp(r *rand.Rand, data []byte) *Pieces {
	p := NewPieces(func() ([]byte, error) {
		if len(data) == 0 {
			return nil, io.EOF
		}
		n := min(r.Intn(40), len(data))
		piece := bytes.Clone(data[:n])
		data = data[n:]
		return piece, nil
	})
	p.large = 1
	return p
}

// However bytes come, they decode to the same state, or fail as they do in one piece.
func TestPieces(t *testing.T) {
	dir := t.TempDir()
	for name, s := range samples(t) {
		data := encode(t, s)
		r := rand.New(rand.NewSource(3))
		for _, res := range append(budgets(dir), Resources{Bytes: 1, Dir: dir}) {
			checkPieces(t, name, r, data, res)
			for range 50 {
				bad := bytes.Clone(data)
				bad[r.Intn(len(bad))] ^= 1 << r.Intn(8)
				checkPieces(t, name, r, bad, res)
			}
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("files left: %v %v", left, err)
	}
}

func checkPieces(t *testing.T, name string, r *rand.Rand, data []byte, res Resources) {
	t.Helper()
	whole, want := Decode(bytes.Clone(data), Resources{})
	p := cutUp(r, data)
	s, err := p.Statistic(uint64(len(data)), res)
	if err == nil {
		defer s.Close()
		err = p.End()
	}
	if (err == nil) != (want == nil) || err != nil && !errors.Is(err, ErrCorrupt) {
		t.Fatalf("%s: %v in pieces, %v in one", name, err, want)
	}
	if err == nil {
		sameBytes(t, name, whole, s)
	}
}

// An error of whoever hands out the pieces is the error of who reads them.
func TestPiecesFail(t *testing.T) {
	lost := errors.New("the connection is lost")
	for name, s := range samples(t) {
		data := encode(t, s)
		for cut := range data {
			rest := data[:cut]
			p := NewPieces(func() ([]byte, error) {
				piece := rest
				rest = nil
				if piece == nil {
					return nil, lost
				}
				return piece, nil
			})
			p.large = 1
			if _, err := p.Statistic(uint64(len(data)), Resources{}); !errors.Is(err, lost) {
				t.Fatalf("%s, %d bytes: %v", name, cut, err)
			}
		}
	}
}

func FuzzPieces(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(encode(f, s), int64(1))
	}
	f.Fuzz(func(t *testing.T, data []byte, seed int64) {
		checkPieces(t, "fuzzed", rand.New(rand.NewSource(seed)), data, Resources{Bytes: 100, Dir: t.TempDir()})
	})
}

// A declared size takes no memory before the bytes are there.
func TestPiecesDeclareTooMuch(t *testing.T) {
	v := must(t, stringCounts, Resources{})
	data := encode(t, v)
	for _, size := range []uint64{1 << 40, 1<<64 - 1} {
		if _, err := wholePieces(data).Statistic(size, Resources{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	long := append(bytes.Clone(data), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f) // the length of a key
	if _, err := wholePieces(append(long, make([]byte, 100)...)).Statistic(uint64(len(long)+100), Resources{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a long key: %v", err)
	}
}

// Runs are ranked without sorting: many counts, ties, and counts beyond the first tiers.
func TestRankRuns(t *testing.T) {
	dir := t.TempDir()
	for _, typ := range []column.Type{column.String, column.Int64, column.Float64, column.Bool, column.Date} {
		for _, res := range append(budgets(dir), Resources{Bytes: 20_000, Dir: dir}) {
			r := rand.New(rand.NewSource(7))
			spec := Spec{Kind: KindValueCounts, Types: []column.Type{typ}}
			total, want := must(t, spec, res).(*ValueCounts), must(t, spec, Resources{})
			for range 5 {
				part := must(t, spec, Resources{}).(*ValueCounts)
				weights := make([]uint64, 300)
				rows := make([]value, len(weights))
				for i := range rows {
					rows[i], weights[i] = pick(r, typ), []uint64{1, 2, 3, 1023, 1024, 1 << 20, uint64(r.Intn(5000))}[r.Intn(7)]
				}
				part.Observe([]column.Column{plain(typ, rows)}, weights)
				want.Observe([]column.Column{plain(typ, rows)}, weights)
				decoded, err := Decode(encode(t, part), res)
				if err != nil {
					t.Fatal(err)
				}
				if err := total.Merge(decoded); err != nil {
					t.Fatal(err)
				}
				decoded.Close()
			}
			if len(total.runs) == 0 {
				t.Fatal("no runs: the test tests nothing")
			}
			checkRanked(t, total)
			sameBytes(t, fmt.Sprint(typ), want, total)
			if counters(want) != counters(total) {
				t.Errorf("%v: counters %v, want %v", typ, counters(total), counters(want))
			}
		}
	}
}

// However many decoded statistics are merged, memory holds a few times what comes of them,
// and what is said of how long the bytes will be is enough.
func TestMergingManyRuns(t *testing.T) {
	want := must(t, stringCounts, Resources{})
	total := must(t, stringCounts, Resources{}).(*ValueCounts)
	for i := range 300 {
		ids := make([]uint64, 200)
		for j := range ids {
			ids[j] = uint64((i*j*7919 + j) % 3000)
		}
		part := must(t, stringCounts, Resources{})
		c := []column.Column{benchWords(ids, i%2 == 0)}
		part.Observe(c, nil)
		want.Observe(c, nil)
		data := encode(t, part)
		if n := part.(*ValueCounts).Extent() + 20; n < len(data) {
			t.Fatalf("%d bytes where %d were said", len(data), n)
		}
		decoded, err := Decode(data, Resources{})
		if err != nil {
			t.Fatal(err)
		}
		if err := total.Merge(decoded); err != nil {
			t.Fatal(err)
		}
		held := int64(0)
		for _, r := range total.runs {
			for _, b := range r.blocks {
				held += int64(len(b))
			}
		}
		if held != total.heap || len(total.runs) >= maxRuns || held > 4*int64(len(encode(t, want))) {
			t.Fatalf("%d merged: %d runs of %d bytes, said to be %d", i+1, len(total.runs), held, total.heap)
		}
	}
	sameBytes(t, "many", want, total)
}

// high runs f and returns the most bytes that were alive on the heap when f probed, beyond
// those alive before.
func high(f func(probe func())) int64 {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most := uint64(0)
	f(func() {
		runtime.GC()
		runtime.ReadMemStats(&now)
		most = max(most, now.HeapAlloc)
	})
	return int64(most) - int64(before.HeapAlloc)
}

// Eight shards of a large vocabulary are merged in P parts: what is in memory at any time
// is a P-th of the merged statistic, and a block of each run. The answer is the same.
func TestMergeInParts(t *testing.T) {
	for _, spec := range []Spec{stringCounts, {Kind: KindKeyedSums, Folds: 2, Types: []column.Type{column.Int64, column.Int64, column.String}}} {
		dir, want := t.TempDir(), must(t, spec, Resources{})
		var files []string
		for shard := range 8 {
			name := fmt.Sprintf("%s/shard-%d", dir, shard)
			if err := os.WriteFile(name, encode(t, largeShard(t, spec, shard, want)), 0o666); err != nil {
				t.Fatal(err)
			}
			files = append(files, name)
		}
		answer := encode(t, want)
		size := int64(len(answer))
		want.Close()
		want = nil
		var most [9]int64
		for _, parts := range []int64{1, 8} {
			most[parts] = high(func(probe func()) {
				mergeFiles(t, files, spec, Resources{Bytes: size / parts, Dir: dir}, answer, probe)
			})
			t.Logf("%s: %d parts: %d of %d bytes at most", spec.Kind, parts, most[parts], size)
		}
		const blocks = 512 << 10 // of runs and files, at a time
		if most[1] < size/2 || most[8] > size/8+blocks {
			t.Errorf("%s: %d bytes at most in one part, %d in eight; the statistic has %d", spec.Kind, most[1], most[8], size)
		}
	}
}

// largeShard returns a shard's statistic of 40,000 keys, of which the next shard has half,
// and shows its rows to all, too.
func largeShard(t *testing.T, spec Spec, shard int, all Statistic) Statistic {
	s := must(t, spec, Resources{})
	const n = 40_000
	var keys column.Vector
	keys.Type, keys.Len = column.String, n
	ones := make([]int64, n)
	for i := range n {
		id := uint64(shard*n/2+i) * 0x9e3779b97f4a7c15
		keys.Text.Append(fmt.Appendf(nil, "%016x-a long key-%d", id, id%97))
		ones[i] = int64(i % 2)
	}
	args := []column.Column{{Len: n, Values: keys}}
	if spec.Kind == KindKeyedSums {
		fold := intColumn(column.Int64, ones...)
		args = []column.Column{fold, fold, args[0]}
	}
	s.Observe(args, nil)
	all.Observe(args, nil)
	return s
}

// mergeFiles merges statistics as they come out of files, and reads the sum.
func mergeFiles(t *testing.T, files []string, spec Spec, res Resources, answer []byte, probe func()) {
	total := must(t, spec, res)
	defer total.Close()
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		info, _ := f.Stat()
		calls := 0
		s, err := NewPieces(func() ([]byte, error) {
			if calls++; calls%8 == 0 {
				probe()
			}
			piece := make([]byte, 64<<10)
			n, err := f.Read(piece)
			return piece[:n], err
		}).Statistic(uint64(info.Size()), res)
		if err != nil {
			t.Fatal(err)
		}
		if err := total.Merge(s); err != nil {
			t.Fatal(err)
		}
		probe()
		s.Close()
		f.Close()
	}
	k := total.(interface{ sorted() *keyed }).sorted()
	rest, n := answer[len(answer)-answerState(t, answer):], 0
	err := k.each(func(key, body []byte) (bool, error) {
		r := reader{data: rest}
		if string(r.take(r.uvarint())) != string(key) || string(r.take(uint64(len(body)))) != string(body) {
			t.Fatalf("entry %d is another", n)
		}
		if rest, n = r.data, n+1; n%50_000 == 0 {
			probe()
		}
		return true, nil
	})
	if err != nil || len(rest) > 0 {
		t.Fatalf("%v, %d bytes of the answer are missing", err, len(rest))
	}
}

// sorted gives a test what holds the entries.
func (k *keyed) sorted() *keyed { return k }

// answerState returns how long the state in data is.
func answerState(t *testing.T, data []byte) int {
	r := &reader{data: data}
	if _, err := readHeader(r); err != nil {
		t.Fatal(err)
	}
	return len(r.data)
}
