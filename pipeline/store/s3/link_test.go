package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quern/internal/s3test"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
)

// linkStep is the least size of a part that servers copy.
const linkStep = 5 << 20

// parted is an object that is copied in three ranges.
func parted() []byte { return noise(2*linkStep + 12_345) }

// small are options under which parted is larger than a part.
func small(o s3.Options) s3.Options {
	o.PartSize = linkStep
	return o
}

// checkSame checks that a copy is known for one, and what is none is not.
func checkSame(t *testing.T, s *s3.Store, from, to string) {
	t.Helper()
	ctx := context.Background()
	if err := put(s, to+"-other", get(t, s, from)); err != nil { // the same bytes, written by somebody else
		t.Fatal(err)
	}
	for name, want := range map[string]bool{to: true, to + "-other": false, from: false} {
		if same, err := s.Same(ctx, from, name); err != nil || same != want {
			t.Errorf("%s and %s are the same: %v (%v)", from, name, same, err)
		}
	}
	if _, err := s.Same(ctx, from, "nothing"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing is the same: %v", err)
	}
}

// TestLink links objects of all sizes, to names that are free and names that are not.
func TestLink(t *testing.T) {
	server := s3test.Start(t)
	s := open(t, small(quick(server, server.Endpoint)), "s3://"+server.Bucket(t)+"/x")
	ctx := context.Background()
	for i, size := range []int{0, 1, 100_000, linkStep - 1, linkStep, linkStep + 1, 2 * linkStep, 2*linkStep + 1, 11 << 20} {
		data := noise(size)
		from, to := fmt.Sprintf("from/ä %d+&%%.bin", i), fmt.Sprint("to/", i)
		if err := put(s, from, data); err != nil {
			t.Fatal(err)
		}
		if err := s.LinkBy(ctx, from, to, linkStep); err != nil {
			t.Errorf("%d bytes: %v", size, err)
			continue
		}
		if got := get(t, s, to); !bytes.Equal(got, data) {
			t.Errorf("%d bytes: %d others", size, len(got))
		}
		checkSame(t, s, from, to)
		if err := s.LinkBy(ctx, from, to, linkStep); !errors.Is(err, store.ErrExists) {
			t.Errorf("%d bytes, again: %v", size, err)
		}
		if err := s.Remove(ctx, from); err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, to); !bytes.Equal(got, data) {
			t.Errorf("%d bytes: gone with the other name", size)
		}
		if err := s.Link(ctx, from, "nowhere"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("from nothing: %v", err)
		}
	}
	if err := s.Link(ctx, "to/0", "../x"); err == nil {
		t.Error("a name out of the store")
	}
	if n := server.Uploads(t); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// TestOneLinkWins lets linkers of different objects, and writers, race for names.
func TestOneLinkWins(t *testing.T) {
	server := s3test.Start(t)
	uri := "s3://" + server.Bucket(t)
	o := small(quick(server, server.Endpoint))
	s := open(t, o, uri)
	const racers = 6
	for i := range racers {
		data := append([]byte{byte(i)}, parted()...)
		if i%2 == 1 {
			data = data[:1000]
		}
		if err := put(s, fmt.Sprint("from-", i), data); err != nil {
			t.Fatal(err)
		}
	}
	for round := range max(3, raceKeys()/20) {
		to := fmt.Sprint("to-", round)
		var winners atomic.Int64
		winner := -1
		var group sync.WaitGroup
		for i := range racers + 1 {
			group.Go(func() {
				mine := open(t, o, uri)
				err := error(nil)
				if i == racers {
					err = put(mine, to, []byte{racers})
				} else {
					err = mine.LinkBy(context.Background(), fmt.Sprint("from-", i), to, linkStep)
				}
				switch {
				case err == nil:
					winners.Add(1)
					winner = i
				case !errors.Is(err, store.ErrExists):
					t.Errorf("racer %d: %v", i, err)
				}
			})
		}
		group.Wait()
		if winners.Load() != 1 {
			t.Fatalf("%d winners", winners.Load())
		}
		want := []byte{racers}
		if winner < racers {
			want = get(t, s, fmt.Sprint("from-", winner))
		}
		if !bytes.Equal(get(t, s, to), want) {
			t.Errorf("racer %d won, other bytes are there", winner)
		}
	}
	if n := server.Uploads(t); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
}

// TestLinkTakesOneVersion replaces the object while it is copied.
func TestLinkTakesOneVersion(t *testing.T) {
	s := newScene(t)
	slow := s.linker(t)
	for _, remove := range []bool{false, true} {
		name := s.fresh()
		if err := put(s.straight, name, parted()); err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		s.proxy.Fail(func(kind string, r *http.Request) s3test.Fault {
			if kind == "begin" {
				once.Do(func() {
					err := s.straight.Remove(context.Background(), name)
					if !remove {
						err = s.straight.(store.Replacer).Replace(context.Background(), name, noise(2*linkStep+54_321))
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			return s3test.Pass
		})
		err := slow.LinkBy(context.Background(), name, name+"-copy", linkStep)
		if remove && !errors.Is(err, store.ErrNotFound) || !remove && code(err) != "Q214" {
			t.Errorf("removed %v: %v", remove, err)
		}
		if _, err := s.straight.Open(context.Background(), name+"-copy"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("something was made: %v", err)
		}
		if s.proxy.Count("abort") != 1 {
			t.Errorf("requests: %v", s.proxy.Seen())
		}
	}
}

// linker is the store through the proxy, for objects of several parts.
func (s *scene) linker(t *testing.T) *s3.Store {
	o := small(quick(s.server, s.proxy.Endpoint))
	o.Timeout = 2 * time.Second
	return open(t, o, s.uri)
}

// TestLinkOutcomesAreFoundOut plants each fault in each kind of request that a link makes,
// and looks what is there.
func TestLinkOutcomesAreFoundOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	l := s.linker(t)
	large, tiny := parted(), []byte("text")
	for name, data := range map[string][]byte{"large": large, "tiny": tiny} {
		if err := put(s.straight, name, data); err != nil {
			t.Fatal(err)
		}
	}
	for kind, from := range map[string]string{"begin": "large", "part": "large", "complete": "large", "head": "large", "put": "tiny", "get": "tiny"} {
		for title, fault := range planted() {
			if fault == s3test.Hang || fault == s3test.HangAfter {
				continue // two seconds each
			}
			to := s.fresh()
			s.proxy.Fail(times(1, kind, fault))
			if err := l.LinkBy(context.Background(), from, to, linkStep); err != nil {
				t.Errorf("%s, %s: %v", kind, title, err)
				continue
			}
			if got := get(t, s.straight, to); !bytes.Equal(got, get(t, s.straight, from)) {
				t.Errorf("%s, %s: other bytes", kind, title)
			}
			if s.proxy.Count("remove")+s.proxy.Count("abort") > 0 {
				t.Errorf("%s, %s: %v", kind, title, s.proxy.Seen())
			}
		}
	}
	s.unknownLinks(t, l)
}

// unknownLinks never lets the client see what happened.
func (s *scene) unknownLinks(t *testing.T, l *s3.Store) {
	for deciding, from := range map[string]string{"complete": "large", "put": "tiny"} {
		for title, fault := range map[string]s3test.Fault{"not done": 503, "done": s3test.DoneBut + 503} {
			to, asked := s.fresh(), false
			s.proxy.Fail(func(kind string, _ *http.Request) s3test.Fault {
				switch {
				case kind == deciding:
					asked = true
					return fault
				case kind == "head" && asked:
					return 503
				}
				return s3test.Pass
			})
			if err := l.LinkBy(context.Background(), from, to, linkStep); code(err) != "Q446" {
				t.Errorf("%s, %s: %v", deciding, title, err)
			}
			if s.proxy.Count("remove")+s.proxy.Count("abort") > 0 {
				t.Errorf("%s, %s: %v", deciding, title, s.proxy.Seen())
			}
			s.proxy.Fail(nil)
			err := l.LinkBy(context.Background(), from, to, linkStep)
			if title == "not done" && err != nil || title == "done" && !errors.Is(err, store.ErrExists) {
				t.Errorf("%s, %s: the next one: %v", deciding, title, err)
			}
		}
	}
}
