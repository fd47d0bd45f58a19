package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quern/cpu"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/serve/view"
)

// pushRecipe is a view of a number, and what is made of it, by an id.
const pushRecipe = `quern: 1
name: p
source: {jsonl: rows.jsonl, schema: {at: timestamp, n: int64}}
key: [id]
time: at
features:
  - columns: [n]
  - {name: half, expr: "float(n) / 2.0"}
`

// pushStore is a store that versions of the view p are published to.
type pushStore struct {
	*view.Store
	t      testing.TB
	folder string // of the source
	mirror string
	recipe *recipe.Recipe
	model  *model.Model
	o      pipeline.Options
}

// newPushStore fits a recipe and makes a store without versions.
func newPushStore(t testing.TB, text string) *pushStore {
	s := &pushStore{Store: &view.Store{Folder: t.TempDir()}, t: t, folder: t.TempDir(), o: pipeline.Options{Backend: cpu.New(), Workers: 1}}
	s.fit(text)
	return s
}

func (s *pushStore) fit(text string) {
	s.t.Helper()
	s.write(5, 0)
	var err error
	s.recipe, err = recipe.Parse(filepath.Join(s.folder, "recipe.yaml"), []byte(text))
	check(s.t, err)
	fitted, err := pipeline.Fit(context.Background(), s.recipe, s.o)
	check(s.t, err)
	s.model = fitted.Model
}

// write makes the source: ids 0 to rows-1, with the number event at that many seconds.
func (s *pushStore) write(rows int, event int64) {
	var b strings.Builder
	for id := range rows {
		fmt.Fprintf(&b, `{"id": %d, "at": %q, "n": %d}`+"\n", id, instant(event), event)
	}
	check(s.t, os.WriteFile(filepath.Join(s.folder, "rows.jsonl"), []byte(b.String()), 0o644))
}

// instant is a time so many seconds after the first.
func instant(event int64) string {
	return time.Unix(1_000_000_000+event, 0).UTC().Format(time.RFC3339)
}

// publish publishes rows as write makes them, and returns the version.
func (s *pushStore) publish(rows int, event int64) string {
	s.t.Helper()
	s.write(rows, event)
	made, err := s.Publish(context.Background(), s.model, s.recipe, view.PublishOptions{Options: s.o, Force: true})
	check(s.t, err)
	return made.Version
}

// pushRig is a server that owns the overlay of a store's views.
type pushRig struct {
	*rig
	store    *pushStore
	overlays *Overlays
	folder   string
}

// newPushRig starts a server over what is published. Nothing is compacted unless a test
// says so, by maintain, or change gives options for Run.
func newPushRig(t testing.TB, s *pushStore, folder string, change func(*OverlayOptions)) *pushRig {
	t.Helper()
	r := &pushRig{rig: newRig(t, newShelf(t), nil), store: s, folder: folder}
	log := r.generations.log
	published := &Published{Store: s.Store, Backend: s.o.Backend, Mirror: s.mirror}
	r.generations = NewGenerations(published, log)
	o := OverlayOptions{Folder: folder, Every: -1, Into: &Published{Store: s.Store, Mirror: s.mirror}, Log: log}
	if change != nil {
		change(&o)
	}
	var err error
	r.overlays, err = NewOverlays(r.generations, o)
	check(t, err)
	r.server = New(Config{Generations: r.generations, Writer: r.overlays, Log: log, Deadline: 30 * time.Second,
		Now: func() time.Time { return time.Unix(1_000_000_000, 0) }})
	r.start(t)
	t.Cleanup(func() { check(t, r.overlays.Close()) })
	r.reload(t)
	return r
}

func (r *pushRig) reload(t testing.TB) {
	t.Helper()
	_, err := r.generations.Reload(context.Background())
	check(t, err)
}

// compact compacts now, by the same way as Run.
func (r *pushRig) compact(t testing.TB) string {
	t.Helper()
	one := r.overlays.list()[0]
	check(t, r.overlays.compact(context.Background(), one))
	if one.made != "" {
		t.Fatalf("version %s is not served after a compaction", one.made)
	}
	state, err := r.store.State(context.Background(), "p")
	check(t, err)
	return state.Current
}

// push pushes the number event at that many seconds.
func (r *pushRig) push(t testing.TB, id, event int64) {
	t.Helper()
	if code, text := r.tryPush(t, id, event); code != http.StatusOK {
		t.Fatalf("push: %d %s", code, text)
	}
}

func (r *pushRig) tryPush(t testing.TB, id, event int64) (int, string) {
	t.Helper()
	return call(t, http.DefaultClient, "POST", r.url+"/write-to-online-store",
		fmt.Sprintf(`{"feature_view_name":"p","df":{"id":[%d],"n":[%d],"half":[%g],"event_timestamp":[%q]}}`, id, event, float64(event)/2, instant(event)))
}

// ask returns the numbers of ids; -1 for one that is not found.
func (r *pushRig) ask(t testing.TB, ids ...int64) []int64 { return askAt(t, r.url, ids...) }

func askAt(t testing.TB, url string, ids ...int64) []int64 {
	t.Helper()
	text, _ := json.Marshal(ids)
	code, body := call(t, http.DefaultClient, "POST", url+"/get-online-features", `{"features":["p:n","p:half"],"entities":{"id":`+string(text)+`}}`)
	var reply struct {
		Results []struct {
			Values   []*float64
			Statuses []string
		}
	}
	if err := json.Unmarshal([]byte(body), &reply); code != http.StatusOK || err != nil || len(reply.Results) != 3 {
		t.Fatalf("look-up: %d %s %v", code, body, err)
	}
	got := make([]int64, len(ids))
	for i := range ids {
		n, half := reply.Results[1].Values[i], reply.Results[2].Values[i]
		switch {
		case n == nil && half == nil:
			got[i] = -1
		case n == nil || half == nil || *half != *n/2:
			t.Fatalf("a torn row: %s", body)
		default:
			got[i] = int64(*n)
		}
	}
	return got
}

func codeOf(err error) diag.Code {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
