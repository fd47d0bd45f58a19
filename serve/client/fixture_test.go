package client_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"quern/features/column"
	"quern/serve"
	"quern/serve/access"
	"quern/serve/client"
	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/row"
	"quern/serve/segment"
)

// token is what the test's server lets in.
const token = "0123456789abcdef012345"

// shelf is one view of drivers, in a file.
type shelf struct{ path string }

func drivers() lookup.View {
	v := lookup.View{Name: "drivers", Version: "v1", TTL: 24 * time.Hour, Keys: []column.Field{{Name: "driver_id", Type: column.Int64}}}
	for _, f := range []column.Field{{Name: "rate", Type: column.Float32}, {Name: "trips", Type: column.Int32}, {Name: "city", Type: column.String},
		{Name: "joined", Type: column.Date}, {Name: "seen", Type: column.Timestamp}, {Name: "active", Type: column.Bool},
		{Name: "recent", Type: column.ListOf(column.Float64)}, {Name: "tags", Type: column.ListOf(column.String)}} {
		v.Fields = append(v.Fields, lookup.Field{Name: f.Name, Type: f.Type})
	}
	return v
}

// now is the clock of the server.
func now() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

// rows are drivers 1000 (whole), 1001 (all null) and 1002 (too old).
func rows(v *lookup.View) *lookup.Rows {
	r := &lookup.Rows{}
	r.Reset(v)
	r.Rows = 3
	for i := range 3 {
		r.Keys[0].AddInt(int64(1000 + i))
		r.Created = append(r.Created, lookup.NoTime)
		if i == 1 {
			for f := range r.Fields {
				r.Fields[f].AddNull()
			}
			continue
		}
		r.Fields[0].AddFloat(0.1)
		r.Fields[1].AddInt(7)
		r.Fields[2].AddString([]byte("Zürich \"1\""))
		r.Fields[3].AddString([]byte("2020-02-29"))
		r.Fields[4].AddString([]byte("2023-11-14T22:13:20.123456Z"))
		r.Fields[5].AddBool(true)
		for _, x := range []float64{math.Pi, math.Inf(1)} {
			r.Fields[6].Element().AddFloat(x)
		}
		r.Fields[6].End()
		r.Fields[7].End()
	}
	r.Event = []int64{now().Add(-time.Hour).UnixMicro(), now().UnixMicro(), now().Add(-48 * time.Hour).UnixMicro()}
	return r
}

func (s *shelf) Current(context.Context) ([]live.Wanted, error) {
	return []live.Wanted{{Name: live.Name{View: "drivers", Version: "v1"}}}, nil
}

func (s *shelf) Open(context.Context, live.Name) (*live.Opened, error) {
	seg, err := segment.Open(s.path)
	if err != nil {
		return nil, err
	}
	return &live.Opened{View: drivers(), Segments: []*segment.Segment{seg},
		Services: map[string][]lookup.Ref{"pricing": {{View: "drivers", Feature: "rate"}, {View: "drivers", Feature: "city"}}}}, nil
}

// taken is a Writer that looks at what is pushed, while it is there.
type taken struct {
	look func(*lookup.Rows)
	once sync.Once
}

func (w *taken) Write(_ context.Context, r *lookup.Rows) error {
	w.once.Do(func() { w.look(r) })
	return nil
}

// serving starts a server of the view and returns its address. It panics where it cannot.
func serving(dir string, writer lookup.Writer) (address string, stop func()) {
	v := drivers()
	l, err := row.NewLayout(v.Schema())
	must(err)
	var encoded row.Rows
	must(rows(&v).Encode(l, 1, &encoded))
	b, err := segment.NewBuilder(l, segment.BuildOptions{View: v.Name, Version: v.Version, Shards: 1})
	must(err)
	must(b.Add(&encoded))
	path := filepath.Join(dir, "segment")
	f, err := os.Create(path)
	must(err)
	_, _, err = b.Write(f)
	must(errors.Join(err, f.Close(), b.Close()))
	tokens := filepath.Join(dir, "tokens.json")
	must(os.WriteFile(tokens, []byte(fmt.Sprintf(`{"tokens": [{"name": "t", "token": %q, "read": ["drivers"], "write": ["drivers"]}]}`, token)), 0o600))
	known, err := access.ReadTokens(tokens)
	must(err)
	g := live.NewGenerations(&shelf{path}, func(string, ...any) {})
	_, err = g.Reload(context.Background())
	must(err)
	s := serve.New(serve.Config{Generations: g, Tokens: known, Now: now, Writer: writer})
	listener, err := s.Listen("127.0.0.1:0")
	must(err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		must(s.Shutdown(ctx))
		must(<-done)
		g.Close()
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// started returns a client of a new server.
func started(t testing.TB, writer lookup.Writer) *client.Client {
	address, stop := serving(t.TempDir(), writer)
	t.Cleanup(stop)
	c, err := client.New(address, client.Options{Token: token})
	check(t, err)
	t.Cleanup(c.Close)
	return c
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
