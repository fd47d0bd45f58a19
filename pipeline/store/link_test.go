package store_test

import (
	"context"
	"errors"
	"testing"

	"quern/pipeline/store"
)

func TestLinkGivesASecondName(t *testing.T) {
	s, _ := newStore(t)
	ctx := context.Background()
	if err := s.Link(ctx, "_quern/a", "part"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing to link: %v", err)
	}
	if err := errors.Join(put(s, "_quern/a", "text"), put(s, "_quern/b", "other")); err != nil {
		t.Fatal(err)
	}
	if err := s.Link(ctx, "_quern/a", "folder/part"); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"_quern/a", "_quern/b"} {
		if err := s.Link(ctx, from, "folder/part"); !errors.Is(err, store.ErrExists) {
			t.Errorf("%s over a name that is taken: %v", from, err)
		}
	}
	if err := put(s, "_quern/c", "text"); err != nil {
		t.Fatal(err)
	}
	for other, want := range map[string]bool{"_quern/a": true, "_quern/b": false, "_quern/c": false} {
		if same, err := s.Same(ctx, other, "folder/part"); err != nil || same != want {
			t.Errorf("folder/part is %s: %v (%v)", other, same, err)
		}
	}
	if _, err := s.Same(ctx, "_quern/a", "nothing"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("nothing is the same: %v", err)
	}
	if err := s.Remove(ctx, "_quern/a"); err != nil {
		t.Fatal(err)
	}
	if got := get(t, s, "folder/part"); got != "text" {
		t.Errorf("read %q", got)
	}
	for _, name := range []string{"../x", "_quern/lock"} {
		if s.Link(ctx, "folder/part", name) == nil || s.Link(ctx, name, "y") == nil {
			t.Errorf("linked %q", name)
		}
	}
}
