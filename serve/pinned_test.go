package serve

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"quern/serve/live/livetest"
)

// TestReloadWithSlowClients: clients that are slow to send or to take a reply hold no
// version of a view; the reply that they take at last is of one version, whole.
func TestReloadWithSlowClients(t *testing.T) {
	s := livetest.NewShelf(t)
	first := s.AddConstant("a", 1, 50)
	s.Serve(first)
	r := newRig(t, s, nil).start(t)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	address := strings.TrimPrefix(r.url, "http://")
	half, err := net.Dial("tcp", address) // its body comes later
	check(t, err)
	defer half.Close()
	fmt.Fprintf(half, "POST /v1/lookup HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(lookA), lookA[:5])
	const rows = 5000
	body := []byte(`{"view":"a","rows":[` + strings.Repeat(`{"id":1},`, rows-1) + `{"id":1}]}`)
	c, err := net.Dial("tcp", address)
	check(t, err)
	defer c.Close()
	slow, err := begin(c, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	check(t, err)
	id, err := slow.open(false, slow.head("/v1/lookup", "application/json"))
	check(t, err)
	for at := 0; at < len(body); at += 16 << 10 {
		end := min(at+16<<10, len(body))
		check(t, slow.WriteData(id, end == len(body), body[at:end]))
	}
	waitFor(t, "the reply waits for its client", func() bool { return r.server.replies.Left() < 256<<20 })
	for version := 2; version <= 4; version++ {
		s.Serve(s.AddConstant("a", version, 50))
		_, err := r.generations.Reload(context.Background())
		check(t, err)
	}
	check(t, r.generations.Settle(t.Context())) // it would not end if one were held
	if n := r.Held(); n != len(s.Files(first.Name)) {
		t.Errorf("%d segments are held: slow clients hold old versions", n)
	}
	if _, text := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", lookA); !strings.Contains(text, `"versions":{"a":"4"}`) {
		t.Errorf("a new request: %s", text)
	}
	fmt.Fprint(half, lookA[5:])
	if text := readUntil(t, half); !strings.Contains(text, `"versions":{"a":"4"}`) || !strings.Contains(text, `"a0":4`) {
		t.Errorf("the slow body: %s", text)
	}
	reply := slow.take(t, id)
	want := `{"versions":{"a":"1"},"rows":[` + strings.Repeat(`{"features":{"a0":1,"a1":1}},`, rows-1) + `{"features":{"a0":1,"a1":1}}]}`
	if reply != want {
		t.Errorf("the slow reader: %d bytes: %.100s", len(reply), reply)
	}
	waitFor(t, "what replies held comes back", func() bool { return r.server.replies.Left() == 256<<20 })
}

// readUntil reads a connection to its end.
func readUntil(t *testing.T, c net.Conn) string {
	var b bytes.Buffer
	c.SetReadDeadline(time.Now().Add(20 * time.Second))
	_, err := b.ReadFrom(c)
	check(t, err)
	return b.String()
}

// take opens the window of a stream, and returns the body of its reply.
func (s *session) take(t *testing.T, id uint32) string {
	var b bytes.Buffer
	s.SetReadDeadline(time.Now().Add(20 * time.Second))
	check(t, s.WriteWindowUpdate(0, 1<<24))
	check(t, s.WriteWindowUpdate(id, 1<<24))
	for {
		f, err := s.ReadFrame()
		check(t, err)
		if d, ok := f.(*http2.DataFrame); ok && d.StreamID == id {
			b.Write(d.Data())
			if d.StreamEnded() {
				return b.String()
			}
		}
	}
}
