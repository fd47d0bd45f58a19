package reduce

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"os"
	"quern/gpu/code"
	"regexp"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/stat"
)

func statistic(t *testing.T, kind stat.Kind, typ column.Type) stat.Statistic {
	t.Helper()
	s, err := stat.New(stat.Spec{Kind: kind, Types: []column.Type{typ}}, stat.Resources{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func encoded(t *testing.T, s stat.Statistic) string {
	t.Helper()
	b, err := s.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBinsHaveRepresentatives: the value that stands for a bin is in it, so that a
// histogram comes back as it was; and no value is in the others.
func TestBinsHaveRepresentatives(t *testing.T) {
	for _, typ := range []column.Type{column.Int64, column.Float64} {
		found, next := 0, uint32(0)
		state, want := make([]byte, HistogramBytes), []byte(encoded(t, statistic(t, stat.KindHistogram, typ)))
		for bin := range uint32(bins) {
			_, ok := intOfBin(bin)
			if typ == column.Float64 {
				_, ok = realOfBin(bin)
			}
			if !ok {
				continue
			}
			found++
			binary.LittleEndian.PutUint32(state[4*bin:], bin+1)
			want = binary.AppendUvarint(binary.AppendUvarint(want, uint64(bin-next)), uint64(bin+1))
			next = bin + 1
		}
		got := statistic(t, stat.KindHistogram, typ)
		if err := Histogram(got.(*stat.Histogram), state); err != nil || encoded(t, got) != string(want) {
			t.Errorf("%v: bins do not come back: %v", typ, err)
		}
		// Sign, 64 lengths and 9 digits without those below 1; sign, exponents to infinity.
		if all := map[column.Type]int{column.Int64: 2 * (1 + 511 + 512*54), column.Float64: 2 * (255*128 + 1)}[typ]; found != all {
			t.Errorf("%v: %d bins have values, not %d", typ, found, all)
		}
		binary.LittleEndian.PutUint32(state[4*map[column.Type]int{column.Int64: 0x8001, column.Float64: 0}[typ]:], 1)
		if err := Histogram(got.(*stat.Histogram), state); !errors.Is(err, ErrImpossible) {
			t.Errorf("%v: a bin without values: %v", typ, err)
		}
	}
}

func TestImpossibleStatesAreRefused(t *testing.T) {
	set := func(size int, words map[int]uint64) []byte {
		state := make([]byte, size)
		for i, w := range words {
			binary.LittleEndian.PutUint64(state[8*i:], w)
		}
		return state
	}
	tally := func(w map[int]uint64) error {
		return Tally(statistic(t, stat.KindTally, column.Float64).(*stat.Tally), set(TallyBytes, w))
	}
	extremes := func(w map[int]uint64) error {
		return Extremes(statistic(t, stat.KindExtremes, column.Int64).(*stat.Extremes), set(TallyBytes, w))
	}
	sums := func(w map[int]uint64) error {
		return Sums(statistic(t, stat.KindSums, column.Float64).(*stat.Sums), set(SumsBytes, w))
	}
	one := sumHead + 1075*cellWords
	for name, err := range map[string]error{
		"more nulls than rows":     tally(map[int]uint64{tallyRows: 1, tallyNulls: 2}),
		"more zeros than values":   tally(map[int]uint64{tallyRows: 3, tallyNaNs: 2, tallyZeros: 2}),
		"rows beyond all data":     tally(map[int]uint64{tallyRows: 1 << 63}),
		"least above greatest":     extremes(map[int]uint64{tallyRows: 1, tallyLow: 1, tallyHigh: 7}),
		"more infinities than row": sums(map[int]uint64{sumRows: 1, sumPosInfs: 2}),
		"a sum of nothing":         sums(map[int]uint64{one: 1, one + 2: 1}),
		"a negative variance":      sums(map[int]uint64{sumRows: 2, one: 4, one + 2: 7}),
	} {
		if !errors.Is(err, ErrImpossible) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := sums(map[int]uint64{sumRows: 2, one: 4, one + 2: 8}); err != nil {
		t.Error(err)
	}
	k, _ := stat.New(stat.Spec{Kind: stat.KindKeyedSums, Types: []column.Type{column.Int64, column.Int64, column.Int64}, Folds: 1}, stat.Resources{})
	cells := set(Window{Words: 1}.CellBytes(), map[int]uint64{0: 2, 3: 4, 4: 7})
	values := []column.Vector{Values(column.Int64, []uint64{5})}
	if err := KeyedTuples(k.(*stat.KeyedSums), Window{Words: 1}, values, cells); !errors.Is(err, ErrImpossible) {
		t.Error("keyed:", err)
	}
}

// TestWindowsHoldSpans: the window that a span asks for holds its highest and its lowest
// bit, and everything that the window before held.
func TestWindowsHoldSpans(t *testing.T) {
	span := func(high, low int) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, uint64(high)), uint64(4096-low))
	}
	w := Window{}.Widen(make([]byte, SpanBytes))
	if w != (Window{Words: 1}) {
		t.Errorf("zeros have %+v", w)
	}
	for _, s := range [][2]int{{1076, 1075}, {1100, 1080}, {1080, 1023}, {2047, 1990}, {54, 1}, {1076, 1075}} {
		before := w
		w = w.Widen(span(s[0], s[1]))
		top := int(w.Low()) + 32*w.Words
		if s[0] > top || s[1] < int(w.Low()) || before.Exp < w.Exp || int(before.Low())+32*before.Words > top {
			t.Errorf("%v: %+v after %+v", s, w, before)
		}
	}
}

// TestCellsAreSums: the words of a cell are the integers that they are said to be.
func TestCellsAreSums(t *testing.T) {
	for _, w := range []Window{{0, 1}, {-40, 2}, {-1074, 3}} {
		cell := make([]byte, w.CellBytes())
		s1, s2 := new(big.Rat), new(big.Rat)
		put := func(i int, v uint64, sum *big.Rat, exp int) {
			binary.LittleEndian.PutUint64(cell[8*i:], v)
			part := new(big.Rat).SetInt64(int64(v))
			scale := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(max(0, -exp))))
			scale.Mul(scale, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(max(0, exp)))))
			sum.Add(sum, part.Mul(part, scale))
		}
		put(0, 1<<20, new(big.Rat), 0)
		for i := range w.Words {
			put(3+i, uint64(-5*i+7), s1, w.Exp+32*i)
		}
		for i := range 2 * w.Words {
			put(3+w.Words+i, 1<<40+uint64(i), s2, 2*w.Exp+32*i)
		}
		s := statistic(t, stat.KindSums, column.Float64).(*stat.Sums)
		x := w.sum(cell, 0)
		if err := s.AddExact(&x, 0); err != nil {
			t.Fatal(w, err)
		}
		if n, got1, got2 := s.Moments(); n != 1<<20 || got1.Cmp(s1) != 0 || got2.Cmp(s2) != 0 {
			t.Errorf("%+v: %v %v, want %v %v", w, got1, got2, s1, s2)
		}
	}
}

// TestLayoutsAreThoseOfTheKernels holds the order of the fields against the sources.
func TestLayoutsAreThoseOfTheKernels(t *testing.T) {
	fields := func(file, name string) (names []string) {
		text, err := os.ReadFile("../kernels/" + file)
		if err != nil {
			t.Fatal(err)
		}
		body := regexp.MustCompile(`(?s)struct ` + name + ` \{(.*?)\n\};`).FindSubmatch(text)
		for _, m := range regexp.MustCompile(`(?m)^  (?:u64|u32|Column) (\w+)(\[9\])?;`).FindAllSubmatch(body[1], -1) {
			names = append(names, string(m[1]))
		}
		return names
	}
	for _, c := range []struct{ file, name, want string }{
		{"common.cuh", "Column", "values valid index type width slots"},
		{"rows.cuh", "Task", "x rows state p"},
		{"table.cu", "Table", "keys counts ids mask limit seed used nulls top"},
	} {
		if got := strings.Join(fields(c.file, c.name), " "); got != c.want {
			t.Errorf("%s: %s has the fields %s, not %s", c.file, c.name, got, c.want)
		}
	}
	task := Task{X: code.Column{Values: 1, Valid: 2, Index: 3, Type: 4, Width: 5, Slots: 6}, Rows: 7, State: 8, P: [9]uint64{9, 10, 11, 12, 13, 14, 15, 16, 17}}
	b := task.Append(nil)
	if len(b) != TaskBytes {
		t.Fatal(len(b))
	}
	for i, want := range []uint64{1, 2, 3, 4 | 5<<32, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17} {
		if word(b, i) != want {
			t.Errorf("word %d is %d", i, word(b, i))
		}
	}
	table := Table{Keys: 1, Counts: 2, IDs: 3, Places: 8, Limit: 4, Seed: 5, Used: 6, Nulls: 7, Top: 8}
	var back Table
	if b := table.Append(nil); len(b) != TableBytes || word(b, 3) != 7 {
		t.Error("table")
	} else if back.Read(b); back.Used != 6 || back.Nulls != 7 || back.Top != 8 {
		t.Error(back)
	}
}

func TestKeysAreInTheOrderOfValues(t *testing.T) {
	if key(column.Int64, 1<<63+5) != 5 || int64(key(column.Int64, 1<<63-2)) != -2 || key(column.Bool, 1<<63+1) != 1 {
		t.Error("integers")
	}
	for _, x := range []float64{0, 1, -1, math.Inf(-1), 5e-324, -1e300} {
		bits := math.Float64bits(x)
		k := bits | 1<<63
		if bits>>63 == 1 {
			k = ^bits
		}
		if key(column.Float64, k) != bits {
			t.Error(x)
		}
	}
	if p := Places(3000); p != 8192 || Places(0) != 1024 || Places(1<<20) != 1<<21 {
		t.Error("places", p)
	}
}
