package program

import (
	"bytes"
	"math"
	"math/rand"
	"testing"

	"quern/features/column"
)

// sheet is memory that grows as it is written.
type sheet struct{ words []uint64 }

func (s *sheet) WriteAt(b []byte, at int64) (int, error) {
	for int64(8*len(s.words)) < at+int64(len(b)) {
		s.words = append(s.words, 0)
	}
	return copy(bytesOf(s.words)[at:], b), nil
}

// imagedTables are tables of all kinds that have images.
func imagedTables() []Table {
	r := rand.New(rand.NewSource(1))
	texts := manyTexts(r, 3*manyKeys)
	texts.Valid = column.NewBitmap(texts.Len)
	texts.Valid.Fill(texts.Len)
	texts.Valid.Clear(77)
	part := manyTexts(r, 100) // that begins in the middle of its bytes
	part.Text.Offsets, part.Len = part.Text.Offsets[40:60], 19
	tables := []Table{withIDs(texts), withIDs(part), withIDs(column.Vector{Type: column.String}),
		withIDs(column.Vector{Type: column.Int32, Len: 3, Int64s: []int64{7, -1, 0}}),
		withIDs(column.Vector{Type: column.Timestamp}),
		{Keys: column.Vector{Type: column.Float32, Len: 2, Float64s: []float64{0.5, math.NaN()}},
			Values: column.Vector{Type: column.Float64, Len: 2, Float64s: []float64{math.Inf(1), 3}}}}
	for i := range tables {
		if tables[i] = NewTable("t", tables[i].Keys, tables[i].Values); i == 0 {
			tables[i].Index() // the index may be there, or not
		}
	}
	return tables
}

// TestImage: what is mapped is the table that was written, index and digest included.
func TestImage(t *testing.T) {
	var s sheet
	m := Imager{To: &s, At: 8}
	tables := imagedTables()
	for i := range tables {
		if err := m.Write(&tables[i]); err != nil {
			t.Fatal(err)
		}
	}
	if m.At != int64(8*len(s.words)) {
		t.Errorf("the images end at %d, of %d words", m.At, len(s.words))
	}
	rest := bytesOf(s.words)[8:]
	for i := range tables {
		want := &tables[i]
		var got Table
		var err error
		if got, rest, err = OfImage(rest); err != nil {
			t.Fatal(err)
		}
		got.Name = want.Name
		if err := checkTable(&got); err != nil {
			t.Errorf("table %d: %v", i, err)
		}
		if got.Digest() != want.Digest() || digestTable(&got) != want.Digest() {
			t.Errorf("table %d has another digest", i)
		}
		x, _ := got.Index()
		for row := range want.Keys.Len {
			if found := x.find(want.Keys.Type, ValueAt(&want.Keys, row)); found != row {
				t.Fatalf("table %d: key %d is found in row %d", i, row, found)
			}
		}
		if want.Keys.Type == column.String && x.find(column.String, Value{Str: []byte("no such key")}) != -1 {
			t.Errorf("table %d has a key that nobody put there", i)
		}
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
}

// TestNoImage: tables in forms without an image, and images that are cut off, are refused.
func TestNoImage(t *testing.T) {
	for _, keys := range []column.Vector{{Type: column.Bool, Len: 1, Bools: []bool{true}}, {Type: column.Int32, Len: 1, Int32s: []int32{1}}} {
		table := withIDs(keys)
		if err := (&Imager{To: &sheet{}}).Write(&table); err != ErrNoImage {
			t.Errorf("keys of type %v: %v", keys.Type, err)
		}
	}
	twice := withIDs(column.Vector{Type: column.Int64, Len: 2, Int64s: []int64{1, 1}})
	if err := (&Imager{To: &sheet{}}).Write(&twice); err == nil || err == ErrNoImage {
		t.Errorf("equal keys: %v", err)
	}
	var s sheet
	table := imagedTables()[1]
	if err := (&Imager{To: &s}).Write(&table); err != nil {
		t.Fatal(err)
	}
	whole := bytes.Clone(bytesOf(s.words))
	for n := range len(whole) {
		if _, _, err := OfImage(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are an image", n, len(whole))
		}
	}
}
