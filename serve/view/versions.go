package view

import (
	"context"
	"errors"
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
	_, err := beganAt(name)
	return err == nil && len(name) == len(versionTime)+9 && !strings.ContainsAny(name, "/\\.")
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
	if !decode(text, m) || m.Format != Format || m.View != p.view || m.Version != version || len(m.Segments) == 0 {
		return nil, damaged(p.files, name, "the manifest is damaged, or of another version of quern")
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
// that may be removed at any moment is Q664.
func (s *Store) Promote(ctx context.Context, view, version string) (*State, error) {
	return s.change(ctx, view, func(p place, old *State) (*State, error) {
		if version == "" {
			version = old.Staged
		}
		if version == "" {
			return nil, diag.New("Q664", "view %s has nothing staged", view).WithHint("quern publish MODEL --stage stages a version")
		}
		if _, err := manifest(ctx, p, version); err != nil {
			return nil, err
		}
		if s.expired(old, version) {
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
	return s.change(ctx, view, func(p place, old *State) (*State, error) {
		if len(old.Previous) == 0 {
			return nil, diag.New("Q664", "view %s has no version before %s", view, old.Current)
		}
		if _, err := manifest(ctx, p, old.Previous[0]); err != nil {
			return nil, err
		}
		return &State{Action: "rollback", Current: old.Previous[0], Previous: old.Previous[1:], Staged: old.Staged}, nil
	})
}

// change makes another state of a view's.
func (s *Store) change(ctx context.Context, view string, how func(place, *State) (*State, error)) (*State, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	old, err := s.state(ctx, p)
	if err != nil {
		return nil, err
	}
	next, err := how(p, old)
	if err != nil {
		return nil, err
	}
	return next, s.advance(ctx, p, old, next)
}

// Listed is a version of a view that is whole.
type Listed struct {
	*Manifest
	Role string // serving, staged, previous, or "" for one that is not kept
}

// Views returns the names of the views in the store, in order.
func (s *Store) Views(ctx context.Context) ([]string, error) {
	st, err := s.Places.Store(ctx, s.Folder)
	if err != nil {
		return nil, err
	}
	names, err := st.List(ctx, "views")
	if err != nil {
		return nil, explain(st, "read", err)
	}
	var views []string
	for _, name := range names {
		parts := strings.Split(name, "/")
		if len(parts) == 4 && parts[2] == "pointer" && ValidName(parts[1]) && !slices.Contains(views, parts[1]) {
			views = append(views, parts[1])
		}
	}
	return views, nil
}

// Versions returns the versions of a view that are whole, the latest first.
func (s *Store) Versions(ctx context.Context, view string) ([]Listed, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	state, err := s.state(ctx, p)
	if err != nil {
		return nil, err
	}
	files, err := versionFiles(ctx, p)
	if err != nil {
		return nil, err
	}
	var all []Listed
	for version, names := range files {
		if !slices.Contains(names, manifestName(version)) {
			continue
		}
		m, err := manifest(ctx, p, version)
		if err != nil {
			return nil, err
		}
		all = append(all, Listed{m, state.role(version)})
	}
	slices.SortFunc(all, func(a, b Listed) int { return strings.Compare(b.Version, a.Version) })
	return all, nil
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

// expired reports whether a version may be removed: no state keeps it, and neither was
// it begun nor dropped within the grace time.
func (s *Store) expired(state *State, version string) bool {
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
	return s.now().Sub(last) > s.grace()
}

// Collect removes versions that are not kept any longer, and what is left of those that
// were never finished, once the grace time is over. It returns their names.
func (s *Store) Collect(ctx context.Context, view string) ([]string, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	files, err := versionFiles(ctx, p)
	if err != nil {
		return nil, err
	}
	state, err := newest(ctx, p) // after the files: a version that is kept now is not removed
	if err != nil {
		return nil, err
	}
	var removed []string
	for version, names := range files {
		if !s.expired(state, version) {
			continue
		}
		if err := remove(ctx, p, version, names); err != nil {
			return removed, err
		}
		removed = append(removed, version)
	}
	slices.Sort(removed)
	return removed, nil
}

// remove removes a version, its manifest first, so that the rest is of no version.
func remove(ctx context.Context, p place, version string, names []string) error {
	for _, name := range slices.Concat([]string{manifestName(version)}, names) {
		if err := p.files.Remove(ctx, name); err != nil {
			return explain(p.files, "remove files of", err)
		}
	}
	return nil
}
