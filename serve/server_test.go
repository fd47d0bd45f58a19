package serve

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quern/serve/access"
	"quern/serve/feast"
	"quern/serve/live"
	"quern/serve/live/livetest"
	"quern/serve/lookup"
)

const (
	readerToken = "reader-0123456789abcdefgh"
	otherToken  = "other-view-0123456789abcd"
	oneToken    = "one-column-0123456789abcd"
)

func twoViews(t testing.TB, change func(*Config)) *rig {
	s := livetest.NewShelf(t)
	a, b := s.AddConstant("a", 1, 50), s.AddConstant("b", 1, 50)
	s.Change(a.Name, func(o *live.Opened) { o.Sources = []string{"stream"} })
	s.Serve(a, b)
	r := newRig(t, s, change)
	_, err := r.generations.Reload(context.Background())
	check(t, err)
	return r
}

func someTokens(t testing.TB) *access.Tokens {
	return tokensOf(t, `{"tokens":[
		{"name":"reader","token":"`+readerToken+`","read":["a"],"write":["a"],"transform":["*"],"metrics":true},
		{"name":"other","token":"`+otherToken+`","read":["b"]},
		{"name":"one","token":"`+oneToken+`","read":["a:a0"]}]}`)
}

// tokensOf are the tokens of a file that says text.
func tokensOf(t testing.TB, text string) *access.Tokens {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens.json")
	check(t, os.WriteFile(path, []byte(text), 0o600))
	tokens, err := access.ReadTokens(path)
	check(t, err)
	return tokens
}

type discard struct{}

func (discard) Write(context.Context, *lookup.Rows) error { return nil }

// TestMalformed: whatever a client sends, it is told of its mistake, never a 5xx.
func TestMalformed(t *testing.T) {
	r := twoViews(t, func(c *Config) { c.Limits = feast.Limits{Body: 4 << 10, Rows: 100, Features: 10, Cells: 150} }).start(t)
	good := `{"features":["a:a0"],"rows":[{"id":1}]}`
	for _, c := range []struct {
		body string
		want int
	}{
		{good, 200}, {"", 422}, {"null", 422}, {"[]", 422}, {good + good, 422}, {`{"rows":[{"id":1}]}`, 422},
		{`{"features":["a:a0"]}`, 422}, {`{"features":["a:a0"],"rows":[{}]}`, 422}, {`{"features":["a:a0"],"rows":[null]}`, 422},
		{`{"features":["a:a0"],"rows":[{"id":"x"}]}`, 422}, {`{"features":["a:a0"],"rows":[{"id":1.5}]}`, 422},
		{`{"features":["a:a0"],"rows":[{"id":null}]}`, 422}, {`{"features":["a:a0"],"rows":[{"id":[1]}]}`, 422},
		{`{"features":["a:a0"],"rows":[{"id":1,"ix":2}]}`, 422}, {`{"features":["a:a9"],"rows":[{"id":1}]}`, 404},
		{`{"features":["a"],"rows":[{"id":1}]}`, 422}, {`{"features":["a:a0","a:a0"],"rows":[{"id":1}]}`, 422},
		{`{"view":"a","service":"all","rows":[{"id":1}]}`, 422}, {`{"view":"c","rows":[{"id":1}]}`, 404},
		{`{"view":"a@9","rows":[{"id":1}]}`, 404}, {`{"service":"c","rows":[{"id":1}]}`, 404}, {`{"view":"a","rows":[{"id":"1"}]}`, 200},
		{`{"x":1}`, 422}, {strings.Repeat("[", 4000), 422}, {strings.Repeat(" ", 5000), 413},
		{`{"view":"a","rows":[` + strings.Repeat(`{"id":1},`, 80) + `{"id":1}]}`, 413},
		{`{"features":["` + strings.Repeat(`a:a0","`, 20) + `"],"rows":[{"id":1}]}`, 413},
	} {
		code, text := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", c.body)
		if code != c.want {
			t.Errorf("%.200s: %d %s, want %d", c.body, code, text, c.want)
		}
		for _, path := range []string{"/get-online-features", "/push", "/write-to-online-store", "/feast.serving.ServingService/GetOnlineFeatures"} {
			if code, text := call(t, http.DefaultClient, "POST", r.url+path, c.body); code >= 500 || code < 400 && c.body != good && path != "/get-online-features" {
				t.Errorf("%s %.200s: %d %s", path, c.body, code, text)
			}
		}
	}
	if n := r.server.bodies.Left(); n != 256<<20 {
		t.Errorf("%d bytes of bodies are left", n)
	}
}

func FuzzLookup(f *testing.F) {
	r := twoViews(f, nil)
	f.Cleanup(r.generations.Close)
	f.Add([]byte(`{"features":["a:a0"],"rows":[{"id":1},{"id":-0}]}`))
	f.Add([]byte(`{"view":"a@1","rows":[{"id":"1"}],"full_feature_names":true}`))
	f.Add([]byte(`{"service":"all","rows":[{"id":1e3}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if code, text := direct(r.server, "POST", "/v1/lookup", string(body)); code >= 500 {
			t.Errorf("%q: %d %s", body, code, text)
		}
		framed := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
		if message, err := unframe(framed); err != nil || !bytes.Equal(message, body) {
			t.Errorf("%q: %v", body, err)
		}
	})
}

// slow is a Writer that waits.
type slow struct{ entered, leave chan struct{} }

func (s slow) Write(context.Context, *lookup.Rows) error {
	s.entered <- struct{}{}
	<-s.leave
	return nil
}

const pushA = `{"feature_view_name":"a","df":{"id":[1],"a0":[1],"a1":[1],"event_timestamp":["2026-01-01T00:00:00Z"]}}`

// stuck is a clock that look-ups stop at, while they have a slot.
func stuck() (now func() time.Time, entered, leave chan struct{}) {
	entered, leave = make(chan struct{}, 100), make(chan struct{})
	return func() time.Time {
		entered <- struct{}{}
		<-leave
		return livetest.Clock()
	}, entered, leave
}

const lookA = `{"view":"a","rows":[{"id":1}]}`

// TestOverload: beyond slots and queue requests are shed at once, and those within are answered.
func TestOverload(t *testing.T) {
	now, inside, leave := stuck()
	r := twoViews(t, func(c *Config) {
		c.Now, c.Slots, c.Queue, c.Patience, c.Deadline = now, 2, 1, time.Minute, time.Minute
	}).start(t)
	var wg sync.WaitGroup
	codes := make(chan int, 3)
	for i := range 3 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			code, _ := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", lookA)
			codes <- code
		}()
		if i < 2 {
			<-inside
		}
	}
	for r.server.gate.Waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	reply, err := http.Post(r.url+"/v1/lookup", "", strings.NewReader(lookA))
	check(t, err)
	reply.Body.Close()
	if reply.StatusCode != 429 || reply.Header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %d %v", reply.StatusCode, reply.Header)
	}
	if code, _ := call(t, http.DefaultClient, "GET", r.url+"/health", ""); code != 200 {
		t.Errorf("health under load: %d", code)
	}
	close(leave)
	wg.Wait()
	for range 3 {
		if code := <-codes; code != 200 {
			t.Errorf("within the limit: %d", code)
		}
	}
}

// TestSlowBodiesTakeNoSlot: clients that never end their bodies stop nobody.
func TestSlowBodiesTakeNoSlot(t *testing.T) {
	r := twoViews(t, func(c *Config) { c.Slots, c.Queue, c.Slow = 1, -1, 2*time.Second }).start(t)
	for range 20 {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		check(t, err)
		defer c.Close()
		fmt.Fprintf(c, "POST /v1/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	}
	if code, text := call(t, http.DefaultClient, "POST", r.url+"/v1/lookup", `{"view":"a","rows":[{"id":1}]}`); code != 200 {
		t.Errorf("%d %s", code, text)
	}
}

// TestPanic: it is a 500, counted, and the server goes on.
func TestPanic(t *testing.T) {
	r := twoViews(t, func(c *Config) { c.Writer = broken{} }).start(t)
	for range 3 {
		if code, text := call(t, http.DefaultClient, "POST", r.url+"/write-to-online-store", pushA); code != 500 || strings.Contains(text, "secret") {
			t.Errorf("%d %s", code, text)
		}
	}
	if _, text := call(t, http.DefaultClient, "GET", r.url+"/metrics", ""); !strings.Contains(text, "quern_panics_total 3\n") || !strings.Contains(text, "quern_requests_running 0\n") {
		t.Error(text)
	}
}

type broken struct{}

func (broken) Write(context.Context, *lookup.Rows) error { panic("secret") }

// TestDrain: a request that is under way is answered, and new ones are not taken.
func TestDrain(t *testing.T) {
	w := slow{make(chan struct{}, 1), make(chan struct{})}
	r := twoViews(t, func(c *Config) { c.Writer = w }).start(t)
	code := make(chan int)
	go func() {
		c, _ := call(t, http.DefaultClient, "POST", r.url+"/write-to-online-store", pushA)
		code <- c
	}()
	<-w.entered
	down := make(chan error)
	go func() { down <- r.server.Shutdown(context.Background()) }()
	for r.server.healthy() == nil {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
	if _, err := http.Post(r.url+"/v1/lookup", "", nil); err == nil {
		t.Error("a server that goes down took a connection")
	}
	close(w.leave)
	if c := <-code; c != 200 {
		t.Errorf("the request under way: %d", c)
	}
	check(t, <-down)
}

func TestListen(t *testing.T) {
	r := twoViews(t, nil)
	defer r.generations.Close()
	for address, good := range map[string]bool{"127.0.0.1:0": true, "[::1]:0": true, "localhost:0": true,
		"0.0.0.0:0": false, ":0": false, "[::]:0": false, "192.0.2.1:0": false, "127.0.0.1": false, "example.com:0": false} {
		l, err := r.server.Listen(address)
		if err == nil {
			l.Close()
		}
		if refused := err != nil && (strings.Contains(err.Error(), "without TLS") || strings.Contains(err.Error(), "no address")); refused == good {
			t.Errorf("%s: %v", address, err)
		}
	}
	r.server.c.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	l, err := r.server.Listen("0.0.0.0:0")
	check(t, err)
	l.Close()
}

// TestPlainHTTP2 without TLS, by prior knowledge.
func TestPlainHTTP2(t *testing.T) {
	r := twoViews(t, nil).start(t)
	p := &http.Protocols{}
	p.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: p}}
	defer client.CloseIdleConnections()
	reply, err := client.Post(r.url+"/v1/lookup", "", strings.NewReader(`{"view":"a","rows":[{"id":1},{"id":999}]}`))
	check(t, err)
	defer reply.Body.Close()
	text, _ := io.ReadAll(reply.Body)
	const want = `{"versions":{"a":"1"},"rows":[{"features":{"a0":1,"a1":1}},{"features":{"a0":null,"a1":null},"status":{"a0":"NOT_FOUND","a1":"NOT_FOUND"}}]}`
	if reply.ProtoMajor != 2 || string(text) != want || reply.Header.Get("Quern-Versions") != "a@1" {
		t.Errorf("%s %s %v", reply.Proto, text, reply.Header)
	}
}

// TestDrainUnderLoad: clients that ask all the time lose nothing while the server lingers,
// and after that are not answered wrongly.
func TestDrainUnderLoad(t *testing.T) {
	const linger = 300 * time.Millisecond
	r := twoViews(t, func(c *Config) { c.Linger = linger }).start(t)
	var wg sync.WaitGroup
	var over atomic.Bool
	var answered atomic.Int64
	for range 4 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for {
				late := over.Load()
				reply, err := client.Post(r.url+"/v1/lookup", "", strings.NewReader(`{"view":"a","rows":[{"id":1}]}`))
				if err != nil {
					if !late && !over.Load() {
						t.Errorf("while the server lingers: %v", err)
					}
					return
				}
				if text, err := io.ReadAll(reply.Body); err != nil || reply.StatusCode != 200 {
					t.Errorf("%s %s %v", reply.Status, text, err)
				}
				reply.Body.Close()
				answered.Add(1)
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	end := time.AfterFunc(linger*9/10, func() { over.Store(true) })
	defer end.Stop()
	check(t, r.server.Shutdown(context.Background()))
	wg.Wait()
	if n := answered.Load(); n < 20 {
		t.Errorf("only %d answers", n)
	}
}

// TestTLS: version 1.3 or nothing, and HTTP/2 over it.
func TestTLS(t *testing.T) {
	made := httptest.NewTLSServer(nil) // for its certificate
	made.Close()
	r := twoViews(t, func(c *Config) {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: made.TLS.Certificates}
	}).start(t)
	url := strings.Replace(r.url, "http:", "https:", 1)
	for version, good := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: version}}}
		reply, err := client.Get(url + "/health")
		if (err == nil) != good || err == nil && (reply.StatusCode != 200 || reply.ProtoMajor != 2) {
			t.Errorf("TLS %x: %v %v", version, reply, err)
		}
		if err == nil {
			reply.Body.Close()
		}
		client.CloseIdleConnections()
	}
	if code, _ := call(t, http.DefaultClient, "GET", r.url+"/health", ""); code != 400 {
		t.Errorf("plain text on a port with TLS: %d", code)
	}
}
