package serve

import (
	"context"
	"runtime"
	"testing"
	"time"

	"quern/internal/background"
)

// paced is a shelf that notes which versions were opened in the background.
type paced struct {
	*shelf
	rests map[Name]bool
}

func (p *paced) Open(ctx context.Context, name Name) (*Opened, error) {
	p.rests[name] = background.Is(ctx)
	return p.shelf.Open(ctx, name)
}

// TestReloadGivesWay: the first versions are opened as fast as it goes, as requests wait for
// them; those that follow give way to requests.
func TestReloadGivesWay(t *testing.T) {
	p := &paced{newShelf(t), map[Name]bool{}}
	g := NewGenerations(p, t.Logf)
	defer g.Close()
	first, second := constant(p.shelf, "a", 1, 50), constant(p.shelf, "a", 2, 50)
	for _, step := range []struct {
		serve []Wanted
		rests bool
	}{{[]Wanted{first}, false}, {[]Wanted{second}, true}, {nil, false}, {[]Wanted{first}, false}, {[]Wanted{second}, true}} {
		p.serve(step.serve...)
		if _, err := g.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
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
	s := newShelf(t)
	g := NewGenerations(s, t.Logf)
	defer g.Close()
	s.serve(constant(s, "a", 0, 50))
	if _, err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	later := 0
	const tries = 10
	for version := range tries {
		old := g.pin()
		s.serve(constant(s, "a", version+1, 50))
		if _, err := g.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if old.isGone() {
			t.Fatal("a pinned generation is gone")
		}
		old.Release()
		if s.held() == 4 {
			later++
		}
		select {
		case <-old.gone:
		case <-time.After(10 * time.Second):
			t.Fatal("it is never gone")
		}
		if n := s.held(); n != 2 {
			t.Errorf("it is gone, but %d segments are held", n)
		}
	}
	if later == 0 { // Go may take the turn away now and then
		t.Errorf("%d times the one that let go last closed the segments", tries)
	}
}

// TestCloseWaits: when Close returns, only what a request has pinned is open.
func TestCloseWaits(t *testing.T) {
	s := newShelf(t)
	g := NewGenerations(s, t.Logf)
	for version := range 3 {
		s.serve(constant(s, "a", version, 50))
		if _, err := g.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	pinned := g.pin()
	s.serve(constant(s, "a", 3, 50))
	if _, err := g.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.Close()
	if n := s.held(); n != 2 {
		t.Errorf("%d segments are held, not the 2 that are pinned", n)
	}
	pinned.Release()
	<-pinned.gone
	g.Close()
	if n := s.held(); n != 0 {
		t.Errorf("%d segments are held", n)
	}
}
