package serve

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"quern/pipeline/store"
	"quern/serve/feast"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
)

func expect(t testing.TB, what string, got []int64, want ...int64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// TestPush: by Feast's two calls and by quern's own, of values and of raw rows; what was
// acknowledged is seen by the next request, the latest event wins, whatever came later, and
// statuses and times are those of the pushed row.
func TestPush(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe+"online: {ttl: 1h}\n")
	s.PublishRows(3, -10)
	r := newPushRig(t, s, t.TempDir(), nil)
	expect(t, "before", r.ask(t, 0, 1, 2, 9), -10, -10, -10, -1)
	r.push(t, 0, -5)
	r.push(t, 9, -7)
	r.push(t, 1, -11) // an older event
	post := func(path, body, want string) {
		t.Helper()
		if code, text := call(t, http.DefaultClient, "POST", r.url+path, body); code != 200 || text != want {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
	post("/push", `{"push_source_name":"p","df":{"id":[2],"n":[-4],"half":[-2],"event_timestamp":["`+livetest.Instant(-4)+`"]}}`, "")
	expect(t, "after", r.ask(t, 0, 1, 2, 9), -5, -10, -4, -7)
	version := r.served()
	post("/v1/push/p", `{"rows":[{"id":20,"n":-3,"half":-1.5,"at":"`+livetest.Instant(-3)+`"},{"id":21,"n":null,"half":null,"at":"`+livetest.Instant(-3)+`","created":"`+livetest.Instant(0)+`"}]}`,
		`{"view":"p","version":"`+version+`","rows":2}`)
	post("/v1/push/p", `{"raw":true,"rows":[{"id":22,"n":-6,"at":"`+livetest.Instant(-6)+`"}]}`, `{"view":"p","version":"`+version+`","rows":1}`)
	r.push(t, 23, -3601)
	expect(t, "native", r.ask(t, 20, 21, 22, 23), -3, -1, -6, -1)
	_, text := call(t, http.DefaultClient, "POST", r.url+"/get-online-features", `{"features":["p:n"],"entities":{"id":[20,21,22,23,24]}}`)
	want := `"statuses":["PRESENT","NULL_VALUE","PRESENT","OUTSIDE_MAX_AGE","NOT_FOUND"],"event_timestamps":["` + livetest.Instant(-3)
	if !strings.Contains(text, want) {
		t.Errorf("statuses and times: %s\nwant %s", text, want)
	}
	for body, want := range map[string]string{
		`{"rows":[{"id":1,"n":2,"half":1}]}`:                         `has no column \\\"at\\\"`,
		`{"rows":[{"id":1,"n":2,"at":"2001-01-01"}]}`:                `has no column \\\"half\\\"`,
		`{"rows":[{"id":1,"n":2,"half":1,"at":"2001-01-01","x":1}]}`: "none of view p",
		`{"rows":[{"id":null,"n":2,"half":1,"at":"2001-01-01"}]}`:    "is null",
		`{"rows":[{"id":1,"n":2.5,"half":1,"at":"2001-01-01"}]}`:     "2.5",
		`{"rows":[{"id":1,"n":2,"half":1,"at":null}]}`:               "no time",
		`{"rows":[{"id":1,"n":2,"half":1,"at":7}]}`:                  "no time",
		`{"rows":[]}`:                          "no rows",
		`{"rows":7}`:                           "no array",
		`{"row":[]}`:                           "unknown field",
		`{"raw":true,"rows":[{"id":1,"n":2}]}`: "at",
		`{"rows":[{"id":1,"n":2,"half":1,"at":"2001-01-01"}]}{}`:                                           "follows",
		`{"rows":[{"id":1,"n":2,"half":1,"at":"2001-01-01"},{"id":2,"n":2,"half":[1],"at":"2001-01-01"}]}`: "row 1",
	} {
		if code, text := call(t, http.DefaultClient, "POST", r.url+"/v1/push/p", body); code != 422 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %s", body, code, text, want)
		}
	}
	if code, text := call(t, http.DefaultClient, "POST", r.url+"/v1/push/q", `{"rows":[]}`); code != 404 {
		t.Errorf("a view that is not there: %d %s", code, text)
	}
	_, page := call(t, http.DefaultClient, "GET", r.url+"/metrics", "")
	for _, line := range []string{"quern_pushes_total 7\n", "quern_pushed_rows_total 8\n", `quern_overlay_rows{view="p"} 8`, `quern_overlay_writable{view="p"} 1`} {
		if !strings.Contains(page, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
}

// TestPushesSurvive a restart, a compaction, a publish, a rollback, and versions of other
// columns, and a server that owns nothing follows by the versions.
func TestPushesSurvive(t *testing.T) {
	ctx := context.Background()
	s, folder := livetest.NewStore(t, livetest.Recipe), t.TempDir()
	s.PublishRows(3, 10)
	replica := live.NewGenerations(&live.Published{Store: s.Store}, t.Logf)
	defer replica.Close()
	follower := New(Config{Generations: replica})
	askReplica := func(ids string) string {
		_, err := replica.Reload(ctx)
		check(t, err)
		_, text := direct(follower, "POST", "/v1/lookup", `{"features":["p:n"],"rows":[`+ids+`]}`)
		return text[strings.Index(text, `"rows"`):]
	}
	t.Run("one", func(t *testing.T) {
		r := newPushRig(t, s, folder, nil)
		r.push(t, 1, 11)
		r.push(t, 7, 5)
		if code, text := direct(follower, "POST", "/push", `{"push_source_name":"p","df":{}}`); code == 200 {
			t.Errorf("a server without an overlay takes a push: %s", text)
		}
	})
	r := newPushRig(t, s, folder, nil)
	expect(t, "after a restart", r.ask(t, 0, 1, 7), 10, 11, 5)
	if got, want := askReplica(`{"id":1},{"id":7}`), `"rows":[{"features":{"n":10}},{"features":{"n":null},"status":{"n":"NOT_FOUND"}}]}`; got != want {
		t.Errorf("a replica before the compaction: %s", got)
	}
	r.compact(t)
	expect(t, "compacted", r.ask(t, 0, 1, 7), 10, 11, 5)
	if st := r.pushed(); st.Rows != 0 || st.Trimmed != 2 {
		t.Errorf("the overlay after a compaction: %+v", st)
	}
	const both = `"rows":[{"features":{"n":11}},{"features":{"n":5}}]}`
	if got := askReplica(`{"id":1},{"id":7}`); got != both {
		t.Errorf("a replica after the compaction: %s", got)
	}
	s.PublishRows(4, 10)
	r.reload(t)
	expect(t, "published", r.ask(t, 0, 1, 3, 7), 10, 11, 10, 5)
	if got := askReplica(`{"id":1},{"id":7}`); got != both {
		t.Errorf("a replica after a publish: %s", got)
	}
	r.push(t, 3, 12)
	last := r.compact(t)
	s.PublishRows(4, 20)
	r.reload(t)
	expect(t, "published later events", r.ask(t, 0, 1, 3, 7), 20, 20, 20, 5)
	_, err := s.Rollback(ctx, "p")
	check(t, err)
	r.reload(t)
	expect(t, "rolled back to "+last, r.ask(t, 0, 1, 3, 7), 10, 11, 12, 5)
	r.push(t, 0, 30)
	testOtherColumns(t, r)
}

// testOtherColumns publishes a version of other columns and goes back.
func testOtherColumns(t *testing.T, r *pushRig) {
	narrow := *r.store
	narrow.Fit(strings.Replace(livetest.Recipe, "  - {name: half, expr: \"float(n) / 2.0\"}\n", "", 1))
	before := r.generations.Pin()
	defer before.Release()
	narrow.PublishRows(2, 10)
	r.reload(t)
	if code, text := r.tryPush(t, 0, 31); code != http.StatusOK { // Feast ignores columns too many
		t.Errorf("a push with a column too many: %d %s", code, text)
	}
	var rows lookup.Rows
	v := before.Version("p", "").View()
	rows.Reset(v)
	rows.Rows, rows.Event, rows.Created = 1, []int64{1}, []int64{1}
	rows.Keys[0].AddInt(1)
	rows.Fields[0].AddNull()
	rows.Fields[1].AddNull()
	if err := r.overlays.Write(context.Background(), &rows); codeOf(err) != "Q677" {
		t.Errorf("rows of columns that are served no longer: %v", err)
	}
	_, text := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", `{"features":["p:n"],"rows":[{"id":0},{"id":1},{"id":7}]}`)
	if !strings.Contains(text, `[{"features":{"n":31}},{"features":{"n":10}},{"features":{"n":null}`) {
		t.Errorf("other columns: %s", text)
	}
	_, err := r.store.Rollback(context.Background(), "p")
	check(t, err)
	r.reload(t)
	expect(t, "back at the old columns", r.ask(t, 0, 1, 3, 7), 30, 11, 12, 5)
}

// notLocal is a store that is not of this disk, as far as others know.
type notLocal struct{ store.Store }

// TestPushesToARemoteStore: segments go there, and come back by way of the mirror, in which
// only what is served stays.
func TestPushesToARemoteStore(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	folder := s.Folder
	s.Folder, s.Mirror = "remote://views", t.TempDir()
	s.Places = store.Places{"remote": func(_ context.Context, uri string) (store.Store, error) {
		l, err := store.NewLocal(filepath.Join(folder, strings.TrimPrefix(uri, "remote://")))
		return notLocal{l}, err
	}}
	s.PublishRows(3, 1)
	r := newPushRig(t, s, t.TempDir(), nil)
	for event := range int64(4) {
		r.push(t, 1, 5+event)
		r.compact(t)
		if event%2 == 0 {
			s.PublishRows(4, 1)
		}
		r.reload(t)
		expect(t, "compacted", r.ask(t, 0, 1), 1, 5+event)
	}
	state, err := s.State(context.Background(), "p")
	check(t, err)
	for _, version := range state.Kept() {
		if _, err := os.Stat(filepath.Join(s.Mirror, "views/p/versions", version)); err != nil && version == state.Current {
			t.Error(err)
		}
	}
	if copies, _ := filepath.Glob(filepath.Join(s.Mirror, "views/p/versions/*")); len(copies) > len(state.Kept()) {
		t.Errorf("the mirror has %d versions, and %d are kept", len(copies), len(state.Kept()))
	}
}

// TestPushedRowsLikeMemory: replies are those of the plainest storage, byte by byte, with
// features of every type and keys of two columns, whatever was pushed or published.
func TestPushedRowsLikeMemory(t *testing.T) {
	ctx := context.Background()
	s, m := livetest.NewShelf(t), lookup.NewMemory()
	var wanted []live.Wanted
	d, p := livetest.Drivers("v1"), livetest.Pairs("v1")
	for i, v := range []*lookup.View{&d, &p} {
		rows := livetest.RandomRows(v, 500, uint64(i))
		m.Define(v)
		check(t, m.Write(ctx, rows))
		wanted = append(wanted, s.Add(*v, rows, 1+2*i))
	}
	m.DefineService("all", append(livetest.Refs(&d), lookup.Ref{View: "pairs", Feature: "n"}, lookup.Ref{View: "pairs", Feature: "x"})...)
	s.Serve(wanted...)
	r := newRig(t, s, nil)
	o, err := live.NewOverlays(r.generations, live.OverlayOptions{Folder: t.TempDir()})
	check(t, err)
	defer o.Close()
	r.start(t)
	if _, err := r.generations.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	want := feast.New(m, nil, feast.Options{Now: livetest.Clock})
	rnd := rand.New(rand.NewPCG(7, 7))
	for push := range uint64(20) {
		for _, v := range []*lookup.View{&d, &p} {
			rows := livetest.RandomRows(v, 1+rnd.IntN(650), 100+push)
			check(t, m.Write(ctx, rows))
			check(t, o.Write(ctx, rows))
		}
		for range 5 {
			body := randomRequest(rnd)
			code, text := direct(want, "POST", "/get-online-features", body)
			gotCode, got := call(t, http.DefaultClient, "POST", r.url+"/get-online-features", body)
			if gotCode != code || got != text {
				t.Fatalf("%s\ngot  %d %.300s\nwant %d %.300s", body, gotCode, got, code, text)
			}
		}
	}
}

// TestPushUnderLoad: pushes, look-ups, publishes and compactions at once. Nobody sees a key
// go back, a torn row, or an error, and in the end everything is there, here and on a replica.
func TestPushUnderLoad(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(8, 1)
	r := newPushRig(t, s, t.TempDir(), nil)
	ctx, stop := context.WithCancel(context.Background())
	var group sync.WaitGroup
	const writers = 3
	pushed := make([]int64, writers)
	for w := range int64(writers) {
		group.Go(func() {
			for event := int64(100); ctx.Err() == nil; event++ {
				r.push(t, w, event)
				pushed[w] = event
				if got := r.ask(t, w); got[0] != event {
					t.Errorf("pushed %d, read %d", event, got[0])
					return
				}
			}
		})
	}
	group.Go(func() {
		least := make([]int64, writers)
		for ctx.Err() == nil {
			for i, n := range r.ask(t, 0, 1, 2) {
				if n < least[i] {
					t.Errorf("key %d was %d, is %d", i, least[i], n)
				}
				least[i] = n
			}
		}
	})
	rounds := 12
	if testing.Short() {
		rounds = 4
	}
	for round := range int64(rounds) {
		s.PublishRows(8, 2+round)
		r.reload(t)
		r.compact(t)
	}
	stop()
	group.Wait()
	r.compact(t)
	expect(t, "in the end", r.ask(t, 0, 1, 2), pushed...)
	replica := live.NewGenerations(&live.Published{Store: s.Store}, t.Logf)
	defer replica.Close()
	_, err := replica.Reload(context.Background())
	check(t, err)
	_, text := direct(New(Config{Generations: replica}), "POST", "/v1/lookup", `{"features":["p:n"],"rows":[{"id":0},{"id":2}]}`)
	if want := fmt.Sprintf(`[{"features":{"n":%d}},{"features":{"n":%d}}]`, pushed[0], pushed[2]); !strings.Contains(text, want) {
		t.Errorf("a replica: %s, want %s", text, want)
	}
}
