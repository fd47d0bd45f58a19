package source

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"quern/features/diag"
	"quern/pipeline/store"
)

// finder is where the patterns of Expand are looked for. Names are slash-separated.
type finder interface {
	// isFile reports whether name is a file, or something else that is no folder.
	isFile(ctx context.Context, name string) (bool, error)
	// below returns the files under a folder, relative to it, without those that are
	// hidden; none where there is no such folder.
	below(ctx context.Context, folder string) ([]string, error)
	// file returns a file of the place.
	file(name string) File
}

// hidden reports whether a file or folder of this name is skipped.
func hidden(name string) bool { return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") }

// localFinder is a folder of the local disk; absolute names leave it.
type localFinder struct{ root string }

func (t localFinder) isFile(_ context.Context, name string) (bool, error) {
	info, err := os.Stat(locate(t.root, name))
	return err == nil && !info.IsDir(), nil // what is wrong with it, below will say
}

func (t localFinder) below(_ context.Context, folder string) ([]string, error) {
	top := locate(t.root, folder)
	info, err := os.Stat(top)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, nil
	}
	var found []string
	err = filepath.WalkDir(top, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(top, at)
		if err != nil || name == "." {
			return err
		}
		switch {
		case hidden(d.Name()) && d.IsDir():
			return fs.SkipDir
		case !hidden(d.Name()) && !d.IsDir():
			found = append(found, filepath.ToSlash(name))
		}
		return nil
	})
	return found, err
}

func (t localFinder) file(name string) File { return Local(locate(t.root, name), name) }

// storeFinder is a store that is no folder of the local disk: all of a bucket.
type storeFinder struct {
	store.Store
	root string // "s3://bucket"
}

func (t storeFinder) isFile(ctx context.Context, name string) (bool, error) {
	if name == "." {
		return false, nil
	}
	return store.Exists(ctx, t.Store, name)
}

func (t storeFinder) below(ctx context.Context, folder string) ([]string, error) {
	prefix := ""
	if folder != "." {
		prefix = folder + "/"
	}
	names, err := t.List(ctx, prefix)
	var found []string
	for _, name := range names {
		name = strings.TrimPrefix(name, prefix)
		skip := false
		for part := range strings.SplitSeq(name, "/") {
			skip = skip || hidden(part)
		}
		if !skip {
			found = append(found, name)
		}
	}
	return found, err
}

func (t storeFinder) file(name string) File {
	uri := t.root + "/" + name
	return File{Name: uri, Location: uri, Open: sameVersion(func(ctx context.Context) (store.Reader, error) { return t.Open(ctx, name) })}
}

// sameVersion opens an object by open the first time, and then always the version that
// was there: files are opened again for every few chunks, and rows of two versions must
// not be mixed.
func sameVersion(open func(context.Context) (store.Reader, error)) func(context.Context) (store.Reader, error) {
	var mu sync.Mutex
	var first store.Reopener
	return func(ctx context.Context) (store.Reader, error) {
		mu.Lock()
		defer mu.Unlock()
		if first != nil {
			return first.Reopen(ctx), nil
		}
		r, err := open(ctx)
		if err == nil {
			first, _ = r.(store.Reopener)
		}
		return r, err
	}
}

// finderOf returns where a pattern is looked for in, and the pattern in it.
func finderOf(ctx context.Context, places store.Places, root, pattern string) (finder, string, error) {
	if store.Scheme(pattern) == "" {
		return localFinder{root}, path.Clean(filepath.ToSlash(pattern)), nil
	}
	top, name := store.SplitURI(pattern)
	st, err := places.Store(ctx, top)
	if err != nil {
		return nil, "", err
	}
	return storeFinder{st, top}, path.Clean(name), nil
}

// cannotLook says that the files of a pattern cannot be found out.
func cannotLook(pattern string, err error) error {
	var known *diag.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return diag.New("Q202", "cannot look for %q", pattern).Because(err)
}
