package segment

import (
	"context"
	"os"
	"strings"
	"testing"

	"quern/internal/background"
)

// counted is a context that counts how often it is asked whether it has ended.
type counted struct {
	context.Context
	asked, ends int // it ends when asked so often
}

func (c *counted) Err() error {
	if c.asked++; c.ends > 0 && c.asked >= c.ends {
		return context.Canceled
	}
	return nil
}

// TestVerifyRests: Verify rests, or ends, after each block and every thousand rows, so that
// nobody waits for much more.
func TestVerifyRests(t *testing.T) {
	s, _ := wideSegment(t, 20000, true)
	c := &counted{Context: background.With(t.Context())}
	if err := s.Verify(c); err != nil {
		t.Fatal(err)
	}
	places := len(s.body)/blockSize + 20000/1024
	if len(s.body) < 4<<20 || c.asked < places {
		t.Errorf("%d rests in %d bytes, which have %d places for them", c.asked, len(s.body), places)
	}
	for ends := 1; ends < c.asked; ends += 9 {
		if err := s.Verify(&counted{Context: t.Context(), ends: ends}); err != context.Canceled {
			t.Fatalf("ended at place %d: %v", ends, err)
		}
	}
}

// TestVerifyPopulates: after Verify no look-up faults: the whole body is mapped, not only
// in the system's memory.
func TestVerifyPopulates(t *testing.T) {
	s, path := wideSegment(t, 20000, true)
	if err := s.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Skip("only Linux tells")
	}
	_, rest, _ := strings.Cut(string(text), path)
	size, rss := kibOf(rest, "Size:"), kibOf(rest, "Rss:")
	if size == "" || size != rss {
		t.Errorf("%s KiB of %s KiB are mapped", rss, size)
	}
}

func kibOf(text, name string) string {
	_, rest, _ := strings.Cut(text, "\n"+name)
	number, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	return number
}
