package segment

import (
	"bytes"
	"context"
	"flag"
	"math"
	"os"
	"testing"

	"quern/features/column"
	"quern/serve/row"
)

var rewrite = flag.Bool("rewrite", false, "write testdata anew instead of comparing with it")

// TestBytesOfAFile pins format version 1: files of it are in stores. Another layout needs
// another version, and this file must be read by it too.
func TestBytesOfAFile(t *testing.T) {
	const path = "testdata/v1.segment"
	got := goldenFile(t)
	if *rewrite {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the same rows give other bytes than %s has", path)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	l := s.Layout()
	var keys row.Keys
	keys.Reset(l)
	for _, user := range []string{"ann", "bob", "nobody"} {
		keys.PutBytes([]byte(user))
		keys.PutInt(20_000)
	}
	rows := make([]row.Row, 3)
	if err := s.Lookup(&keys, rows); err != nil {
		t.Fatal(err)
	}
	text, _ := l.Bytes(rows[0], 1)
	list, _ := l.List(rows[0], 2)
	if l.Event(rows[0]) != 300 || l.Float32(rows[0], 0) != 2.5 || string(text) != "later" || list.Len != 2 || list.Int64(1) != -2 {
		t.Errorf("ann is %x %x", rows[0].Fixed, rows[0].Heap)
	}
	if !math.IsNaN(l.Float64(rows[1], 0)) || !l.Null(rows[1], 1) || !l.Null(rows[1], 2) || !rows[2].Missing() {
		t.Errorf("bob is %x %x", rows[1].Fixed, rows[1].Heap)
	}
}

// goldenFile makes a segment of three rows, of which one loses.
func goldenFile(t *testing.T) []byte {
	l, err := row.NewLayout(row.Schema{
		Keys: []column.Field{{Name: "user", Type: column.String}, {Name: "day", Type: column.Date}},
		Fields: []column.Field{{Name: "a", Type: column.Float32}, {Name: "b", Type: column.String},
			{Name: "c", Type: column.ListOf(column.Int64)}},
		Time: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	var users, texts column.Text
	for i, s := range []string{"ann", "later", "bob", "", "ann", "earlier"} {
		if to := []*column.Text{&users, &texts}[i%2]; true {
			to.Append([]byte(s))
		}
	}
	first := column.Bitmap{0b101}
	plain := func(v column.Vector) *column.Column { v.Len = 3; return &column.Column{Len: 3, Values: v} }
	elements := column.Vector{Type: column.Int64, Len: 2, Int64s: []int64{1, -2}}
	in := row.Input{
		Rows: 3, Event: plain(column.Vector{Type: column.Timestamp, Int64s: []int64{300, 0, 200}, Valid: first}),
		Keys: []*column.Column{plain(column.Vector{Type: column.String, Text: users}),
			plain(column.Vector{Type: column.Date, Int32s: []int32{20_000, 20_000, 20_000}})},
		Fields: []*column.Column{
			plain(column.Vector{Type: column.Float32, Float32s: []float32{2.5, float32(math.NaN()), 1}}),
			plain(column.Vector{Type: column.String, Text: texts, Valid: first}),
			plain(column.Vector{Type: column.ListOf(column.Int64), Offsets: []uint32{0, 2, 2, 2}, Valid: first,
				Elements: &column.Column{Len: 2, Values: elements}}),
		},
	}
	var rows row.Rows
	if err := l.Encode(in, &rows); err != nil {
		t.Fatal(err)
	}
	b, err := NewBuilder(l, BuildOptions{View: "users", Version: "1", Seed: 42, Model: [32]byte{7}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if err := b.Add(&rows); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, _, err := b.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
