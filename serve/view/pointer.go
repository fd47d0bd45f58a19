package view

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"quern/features/diag"
	"quern/internal/failpoint"
	"quern/pipeline/store"
)

const (
	// past is how many pointers before the highest stay. A writer that was slower than so
	// many others may find its number free again, though it was taken: see advance.
	past = 64
)

// Store is a store of views. Its fields are set before it is used; then it is safe for
// concurrent use.
type Store struct {
	Places store.Places
	Folder string           // local path or URI
	Keep   int              // previous versions that stay for a rollback; 0: 3
	Grace  time.Duration    // how long others stay, for readers that have not moved on; 0: a day
	Now    func() time.Time // nil: time.Now
}

func (s *Store) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

func (s *Store) keep() int {
	if s.Keep > 0 {
		return s.Keep
	}
	return 3
}

func (s *Store) grace() time.Duration {
	if s.Grace > 0 {
		return s.Grace
	}
	return 24 * time.Hour
}

// place is where a view is. Its pointers are a store of their own, which is never locked:
// a version may be rolled back while the next is built.
type place struct {
	view            string
	files, pointers store.Store
}

// of returns the place of a view.
func (s *Store) of(ctx context.Context, view string) (p place, err error) {
	if !ValidName(view) {
		return p, diag.New("Q660", "%q cannot be the name of a view", view)
	}
	folder := store.Join(s.Folder, "views/"+view)
	p.view = view
	if p.files, err = s.Places.Store(ctx, folder); err != nil {
		return p, err
	}
	p.pointers, err = s.Places.Store(ctx, store.Join(folder, "pointer"))
	return p, err
}

// ValidName reports whether a view can be called so: letters, digits, -, _ and dots, at
// most 100, with a letter, a digit or _ first.
func ValidName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
		if !letter && (i == 0 || r != '-' && r != '.') {
			return false
		}
	}
	return name != "" && len(name) <= 100
}

// State returns which versions of a view are served and kept. A view that is not there
// is Q664.
func (s *Store) State(ctx context.Context, view string) (*State, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	return s.state(ctx, p)
}

// state is State of a place.
func (s *Store) state(ctx context.Context, p place) (*State, error) {
	state, err := newest(ctx, p)
	if err != nil {
		return nil, err
	}
	if state.Number == 0 {
		return nil, diag.New("Q664", "%s has no view %s", s.Folder, p.view)
	}
	return state, nil
}

// newest returns the state with the highest number; Number is 0 if there is none.
func newest(ctx context.Context, p place) (*State, error) {
	st := p.pointers
	for range 3 {
		names, err := st.List(ctx, "")
		if err != nil {
			return nil, explain(st, "read", err)
		}
		if len(names) == 0 {
			return &State{View: p.view}, nil
		}
		name := names[len(names)-1]
		text, err := read(ctx, st, name)
		if errors.Is(err, store.ErrNotFound) {
			continue // so many others followed meanwhile that this one is gone
		}
		if err != nil {
			return nil, explain(st, "read", err)
		}
		if state := pointed(p, name, text); state != nil {
			return state, nil
		}
		return nil, damagedPointer(p, name)
	}
	return nil, changedMeanwhile(st)
}

// pointed reads the text of a pointer; nil if it is none of this view and name.
func pointed(p place, name string, text []byte) *State {
	state := &State{}
	if !decode(text, state) || state.Format != Format || state.View != p.view || pointerName(state.Number) != name {
		return nil
	}
	if slices.ContainsFunc(state.held(), func(v string) bool { return !validVersion(v) }) {
		return nil
	}
	return state
}

func damagedPointer(p place, name string) error {
	return diag.New("Q662", "%s: the pointer is damaged, or of another version of quern", store.Join(p.pointers.Location(), name)).
		WithHint("quern views promote %s@VERSION serves a version of your choice", p.view)
}

// beforeDamage returns the state that a promotion of a certain version starts from where
// the newest pointer is damaged: the newest readable one's, with the damaged one's number.
func beforeDamage(ctx context.Context, p place) (*State, error) {
	names, err := p.pointers.List(ctx, "")
	if err != nil {
		return nil, explain(p.pointers, "read", err)
	}
	state, last := &State{View: p.view}, int64(0)
	for i, name := range slices.Backward(names) {
		text, err := read(ctx, p.pointers, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, explain(p.pointers, "read", err)
		}
		if i == len(names)-1 {
			if last, err = strconv.ParseInt(strings.TrimSuffix(name, ".json"), 10, 64); err != nil {
				return nil, damagedPointer(p, name)
			}
		}
		if good := pointed(p, name, text); good != nil {
			state = good
			break
		}
	}
	state.Number = last
	return state, nil
}

// States returns which versions of every view in the store are served and kept, by the
// names of the views, after one listing. Views whose pointers are damaged are apart.
func (s *Store) States(ctx context.Context) (states []*State, damaged map[string]error, err error) {
	latest, err := s.pointers(ctx)
	if err != nil {
		return nil, nil, err
	}
	damaged = map[string]error{}
	for _, view := range slices.Sorted(maps.Keys(latest)) {
		p, err := s.of(ctx, view)
		if err != nil {
			return nil, nil, err
		}
		text, err := read(ctx, p.pointers, latest[view])
		var state *State
		if err == nil {
			state = pointed(p, latest[view], text)
		}
		if state == nil { // many others followed meanwhile, or it is damaged: state tells
			state, err = s.state(ctx, p)
		}
		switch {
		case err == nil:
			states = append(states, state)
		case isCode(err, "Q662"):
			damaged[view] = err
		case !isCode(err, "Q664"): // else the view was removed since it was listed
			return nil, nil, err
		}
	}
	return states, damaged, nil
}

// pointers returns the name of every view's newest pointer. A folder of this disk that is
// not there is an error: it may be one that is not mounted.
func (s *Store) pointers(ctx context.Context) (map[string]string, error) {
	st, err := s.Places.Store(ctx, s.Folder)
	if err != nil {
		return nil, err
	}
	if _, local := st.(*store.Local); local {
		if _, err := os.Stat(st.Location()); err != nil {
			return nil, explain(st, "read", err)
		}
	}
	names, err := st.List(ctx, "views")
	if err != nil {
		return nil, explain(st, "read", err)
	}
	latest := map[string]string{}
	for _, name := range names {
		parts := strings.Split(name, "/")
		if len(parts) == 4 && parts[2] == "pointer" && ValidName(parts[1]) {
			latest[parts[1]] = max(latest[parts[1]], parts[3])
		}
	}
	return latest, nil
}

// isCode reports whether err is of a code of the catalogue.
func isCode(err error, code diag.Code) bool {
	var e *diag.Error
	return errors.As(err, &e) && e.Code == code
}

// isUnreadable reports whether a version is damaged or gone.
func isUnreadable(err error) bool { return isCode(err, "Q662") || isCode(err, "Q664") }

func pointerName(n int64) string { return fmt.Sprintf("%010d.json", n) }

func changedMeanwhile(st store.Store) error {
	return diag.New("Q663", "%s: somebody else changed what is served meanwhile", st.Location())
}

// advance makes next the state after old. If somebody else was faster it is Q663, and
// next never holds.
func (s *Store) advance(ctx context.Context, p place, old, next *State) error {
	st := p.pointers
	var token [8]byte
	rand.Read(token[:])
	next.Format, next.View, next.Number = Format, old.View, old.Number+1
	next.At, next.Token = s.now().UnixMicro(), hex.EncodeToString(token[:])
	s.settle(old, next)
	name, text := pointerName(next.Number), encode(next)
	failpoint.Point("failpoint:serve.pointer.before")
	err := put(ctx, st, name, text)
	if errors.Is(err, store.ErrExists) {
		// Perhaps it is ours: a store may have taken it and lost the answer.
		there, err := read(ctx, st, name)
		if err != nil {
			return explain(st, "read", err)
		}
		if !bytes.Equal(there, text) {
			return changedMeanwhile(st)
		}
	} else if err != nil {
		return explain(st, "write", err)
	}
	failpoint.Point("failpoint:serve.pointer.after")
	return prune(ctx, st, next.Number)
}

// settle notes which versions next no longer keeps.
func (s *Store) settle(old, next *State) {
	next.Previous = slices.DeleteFunc(slices.Clone(next.Previous), func(v string) bool { return v == next.Current })
	next.Previous = next.Previous[:min(len(next.Previous), s.keep())]
	next.Dropped = nil
	for _, d := range old.Dropped {
		if !next.holds(d.Version) && next.At-d.At < 100*s.grace().Microseconds() {
			next.Dropped = append(next.Dropped, d)
		}
	}
	for _, v := range old.held() {
		if !next.holds(v) {
			next.Dropped = append(next.Dropped, Dropped{v, next.At, next.Action == compacting})
		}
	}
	next.Dropped = next.Dropped[max(0, len(next.Dropped)-past):]
}

// Kept returns the versions that stay: those that are served and staged, and those before.
func (s *State) Kept() []string { return s.held() }

// held returns the versions that the state keeps.
func (s *State) held() []string {
	all := slices.Concat(s.Previous, s.Carried)
	for _, v := range []string{s.Current, s.Staged} {
		if v != "" {
			all = append(all, v)
		}
	}
	return all
}

func (s *State) holds(version string) bool { return slices.Contains(s.held(), version) }

// prune removes old pointers after number n was written, and finds out whether n was
// free only because it had been pruned: then others are far ahead, and n never held.
func prune(ctx context.Context, st store.Store, n int64) error {
	names, err := st.List(ctx, "")
	if err != nil || len(names) == 0 {
		return nil // n holds; what is too much is removed the next time
	}
	if names[len(names)-1] >= pointerName(n+past) {
		st.Remove(ctx, pointerName(n))
		return changedMeanwhile(st)
	}
	for _, name := range names {
		if n > past && name <= pointerName(n-past) {
			st.Remove(ctx, name)
		}
	}
	return nil
}
