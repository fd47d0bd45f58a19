package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Link gives the object called from the name to as well, without copying it, and makes
// that durable. ErrExists if something has the name, ErrNotFound if there is no object
// called from. After any other error the outcome is unknown.
func (l *Local) Link(ctx context.Context, from, to string) error {
	source, err := l.path(from)
	if err != nil {
		return err
	}
	final, err := l.path(to)
	if err != nil {
		return err
	}
	err = os.Link(source, final)
	for range 3 { // the folder is not there yet, or another goroutine removed it, empty
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if _, missing := os.Stat(source); errors.Is(missing, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s", ErrNotFound, source)
		}
		if err := l.mkdirs(filepath.Dir(final)); err != nil {
			return err
		}
		err = os.Link(source, final)
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: %s", ErrExists, final)
	case err != nil:
		return err
	}
	return l.Sync(ctx, []string{to})
}

// Same reports whether two names stand for the same object, as Link makes them. They
// need not, to have the same bytes. ErrNotFound if there is not one of them.
func (l *Local) Same(_ context.Context, a, b string) (bool, error) {
	var found [2]fs.FileInfo
	for i, name := range []string{a, b} {
		path, err := l.path(name)
		if err != nil {
			return false, err
		}
		if found[i], err = os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("%w: %s", ErrNotFound, path)
		} else if err != nil {
			return false, err
		}
	}
	return os.SameFile(found[0], found[1]), nil
}
