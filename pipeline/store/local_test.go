package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"quern/pipeline/store"
)

func newStore(t *testing.T) (*store.Local, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "a", "b")
	s, err := store.NewLocal(root)
	if err != nil {
		t.Fatal(err)
	}
	if s.Location() != root {
		t.Fatalf("location %s, want %s", s.Location(), root)
	}
	return s, root
}

// put writes an object.
func put(s store.Store, name, text string) error {
	w, err := s.Create(context.Background(), name)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	return errors.Join(w.Sync(), w.Commit())
}

func get(t *testing.T, s store.Store, name string) string {
	t.Helper()
	r, err := s.Open(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text := make([]byte, r.Size())
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, r.Size()), text); err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func list(t *testing.T, s store.Store, prefix string) []string {
	t.Helper()
	names, err := s.List(context.Background(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestObjectsAppearWholeAtCommit(t *testing.T) {
	s, root := newStore(t)
	ctx := context.Background()
	if names := list(t, s, ""); len(names) != 0 {
		t.Fatalf("a store that is not there lists %v", names)
	}
	w, err := s.Create(ctx, "x/part.parquet")
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "half")
	if _, err := s.Open(ctx, "x/part.parquet"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("before Commit: %v", err)
	}
	if names := list(t, s, ""); len(names) != 0 {
		t.Errorf("before Commit the store lists %v", names)
	}
	visible, _ := filepath.Glob(filepath.Join(root, "_quern", "attempts", "*.parquet"))
	if len(visible) != 0 {
		t.Errorf("an attempt has a data suffix: %v", visible)
	}
	io.WriteString(w, " and half")
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if w.Commit() == nil {
		t.Error("a second Commit succeeded")
	}
	if err := w.Abort(); err != nil {
		t.Error(err)
	}
	if got := get(t, s, "x/part.parquet"); got != "half and half" {
		t.Errorf("read %q", got)
	}
	if err := put(s, "x/part.parquet", "other"); !errors.Is(err, store.ErrExists) {
		t.Errorf("second writer: %v", err)
	}
	if err := put(s, "a.txt", "a"); err != nil {
		t.Fatal(err)
	}
	if got := list(t, s, ""); !slices.Equal(got, []string{"a.txt", "x/part.parquet"}) {
		t.Errorf("listed %v", got)
	}
	if got := list(t, s, "x/"); !slices.Equal(got, []string{"x/part.parquet"}) {
		t.Errorf("listed %v", got)
	}
	if err := s.Sync(ctx, []string{"a.txt", "x/part.parquet"}); err != nil {
		t.Error(err)
	}
	if err := s.Sync(ctx, []string{"missing"}); err == nil {
		t.Error("a missing object was made durable")
	}
	if left, _ := os.ReadDir(filepath.Join(root, "_quern", "attempts")); len(left) != 0 {
		t.Errorf("attempts left: %v", left)
	}
}

func TestAbortAndRemoveLeaveNothing(t *testing.T) {
	s, root := newStore(t)
	ctx := context.Background()
	w, _ := s.Create(ctx, "_quern/parts/p.json")
	io.WriteString(w, "text")
	if err := errors.Join(w.Abort(), w.Abort()); err != nil {
		t.Error(err)
	}
	if err := put(s, "_quern/parts/p.json", "text"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Remove(ctx, "_quern/parts/p.json"), s.Remove(ctx, "_quern/parts/p.json")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(root, "_quern", "parts")); !os.IsNotExist(err) {
		t.Errorf("an empty folder stays: %v", err)
	}
	if err := put(s, "_quern/parts/p.json", "again"); err != nil {
		t.Errorf("after the folder went: %v", err)
	}
}

// TestNamesStayInside holds all methods to names that have one spelling and lie in
// the root, off the store's own files.
func TestNamesStayInside(t *testing.T) {
	s, _ := newStore(t)
	ctx := context.Background()
	for _, name := range []string{
		"", ".", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/./b", "a/", "./a",
		"_quern/lock", "_quern/attempts", "_quern/attempts/x",
	} {
		if _, err := s.Create(ctx, name); err == nil {
			t.Errorf("created %q", name)
		}
		if _, err := s.Open(ctx, name); err == nil || errors.Is(err, store.ErrNotFound) {
			t.Errorf("opening %q: %v", name, err)
		}
		if err := s.Remove(ctx, name); err == nil {
			t.Errorf("removed %q", name)
		}
		if err := s.Sync(ctx, []string{name}); err == nil {
			t.Errorf("synced %q", name)
		}
		if name != "" && !strings.HasSuffix(name, "/") {
			if _, err := s.List(ctx, name); err == nil {
				t.Errorf("listed %q", name)
			}
		}
	}
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	if _, err := store.OpenFile(dir); err == nil {
		t.Error("opened a folder")
	}
	if _, err := store.OpenFile(filepath.Join(dir, "missing")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("missing file: %v", err)
	}
	file := filepath.Join(dir, "file")
	os.WriteFile(file, []byte("text"), 0o666)
	if _, err := store.OpenFile(filepath.Join(file, "below")); err == nil {
		t.Error("opened something below a file")
	}
	os.Symlink(file, filepath.Join(dir, "link"))
	r, err := store.OpenFile(filepath.Join(dir, "link"))
	if err != nil || r.Size() != 4 {
		t.Fatalf("through a link: %v", err)
	}
	r.Close()
}

func TestRootThatIsAFile(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	os.WriteFile(root, nil, 0o666)
	s, _ := store.NewLocal(root)
	if err := put(s, "x", "text"); err == nil {
		t.Error("wrote below a file")
	}
	if _, err := s.Lock(context.Background()); err == nil {
		t.Error("locked a file")
	}
}

// TestOneWriterWins lets goroutines race for names: each has one winner, whose bytes
// are what everybody reads.
func TestOneWriterWins(t *testing.T) {
	s, _ := newStore(t)
	for round := range 50 {
		name := fmt.Sprintf("_quern/parts/%d", round)
		var winners atomic.Int32
		var won atomic.Int32
		var group sync.WaitGroup
		for writer := range 8 {
			group.Go(func() {
				err := put(s, name, strings.Repeat(fmt.Sprint(writer), 1000))
				switch {
				case err == nil:
					winners.Add(1)
					won.Store(int32(writer))
				case !errors.Is(err, store.ErrExists):
					t.Error(err)
				}
			})
		}
		group.Wait()
		if winners.Load() != 1 {
			t.Fatalf("%d winners", winners.Load())
		}
		if got := get(t, s, name); got != strings.Repeat(fmt.Sprint(won.Load()), 1000) {
			t.Fatalf("the winner's bytes are not there: %.20q", got)
		}
	}
}

func TestListAndSyncEndWithTheContext(t *testing.T) {
	s, _ := newStore(t)
	if err := put(s, "x", "text"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.List(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("List: %v", err)
	}
	if err := s.Sync(ctx, []string{"x"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Sync: %v", err)
	}
	if _, err := s.Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Lock: %v", err)
	}
}

// TestLargeObjectsTakeWhatTheyHold writes objects around the sizes from which room is
// reserved, in writes of several sizes, and checks their bytes and that nothing stays
// reserved behind them.
func TestLargeObjectsTakeWhatTheyHold(t *testing.T) {
	s, root := newStore(t)
	text := strings.Repeat("0123456789abcdefghi", 20<<20/19)
	for i, size := range []int{1<<20 - 1, 1 << 20, 1<<20 + 1, 8<<20 - 1, 8 << 20, 8<<20 + 1, 17<<20 + 3} {
		for _, step := range []int{300 << 10, 5 << 20, 20 << 20} {
			name := fmt.Sprintf("part-%d-%d", i, step)
			w, err := s.Create(context.Background(), name)
			if err != nil {
				t.Fatal(err)
			}
			for at := 0; at < size && err == nil; at += step {
				_, err = io.WriteString(w, text[at:min(size, at+step)])
			}
			if err := errors.Join(err, w.Commit()); err != nil {
				t.Fatal(err)
			}
			if got := get(t, s, name); got != text[:size] {
				t.Fatalf("%d bytes in writes of %d: %d others are there", size, step, len(got))
			}
			if taken := allocated(t, filepath.Join(root, name)); taken > int64(size)+1<<20 {
				t.Errorf("%d bytes in writes of %d take %d of the disk", size, step, taken)
			}
			s.Remove(context.Background(), name)
		}
	}
}
