package serve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"quern/features/diag"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/overlay"
)

// pushRig is a server that owns the overlay of a store's views.
type pushRig struct {
	*rig
	store    *livetest.Store
	overlays *live.Overlays
	folder   string
}

// newPushRig starts a server over what is published. Nothing is compacted unless a test
// says so, by compact, or by Overlays.Run.
func newPushRig(t testing.TB, s *livetest.Store, folder string, change func(*live.OverlayOptions)) *pushRig {
	t.Helper()
	r := &pushRig{rig: newRig(t, livetest.NewShelf(t), nil), store: s, folder: folder}
	log := r.server.c.Log
	published := &live.Published{Store: s.Store, Backend: s.Options.Backend, Mirror: s.Mirror}
	r.generations = live.NewGenerations(published, log)
	o := live.OverlayOptions{Folder: folder, Compact: 1, Into: &live.Published{Store: s.Store, Mirror: s.Mirror}, Log: log}
	if change != nil {
		change(&o)
	}
	var err error
	r.overlays, err = live.NewOverlays(r.generations, o)
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

// compactNow has all rows that wait compacted.
func (r *pushRig) compactNow(t testing.TB) {
	t.Helper()
	before := r.overlays.Counts().CompactionFailures
	r.overlays.Maintain(context.Background(), time.Now())
	if r.overlays.Counts().CompactionFailures > before {
		t.Error("a compaction failed")
	}
}

// compact is compactNow where nobody else publishes, and returns the version that is served.
func (r *pushRig) compact(t testing.TB) string {
	t.Helper()
	r.compactNow(t)
	state, err := r.store.State(context.Background(), "p")
	check(t, err)
	if served := r.served(); served != state.Current {
		t.Fatalf("version %s is served after a compaction, not %s", served, state.Current)
	}
	return state.Current
}

// served returns the version that is served.
func (r *pushRig) served() string {
	g := r.generations.Pin()
	defer g.Release()
	return g.Version("p", "").View().Version
}

// pushed tells of the rows that are in no segment.
func (r *pushRig) pushed() overlay.Stats {
	g := r.generations.Pin()
	defer g.Release()
	return g.Version("p", "").Overlay()
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
		fmt.Sprintf(`{"feature_view_name":"p","df":{"id":[%d],"n":[%d],"half":[%g],"event_timestamp":[%q]}}`, id, event, float64(event)/2, livetest.Instant(event)))
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
