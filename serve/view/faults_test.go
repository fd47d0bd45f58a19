package view_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"quern/internal/s3test"
	"quern/serve/view"
)

// TestNetworkFaults: a request of a publish, any of them, that is lost, answered late or
// answered by an error, is made good, and the outcome is what the store says it is.
func TestNetworkFaults(t *testing.T) {
	s := onS3(t)
	x := newTable(t, simple, simpleRows(40))
	x.mustPublish(t, s.store, nil)
	s.proxy.Fail(nil)
	x.mustPublish(t, s.store, nil)
	requests := len(s.proxy.Seen())
	if requests < 8 {
		t.Fatalf("a publish makes %d requests", requests)
	}
	if testing.Short() {
		requests = 4
	}
	for title, fault := range map[string]s3test.Fault{
		"lost": s3test.CutBefore, "answer lost": s3test.CutAfter, "busy": 503, "done, but busy": s3test.DoneBut + 503,
	} {
		for n := range requests {
			var seen atomic.Int64
			s.proxy.Fail(func(string, *http.Request) s3test.Fault {
				if int(seen.Add(1)) == n+1 {
					return fault
				}
				return s3test.Pass
			})
			p, err := x.publish(t, s.store, nil)
			s.proxy.Fail(nil)
			state, failed := s.store.State(t.Context(), "simple")
			switch {
			case err != nil || failed != nil:
				t.Errorf("request %d, %s: %v, %v", n, title, err, failed)
			case state.Current != p.Version:
				t.Errorf("request %d, %s: version %s is served, not %s", n, title, state.Current, p.Version)
			}
		}
	}
	if got := s.numberOf(t, "", 7); got != "1007" {
		t.Error(got)
	}
}

// TestRefusals: a store that takes no objects of some kind leaves what is served as it is,
// and the version that could not be finished, if the store can remove, without a trace.
func TestRefusals(t *testing.T) {
	s := onS3(t)
	x := newTable(t, simple, simpleRows(40))
	first := x.mustPublish(t, s.store, nil).Version
	for _, what := range []string{"segment-00000", "model.quern", "manifest.json", "pointer/"} {
		s.proxy.Fail(func(kind string, r *http.Request) s3test.Fault {
			if kind == "put" && strings.Contains(r.URL.Path, what) {
				return 403
			}
			return s3test.Pass
		})
		_, err := x.publish(t, s.store, func(o *view.PublishOptions) { o.Shards = 1 })
		s.proxy.Fail(nil)
		if codeOf(err) == "" {
			t.Errorf("without %s: %v", what, err)
		}
		state, err := s.store.State(t.Context(), "simple")
		if err != nil || state.Current != first {
			t.Errorf("without %s: %+v, %v", what, state, err)
		}
		versions, err := s.store.Versions(t.Context(), "simple")
		want := "serving"
		if what == "pointer/" { // whether it is pointed at was not known, so it stays for Collect
			want = "serving dropped"
		}
		if got := rolesOf(versions); err != nil || got != want {
			t.Errorf("without %s: versions are %s, %v", what, got, err)
		}
	}
}

// rolesOf lists the roles of versions.
func rolesOf(versions []view.Listed) string {
	var roles []string
	for _, v := range versions {
		roles = append(roles, v.Role)
	}
	return strings.Trim(fmt.Sprint(roles), "[]")
}
