package view

import (
	"context"
	"slices"

	"quern/internal/failpoint"
)

// Collect removes versions that are not kept any longer, and what is left of those that
// were never finished, once the grace time is over. It returns their names.
func (s *Store) Collect(ctx context.Context, view string) ([]string, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	files, over, err := s.over(ctx, p)
	if err != nil {
		return nil, err
	}
	for i, version := range over {
		failpoint.Point("failpoint:serve.collect.before")
		if err := remove(ctx, p, files[version]); err != nil {
			return over[:i], err
		}
	}
	return over, nil
}

// Collectable returns what Collect would remove.
func (s *Store) Collectable(ctx context.Context, view string) ([]string, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	_, over, err := s.over(ctx, p)
	return over, err
}

// over returns all objects of versions, and which versions may be removed.
func (s *Store) over(ctx context.Context, p place) (files map[string][]string, over []string, err error) {
	if files, err = versionFiles(ctx, p); err != nil {
		return nil, nil, err
	}
	state, err := newest(ctx, p) // after the files: a version that is kept now is not removed
	if err != nil {
		return nil, nil, err
	}
	for version := range files {
		if !s.expired(state, version, 0) {
			continue
		}
		if files[version] = s.removable(state, version, files[version]); len(files[version]) > 0 {
			over = append(over, version)
		}
	}
	slices.Sort(over)
	return files, over, nil
}

// Surplus returns the versions that Trim would drop.
func (s *Store) Surplus(ctx context.Context, view string, keep int) ([]string, error) {
	state, err := s.State(ctx, view)
	if err != nil {
		return nil, err
	}
	return state.Previous[min(keep, len(state.Previous)):], nil
}

// Trim keeps at most so many previous versions of a view, and returns the others, which
// Collect removes after the grace time; it begins now.
func (s *Store) Trim(ctx context.Context, view string, keep int) (over []string, err error) {
	if over, err = s.Surplus(ctx, view, keep); err != nil || len(over) == 0 {
		return nil, err
	}
	_, err = s.change(ctx, view, false, func(_ place, old *State) (*State, error) {
		keep := min(keep, len(old.Previous))
		over = old.Previous[keep:]
		return &State{Action: "trim", Current: old.Current, Previous: old.Previous[:keep], Staged: old.Staged}, nil
	})
	return over, err
}

// remove removes objects of a version, in their order.
func remove(ctx context.Context, p place, names []string) error {
	for _, name := range names {
		if err := p.files.Remove(ctx, name); err != nil {
			return explain(p.files, "remove files of", err)
		}
	}
	return nil
}
