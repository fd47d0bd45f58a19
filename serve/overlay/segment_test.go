package overlay

import (
	"os"
	"path/filepath"
	"testing"

	"quern/serve/row"
	"quern/serve/segment"
)

// TestCompactionIntoASegment: rows that go to a segment file are found there after Trim,
// and whichever of both is newer wins.
func TestCompactionIntoASegment(t *testing.T) {
	l := smallLayout(t)
	v := mustOpen(t, t.TempDir(), l, Options{})
	for id := int64(1); id <= 100; id++ {
		mustPut(t, v, small{id, 10, id})
	}
	b, err := segment.NewBuilder(l, segment.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	seq, err := v.Snapshot(b.Add)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "segment")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Write(f); err != nil {
		t.Fatal(err)
	}
	f.Close()
	s, err := segment.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	mustPut(t, v, small{1, 11, 201}, small{2, 9, 202}) // newer and older than the segment's
	for range 2 {
		var keys row.Keys
		keys.Reset(l)
		for key := int64(0); key <= 101; key++ {
			keys.PutInt(key)
		}
		rows := make([]row.Row, keys.Len())
		if err := s.Lookup(&keys, rows); err != nil {
			t.Fatal(err)
		}
		v.Lookup(&keys, rows)
		for key, r := range rows {
			switch {
			case key == 0 || key == 101:
				if !r.Missing() {
					t.Errorf("key %d is found", key)
				}
			case r.Missing() || key > 1 && l.Int64(r, 0) != int64(key) || key == 1 && l.Int64(r, 0) != 201:
				t.Errorf("key %d: another row", key)
			}
		}
		if err := v.Trim(seq, "segment"); err != nil {
			t.Fatal(err)
		}
	}
}
