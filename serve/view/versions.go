package view

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"quern/features/diag"
	"quern/pipeline/store"
)

// versionTime is how a version's name begins.
const versionTime = "20060102-150405"

// folderOf returns the folder of a version within its view.
func folderOf(version string) string { return "versions/" + version }

func manifestName(version string) string { return folderOf(version) + "/manifest.json" }

// validVersion reports whether a version can be called so.
func validVersion(name string) bool {
	if len(name) != len(versionTime)+9 || name[len(versionTime)] != '-' {
		return false
	}
	_, err := beganAt(name)
	return err == nil && strings.Trim(name[len(versionTime)+1:], "0123456789abcdef") == ""
}

// newVersion names a version that is begun now. Its end is random: two that are begun in one
// second have names of their own.
func newVersion(now time.Time) string {
	var random [4]byte
	rand.Read(random[:])
	return now.UTC().Format(versionTime) + "-" + hex.EncodeToString(random[:])
}

// beganAt returns when a version was begun, which is in its name.
func beganAt(version string) (time.Time, error) {
	return time.Parse(versionTime, version[:min(len(version), len(versionTime))])
}

// manifest reads and checks the manifest of a version. Q664 if there is none.
func manifest(ctx context.Context, p place, version string) (*Manifest, error) {
	if !validVersion(version) {
		return nil, diag.New("Q664", "%q is no version", version)
	}
	name := manifestName(version)
	text, err := read(ctx, p.files, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, diag.New("Q664", "view %s has no version %s", p.view, version)
	}
	if err != nil {
		return nil, explain(p.files, "read", err)
	}
	m := &Manifest{}
	if !decode(text, m) || m.Format != Format || m.View != p.view || m.Version != version {
		return nil, damaged(p.files, name, "the manifest is damaged, or of another version of quern")
	}
	if why := m.wrong(); why != "" {
		return nil, damaged(p.files, name, "the manifest says what cannot be: %s", why)
	}
	return m, nil
}

// Manifest returns what is in a version; "" is the one that is served.
func (s *Store) Manifest(ctx context.Context, view, version string) (*Manifest, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	if version == "" {
		state, err := s.state(ctx, p)
		if err != nil {
			return nil, err
		}
		if version = state.Current; version == "" {
			return nil, diag.New("Q664", "view %s serves nothing yet: version %s is staged", view, state.Staged).
				WithHint("quern views promote %s", view)
		}
	}
	return manifest(ctx, p, version)
}

// Promote serves a version: the one that is staged (""), or one that is named. A version
// that may be removed at any moment is Q664. Where the view's pointer is damaged, a version
// that is named makes a new one.
func (s *Store) Promote(ctx context.Context, view, version string) (*State, error) {
	return s.change(ctx, view, version != "", func(p place, old *State) (*State, error) {
		if version == "" {
			version = old.Staged
		}
		if version == "" {
			return nil, diag.New("Q664", "view %s has nothing staged", view).WithHint("quern publish MODEL --stage stages a version")
		}
		if _, err := manifest(ctx, p, version); err != nil {
			return nil, err
		}
		if s.expired(old, version, s.grace()/8) {
			return nil, diag.New("Q664", "version %s of view %s is not kept any longer", version, view)
		}
		return promoted(old, version, "promote"), nil
	})
}

// promoted returns the state in which version is served instead of old's.
func promoted(old *State, version, action string) *State {
	next := &State{Action: action, Current: version, Previous: old.Previous, Staged: old.Staged}
	if old.Current != "" && old.Current != version {
		next.Previous = slices.Concat([]string{old.Current}, old.Previous)
	}
	if next.Staged == version {
		next.Staged = ""
	}
	return next
}

// Rollback serves the version before the one that is served.
func (s *Store) Rollback(ctx context.Context, view string) (*State, error) {
	return s.change(ctx, view, false, func(p place, old *State) (*State, error) {
		if len(old.Previous) == 0 {
			return nil, diag.New("Q664", "view %s has no version before %s", view, old.Current)
		}
		if _, err := manifest(ctx, p, old.Previous[0]); err != nil {
			return nil, err
		}
		return &State{Action: "rollback", Current: old.Previous[0], Previous: old.Previous[1:], Staged: old.Staged}, nil
	})
}

// change makes another state of a view's, or, if it repairs, of one that is damaged.
func (s *Store) change(ctx context.Context, view string, repairs bool, how func(place, *State) (*State, error)) (*State, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	old, err := s.state(ctx, p)
	if repairs && isCode(err, "Q662") {
		old, err = beforeDamage(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	return s.ask(ctx, p, old, func(old *State) (*State, error) { return how(p, old) })
}

// Views returns the names of the views in the store, in order.
func (s *Store) Views(ctx context.Context) ([]string, error) {
	latest, err := s.pointers(ctx)
	return slices.Sorted(maps.Keys(latest)), err
}

// Listed is a version of a view, or what is left of one.
type Listed struct {
	Version string
	Role    string    // serving, staged, previous or carried; of those that are not kept, dropped or unfinished
	What    *Manifest // nil where the version is not whole
	Damage  error     // why a version that was finished cannot be read
}

// Versions returns the versions of a view: what is staged, what is served, those before, and
// then others, the latest first. Where the view's pointer is damaged, nobody knows their
// roles, so they are dropped, and the error says so.
func (s *Store) Versions(ctx context.Context, view string) ([]Listed, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	state, damage := s.state(ctx, p)
	if damage != nil {
		if state = (&State{}); !isCode(damage, "Q662") {
			return nil, damage
		}
	}
	files, err := versionFiles(ctx, p)
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, version := range slices.Concat([]string{state.Staged, state.Current}, state.Previous, state.Carried) {
		seen := slices.ContainsFunc(all, func(l Listed) bool { return l.Version == version })
		if version != "" && !seen { // its manifest should be there: without one it is damaged
			names := append(files[version], manifestName(version))
			if all, err = appendListed(ctx, all, p, state, version, names); err != nil {
				return nil, err
			}
			delete(files, version)
		}
	}
	kept := len(all)
	for version, names := range files {
		if all, err = appendListed(ctx, all, p, state, version, names); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all[kept:], func(a, b Listed) int { return strings.Compare(b.Version, a.Version) })
	return all, damage
}

// appendListed describes a version that has files.
func appendListed(ctx context.Context, all []Listed, p place, state *State, version string, names []string) ([]Listed, error) {
	l := Listed{Version: version, Role: cmp.Or(state.role(version), "dropped")}
	if !slices.Contains(names, manifestName(version)) {
		l.Role = "unfinished"
		return append(all, l), nil
	}
	var err error
	l.What, err = manifest(ctx, p, version)
	if isUnreadable(err) {
		l.Damage, err = err, nil
	}
	return append(all, l), err
}

// Bytes returns how much a version takes: its segments and its model.
func (m *Manifest) Bytes() int64 {
	n := m.ModelFile.Bytes
	for _, f := range m.Segments {
		n += f.Bytes
	}
	return n
}

// role returns what a version is to a state.
func (s *State) role(version string) string {
	switch {
	case version == s.Current:
		return "serving"
	case version == s.Staged:
		return "staged"
	case slices.Contains(s.Previous, version):
		return "previous"
	case slices.Contains(s.Carried, version):
		return "carried"
	}
	return ""
}

// versionFiles returns all objects of versions, by version.
func versionFiles(ctx context.Context, p place) (map[string][]string, error) {
	names, err := p.files.List(ctx, "versions")
	if err != nil {
		return nil, explain(p.files, "read", err)
	}
	files := map[string][]string{}
	for _, name := range names {
		if version := path.Base(path.Dir(name)); validVersion(version) && path.Dir(name) == folderOf(version) {
			files[version] = append(files[version], name)
		}
	}
	return files, nil
}

// expired reports whether a version may be removed within so much time: no state keeps
// it, and neither was it begun nor dropped within the grace time.
func (s *Store) expired(state *State, version string, within time.Duration) bool {
	if state.holds(version) {
		return false
	}
	last, err := beganAt(version)
	if err != nil {
		return false
	}
	for _, d := range state.Dropped {
		if d.Version == version && d.At > last.UnixMicro() {
			last = time.UnixMicro(d.At)
		}
	}
	return s.now().Add(within).Sub(last) > s.graceOf(state, version)
}
