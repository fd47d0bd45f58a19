package overlay

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/serve/row"
)

func isCode(err error, code diag.Code) bool {
	var d *diag.Error
	return errors.As(err, &d) && d.Code == code
}

// mustOpen opens an overlay, which the test closes.
func mustOpen(t testing.TB, path string, l *row.Layout, o Options) *Overlay {
	t.Helper()
	v, err := Open(path, l, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func mustPut(t testing.TB, v *Overlay, all ...small) uint64 {
	t.Helper()
	seq, err := v.Put(context.Background(), encode(t, v.Layout(), all...))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// expect looks keys up; id 0 is a row that is not there.
func expect(t testing.TB, v *Overlay, want map[int64]int64) {
	t.Helper()
	for key, id := range want {
		got := int64(0)
		if r := get(v, nil, key); !r.Missing() {
			got = v.Layout().Int64(r, 0)
		}
		if got != id {
			t.Errorf("key %d: row %d, not %d", key, got, id)
		}
	}
}

// TestLastWriterWins: the later event, then the later sequence, in memory and after opening.
func TestLastWriterWins(t *testing.T) {
	l, path := smallLayout(t), filepath.Join(t.TempDir(), "deep", "down")
	v := mustOpen(t, path, l, Options{})
	expect(t, v, map[int64]int64{1: 0})
	if seq := mustPut(t, v, small{1, 10, 1}, small{2, 10, 2}, small{1, 10, 3}); seq != 3 {
		t.Errorf("sequence %d", seq)
	}
	mustPut(t, v, small{2, 9, 4})
	mustPut(t, v, small{3, 5, 5}, small{3, 6, 6}, small{3, 4, 7})
	mustPut(t, v, small{3, 6, 8})
	want := map[int64]int64{1: 3, 2: 2, 3: 8, 4: 0}
	expect(t, v, want)
	if _, err := Open(path, l, Options{}); !isCode(err, "Q675") {
		t.Errorf("it is opened twice: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if _, err := v.Put(context.Background(), encode(t, l, small{1, 1, 1})); !errors.Is(err, ErrClosed) {
		t.Errorf("put after the end: %v", err)
	}
	expect(t, v, want)
	v = mustOpen(t, path, l, Options{Seed: 77})
	expect(t, v, want)
	if got := v.Stats(); got.Rows != 3 || got.Durable != 8 || got.Files != 1 {
		t.Errorf("%+v", got)
	}
	if seq := mustPut(t, v, small{1, 11, 9}); seq != 9 {
		t.Errorf("sequence %d after opening again", seq)
	}
}

// TestReplayIsIdempotent: the same rows again, and the same log again, change no answer.
func TestReplayIsIdempotent(t *testing.T) {
	l, path := smallLayout(t), t.TempDir()
	var all []small
	rnd := rand.New(rand.NewPCG(1, 1))
	for id := range int64(500) {
		all = append(all, small{rnd.Int64N(40), id * 7 % 500, id})
	}
	want := map[int64]int64{}
	for range 3 {
		v := mustOpen(t, path, l, Options{fileBytes: 4000})
		for from := 0; from < len(all); from += 50 {
			mustPut(t, v, all[from:from+50]...)
		}
		for key := range int64(40) {
			id := int64(0)
			if r := get(v, nil, key); !r.Missing() {
				id = l.Int64(r, 0)
			}
			if old, ok := want[key]; ok && old != id {
				t.Errorf("key %d: %d, then %d", key, old, id)
			}
			want[key] = id
		}
		v.Close()
	}
}

// TestNewerOfOverlayAndSegment: whichever has the later row, it is found, and equal
// rows, which are in both after a crash between the steps of a compaction, are one.
func TestNewerOfOverlayAndSegment(t *testing.T) {
	l := smallLayout(t)
	v := mustOpen(t, t.TempDir(), l, Options{})
	mustPut(t, v, small{1, 10, 1}, small{2, 10, 2}, small{3, 10, 3})
	inSegment := encode(t, l, small{1, 11, 4}, small{2, 9, 5}, small{3, 10, 6}, small{4, 1, 7})
	segments := map[int64]row.Row{}
	for i := range inSegment.Len() {
		segments[int64(i+1)] = inSegment.At(i)
	}
	for key, id := range map[int64]int64{1: 4, 2: 2, 3: 3, 4: 7} {
		if got := l.Int64(get(v, segments, key), 0); got != id {
			t.Errorf("key %d: row %d, not %d", key, got, id)
		}
	}
}

// diskOf returns a copy of a disk.
func diskOf(rnd *rand.Rand, d *sim) *sim {
	c := newSim(rnd)
	for name, n := range d.names {
		c.names[name] = &inode{data: slices.Clone(n.data), versions: map[int][][]byte{}}
	}
	return c
}

// TestEveryDamageIsFound changes each byte of a log of some files. In all frames but the last,
// whose damage is a torn tail, it is an error that names the file and the frame.
func TestEveryDamageIsFound(t *testing.T) {
	l := smallLayout(t)
	rnd := rand.New(rand.NewPCG(3, 3))
	disk := newSim(rnd)
	v, err := openOn(disk, l, Options{fileBytes: 700, manual: true})
	if err != nil {
		t.Fatal(err)
	}
	starts := map[string][]int{}
	for id := range int64(12) {
		p, err := v.enqueue(encode(t, l, small{id % 5, id, id}, small{id%5 + 1, id, 100 + id}))
		if err != nil {
			t.Fatal(err)
		}
		v.step()
		if p.err != nil {
			t.Fatal(p.err)
		}
		f := v.log.files[len(v.log.files)-1]
		starts[f.name] = append(starts[f.name], int(f.bytes))
	}
	if len(starts) < 3 {
		t.Fatalf("only %d files", len(starts))
	}
	names, _ := disk.List()
	slices.Sort(names)
	for i, name := range names {
		whole := disk.names[name].data
		ends := starts[name]
		for at := range whole {
			frame := slices.IndexFunc(ends, func(end int) bool { return at < end })
			from := 0
			if frame > 0 {
				from = ends[frame-1]
			}
			changed := diskOf(rnd, disk)
			changed.names[name].data[at] ^= byte(1 + rnd.IntN(255))
			_, err := openOn(changed, l, Options{manual: true})
			last := i == len(names)-1 && frame == len(ends)-1
			padding := whole[at] == 0 && at > ends[frame]-8
			switch place := fmt.Sprintf("%s: at byte %d:", name, from); {
			case err == nil && !last && !padding:
				t.Errorf("byte %d of %s is changed, and nobody sees it", at, name)
			case err != nil && (!isCode(err, "Q671") || !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), place)):
				t.Errorf("byte %d of %s: %v, not %s", at, name, err, place)
			}
		}
	}
	for i, name := range names[:len(names)-1] {
		changed := diskOf(rnd, disk)
		delete(changed.names, name)
		if _, err := openOn(changed, l, Options{manual: true}); !isCode(err, "Q671") {
			t.Errorf("file %d is missing: %v", i, err)
		}
	}
}

// TestTrimRemovesFiles: what is in segments is forgotten, and its files are; numbers go on.
func TestTrimRemovesFiles(t *testing.T) {
	l, path := smallLayout(t), t.TempDir()
	v := mustOpen(t, path, l, Options{fileBytes: 600})
	for id := range int64(20) {
		mustPut(t, v, small{id, 1, id})
	}
	covered := map[int64]bool{}
	seq, err := v.Snapshot(func(rows *row.Rows) error {
		for i := range rows.Len() {
			covered[l.Int64(rows.At(i), 0)] = true
		}
		return nil
	})
	if err != nil || seq != 20 || len(covered) != 20 {
		t.Fatalf("sequence %d, %d rows, %v", seq, len(covered), err)
	}
	mustPut(t, v, small{3, 2, 50})
	if err := v.Trim(seq, "v2"); err != nil {
		t.Fatal(err)
	}
	expect(t, v, map[int64]int64{3: 50, 4: 0, 19: 0})
	v.Close()
	v = mustOpen(t, path, l, Options{})
	expect(t, v, map[int64]int64{3: 50, 4: 0, 19: 0})
	if s := v.Stats(); s.Trimmed != 20 || s.Note != "v2" || s.Files != 1 || s.Rows != 1 {
		t.Errorf("%+v", s)
	}
	if err := v.Trim(21, "v3"); err != nil {
		t.Fatal(err)
	}
	if err := v.Trim(20, "old"); err != nil {
		t.Fatal(err)
	}
	if names, _ := os.ReadDir(path); len(names) != 2 { // lock and checkpoint
		t.Errorf("%v is left", names)
	}
	if s := v.Stats(); s.Rows != 0 || s.Bytes != 0 || s.LogBytes != 0 || s.Note != "v3" {
		t.Errorf("%+v", s)
	}
	v.Close()
	v = mustOpen(t, path, l, Options{})
	if seq := mustPut(t, v, small{1, 1, 1}); seq != 22 {
		t.Errorf("sequence %d", seq)
	}
}

// TestLimits: memory, another schema, a context that has ended.
func TestLimits(t *testing.T) {
	l, path := smallLayout(t), t.TempDir()
	v := mustOpen(t, path, l, Options{Memory: 2000})
	failed := 0
	for id := range int64(20) {
		_, err := v.Put(context.Background(), encode(t, l, small{id, 1, 0}))
		if err != nil && !isCode(err, "Q676") {
			t.Fatal(err)
		}
		if err != nil {
			failed++
		}
	}
	if failed == 0 || failed == 20 || v.Stats().Bytes > 2000 {
		t.Errorf("%d of 20 pushes are refused; %d bytes", failed, v.Stats().Bytes)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := v.Put(ended, encode(t, l, small{1, 1, 1})); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if seq, err := v.Put(ended, encode(t, l)); seq != 0 || err != nil {
		t.Error(seq, err)
	}
	v.Close()
	other, err := row.NewLayout(row.Schema{Keys: []column.Field{{Name: "other", Type: column.Int64}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, other, Options{}); !isCode(err, "Q674") {
		t.Errorf("rows of another schema: %v", err)
	}
}
