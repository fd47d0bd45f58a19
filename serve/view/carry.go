package view

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"
)

// compacting is the action of states that nobody asked for.
const compacting = "compact"

// soon is how long a version stays whose rows are all in the compaction of it: long enough
// for whoever reads it to see that.
const soon = 15 * time.Minute

// asked returns the number of the last state that is no compaction.
func (s *State) asked() int64 {
	if s.Action == compacting {
		return s.Asked
	}
	return s.Number
}

// ask makes the state that somebody wants after old. Compactions meanwhile change nothing
// that it depends on, so it is made again after them; anything else is Q663.
func (s *Store) ask(ctx context.Context, p place, old *State, how func(old *State) (*State, error)) (*State, error) {
	for {
		next, err := how(old)
		if err == nil {
			err = s.carry(ctx, p, old, next)
		}
		if err != nil {
			return nil, err
		}
		err = s.advance(ctx, p, old, next)
		if !lost(err) {
			return next, err
		}
		now, failed := newest(ctx, p)
		if failed != nil || now.asked() != old.asked() || now.Number == old.Number {
			return next, err
		}
		old = now
	}
}

// lost reports whether somebody else changed what is served.
func lost(err error) bool { return isCode(err, "Q663") }

// carry notes in next which pushed rows of old's versions the one that it serves lacks.
// What was pushed does not depend on what is published: it stays, by its event time, over
// whatever is served next. Rows that were pushed to other columns wait for a version of
// those: see Compact.
func (s *Store) carry(ctx context.Context, p place, old, next *State) error {
	next.Carried = slices.Clone(old.Carried)
	if old.Current == next.Current || old.Current == "" {
		return nil
	}
	m, err := manifest(ctx, p, old.Current)
	switch {
	case err == nil && m.Pushed > 0:
		next.Carried = append(next.Carried, old.Current)
	case isUnreadable(err): // that is no reason to keep what is right from being served.
	case err != nil:
		return err
	}
	next.Carried = slices.DeleteFunc(next.Carried, func(v string) bool { return v == next.Current })
	return nil
}

// graceOf returns how long a version stays that no state keeps.
func (s *Store) graceOf(state *State, version string) time.Duration {
	if s.superseded(state, version) {
		return min(soon, s.grace())
	}
	return s.grace()
}

// superseded reports whether a compaction took a version's place, and all its rows.
func (s *Store) superseded(state *State, version string) bool {
	return slices.ContainsFunc(state.Dropped, func(d Dropped) bool {
		return d.Version == version && d.Soon && s.now().UnixMicro()-d.At <= s.grace().Microseconds()
	})
}

// removable returns what may be removed of the objects of an expired version, the manifest
// first, so that the rest is of no version. Of one whose rows are all in its compaction only
// the segments are, for as long as others are kept whole: what answered is still on record.
func (s *Store) removable(state *State, version string, names []string) []string {
	if s.superseded(state, version) {
		return slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(path.Base(name), "segment-") })
	}
	return slices.Concat([]string{manifestName(version)}, names)
}
