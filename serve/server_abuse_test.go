package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// attack does harm on connections of its own until ctx ends or the server closes them.
type attack struct {
	name string
	how  func(ctx context.Context, dial func() (net.Conn, error))
}

// attacks are what is known to have stopped servers.
func attacks() []attack {
	return []attack{
		{"rapid reset", each(4, rapidReset)},
		{"header flood", each(4, headerFlood)},
		{"settings flood", each(4, settingsFlood)},
		{"ping flood", each(4, pingFlood)},
		{"slow readers", each(8, slowReader)},
		{"slow bodies", each(50, slowBody)},
		{"gigantic headers", each(4, giganticHeader)},
		{"lies about lengths", each(4, lies)},
		{"idle connections", idle},
	}
}

// each runs n connections at a time, each again when it ends.
func each(n int, on func(ctx context.Context, c net.Conn) error) func(context.Context, func() (net.Conn, error)) {
	return func(ctx context.Context, dial func() (net.Conn, error)) {
		var all sync.WaitGroup
		for range n {
			all.Go(func() {
				for ctx.Err() == nil {
					c, err := dial()
					if err == nil {
						stop := context.AfterFunc(ctx, func() { c.Close() })
						on(ctx, c)
						stop()
						c.Close()
					}
					time.Sleep(time.Millisecond)
				}
			})
		}
		all.Wait()
	}
}

// session is an HTTP/2 connection of frames that a client would not send.
type session struct {
	net.Conn
	*http2.Framer
	block bytes.Buffer
	coder *hpack.Encoder
	next  uint32
}

// begin says hello, with settings, and throws away what the server says.
func begin(c net.Conn, settings ...http2.Setting) (*session, error) {
	s := &session{Conn: c, Framer: http2.NewFramer(c, c), next: 1}
	s.coder = hpack.NewEncoder(&s.block)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return nil, err
	}
	return s, s.WriteSettings(settings...)
}

func (s *session) ignore() { go io.Copy(io.Discard, s.Conn) }

// head encodes the header of a POST.
func (s *session) head(path, kind string, more ...string) []byte {
	s.block.Reset()
	all := append([]string{":method", "POST", ":scheme", "http", ":path", path, ":authority", "x", "content-type", kind}, more...)
	for i := 0; i < len(all); i += 2 {
		s.coder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1], Sensitive: i > 8})
	}
	return s.block.Bytes()
}

// open sends the header of a request, whole.
func (s *session) open(end bool, block []byte) (id uint32, err error) {
	id, s.next = s.next, s.next+2
	return id, s.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: end})
}

// rapidReset opens streams and resets them at once (CVE-2023-44487).
func rapidReset(ctx context.Context, c net.Conn) error {
	s, err := begin(c)
	if err != nil {
		return err
	}
	s.ignore()
	for ctx.Err() == nil {
		id, err := s.open(false, s.head("/v1/lookup", "application/json"))
		if err != nil {
			return err
		}
		if err := s.WriteRSTStream(id, http2.ErrCodeCancel); err != nil {
			return err
		}
	}
	return nil
}

// headerFlood sends a header that does not end (CVE-2023-45288).
func headerFlood(ctx context.Context, c net.Conn) error {
	s, err := begin(c)
	if err != nil {
		return err
	}
	s.ignore()
	if err := s.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: s.head("/v1/lookup", "application/json")}); err != nil {
		return err
	}
	for i := 0; ctx.Err() == nil; i++ {
		s.block.Reset()
		s.coder.WriteField(hpack.HeaderField{Name: "x" + strconv.Itoa(i), Value: strings.Repeat("y", 8000), Sensitive: true})
		if err := s.WriteContinuation(1, false, s.block.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// settingsFlood and pingFlood want an answer to each frame (CVE-2019-9512, 9515), and do not
// read it.
func settingsFlood(ctx context.Context, c net.Conn) error {
	s, err := begin(c)
	for err == nil && ctx.Err() == nil {
		err = s.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 16})
	}
	return err
}

func pingFlood(ctx context.Context, c net.Conn) error {
	s, err := begin(c)
	if err != nil {
		return err
	}
	s.ignore() // so that the flood does not end by itself
	for err == nil && ctx.Err() == nil {
		err = s.WritePing(false, [8]byte{})
	}
	return err
}

// slowReader asks for large replies and has no room for them (CVE-2019-9511).
func slowReader(ctx context.Context, c net.Conn) error {
	s, err := begin(c, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	if err != nil {
		return err
	}
	s.ignore()
	body := []byte(`{"view":"a","rows":[` + strings.Repeat(`{"id":1},`, 20_000) + `{"id":1}]}`)
	for range 100 {
		id, err := s.open(false, s.head("/v1/lookup", "application/json"))
		for at := 0; at < len(body) && err == nil; at += 16 << 10 {
			end := min(at+16<<10, len(body))
			err = s.WriteData(id, end == len(body), body[at:end])
		}
		if err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// slowBody sends a byte of a body now and then.
func slowBody(ctx context.Context, c net.Conn) error {
	fmt.Fprintf(c, "POST /v1/lookup HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	for ctx.Err() == nil {
		if _, err := c.Write([]byte{' '}); err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// giganticHeader sends a header of HTTP/1.1 without an end.
func giganticHeader(ctx context.Context, c net.Conn) error {
	fmt.Fprintf(c, "POST /v1/lookup HTTP/1.1\r\nHost: x\r\n")
	for line := "X-Y: " + strings.Repeat("z", 4000) + "\r\n"; ctx.Err() == nil; {
		if _, err := io.WriteString(c, line); err != nil {
			return err
		}
	}
	return nil
}

// lies sends messages of gRPC that say they are four gigabytes, or none, and bodies that are
// not what was announced.
func lies(ctx context.Context, c net.Conn) error {
	s, err := begin(c)
	if err != nil {
		return err
	}
	s.ignore()
	for i := uint32(0); ctx.Err() == nil; i++ {
		var more []string
		if i%3 == 2 {
			more = []string{"content-length", "4000000000"}
		}
		id, err := s.open(false, s.head("/feast.serving.ServingService/GetOnlineFeatures", "application/grpc", more...))
		if err != nil {
			return err
		}
		message := binary.BigEndian.AppendUint32([]byte{0}, []uint32{1<<32 - 1, 0, 5}[i%3])
		if err := s.WriteData(id, true, append(message, "xyz"...)); err != nil {
			return err
		}
	}
	return nil
}

// idle holds connections that do nothing: half of them of HTTP/2, which said hello.
func idle(ctx context.Context, dial func() (net.Conn, error)) {
	n, _ := strconv.Atoi(os.Getenv("QUERN_IDLE"))
	var all []net.Conn
	for i := range n {
		c, err := dial()
		if err != nil || ctx.Err() != nil {
			break
		}
		if all = append(all, c); i%2 == 0 {
			begin(c)
		}
	}
	<-ctx.Done()
	for _, c := range all {
		c.Close()
	}
}

// TestAttacker is the other process of TestAbuse: it attacks until its input ends.
func TestAttacker(t *testing.T) {
	address := os.Getenv("QUERN_ATTACK")
	if address == "" {
		t.Skip("only for TestAbuse")
	}
	runtime.GOMAXPROCS(1) // it has the other core
	ctx, cancel := context.WithCancel(context.Background())
	go func() { io.Copy(io.Discard, os.Stdin); cancel() }()
	for i, a := range attacks() {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i))}} // another address than the honest client's
		if a.name == os.Getenv("QUERN_ATTACK_NAME") {
			var first sync.Once
			a.how(ctx, func() (net.Conn, error) {
				defer first.Do(func() { fmt.Println("it begins") })
				return dialer.DialContext(ctx, "tcp", address)
			})
		}
	}
}

// TestAbuse attacks a server from another process and another address, while an honest
// client asks: it is answered, soon; memory is bounded; afterwards nothing is left. Without
// QUERN_LONG it looks at no clock.
func TestAbuse(t *testing.T) {
	long, connections := 700*time.Millisecond, 500
	if os.Getenv("QUERN_LONG") != "" {
		long, connections = 30*time.Second, 10_000
	}
	r := twoViews(t, func(c *Config) { c.Replies, c.Bodies, c.Slow = 32<<20, 32<<20, 5*time.Second }).start(t)
	honest := &http.Client{Transport: &http.Transport{}}
	defer honest.CloseIdleConnections()
	for _, a := range attacks() {
		t.Run(a.name, func(t *testing.T) {
			quiet := r.askFor(t, honest, long/3)
			goroutines := runtime.NumGoroutine()
			end := r.attacked(t, a.name, connections)
			time.Sleep(long / 10)
			var heap uint64
			stop := make(chan struct{})
			var watch sync.WaitGroup
			watch.Go(func() { heap = mostHeap(stop) })
			under := r.askFor(t, honest, long)
			close(stop)
			watch.Wait()
			end()
			again := r.askFor(t, honest, long/3)
			quiet = max(quiet, again)
			t.Logf("p99 %v quiet, %v attacked (%.1fx); heap %d MiB", quiet, under, float64(under)/float64(quiet), heap>>20)
			if heap > 400<<20 {
				t.Errorf("the heap grew to %d MiB", heap>>20)
			}
			const slice = 10 * time.Millisecond // for which the scheduler lets others run
			if os.Getenv("QUERN_LONG") != "" && under > max(3*quiet, slice) {
				t.Errorf("p99 %v, quiet %v", under, quiet)
			}
			waitFor(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
			waitFor(t, "bytes come back", func() bool {
				return r.server.bodies.Left() == 32<<20 && r.server.replies.Left() == 32<<20
			})
		})
	}
}

// attacked starts an attacker, and returns what ends it.
func (r *rig) attacked(t *testing.T, name string, connections int) (end func()) {
	c := exec.Command(os.Args[0], "-test.run=^TestAttacker$")
	c.Env = append(os.Environ(), "QUERN_ATTACK="+strings.TrimPrefix(r.url, "http://"), "QUERN_ATTACK_NAME="+name, "QUERN_IDLE="+strconv.Itoa(connections))
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	check(t, err)
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	said := bufio.NewReader(out)
	if _, err := said.ReadString('\n'); err != nil {
		t.Errorf("the attacker does not begin: %v", err)
	}
	return func() { in.Close(); io.Copy(io.Discard, said); c.Wait() }
}

// askFor asks for some time, and returns the 99th percentile of the times of answers.
func (r *rig) askFor(t *testing.T, client *http.Client, long time.Duration) time.Duration {
	var took []time.Duration
	for start := time.Now(); time.Since(start) < long || len(took) < 20; {
		at := time.Now()
		for again := 0; ; again++ {
			code, text := call(t, client, "POST", r.url+"/v1/lookup", lookA)
			if code == 200 {
				break
			}
			if code != 429 || again > 1000 {
				t.Fatalf("the honest client: %d %s", code, text)
			}
			time.Sleep(time.Millisecond)
		}
		took = append(took, time.Since(at))
		time.Sleep(200 * time.Microsecond)
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}

// mostHeap watches the heap until told to stop.
func mostHeap(stop chan struct{}) (most uint64) {
	var m runtime.MemStats
	for {
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapAlloc)
		select {
		case <-stop:
			return most
		case <-time.After(50 * time.Millisecond):
		}
	}
}
