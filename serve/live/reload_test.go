package live_test

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"quern/internal/background"
	"quern/serve/live"
	"quern/serve/live/livetest"
)

// paced is a shelf that notes which versions were opened in the background.
type paced struct {
	*livetest.Shelf
	rests map[live.Name]bool
}

func (p *paced) Open(ctx context.Context, name live.Name) (*live.Opened, error) {
	p.rests[name] = background.Is(ctx)
	return p.Shelf.Open(ctx, name)
}

// TestReloadGivesWay: the first versions are opened as fast as it goes, as requests wait for
// them; those that follow give way to requests.
func TestReloadGivesWay(t *testing.T) {
	p := &paced{livetest.NewShelf(t), map[live.Name]bool{}}
	g := live.NewGenerations(p, t.Logf)
	defer g.Close()
	first, second := p.AddConstant("a", 1, 50), p.AddConstant("a", 2, 50)
	for _, step := range []struct {
		serve []live.Wanted
		rests bool
	}{{[]live.Wanted{first}, false}, {[]live.Wanted{second}, true}, {nil, false}, {[]live.Wanted{first}, false}, {[]live.Wanted{second}, true}} {
		p.Serve(step.serve...)
		reload(t, g)
		for _, w := range step.serve {
			if p.rests[w.Name] != step.rests {
				t.Errorf("%s gives way: %v", w.Name, p.rests[w.Name])
			}
		}
	}
}

// TestReleaseDoesNotUnmap: the request that lets go last does not close the segments itself.
func TestReleaseDoesNotUnmap(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so no other goroutine runs unless this one waits
	s := livetest.NewShelf(t)
	g := live.NewGenerations(s, t.Logf)
	defer g.Close()
	s.Serve(s.AddConstant("a", 0, 50))
	reload(t, g)
	later := 0
	const tries = 10
	for version := range tries {
		old := g.Pin()
		s.Serve(s.AddConstant("a", version+1, 50))
		reload(t, g)
		select {
		case <-old.Gone():
			t.Fatal("a pinned generation is gone")
		default:
		}
		old.Release()
		if s.Held() == 4 {
			later++
		}
		select {
		case <-old.Gone():
		case <-time.After(10 * time.Second):
			t.Fatal("it is never gone")
		}
		if n := s.Held(); n != 2 {
			t.Errorf("it is gone, but %d segments are held", n)
		}
	}
	if later == 0 { // Go may take the turn away now and then
		t.Errorf("%d times the one that let go last closed the segments", tries)
	}
}

// TestCloseWaits: when Close returns, only what a request has pinned is open.
func TestCloseWaits(t *testing.T) {
	s := livetest.NewShelf(t)
	g := live.NewGenerations(s, t.Logf)
	for version := range 3 {
		s.Serve(s.AddConstant("a", version, 50))
		reload(t, g)
	}
	pinned := g.Pin()
	s.Serve(s.AddConstant("a", 3, 50))
	reload(t, g)
	g.Close()
	if n := s.Held(); n != 2 {
		t.Errorf("%d segments are held, not the 2 that are pinned", n)
	}
	pinned.Release()
	<-pinned.Gone()
	g.Close()
	if n := s.Held(); n != 0 {
		t.Errorf("%d segments are held", n)
	}
}

// TestBadVersionIsRefused: it is logged once, the old one goes on, the other view moves on,
// and once the version is whole it is served.
func TestBadVersionIsRefused(t *testing.T) {
	s, log := livetest.NewShelf(t), &lines{}
	one := []live.Wanted{s.AddConstant("a", 1, 50), s.AddConstant("b", 1, 50)}
	two := []live.Wanted{s.AddConstant("a", 2, 50), s.AddConstant("b", 2, 50)}
	path := s.Files(two[0].Name)[1]
	whole, err := os.ReadFile(path)
	check(t, err)
	bad := append([]byte(nil), whole...)
	bad[70] ^= 1 // a row: only Verify sees it
	check(t, os.WriteFile(path, bad, 0o600))
	s.Serve(one...)
	g := live.NewGenerations(s, log.log)
	defer g.Close()
	reload(t, g)
	s.Serve(two...)
	for range 5 {
		if _, err := g.Reload(t.Context()); err == nil {
			t.Fatal("a damaged version was not refused")
		}
	}
	expect(t, "the refused view", now(t, g, "a:a0", 1), 1)
	expect(t, "the other view", now(t, g, "b:b0", 1), 2)
	if n := log.count("a@2 is refused"); n != 1 || g.Failures() != 1 || g.Reloads() != 2 {
		t.Errorf("the refusal was logged %d times; %d failures, %d reloads", n, g.Failures(), g.Reloads())
	}
	check(t, os.Remove(path)) // the file is mapped: it is replaced, never rewritten
	check(t, os.WriteFile(path, whole, 0o600))
	g.TryAgain(two[0].Name)
	if changed, err := g.Reload(t.Context()); !changed || err != nil {
		t.Errorf("the whole version: %v %v", changed, err)
	}
	expect(t, "the whole version", now(t, g, "a:a0", 1), 2)
	if changed, err := g.Reload(t.Context()); changed || err != nil {
		t.Errorf("nothing new: %v %v", changed, err)
	}
}
