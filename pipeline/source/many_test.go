package source_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"

	"quern/pipeline/source"
	"quern/pipeline/source/parquet"
	"quern/pipeline/store"
)

// counted is a store that takes its time for everything, counts the bytes that it gives, and
// how many ask it at the same time.
type counted struct {
	store.Store
	*tally
}

type tally struct{ bytes, asking, most atomic.Int64 }

// wait is what an answer takes.
func (c *tally) wait() {
	now := c.asking.Add(1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	time.Sleep(5 * time.Millisecond)
	c.asking.Add(-1)
}

func (c counted) Open(ctx context.Context, name string) (store.Reader, error) {
	c.wait()
	r, err := c.Store.Open(ctx, name)
	return countedReader{r, c.tally}, err
}

type countedReader struct {
	store.Reader
	*tally
}

func (r countedReader) ReadAt(to []byte, off int64) (int, error) {
	r.wait()
	n, err := r.Reader.ReadAt(to, off)
	r.bytes.Add(int64(n))
	return n, err
}

// TestManyFilesOpenByTheirFooters: a job is planned from the ends of its files, many of
// them at a time. One after the other, those of ten thousand files in a store would take
// minutes.
func TestManyFilesOpenByTheirFooters(t *testing.T) {
	const files = 256
	type row struct {
		A uint64 `parquet:"a"`
	}
	rows := make([]row, 1<<17)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range rows {
		rows[i].A = random.Uint64() >> 1
	}
	root := t.TempDir()
	first := filepath.Join(root, "part-0.parquet")
	if err := pq.WriteFile(first, rows); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(first)
	if err != nil || info.Size() < 1<<20 {
		t.Fatalf("%d bytes, %v", info.Size(), err)
	}
	for i := 1; i < files; i++ {
		if err := os.Link(first, filepath.Join(root, fmt.Sprintf("part-%d.parquet", i))); err != nil {
			t.Fatal(err)
		}
	}
	seen := &tally{}
	places := store.Places{"far": func(context.Context, string) (store.Store, error) {
		local, err := store.NewLocal(root)
		return counted{local, seen}, err
	}}
	found, err := source.Expand(t.Context(), places, "", []string{".parquet"}, "far://away/*.parquet")
	if err != nil || len(found) != files {
		t.Fatalf("%d files, %v", len(found), err)
	}
	s, err := parquet.Open(t.Context(), parquet.Options{Files: found})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if most := seen.most.Load(); most < 8 {
		t.Errorf("at most %d files were opened at the same time", most)
	}
	if n := seen.bytes.Load(); n > files*info.Size()/100 {
		t.Errorf("%d bytes were read of %d files of %d bytes", n, files, info.Size())
	}
}
