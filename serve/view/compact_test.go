package view_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quern/features/column"
	"quern/pipeline/store"
	"quern/serve/row"
	"quern/serve/view"
)

// pushedRow is a row of the view simple that was pushed.
type pushedRow struct {
	id, n, event int64
	seq          uint64
}

// pushing hands rows out, as an overlay does.
func pushing(t testing.TB, l *row.Layout, all ...pushedRow) func(func(*row.Rows) error) (uint64, error) {
	return func(yield func(*row.Rows) error) (last uint64, err error) {
		for _, p := range all {
			last = max(last, p.seq)
			one := func(t column.Type, v int64) *column.Column {
				return &column.Column{Len: 1, Values: column.Vector{Type: t, Len: 1, Int64s: []int64{v}}}
			}
			var rows row.Rows
			err := l.Encode(row.Input{Rows: 1, Seq: p.seq, Keys: []*column.Column{one(l.Schema().Keys[0].Type, p.id)},
				Fields: []*column.Column{one(l.Schema().Fields[0].Type, p.n)}, Event: one(column.Timestamp, p.event)}, &rows)
			if err != nil {
				t.Fatal(err)
			}
			if err := yield(&rows); err != nil {
				return 0, err
			}
		}
		return last, nil
	}
}

// published is the event time of simpleRows; pushes are around it.
const published = 991353600_000_000

// simplePushes are the options of a compaction of rows of the view simple.
func simplePushes(t testing.TB, all ...pushedRow) view.CompactOptions {
	l, err := row.NewLayout(row.Schema{Time: true, Keys: []column.Field{{Name: "id", Type: column.Int64}}, Fields: []column.Field{{Name: "n", Type: column.Int64}}})
	if err != nil {
		t.Fatal(err)
	}
	return view.CompactOptions{Schema: l.Schema(), Pushed: pushing(t, l, all...)}
}

// numbers returns what a version has, by id.
func numbers(t testing.TB, s *view.Store, version, mirror string) map[int64]int64 {
	t.Helper()
	v, err := openWhole(s, "simple", version, mirror)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	got := map[int64]int64{}
	for _, r := range rowsOf(t, v) {
		key := v.Layout().Key(r)
		got[int64(key[0])] = v.Layout().Int64(r, 0)
	}
	return got
}

// TestCompact: the greatest row of each key by event time, a pushed one among equals; the
// version before is no place to roll back to, but the publish before is; and what the
// compaction took the place of loses its rows soon, and its record only in time.
func TestCompact(t *testing.T) {
	ctx := context.Background()
	clock := &clockAt{time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	s := &view.Store{Folder: t.TempDir(), Now: clock.now}
	x := newTable(t, simple, simpleRows(20))
	first := x.mustPublish(t, s, nil)
	clock.at = clock.at.Add(time.Minute)
	second := x.mustPublish(t, s, func(o *view.PublishOptions) { o.Shards = 3 })
	clock.at = clock.at.Add(time.Minute)
	m, err := s.Compact(ctx, "simple", simplePushes(t,
		pushedRow{1, 7001, published + 1, 11}, pushedRow{2, 7002, published, 12}, pushedRow{3, 7003, published - 1, 13}, pushedRow{100, 7100, 5, 14}))
	if err != nil {
		t.Fatal(err)
	}
	got := numbers(t, s, "", "")
	if len(got) != 21 || got[0] != 1000 || got[1] != 7001 || got[2] != 7002 || got[3] != 1003 || got[100] != 7100 {
		t.Errorf("rows %v", got)
	}
	if m.Rows != 21 || m.Pushed != 3 || m.Sequence() != 14 || m.Compacted.Of != second.Version || len(m.Segments) != 3 || m.Model != second.Model || len(m.Stats) != 1 || m.Stats[0].Quantiles == nil {
		t.Errorf("manifest %+v", m)
	}
	state, err := s.State(ctx, "simple")
	if err != nil || state.Action != "compact" || state.Current != m.Version || !slices.Equal(state.Previous, []string{first.Version}) {
		t.Errorf("state %+v, %v", state, err)
	}
	clock.at = clock.at.Add(20 * time.Minute)
	if _, err := s.Collect(ctx, "simple"); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(filepath.Join(s.Folder, "views/simple/versions", second.Version, "*"))
	if len(left) != 2 { // manifest and model
		t.Errorf("of the version before there is %v", left)
	}
	if _, err := s.Promote(ctx, "simple", second.Version); codeOf(err) != "Q664" {
		t.Errorf("a version without rows is promoted: %v", err)
	}
	clock.at = clock.at.Add(25 * time.Hour)
	if gone, err := s.Collect(ctx, "simple"); err != nil || !slices.Equal(gone, []string{second.Version}) {
		t.Errorf("a day later %v is removed, %v", gone, err)
	}
	if state, err = s.Rollback(ctx, "simple"); err != nil || state.Current != first.Version || !slices.Equal(state.Carried, []string{m.Version}) {
		t.Errorf("after the rollback %+v, %v", state, err)
	}
}

// TestPushedRowsOutliveAPublish: what was compacted is carried over whatever is served next,
// until a compaction takes it in; staging changes nothing; and rows of other columns wait.
func TestPushedRowsOutliveAPublish(t *testing.T) {
	ctx := context.Background()
	s := &view.Store{Folder: t.TempDir()}
	x := newTable(t, simple, simpleRows(5))
	x.mustPublish(t, s, nil)
	one, err := s.Compact(ctx, "simple", simplePushes(t, pushedRow{1, 7001, published + 1, 1}, pushedRow{50, 7050, published, 2}))
	if err != nil {
		t.Fatal(err)
	}
	carried := func() []string {
		state, err := s.State(ctx, "simple")
		if err != nil {
			t.Fatal(err)
		}
		return state.Carried
	}
	if x.mustPublish(t, s, func(o *view.PublishOptions) { o.Stage = true }); len(carried()) != 0 {
		t.Errorf("staging carries %v", carried())
	}
	if x.mustPublish(t, s, nil); !slices.Equal(carried(), []string{one.Version}) {
		t.Errorf("a publish carries %v", carried())
	}
	if x.mustPublish(t, s, nil); !slices.Equal(carried(), []string{one.Version}) {
		t.Errorf("two carry %v", carried())
	}
	two, err := s.Compact(ctx, "simple", simplePushes(t, pushedRow{2, 7002, published + 1, 1}))
	if err != nil {
		t.Fatal(err)
	}
	got := numbers(t, s, "", "")
	if len(got) != 6 || got[1] != 7001 || got[2] != 7002 || got[50] != 7050 || len(carried()) != 0 || two.Pushed != 3 || two.Sequence() != 2 {
		t.Errorf("rows %v, carried %v, %+v", got, carried(), two.Compacted)
	}
	other := newTable(t, strings.Replace(simple, "features:\n", "features:\n  - {name: m, expr: \"n + 1\"}\n", 1), simpleRows(5))
	wide := other.mustPublish(t, s, nil)
	if !slices.Equal(carried(), []string{two.Version}) {
		t.Errorf("a publish of other columns carries %v", carried())
	}
	if _, err := s.Compact(ctx, "simple", simplePushes(t)); codeOf(err) != "Q674" {
		t.Errorf("rows of other columns than those served: %v", err)
	}
	three, err := s.Compact(ctx, "simple", view.CompactOptions{})
	if err != nil || three.Compacted.Of != wide.Version || three.Pushed != 0 || !slices.Equal(carried(), []string{two.Version}) {
		t.Errorf("a compaction without pushes: %v, carried %v", err, carried())
	}
	if _, err := s.Rollback(ctx, "simple"); err != nil || len(carried()) != 0 {
		t.Errorf("the rollback to %s carries %v, %v", two.Version, carried(), err)
	}
}

// hooked is a store that is not of this disk, as far as others know, and in which things
// happen before an object is made.
type hooked struct {
	store.Store
	folder string
	before func(object string)
}

func (h hooked) Create(ctx context.Context, name string) (store.Writer, error) {
	h.before(h.folder + "/" + name)
	return h.Store.Create(ctx, name)
}

// hookedStore returns a store of views on top of which before is called.
func hookedStore(t testing.TB, before func(object string)) *view.Store {
	folder := t.TempDir()
	return &view.Store{Folder: "hook://views", Places: store.Places{"hook": func(_ context.Context, uri string) (store.Store, error) {
		l, err := store.NewLocal(filepath.Join(folder, strings.TrimPrefix(uri, "hook://")))
		return hooked{l, uri, before}, err
	}}}
}

// TestCompactionAndPublishMeet: each happens just before the other points at its version,
// on a store that is not of this disk. Whoever comes later is on top of the other, and no
// pushed row is lost.
func TestCompactionAndPublishMeet(t *testing.T) {
	ctx := context.Background()
	o := simplePushes(t, pushedRow{1, 7001, published + 1, 1})
	o.Mirror = t.TempDir()
	var meanwhile func()
	pointers := 0
	s := hookedStore(t, func(object string) {
		if strings.Contains(object, "/pointer") {
			pointers++
			if do := meanwhile; do != nil {
				meanwhile = nil
				do()
			}
		}
	})
	x := newTable(t, simple, simpleRows(5))
	x.mustPublish(t, s, nil)
	var winner *view.Published
	meanwhile = func() {
		x.write(t, simpleRows(8))
		winner = x.mustPublish(t, s, nil)
	}
	m, err := s.Compact(ctx, "simple", o)
	if err != nil || m.Compacted.Of != winner.Version {
		t.Fatalf("a compaction that lost: %v", err)
	}
	if got := numbers(t, s, "", o.Mirror); len(got) != 8 || got[1] != 7001 {
		t.Errorf("rows %v", got)
	}
	meanwhile = func() {
		if m, err = s.Compact(ctx, "simple", o); err != nil {
			t.Error(err)
		}
	}
	last := x.mustPublish(t, s, nil)
	state, err := s.State(ctx, "simple")
	if err != nil || state.Current != last.Version || !slices.Equal(state.Carried, []string{m.Version}) {
		t.Errorf("after a compaction within a publish: %+v, %v", state, err)
	}
	meanwhile = func() { x.mustPublish(t, s, func(o *view.PublishOptions) { o.Stage = true }) }
	pointers = 0
	if m, err = s.Compact(ctx, "simple", o); err != nil || pointers != 3 {
		t.Errorf("a compaction while a version is staged: %d pointers, %v", pointers, err)
	}
	if state, err = s.State(ctx, "simple"); err != nil || state.Current != m.Version || state.Staged == "" || len(state.Carried) != 0 {
		t.Errorf("after that: %+v, %v", state, err)
	}
}

// TestCompactionFails leaves nothing that is served, and nothing behind.
func TestCompactionFails(t *testing.T) {
	ctx := context.Background()
	s := &view.Store{Folder: t.TempDir()}
	x := newTable(t, simple, simpleRows(5))
	made := x.mustPublish(t, s, nil)
	failed := errors.New("the disk of the log fails")
	o := simplePushes(t)
	o.Pushed = func(func(*row.Rows) error) (uint64, error) { return 0, failed }
	if _, err := s.Compact(ctx, "simple", o); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Compact(canceled, "simple", simplePushes(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := s.Compact(ctx, "nothing", o); codeOf(err) != "Q664" {
		t.Errorf("%v", err)
	}
	state, err := s.State(ctx, "simple")
	files, _ := filepath.Glob(filepath.Join(s.Folder, "views/simple/versions/*/segment-*"))
	if err != nil || state.Current != made.Version || len(files) != 1 {
		t.Errorf("%+v, %v, %v", state, files, err)
	}
}

// TestCompactRefusesDamage: rows that the disk has changed are not given new checksums, and
// what is served goes on being that version.
func TestCompactRefusesDamage(t *testing.T) {
	s := &view.Store{Folder: t.TempDir()}
	p := newTable(t, simple, simpleRows(2000)).mustPublish(t, s, nil)
	damage(t, filepath.Join(s.Folder, "views/simple/versions", p.Version, "segment-00000"))
	if _, err := s.Compact(t.Context(), "simple", simplePushes(t, pushedRow{1, 7001, published + 1, 1})); codeOf(err) != "Q654" {
		t.Errorf("a compaction of damaged rows: %v", err)
	}
	if state, err := s.State(t.Context(), "simple"); err != nil || state.Current != p.Version {
		t.Errorf("afterwards %+v, %v", state, err)
	}
}
