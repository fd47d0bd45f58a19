package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quern/pipeline/store"
	"quern/serve/segment"
	"quern/serve/view"
)

// writeRecord writes a sealed record as a store of views has it.
func writeRecord(t testing.TB, path string, record any, seal *string) {
	text := func() []byte {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		check(t, e.Encode(record))
		return b.Bytes()
	}
	sum := sha256.Sum256(text())
	*seal = hex.EncodeToString(sum[:])
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, text(), 0o644))
}

// putVersion puts a version of the view a, whose values are n, into a store, and returns
// the path of its segment.
func putVersion(t testing.TB, folder, version string, n int) string {
	s := newShelf(t)
	name := constant(s, "a", n, 10).Name
	o := s.made[name]
	o.View.Version = version
	made := s.add(o.View, constantRows(&o.View, n, 10), 1)
	text, err := os.ReadFile(s.files[made.Name][0])
	check(t, err)
	to := filepath.Join(folder, "views", "a", "versions", version)
	check(t, os.MkdirAll(to, 0o755))
	path := filepath.Join(to, "segment-00000")
	check(t, os.WriteFile(path, text, 0o644))
	seg, err := segment.Open(path, segment.OpenOptions{})
	check(t, err)
	seal := seg.Info().Seal
	check(t, seg.Close())
	m := view.Manifest{Format: view.Format, View: "a", Version: version, Model: strings.Repeat("0", 64), TTL: time.Hour,
		Key: []view.Field{{Name: "id", Type: "int64"}}, Features: []view.Field{{Name: "a0", Type: "int64"}, {Name: "a1", Type: "int64"}},
		Services: map[string][]string{"svc": {"a1"}}, Rows: 10,
		Segments: []view.File{{Name: "segment-00000", Bytes: int64(len(text)), Rows: 10, Seal: hex.EncodeToString(seal[:])}}}
	writeRecord(t, filepath.Join(to, "manifest.json"), &m, &m.Seal)
	return path
}

// TestPublished follows a store: publish, stage, promote, and a version with another's file.
func TestPublished(t *testing.T) {
	folder := t.TempDir()
	const one, two, three = "20010601-093000-00000001", "20010601-093000-00000002", "20010601-093000-00000003"
	r := newRig(t, newShelf(t), nil)
	log := r.generations.log
	r.generations = NewGenerations(&Published{Store: &view.Store{Folder: folder, Places: store.Places{}}}, log)
	r.server = New(Config{Generations: r.generations, Log: log, Now: func() time.Time { return time.Unix(0, 0) }})
	r.start(t)
	first := putVersion(t, folder, one, 1)
	putVersion(t, folder, two, 2)
	third := putVersion(t, folder, three, 3)
	text, err := os.ReadFile(first)
	check(t, err)
	check(t, os.WriteFile(third, text, 0o644))
	for i, c := range []struct {
		state     view.State
		ask, want string
	}{
		{view.State{}, "a:a0", "FeatureViewNotFound"},
		{view.State{Current: one}, "a:a0", `{"a0":1}`},
		{view.State{Current: one, Staged: two}, "a:a0", `{"a0":1}`},
		{view.State{Current: one, Staged: two}, "a@" + two + ":a0", `{"a0":2}`},
		{view.State{Current: two, Previous: []string{one}}, "a:a0", `{"a0":2}`},
		{view.State{Current: three, Previous: []string{two, one}}, "a:a0", `{"a0":2}`},
	} {
		if i > 0 {
			c.state.Format, c.state.View, c.state.Number = view.Format, "a", int64(i)
			writeRecord(t, filepath.Join(folder, "views", "a", "pointer", "000000000"+string(rune('0'+i))+".json"), &c.state, &c.state.Seal)
		}
		_, err := r.generations.Reload(context.Background())
		if (err != nil) != (c.state.Current == three) {
			t.Errorf("%+v: %v", c.state, err)
		}
		_, text := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", `{"features":["`+c.ask+`"],"rows":[{"id":1}]}`)
		if !strings.Contains(text, c.want) {
			t.Errorf("%s %+v: %s, want %s", c.ask, c.state, text, c.want)
		}
	}
	if !strings.Contains(r.log.String(), three+" is refused") {
		t.Error(r.log)
	}
}
