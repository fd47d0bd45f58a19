package serve

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/features/column"
	"quern/serve/lookup"
	"quern/serve/row"
	"quern/serve/segment"
)

// shelf is a store of views in a folder: Views for tests.
type shelf struct {
	t      testing.TB
	dir    string
	mu     sync.Mutex
	now    []Wanted
	made   map[Name]Opened // without segments
	files  map[Name][]string
	opened []*segment.Segment
}

func newShelf(t testing.TB) *shelf {
	return &shelf{t: t, dir: t.TempDir(), made: map[Name]Opened{}, files: map[Name][]string{}}
}

func (s *shelf) Current(context.Context) ([]Wanted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Wanted(nil), s.now...), nil
}

func (s *shelf) Open(_ context.Context, name Name) (*Opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.made[name]
	if !ok {
		return nil, fmt.Errorf("no %s", name)
	}
	o.Segments = nil
	for _, path := range s.files[name] {
		seg, err := segment.Open(path, segment.OpenOptions{Populate: true})
		if err != nil {
			o.Close()
			return nil, err
		}
		o.Segments = append(o.Segments, seg)
		s.opened = append(s.opened, seg)
	}
	return &o, nil
}

// serve makes versions current, at once.
func (s *shelf) serve(names ...Wanted) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = names
}

// free reports how many segments that were opened somebody still holds.
func (s *shelf) held() (n int) {
	for _, seg := range s.opened {
		if seg.Retain() {
			seg.Release()
			n++
		}
	}
	return n
}

// add puts a version on the shelf.
func (s *shelf) add(v lookup.View, rows *lookup.Rows, shards int) Wanted {
	name := Name{v.Name, v.Version}
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
	s.made[name] = Opened{View: v, Services: map[string][]lookup.Ref{"all": refsOf(&v)}}
	s.files[name] = files
	return Wanted{Name: name}
}

func refsOf(v *lookup.View) (refs []lookup.Ref) {
	for _, f := range v.Fields {
		refs = append(refs, lookup.Ref{View: v.Name, Feature: f.Name})
	}
	return refs
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func clock() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// drivers is a view with every type of feature.
func drivers(version string) lookup.View {
	v := lookup.View{Name: "drivers", Version: version, TTL: 24 * time.Hour, Keys: []column.Field{{Name: "driver_id", Type: column.Int64}}}
	for i, t := range []column.Type{column.Float32, column.Float64, column.Int32, column.Int64, column.Bool, column.String,
		column.Timestamp, column.Date, column.ListOf(column.Float32), column.ListOf(column.String), column.ListOf(column.Int64)} {
		v.Fields = append(v.Fields, lookup.Field{Name: fmt.Sprintf("f%d", i), Type: t})
	}
	return v
}

// pairs is a view with a key of two columns.
func pairs(version string) lookup.View {
	return lookup.View{Name: "pairs", Version: version, Keys: []column.Field{{Name: "driver_id", Type: column.Int64}, {Name: "city", Type: column.String}},
		Fields: []lookup.Field{{Name: "n", Type: column.Int64}, {Name: "x", Type: column.Float32}}}
}

// randomRows makes n rows of v with the keys 0 to n-1, some values null, some rows old.
func randomRows(v *lookup.View, n int, seed uint64) *lookup.Rows {
	rnd := rand.New(rand.NewPCG(seed, 1))
	r := &lookup.Rows{}
	r.Reset(v)
	r.Rows = n
	for i := range n {
		for k := range r.Keys {
			addRandom(&r.Keys[k], rnd, int64(i))
		}
		for f := range r.Fields {
			if rnd.IntN(8) == 0 {
				r.Fields[f].AddNull()
				continue
			}
			addRandom(&r.Fields[f], rnd, rnd.Int64N(1000)-500)
		}
		r.Event = append(r.Event, clock().Add(-time.Duration(rnd.IntN(48))*time.Hour).UnixMicro())
		r.Created = append(r.Created, lookup.NoTime)
	}
	return r
}

func addRandom(c *lookup.Cells, rnd *rand.Rand, n int64) {
	switch t := c.Type; {
	case t.IsList():
		for range rnd.IntN(4) {
			addRandom(c.Element(), rnd, rnd.Int64N(100))
		}
		c.End()
	case t == column.Bool:
		c.AddBool(n > 0)
	case t == column.String:
		c.AddString([]byte(fmt.Sprintf("s%d ü\"", n)))
	case t == column.Date:
		c.AddString([]byte("2026-01-02"))
	case t.Real() && n == 7:
		c.AddFloat(math.NaN())
	case t.Real():
		c.AddFloat(float64(n) / 7)
	default:
		c.AddInt(n)
	}
}

// rig is a server over a shelf.
type rig struct {
	*shelf
	generations *Generations
	server      *Server
	url         string
	log         *strings.Builder
	logged      sync.Mutex
}

func newRig(t testing.TB, s *shelf, change func(*Config)) *rig {
	r := &rig{shelf: s, log: &strings.Builder{}}
	log := func(format string, args ...any) {
		r.logged.Lock()
		defer r.logged.Unlock()
		fmt.Fprintf(r.log, format+"\n", args...)
	}
	r.generations = NewGenerations(s, log)
	c := Config{Generations: r.generations, Now: clock, Log: log, Program: "quern test"}
	if change != nil {
		change(&c)
	}
	r.server = New(c)
	return r
}

// start serves on a free port until the test ends.
func (r *rig) start(t testing.TB) *rig {
	l, err := r.server.Listen("127.0.0.1:0")
	check(t, err)
	r.url = "http://" + l.Addr().String()
	done := make(chan error, 1)
	go func() { done <- r.server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		r.server.Shutdown(ctx)
		if err := <-done; err != nil {
			t.Error(err)
		}
		r.generations.Close()
		if n := r.held(); n != 0 {
			t.Errorf("%d segments are still held at the end", n)
		}
	})
	return r
}

// call sends a request and returns the status and the body.
func call(t testing.TB, c *http.Client, method, url, body string, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	check(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	reply, err := c.Do(r)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Error(err)
	}
	return reply.StatusCode, string(text)
}

// direct sends a request to a handler without a network.
func direct(h http.Handler, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}
