package live_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/features/diag"
	"quern/serve/fieldstatus"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func codeOf(err error) diag.Code {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func expect(t testing.TB, what string, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func reload(t testing.TB, g *live.Generations) {
	t.Helper()
	_, err := g.Reload(context.Background())
	check(t, err)
}

// lines are what was logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) log(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(&l.text, format+"\n", args...)
}

func (l *lines) logged() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

// query compiles features, each VIEW:FEATURE or VIEW@VERSION:FEATURE, and puts ids into keys.
func query(t testing.TB, c lookup.Catalog, keys *lookup.Keys, ids []int64, features ...string) *lookup.Query {
	t.Helper()
	var refs []lookup.Ref
	for _, text := range features {
		ref, err := lookup.ParseRef(text)
		check(t, err)
		refs = append(refs, ref)
	}
	q, err := lookup.Compile(c, refs, true)
	check(t, err)
	keys.Reset(q)
	for _, id := range ids {
		keys.Columns[0].AddInt(id)
	}
	keys.Rows = len(ids)
	return q
}

// numbers looks up a feature of integers; -1 where there is none.
func numbers(t testing.TB, c lookup.Catalog, feature string, ids ...int64) []int64 {
	t.Helper()
	var keys lookup.Keys
	var b lookup.Block
	check(t, c.Lookup(context.Background(), query(t, c, &keys, ids, feature), &keys, &b))
	got := make([]int64, len(ids))
	for i := range ids {
		if got[i] = -1; b.Parts[0].Status[i] == fieldstatus.Present {
			got[i] = b.Values[0].Int64s[i]
		}
	}
	return got
}

// now is numbers of the present generation.
func now(t testing.TB, g *live.Generations, feature string, ids ...int64) []int64 {
	t.Helper()
	c := g.Pin()
	defer c.Release()
	return numbers(t, c, feature, ids...)
}

// rig is what owns the overlay of a store's views.
type rig struct {
	*live.Generations
	*live.Overlays
	store *livetest.Store
	lines
}

// newRig serves what is published. Nothing is compacted unless a test says so, by compact.
func newRig(t testing.TB, s *livetest.Store, change func(*live.OverlayOptions)) *rig {
	t.Helper()
	r := &rig{store: s}
	r.Generations = live.NewGenerations(&live.Published{Store: s.Store}, r.log)
	o := live.OverlayOptions{Folder: t.TempDir(), Compact: 1, Into: &live.Published{Store: s.Store}, Log: r.log}
	if change != nil {
		change(&o)
	}
	var err error
	r.Overlays, err = live.NewOverlays(r.Generations, o)
	check(t, err)
	t.Cleanup(func() { r.close(t) })
	reload(t, r.Generations)
	return r
}

func (r *rig) close(t testing.TB) {
	r.Generations.Close()
	check(t, r.Overlays.Close())
}

// compact has all rows that wait compacted. It does not stop the test: it may run beside it.
func (r *rig) compact(t testing.TB) {
	t.Helper()
	before := r.Counts().CompactionFailures
	r.Maintain(context.Background(), time.Now())
	if r.Counts().CompactionFailures > before {
		t.Errorf("a compaction failed: %s", r.logged())
	}
}

// push pushes ids with the number event at that many seconds (livetest.Instant).
func (r *rig) push(t testing.TB, event int64, ids ...int64) {
	t.Helper()
	g := r.Pin()
	defer g.Release()
	var rows lookup.Rows
	rows.Reset(g.Version("p", "").View())
	rows.Rows = len(ids)
	for _, id := range ids {
		rows.Keys[0].AddInt(id)
		rows.Fields[0].AddInt(event)
		rows.Fields[1].AddFloat(float64(event) / 2)
		rows.Event, rows.Created = append(rows.Event, (1_000_000_000+event)*1_000_000), append(rows.Created, lookup.NoTime)
	}
	check(t, r.Write(context.Background(), &rows))
}

// waiting returns how many rows are in no segment.
func (r *rig) waiting() int64 {
	g := r.Pin()
	defer g.Release()
	return g.Version("p", "").Overlay().Rows
}
