package view_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/internal/s3test"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
	"quern/serve/row"
	"quern/serve/view"
)

// shelf is a store of views of a kind, and how to open versions of it.
type shelf struct {
	store  *view.Store
	mirror string         // of a store that is not local
	server *s3test.Server // nil: the store is local
	proxy  *s3test.Proxy
	bucket string
}

// onStores runs a test on the local disk and on a real S3 server.
func onStores(t *testing.T, test func(t *testing.T, s *shelf)) {
	t.Run("local", func(t *testing.T) {
		test(t, &shelf{store: &view.Store{Folder: t.TempDir()}})
	})
	t.Run("s3", func(t *testing.T) { test(t, onS3(t)) })
}

// onS3 is a shelf in a bucket.
func onS3(t *testing.T) *shelf {
	server := s3test.Start(t)
	s := &shelf{server: server, proxy: s3test.NewProxy(t, server), bucket: server.Bucket(t), mirror: t.TempDir()}
	for _, v := range server.Environment(s.proxy.Endpoint) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	places := store.Places{s3.Scheme: s3.NewClient(s3.FromEnvironment()).Open}
	s.store = &view.Store{Places: places, Folder: "s3://" + s.bucket + "/features"}
	return s
}

// files is the store in which a view's objects are.
func (s *shelf) files(t testing.TB, name string) store.Store {
	st, err := s.store.Places.Store(t.Context(), store.Join(s.store.Folder, "views/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// numberOf looks an id of the view simple up in what is served.
func (s *shelf) numberOf(t testing.TB, version string, id int64) string {
	t.Helper()
	v, err := openWhole(s.store, "simple", version, s.mirror)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var keys row.Keys
	keys.Reset(v.Layout())
	keys.PutInt(id)
	found := make([]row.Row, 1)
	if err := find(v, &keys, found); err != nil {
		t.Fatal(err)
	}
	if found[0].Missing() {
		return "missing"
	}
	return fmt.Sprint(v.Layout().Int64(found[0], 0))
}

// TestLifeOfAView on every kind of store: publish, stage, promote, roll back, trim, collect.
func TestLifeOfAView(t *testing.T) {
	onStores(t, func(t *testing.T, s *shelf) {
		clock := &clockAt{time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
		s.store.Now = clock.now
		x := newTable(t, simple, simpleRows(50))
		publish := func(rows int, stage bool) string {
			clock.at = clock.at.Add(time.Minute)
			x.write(t, simpleRows(rows))
			return x.mustPublish(t, s.store, func(o *view.PublishOptions) { o.Stage = stage }).Version
		}
		if _, err := s.store.State(t.Context(), "simple"); codeOf(err) != "Q664" {
			t.Errorf("a view that was never published: %v", err)
		}
		a, b := publish(50, false), publish(60, true)
		if got := s.numberOf(t, "", 55) + s.numberOf(t, b, 55); got != "missing1055" {
			t.Errorf("staged: %s", got)
		}
		if _, err := s.store.Promote(t.Context(), "simple", ""); err != nil {
			t.Fatal(err)
		}
		c := publish(70, false)
		d, e := publish(80, false), publish(90, false)
		s.roles(t, map[string]string{e: "serving", d: "previous", c: "previous", b: "previous", a: "dropped"})
		if _, err := s.store.Rollback(t.Context(), "simple"); err != nil || s.numberOf(t, "", 85) != "missing" {
			t.Errorf("rolled back: %v", err)
		}
		s.roles(t, map[string]string{d: "serving", c: "previous", b: "previous", a: "dropped", e: "dropped"})
		if over, err := s.store.Trim(t.Context(), "simple", 1); err != nil || !slices.Equal(over, []string{b}) {
			t.Errorf("trimmed %v, %v", over, err)
		}
		clock.at = clock.at.Add(23 * time.Hour)
		if gone, err := s.store.Collect(t.Context(), "simple"); err != nil || gone != nil {
			t.Errorf("collected within the grace time: %v, %v", gone, err)
		}
		if _, err := s.store.Promote(t.Context(), "simple", a); codeOf(err) != "Q664" {
			t.Errorf("promoted what is removed at any moment: %v", err)
		}
		clock.at = clock.at.Add(2 * time.Hour)
		gone, err := s.store.Collect(t.Context(), "simple")
		want := []string{a, b, e}
		if slices.Sort(want); err != nil || !slices.Equal(gone, want) {
			t.Errorf("collected %v, %v, want %v", gone, err, want)
		}
		s.roles(t, map[string]string{d: "serving", c: "previous"})
		if got := s.numberOf(t, "", 75) + s.numberOf(t, c, 65); got != "10751065" {
			t.Errorf("after collecting: %s", got)
		}
	})
}

// roles checks what the versions of the view simple are.
func (s *shelf) roles(t *testing.T, want map[string]string) {
	t.Helper()
	versions, err := s.store.Versions(t.Context(), "simple")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range versions {
		role := v.Role
		if v.Damage != nil {
			role += ", damaged"
		}
		if want[v.Version] != role || (v.What == nil) != (role == "unfinished" || v.Damage != nil) {
			t.Errorf("version %s is %s (%v), want %s", v.Version, role, v.Damage, want[v.Version])
		}
	}
	if len(versions) != len(want) {
		t.Errorf("%d versions, want %d", len(versions), len(want))
	}
}

// TestRacingPublishers: of eight that publish at once one wins each step, the others are
// told so (Q663), and every version that somebody was told is served was served.
func TestRacingPublishers(t *testing.T) {
	onStores(t, func(t *testing.T, s *shelf) {
		tables := make([]*table, 8)
		for i := range tables {
			tables[i] = newTable(t, simple, simpleRows(20))
		}
		var mu sync.Mutex
		var won []string
		lost := 0
		var group sync.WaitGroup
		for _, x := range tables {
			group.Go(func() {
				for range 3 {
					p, err := x.publish(t, s.store, nil)
					mu.Lock()
					if err == nil {
						won = append(won, p.Version)
					} else if lost++; codeOf(err) != "Q663" {
						t.Error(err)
					}
					mu.Unlock()
				}
			})
		}
		group.Wait()
		state, err := s.store.State(t.Context(), "simple")
		if err != nil || int(state.Number) != len(won) || !slices.Contains(won, state.Current) {
			t.Fatalf("%d won, %d lost, the state is %+v, %v", len(won), lost, state, err)
		}
		if lost == 0 {
			t.Log("nobody lost")
		}
		for _, v := range state.Kept() {
			if !slices.Contains(won, v) || s.numberOf(t, v, 7) != "1007" {
				t.Errorf("version %s is kept", v)
			}
		}
		versions, err := s.store.Versions(t.Context(), "simple")
		if err != nil || len(versions) != len(won) {
			t.Errorf("%d versions are there, %d won: losers leave nothing (%v)", len(versions), len(won), err)
		}
	})
}

// TestRacingPromotions: of many that say at once what is served, one wins each step.
func TestRacingPromotions(t *testing.T) {
	onStores(t, func(t *testing.T, s *shelf) {
		x := newTable(t, simple, simpleRows(5))
		versions := make([]string, 3)
		for i := range versions {
			versions[i] = x.mustPublish(t, s.store, nil).Version
		}
		var mu sync.Mutex
		won := 0
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				_, err := s.store.Promote(t.Context(), "simple", versions[i%3])
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if codeOf(err) != "Q663" {
					t.Error(err)
				}
			})
		}
		group.Wait()
		state, err := s.store.State(t.Context(), "simple")
		if err != nil || int(state.Number) != 3+won || won == 0 {
			t.Errorf("%d won, the state is %+v, %v", won, state, err)
		}
	})
}

// TestMirror: copies are made once, checked when they are found, and fetched again where
// they are torn or damaged; open ones stay whole meanwhile.
func TestMirror(t *testing.T) {
	s := onS3(t)
	x := newTable(t, simple, simpleRows(3000))
	p := x.mustPublish(t, s.store, func(o *view.PublishOptions) { o.Shards = 2 })
	open := func() *view.View {
		v, err := openWhole(s.store, "simple", "", s.mirror)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first := open()
	defer first.Close()
	folder := filepath.Join(s.mirror, "views/simple/versions", p.Version)
	path := filepath.Join(folder, "segment-00001")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s.proxy.Fail(nil) // counts from zero
	open().Close()
	if n := s.proxy.Received.Load(); n > int64(len(whole))/2 {
		t.Errorf("a version that is here was copied again: %d bytes", n)
	}
	for what, damage := range map[string]func() error{
		"torn":    func() error { return replace(path, whole[:len(whole)/3]) },
		"empty":   func() error { return replace(path, nil) },
		"a bit":   func() error { b := slices.Clone(whole); b[len(b)/2] ^= 4; return replace(path, b) },
		"missing": func() error { return os.Remove(path) },
		"all":     func() error { return os.RemoveAll(folder) },
		"longer":  func() error { return replace(path, append(slices.Clone(whole), 0)) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		open().Close()
		if now, err := os.ReadFile(path); err != nil || string(now) != string(whole) {
			t.Errorf("%s: the copy is not what it was: %v", what, err)
		}
	}
	if err := first.Verify(t.Context()); err != nil {
		t.Errorf("an open version: %v", err)
	}
}

// replace gives a name other contents, as a new file: mappings of the old one stay whole.
func replace(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// TestSharedMirror: many that open and damage the same copies at once all get whole ones.
func TestSharedMirror(t *testing.T) {
	s := onS3(t)
	x := newTable(t, simple, simpleRows(500))
	p := x.mustPublish(t, s.store, func(o *view.PublishOptions) { o.Shards = 3 })
	folder := filepath.Join(s.mirror, "views/simple/versions", p.Version)
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			for j := range 8 {
				v, err := openWhole(s.store, "simple", "", s.mirror)
				if err != nil {
					t.Error(err)
					return
				}
				v.Close()
				if i == 0 && j%2 == 1 {
					replace(filepath.Join(folder, "segment-00001"), []byte("torn"))
				}
			}
		})
	}
	group.Wait()
	s.numberOf(t, "", 1)
}

// TestCleanMirror removes what is not kept, and nothing else.
func TestCleanMirror(t *testing.T) {
	s := onS3(t)
	x := newTable(t, simple, simpleRows(10))
	a, b := x.mustPublish(t, s.store, nil).Version, x.mustPublish(t, s.store, nil).Version
	s.numberOf(t, a, 1)
	s.numberOf(t, b, 1)
	attempts := filepath.Join(s.mirror, "views/simple/_quern/attempts")
	if err := os.MkdirAll(attempts, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, age := range map[string]time.Duration{"dead": 7 * time.Hour, "alive": time.Hour} {
		path := filepath.Join(attempts, name)
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-age)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := view.CleanMirror(s.mirror, "simple", b); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]bool{"versions/" + a: false, "versions/" + b: true, "_quern/attempts/dead": false, "_quern/attempts/alive": true} {
		if _, err := os.Stat(filepath.Join(s.mirror, "views/simple", path)); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	if err := view.CleanMirror(t.TempDir(), "simple"); err != nil {
		t.Errorf("an empty mirror: %v", err)
	}
}
