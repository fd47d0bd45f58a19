package serve

import (
	"net/http"
	"strings"
	"testing"

	"quern/serve/live/livetest"
)

// TestStaleness: replies say how old the latest event is that the server knows of, published
// or pushed, also after it was started again.
func TestStaleness(t *testing.T) {
	s := livetest.NewStore(t, livetest.Recipe)
	s.PublishRows(3, -10)
	folder := t.TempDir()
	t.Run("pushed", func(t *testing.T) {
		r := newPushRig(t, s, folder, nil)
		expectStaleness(t, r, "p=10.000")
		r.push(t, 9, -7)
		expectStaleness(t, r, "p=7.000")
		r.push(t, 1, -11) // an older event
		expectStaleness(t, r, "p=7.000")
	})
	t.Run("started again", func(t *testing.T) {
		r := newPushRig(t, s, folder, nil)
		expectStaleness(t, r, "p=7.000")
		r.compact(t)
		expectStaleness(t, r, "p=7.000")
	})
}

func expectStaleness(t *testing.T, r *pushRig, want string) {
	t.Helper()
	for path, body := range map[string]string{
		"/get-online-features": `{"features":["p:n"],"entities":{"id":[0]}}`,
		"/v1/lookup":           `{"view":"p","rows":[{"id":0}]}`,
	} {
		reply, err := http.Post(r.url+path, "application/json", strings.NewReader(body))
		check(t, err)
		reply.Body.Close()
		if got := reply.Header.Get("Quern-Staleness"); got != want {
			t.Errorf("%s: staleness %q, want %q", path, got, want)
		}
	}
}
