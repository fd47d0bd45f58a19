package commitlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// A file comes in pieces that are the taker's; whether it is what was claimed is known at
// the end, also to a taker who stops before.
func TestStream(t *testing.T) {
	ctx := context.Background()
	s := local(t)
	text := bytes.Repeat([]byte("0123456789abcdef"), streamed/16*2+1) // two pieces and a rest
	w, err := s.Create(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	w.Write(text)
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	good := record.File{Name: "a", Size: int64(len(text)), SHA256: sha256.Sum256(text)}
	other, short, gone := good, good, good
	other.SHA256[0] ^= 1
	short.Size--
	gone.Name = "b"
	for _, c := range []struct {
		what string
		s    store.Store
		file record.File
		want core.Outcome
	}{
		{"whole", s, good, core.Done}, {"other bytes", s, other, core.Corrupt}, {"another size", s, short, core.Corrupt},
		{"nothing", s, gone, core.Missing}, {"a fault", &faulty{s, at("open")}, good, core.Failed},
	} {
		for _, pieces := range []int{0, 1, 100} {
			var got [][]byte
			outcome, err := New(c.s).Stream(ctx, c.file, func(next func() ([]byte, error)) {
				for range pieces {
					piece, err := next()
					if err == io.EOF {
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, piece)
				}
			})
			if outcome != c.want || outcome == core.Done && err != nil {
				t.Errorf("%s, %d pieces: %v %v, want %v", c.what, pieces, outcome, err, c.want)
			}
			if all := bytes.Join(got, nil); outcome == core.Done && (!bytes.HasPrefix(text, all) || pieces == 100 && len(all) != len(text)) {
				t.Errorf("%d pieces: %d bytes came of %d", pieces, len(all), len(text))
			}
		}
	}
	cut, cancel := context.WithCancel(ctx)
	outcome, err := New(s).Stream(cut, good, func(next func() ([]byte, error)) {
		cancel()
		if _, err := next(); !errors.Is(err, context.Canceled) {
			t.Errorf("a piece after the end: %v", err)
		}
	})
	if outcome != core.Failed {
		t.Errorf("cancelled: %v %v", outcome, err)
	}
}
