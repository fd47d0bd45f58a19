package rpc

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quern/shard/core"
	"quern/shard/rpc/identity"
)

// The tests here speak HTTP/2 by hand, as no client does.

// Types and flags of frames.
const (
	frameHeaders      = 1
	frameReset        = 3
	frameSettings     = 4
	framePing         = 6
	frameContinuation = 9
	endStream         = 1
	endHeaders        = 4
)

// preface is how a client begins: the magic, and empty settings.
func preface() []byte {
	return append([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(frameSettings, 0, 0, nil)...)
}

func frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// literal is a header that no table remembers, shorter than 127 bytes.
func literal(name, value string) []byte {
	b := append([]byte{0, byte(len(name))}, name...)
	return append(append(b, byte(len(value))), value...)
}

// request are the headers of a call.
func request(method, token string, more ...string) (b []byte) {
	for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":path", method}, {":authority", "x"},
		{"content-type", "application/grpc"}, {"te", "trailers"}, {"authorization", "Bearer " + token}} {
		b = append(b, literal(h[0], h[1])...)
	}
	for i := 0; i < len(more); i += 2 {
		b = append(b, literal(more[i], more[i+1])...)
	}
	return b
}

// attacks are what attackers send after the preface: a next piece, for ever.
func attacks() map[string]func(n uint32) []byte {
	const wait, cancel = "/quern.shard.v1.Coordinator/WaitFitted", "/quern.shard.v1.Coordinator/Cancel"
	reset := make([]byte, 4)
	return map[string]func(n uint32) []byte{
		"rapid reset": func(n uint32) []byte {
			return append(frame(frameHeaders, endHeaders, 2*n+1, request(wait, workerToken)), frame(frameReset, 0, 2*n+1, reset)...)
		},
		"streams without bodies": func(n uint32) []byte {
			return frame(frameHeaders, endHeaders, 2*n+1, request(wait, workerToken))
		},
		"denied, with long deadlines": func(n uint32) []byte {
			return append(frame(frameHeaders, endHeaders, 2*n+1, request(cancel, "nobody's", "grpc-timeout", "8H")), frame(frameReset, 0, 2*n+1, reset)...)
		},
		"headers without end": func(n uint32) []byte {
			if n == 0 {
				return frame(frameHeaders, 0, 1, request(wait, workerToken))
			}
			return frame(frameContinuation, 0, 1, literal(fmt.Sprint("x-", n), "0123456789012345678901234567890123456789"))
		},
		"pings":    func(uint32) []byte { return frame(framePing, 0, 0, make([]byte, 8)) },
		"settings": func(uint32) []byte { return frame(frameSettings, 0, 0, nil) },
		"garbage":  func(n uint32) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n+1)*0x9e3779b97f4a7c15) },
	}
}

// TestAttacks attacks a server in several ways for a while each: it answers an honest
// worker, and its memory stays as it was.
func TestAttacks(t *testing.T) {
	j := learning(1)
	s, err := NewServer(ServerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.Add(j)
	for i, token := range []string{workerToken, "the token of an honest worker"} {
		s.Grant(token, identity.Principal{ID: fmt.Sprint(i), Role: identity.Worker, Job: j.id, Shards: identity.AllShards()})
	}
	l, err := s.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l)
	defer s.Stop(t.Context())
	c, err := NewClient(ClientOptions{Address: l.Addr().String(), Job: j.id, Token: "the token of an honest worker"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	honest(t, c, j.id)
	for name, next := range attacks() {
		t.Run(name, func(t *testing.T) {
			before := heap()
			var stop atomic.Bool
			var pieces, connections atomic.Int64
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					for !stop.Load() {
						connections.Add(1)
						attacker(t, l.Addr().String(), next, &stop, &pieces)
					}
				})
			}
			calls, worst := 0, time.Duration(0)
			for start := time.Now(); time.Since(start) < 300*time.Millisecond; time.Sleep(5 * time.Millisecond) {
				asked := time.Now()
				honest(t, c, j.id)
				worst = max(worst, time.Since(asked))
				calls++
			}
			most := heap()
			stop.Store(true)
			group.Wait()
			t.Logf("%d pieces in %d connections; %d honest calls, the slowest %v; the heap grew by %d KiB",
				pieces.Load(), connections.Load(), calls, worst, (max(most, before)-before)>>10)
			if most > before+384<<20 {
				t.Errorf("the heap grew from %d to %d MiB", before>>20, most>>20)
			}
			taken := func() int { return s.gate.receiving.taken() + s.gate.room[waiting].taken() }
			for start := time.Now(); taken() > 0 && time.Since(start) < 10*time.Second; {
				time.Sleep(10 * time.Millisecond)
			}
			if n := taken(); n > 0 {
				t.Errorf("%d slots are taken by attackers that are gone", n)
			}
			after := heap() // refusals that are not forgotten yet, at most
			for start := time.Now(); after > before+96<<20 && time.Since(start) < 20*time.Second; after = heap() {
				time.Sleep(50 * time.Millisecond)
			}
			if after > before+96<<20 {
				t.Errorf("of the heap %d MiB are left", (after-before)>>20)
			}
		})
	}
}

// attacker sends until it is cut off or told to stop.
func attacker(t *testing.T, address string, next func(uint32) []byte, stop *atomic.Bool, pieces *atomic.Int64) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	go io.Copy(io.Discard, conn)
	if _, err := conn.Write(preface()); err != nil {
		return
	}
	for n := uint32(0); !stop.Load(); n += 32 {
		var b []byte
		for i := range uint32(32) {
			b = append(b, next(n+i)...)
		}
		if _, err := conn.Write(b); err != nil {
			return
		}
		pieces.Add(32)
		time.Sleep(100 * time.Microsecond) // the honest need some of this processor too
	}
}

// TestSilentConnections: who connects and says nothing is cut off after ten seconds, and
// who says no more than hello, after five minutes.
func TestSilentConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		_, l := serve(t, ServerOptions{Connections: 40}, j)
		start := time.Now()
		var group sync.WaitGroup
		for i := range 39 {
			conn, err := l.Dial()
			if err != nil {
				t.Fatal(err)
			}
			want := 10 * time.Second
			if i%2 == 0 {
				want = 5 * time.Minute
				conn.Write(preface()) // into the listener's buffer
			}
			group.Go(func() {
				defer conn.Close()
				answer(conn)
				within(t, "a silent connection", start, want-time.Second, want+40*time.Second)
			})
		}
		honest(t, dial(t, l, ClientOptions{Job: j.id}), j.id)
		group.Wait()
	})
}

// answer reads until the connection ends, and acknowledges what must be.
func answer(conn net.Conn) {
	head := make([]byte, 9)
	for {
		if _, err := io.ReadFull(conn, head); err != nil {
			return
		}
		payload := make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(conn, payload); err != nil {
			return
		}
		if (head[3] == framePing || head[3] == frameSettings) && head[4]&1 == 0 {
			if head[3] == frameSettings {
				payload = nil
			}
			if _, err := conn.Write(frame(head[3], 1, 0, payload)); err != nil {
				return
			}
		}
	}
}

// TestManyConnections: more connections than are allowed wait until there is room.
func TestManyConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := learning(1)
		_, l := serve(t, ServerOptions{Connections: 2}, j)
		first, second := dial(t, l, ClientOptions{Job: j.id}), dial(t, l, ClientOptions{Job: j.id})
		honest(t, first, j.id)
		honest(t, second, j.id)
		third := dial(t, l, ClientOptions{Job: j.id})
		if _, err := third.Ask(t.Context(), core.Request{Kind: core.WaitFitted}, nil); err == nil {
			t.Error("there was room for three")
		}
		first.Close()
		time.Sleep(10 * time.Second)
		honest(t, third, j.id)
	})
}
