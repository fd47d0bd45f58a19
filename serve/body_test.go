package serve

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestLargeAgainAndAgain: who sends bodies that are too large, one after the other over one
// connection, makes mistakes and is no abuser, although much of each body is on its way when
// it is refused.
func TestLargeAgainAndAgain(t *testing.T) {
	r := twoViews(t, nil).start(t)
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: p}}
	defer client.CloseIdleConnections()
	large := strings.Repeat(" ", 17<<20)
	for range 12 {
		body := struct{ io.Reader }{strings.NewReader(large)} // of a length that is not announced
		reply, err := client.Post(r.url+"/v1/lookup", "application/json", body)
		check(t, err)
		reply.Body.Close()
		if reply.StatusCode != http.StatusRequestEntityTooLarge {
			t.Fatal(reply.Status)
		}
	}
	if code, text := call(t, client, "POST", r.url+"/v1/lookup", `{"view":"a","rows":[{"id":1}]}`); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
	if n := r.server.metrics.rejected[bodyTooLarge].Load(); n != 12 {
		t.Errorf("%d bodies were refused", n)
	}
}
