package live_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quern/pipeline/store"
	"quern/serve/live"
	"quern/serve/live/livetest"
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
	s, v := livetest.NewShelf(t), livetest.Constant("a", version)
	made := s.Add(v, livetest.ConstantRows(&v, n, 10), 1)
	text, err := os.ReadFile(s.Files(made.Name)[0])
	check(t, err)
	to := filepath.Join(folder, "views", "a", "versions", version)
	check(t, os.MkdirAll(to, 0o755))
	path := filepath.Join(to, "segment-00000")
	check(t, os.WriteFile(path, text, 0o644))
	seg, err := segment.Open(path)
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
	folder, log := t.TempDir(), &lines{}
	const one, two, three = "20010601-093000-00000001", "20010601-093000-00000002", "20010601-093000-00000003"
	g := live.NewGenerations(&live.Published{Store: &view.Store{Folder: folder, Places: store.Places{}}}, log.log)
	defer g.Close()
	first := putVersion(t, folder, one, 1)
	putVersion(t, folder, two, 2)
	third := putVersion(t, folder, three, 3)
	text, err := os.ReadFile(first)
	check(t, err)
	check(t, os.WriteFile(third, text, 0o644))
	for i, c := range []struct {
		state   view.State
		version string // that is asked for
		want    int64  // 0: there is none
	}{
		{view.State{}, "", 0},
		{view.State{Current: one}, "", 1},
		{view.State{Current: one, Staged: two}, "", 1},
		{view.State{Current: one, Staged: two}, two, 2},
		{view.State{Current: two, Previous: []string{one}}, "", 2},
		{view.State{Current: two, Previous: []string{one}}, one, 0},
		{view.State{Current: three, Previous: []string{two, one}}, "", 2},
	} {
		if i > 0 {
			c.state.Format, c.state.View, c.state.Number = view.Format, "a", int64(i)
			writeRecord(t, filepath.Join(folder, "views", "a", "pointer", fmt.Sprintf("%010d.json", i)), &c.state, &c.state.Seal)
		}
		_, err := g.Reload(t.Context())
		if (err != nil) != (c.state.Current == three) {
			t.Errorf("%+v: %v", c.state, err)
		}
		p := g.Pin()
		if p.Version("a", c.version) == nil {
			if c.want != 0 {
				t.Errorf("%q %+v: there is none", c.version, c.state)
			}
		} else {
			ref := strings.TrimSuffix("a@"+c.version, "@") + ":a0"
			expect(t, fmt.Sprintf("%q %+v", c.version, c.state), numbers(t, p, ref, 1), c.want)
		}
		p.Release()
	}
	if log.count(three+" is refused") != 1 {
		t.Error(log.text.String())
	}
}

// TestModelsAreShared: versions of one model have one transformer, as long as one is open.
func TestModelsAreShared(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	name := live.Name{View: "p", Version: s.PublishRows(3, 10)}
	p := &live.Published{Store: s.Store, Backend: s.Options.Backend}
	g := live.NewGenerations(p, t.Logf)
	defer g.Close()
	reload(t, g)
	c := g.Pin()
	defer c.Release()
	serving := c.Version("p", "").Transform()
	again, err := p.Open(t.Context(), live.Name{View: "p", Version: s.PublishRows(3, 11)})
	check(t, err)
	defer again.Close()
	if again.Transform != serving || serving == nil {
		t.Error("a version of the same model has another transformer")
	}
	without := live.Published{Store: s.Store}
	plain, err := without.Open(t.Context(), name)
	check(t, err)
	defer plain.Close()
	if plain.Transform != nil {
		t.Error("without a back end there is a transformer")
	}
}
