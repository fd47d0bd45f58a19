package view_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"quern/serve/live"
	"quern/serve/lookup"
	"quern/serve/view"
)

// replica is a server's part that follows a store.
type replica struct {
	*live.Generations
	mirror string
}

// follow starts a replica that looks for new versions all the time.
func follow(t *testing.T, s *view.Store, mirror string) *replica {
	r := &replica{live.NewGenerations(&live.Published{Store: s, Mirror: mirror, Log: t.Logf}, func(string, ...any) {}), mirror}
	if _, err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { r.Follow(ctx, 10*time.Millisecond) })
	t.Cleanup(func() { cancel(); group.Wait(); r.Close() })
	return r
}

// look returns the version that is served, and the number of an id; "" if nothing is served.
func (r *replica) look(t *testing.T, id int64) (version, number string) {
	t.Helper()
	c := r.Pin()
	defer c.Release()
	v, ok := c.View("simple", "")
	if !ok {
		return "", ""
	}
	q, err := lookup.Compile(c, []lookup.Ref{{View: "simple", Feature: "n"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var keys lookup.Keys
	keys.Reset(q)
	keys.Columns[0].AddInt(id)
	keys.Rows = 1
	var b lookup.Block
	if err := c.Lookup(context.Background(), q, &keys, &b); err != nil {
		t.Fatal(err)
	}
	if status, shown := b.Status(0, 0); !shown {
		return v.Version, status.String()
	}
	return v.Version, fmt.Sprint(b.Values[0].Int64s[0])
}

// serves waits until a version is served.
func (r *replica) serves(t *testing.T, version string) {
	t.Helper()
	for range 3000 {
		if now, _ := r.look(t, 0); now == version {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("version %s is never served", version)
}

// TestReplicas: any number of servers follow one store, with mirrors of their own or a shared
// one; none ever shows rows of two versions; old copies go.
func TestReplicas(t *testing.T) {
	s := onS3(t)
	s.store.Keep = 1
	x := newTable(t, simple, simpleRows(100))
	x.mustPublish(t, s.store, nil)
	shared := t.TempDir()
	replicas := []*replica{follow(t, s.store, shared), follow(t, s.store, shared), follow(t, s.store, t.TempDir())}
	for i := range 4 {
		rows := 101 + i
		x.write(t, simpleRows(rows))
		last := x.mustPublish(t, s.store, nil).Version
		for _, r := range replicas {
			r.serves(t, last)
			if _, got := r.look(t, int64(rows-1)); got != fmt.Sprint(1000+rows-1) {
				t.Errorf("version %s has %s for the newest key", last, got)
			}
		}
	}
	for _, r := range replicas {
		copies, _ := filepath.Glob(filepath.Join(r.mirror, "views/simple/versions/*"))
		if len(copies) > 2 {
			t.Errorf("the mirror keeps %v", copies)
		}
	}
}

// TestStoreVanishes: what is served goes on while its store is not there, whether it cannot
// be reached or is empty all of a sudden, and is followed again once it is back.
func TestStoreVanishes(t *testing.T) {
	onStores(t, func(t *testing.T, s *shelf) {
		x := newTable(t, simple, simpleRows(10))
		first := x.mustPublish(t, s.store, nil).Version
		mirror := ""
		if s.server != nil {
			mirror = t.TempDir()
		}
		r := live.NewGenerations(&live.Published{Store: s.store, Mirror: mirror}, t.Logf)
		defer r.Close()
		whole := *s.store
		look := &replica{Generations: r}
		for i, folder := range []string{whole.Folder, "/nowhere/at/all", whole.Folder, t.TempDir(), whole.Folder} {
			s.store.Folder = folder
			_, err := r.Reload(t.Context())
			if gone := folder != whole.Folder; (codeOf(err) == "Q666") != gone || !gone && err != nil {
				t.Errorf("%d: reload from %s: %v", i, folder, err)
			}
			if version, number := look.look(t, 7); version != first || number != "1007" {
				t.Errorf("%d: version %s serves %s", i, version, number)
			}
		}
		second := x.mustPublish(t, s.store, nil).Version
		if _, err := r.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		look.serves(t, second)
	})
}

// TestOneDamagedViewIsNotAll: a view whose pointer cannot be read stays as it was; the others
// go on.
func TestOneDamagedViewIsNotAll(t *testing.T) {
	s := &shelf{store: &view.Store{Folder: t.TempDir()}}
	x := newTable(t, simple, simpleRows(10))
	first := x.mustPublish(t, s.store, nil).Version
	x.mustPublish(t, s.store, func(o *view.PublishOptions) { o.View = "other" })
	var said []string
	log := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	r := live.NewGenerations(&live.Published{Store: s.store, Log: log}, t.Logf)
	defer r.Close()
	if _, err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.mustPublish(t, s.store, nil)
	put(t, s.files(t, "simple"), "pointer/0000000002.json", []byte("{}"))
	other := x.mustPublish(t, s.store, func(o *view.PublishOptions) { o.View = "other" }).Version
	for range 2 {
		if _, err := r.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if version, number := (&replica{Generations: r}).look(t, 3); version != first || number != "1003" {
		t.Errorf("the damaged view: version %s, %s", version, number)
	}
	c := r.Pin()
	defer c.Release()
	if v, ok := c.View("other", ""); !ok || v.Version != other {
		t.Errorf("the other view: %+v", v)
	}
	if len(said) != 1 {
		t.Errorf("told %q", said)
	}
}
