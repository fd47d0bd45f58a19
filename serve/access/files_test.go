package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"
)

// script is a File that answers in turn, and then ends.
type script struct {
	turns []func() (bool, error)
	end   func()
}

func (s *script) Reload() (bool, error) {
	if len(s.turns) == 0 {
		s.end()
		return false, nil
	}
	turn := s.turns[0]
	s.turns = s.turns[1:]
	return turn()
}

func (s *script) String() string { return "the file" }

// TestFollow: what is new is logged, and what is refused, and nothing else.
func TestFollow(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := &script{end: cancel, turns: []func() (bool, error){
		func() (bool, error) { return false, nil },
		func() (bool, error) { return true, nil },
		func() (bool, error) { return false, errors.New("it is damaged") },
		func() (bool, error) { return false, nil },
	}}
	var said []string
	Follow(ctx, time.Millisecond, func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }, s)
	if want := []string{"the file is read again", "it is damaged; what was known goes on"}; !slices.Equal(said, want) {
		t.Errorf("%q, want %q", said, want)
	}
}

// TestReload: something new holds at once, what cannot be read or used is refused once, and
// what held before goes on.
func TestReload(t *testing.T) {
	text, lost := "a", error(nil)
	w := &watched[string]{
		read: func() ([][]byte, error) { return [][]byte{[]byte(text)}, lost },
		parse: func(texts [][]byte, old string) (string, error) {
			if text == "bad" {
				return "", errors.New("bad")
			}
			return old + string(texts[0]), nil
		},
	}
	gone := errors.New("gone")
	for i, c := range []struct {
		text    string
		lost    error
		changed bool
		fails   bool
		want    string
	}{
		{"a", nil, true, false, "a"},
		{"a", nil, false, false, "a"},
		{"b", nil, true, false, "ab"},
		{"bad", nil, false, true, "ab"},
		{"bad", nil, false, false, "ab"},
		{"b", nil, true, false, "abb"}, // it is another than last time
		{"b", gone, false, true, "abb"},
		{"b", gone, false, false, "abb"},
		{"b", errors.New("gone again"), false, true, "abb"},
		{"b", nil, true, false, "abbb"}, // who knows what it was meanwhile
		{"c", nil, true, false, "abbbc"},
	} {
		text, lost = c.text, c.lost
		if changed, err := w.Reload(); changed != c.changed || (err != nil) != c.fails || w.current() != c.want {
			t.Errorf("step %d: %v, %v, %q, want %v, %v, %q", i, changed, err, w.current(), c.changed, c.fails, c.want)
		}
	}
}
