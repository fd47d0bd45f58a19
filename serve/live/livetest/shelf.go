// Package livetest has views, tables and stores of them for tests of what serves them.
package livetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/row"
	"quern/serve/segment"
)

// Shelf is a store of views in a folder: a live.Views.
type Shelf struct {
	t      testing.TB
	dir    string
	mu     sync.Mutex
	now    []live.Wanted
	made   map[live.Name]live.Opened // without segments
	files  map[live.Name][]string
	opened []*segment.Segment
}

// NewShelf returns an empty shelf in a folder of the test.
func NewShelf(t testing.TB) *Shelf {
	return &Shelf{t: t, dir: t.TempDir(), made: map[live.Name]live.Opened{}, files: map[live.Name][]string{}}
}

// Current is live.Views'.
func (s *Shelf) Current(context.Context) ([]live.Wanted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]live.Wanted(nil), s.now...), nil
}

// Open is live.Views'. It fails for what is not on the shelf.
func (s *Shelf) Open(_ context.Context, name live.Name) (*live.Opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.made[name]
	if !ok {
		return nil, fmt.Errorf("no %s", name)
	}
	o.Segments = nil
	for _, path := range s.files[name] {
		seg, err := segment.Open(path)
		if err != nil {
			o.Close()
			return nil, err
		}
		o.Segments = append(o.Segments, seg)
		s.opened = append(s.opened, seg)
	}
	return &o, nil
}

// Serve makes versions current, at once.
func (s *Shelf) Serve(names ...live.Wanted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = names
}

// Held reports how many segments that were opened somebody still holds.
func (s *Shelf) Held() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seg := range s.opened {
		if seg.Retain() {
			seg.Release()
			n++
		}
	}
	return n
}

// Files returns the paths of a version's segments, one for each shard.
func (s *Shelf) Files(name live.Name) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[name]
}

// Add puts a version on the shelf, with a feature service "all" of its features.
func (s *Shelf) Add(v lookup.View, rows *lookup.Rows, shards int) live.Wanted {
	s.t.Helper()
	name := live.Name{View: v.Name, Version: v.Version}
	l, err := row.NewLayout(v.Schema())
	check(s.t, err)
	var encoded row.Rows
	check(s.t, rows.Encode(l, 0, &encoded))
	for i := range encoded.Len() { // only pushed rows have sequences
		l.SetSeq(encoded.At(i), 0)
	}
	var files []string
	for shard := range shards {
		b, err := segment.NewBuilder(l, segment.BuildOptions{View: v.Name, Version: v.Version, Shard: shard, Shards: shards})
		check(s.t, err)
		check(s.t, b.Add(&encoded))
		path := filepath.Join(s.dir, fmt.Sprintf("%s-%d", name, shard))
		f, err := os.Create(path)
		check(s.t, err)
		_, _, err = b.Write(f)
		check(s.t, err)
		check(s.t, f.Close())
		check(s.t, b.Close())
		files = append(files, path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made[name] = live.Opened{View: v, Services: map[string][]lookup.Ref{"all": Refs(&v)}}
	s.files[name] = files
	return live.Wanted{Name: name}
}

// AddConstant puts Constant's version on the shelf, in two shards.
func (s *Shelf) AddConstant(name string, version, rows int) live.Wanted {
	s.t.Helper()
	v := Constant(name, fmt.Sprint(version))
	return s.Add(v, ConstantRows(&v, version, rows), 2)
}

// Change changes what is said of a version when it is opened the next time.
func (s *Shelf) Change(name live.Name, change func(*live.Opened)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.made[name]
	change(&o)
	s.made[name] = o
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
