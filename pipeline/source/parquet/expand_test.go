package parquet

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/features/diag"
)

// randomRows returns the validity of n rows from start on, and how many are present.
func randomRows(r *rand.Rand, start, n int) (valid column.Bitmap, present int) {
	valid = column.NewBitmap(start + n)
	often := 1 + r.IntN(5)
	for i := range n {
		if r.IntN(often) == 0 || i > n/3 && i < n/2 {
			valid.Set(start + i)
			present++
		}
	}
	return valid, present
}

// edges are numbers of rows about which something changes.
func edges() []int {
	return []int{0, 1, 7, 8, 9, 63, 64, 65, 130, 1000, blockRows - 1, blockRows, blockRows + 1, 3*blockRows + 70}
}

// TestSpread holds the ways of giving present values their rows against a loop over them.
func TestSpread(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 12))
	for _, k := range allKernels() {
		b := newBlock(k)
		for _, n := range edges() {
			for range 20 {
				checkSpread(t, r, &b, n)
			}
		}
	}
}

func checkSpread(t *testing.T, r *rand.Rand, b *block, n int) {
	t.Helper()
	start := r.IntN(130)
	valid, present := randomRows(r, start, n)
	narrow, wide, bools, ends := make([]uint32, n), make([]uint64, n), make([]bool, n), make([]uint32, n+1)
	fromNarrow, fromWide := make([]uint32, n), make([]uint64, n)
	var data32, data64 []byte
	for i := range present {
		narrow[i], wide[i], bools[i] = r.Uint32(), r.Uint64(), r.IntN(2) == 0
		data32 = binary.LittleEndian.AppendUint32(data32, narrow[i])
		data64 = binary.LittleEndian.AppendUint64(data64, wide[i])
	}
	for i := range ends {
		ends[i] = uint32(5 + 3*i)
	}
	values, longs, flags, before := slices.Clone(narrow), slices.Clone(wide), slices.Clone(bools), slices.Clone(ends)
	spread(b, narrow, b.words, valid, start, present)
	spread(b, wide, b.longs, valid, start, present)
	spreadBools(bools, valid, start, present)
	spreadOffsets(ends, valid, start, present)
	loadRows(b, fromNarrow, b.words, data32, valid, start)
	loadRows(b, fromWide, b.longs, data64, valid, start)
	at := 0
	for i := range n {
		if valid.Get(start + i) {
			if narrow[i] != values[at] || wide[i] != longs[at] || bools[i] != flags[at] || fromNarrow[i] != values[at] || fromWide[i] != longs[at] {
				t.Fatalf("%v: %d rows from %d, row %d: got %d %d %v %d %d, want %d %d %v", b.kernels.Level(), n, start, i,
					narrow[i], wide[i], bools[i], fromNarrow[i], fromWide[i], values[at], longs[at], flags[at])
			}
			at++
		}
		if ends[i+1] != before[at] {
			t.Fatalf("%d rows from %d, row %d ends at %d instead of %d", n, start, i, ends[i+1], before[at])
		}
	}
}

// TestIndexRows reads pages of indexes with nulls between them.
func TestIndexRows(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 14))
	for _, k := range allKernels() {
		d := decoder{block: newBlock(k)}
		for width := range 18 {
			for _, n := range edges() {
				start, entries := r.IntN(130), 1<<width
				valid, present := randomRows(r, start, n)
				values := make([]int32, present)
				for i := range values {
					if values[i] = int32(r.IntN(entries)); i > 0 && r.IntN(8) > 0 {
						values[i] = values[i-1]
					}
				}
				task := task{decoder: &d, entries: entries, start: start, out: &output{valid: valid, index: make([]int32, start+n)}}
				if err := task.indexRows(append([]byte{byte(width)}, encodeRuns(r, values, width)...), n, present); err != nil {
					t.Fatal(err)
				}
				at := 0
				for i, got := range task.out.index[start:] {
					want := int32(entries)
					if valid.Get(start + i) {
						want = values[at]
						at++
					}
					if got != want {
						t.Fatalf("%v: %d rows from %d, %d bits: row %d is %d instead of %d", k.Level(), n, start, width, i, got, want)
					}
				}
			}
		}
	}
}

// TestPlainStrings holds readPlainBytes against appending one by one.
func TestPlainStrings(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 15))
	for range 3000 {
		n := r.IntN(40)
		var data []byte
		want := column.Text{Offsets: []uint32{0, 3}, Bytes: []byte("old")}
		got := column.Text{Offsets: []uint32{0, 3}, Bytes: []byte("old")}
		for range n {
			s := make([]byte, r.IntN(1+r.IntN(40)))
			for i := range s {
				s[i] = byte(r.Uint32())
			}
			data = append(binary.LittleEndian.AppendUint32(data, uint32(len(s))), s...)
			want.Append(s)
		}
		if err := readPlainBytes(slices.Clip(data), n, &got, 1<<20); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Bytes, want.Bytes) || !slices.Equal(got.Offsets, want.Offsets) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for cut := range data { // too short, or a length that leads out of the page
			if readPlainBytes(slices.Clip(data[:cut]), n, &got, 1<<20) == nil {
				t.Fatalf("%d of %d bytes are read as %d strings", cut, len(data), n)
			}
		}
	}
}

// TestMisfitInALaterBlock: an error names its row also where nulls split the page into
// blocks.
func TestMisfitInALaterBlock(t *testing.T) {
	const n, row = 3*blockRows + 5, 2*blockRows + 9
	run := func(n, value int) []byte { return append(binary.AppendUvarint(nil, uint64(n)<<1), byte(value)) }
	f := forged{rows: n}
	f.schema(format.Int64, format.Optional)
	f.element.LogicalType = format.LogicalType{Value: &format.IntType{BitWidth: 64}}
	f.dictionary(2, plainLongs(5, 1<<63))
	body := append(levels(slices.Concat(run(1, 0), run(n-1, 1))...), 1) // the first row is null
	f.data(n, format.RLEDictionary, slices.Concat(body, run(row-1, 0), run(1, 1), run(n-row-1, 0)))
	s, err := openAs(f.bytes(t), column.Int64, "c")
	if err != nil {
		t.Fatal(err)
	}
	var e *diag.Error
	if err := readColumns(s, "c"); !errors.As(err, &e) || e.Code != "Q215" || e.Data.Row != row {
		t.Fatalf("got %v instead of an error in row %d", err, row)
	}
}
