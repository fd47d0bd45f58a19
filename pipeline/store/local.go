package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"quern/internal/failpoint"
)

// The private names of a store. Attempts have no data suffix, so no reader's glob
// sees them.
const (
	privateFolder  = "_quern"
	attemptsFolder = privateFolder + "/attempts"
	lockName       = privateFolder + "/lock"
)

// Local is a Store in a folder of the local disk. Objects are published with
// link(2), which fails if the name is taken: on one file system there is one
// winner, whoever crashes.
type Local struct {
	root     string
	attempts atomic.Int64 // numbers the attempts of this process
	mu       sync.Mutex
	stood    string // the deepest folder that was there before this store made others
}

// NewLocal returns the store in the folder root, which is created when the first
// object is.
func NewLocal(root string) (*Local, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	return &Local{root: abs}, nil
}

// Location returns the folder.
func (l *Local) Location() string { return l.root }

// path returns the file of an object. Names must stay inside of the root, in their
// only spelling, and off the store's own files.
func (l *Local) path(name string) (string, error) {
	local := filepath.FromSlash(name)
	if !ValidName(name) || !filepath.IsLocal(local) {
		return "", fmt.Errorf("object name %q leaves its store", name)
	}
	if private(name) {
		return "", fmt.Errorf("object name %q is private to the store", name)
	}
	return filepath.Join(l.root, local), nil
}

// private reports whether name is used by the store itself.
func private(name string) bool {
	return name == lockName || name == attemptsFolder || strings.HasPrefix(name, attemptsFolder+"/")
}

// inside returns a private file or folder.
func (l *Local) inside(name string) string { return filepath.Join(l.root, filepath.FromSlash(name)) }

// mkdirs makes a folder of the store and notes where the made ones hang.
func (l *Local) mkdirs(folder string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stood == "" {
		l.stood = l.root
		for up := filepath.Dir(l.stood); up != l.stood; up = filepath.Dir(up) {
			if _, err := os.Stat(l.stood); err == nil {
				break
			}
			l.stood = up
		}
	}
	return os.MkdirAll(folder, 0o777)
}

// Create starts an object as a file of its own under _quern/attempts.
func (l *Local) Create(_ context.Context, name string) (Writer, error) {
	final, err := l.path(name)
	if err != nil {
		return nil, err
	}
	base := strings.ReplaceAll(name, "/", "-")
	base = strings.TrimSuffix(base, filepath.Ext(base))
	for {
		attempt := fmt.Sprintf("%s.%d-%d", base, os.Getpid(), l.attempts.Add(1))
		file, err := os.OpenFile(filepath.Join(l.inside(attemptsFolder), attempt), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		switch {
		case err == nil:
			return &localWriter{file: file, store: l, final: final}, nil
		case errors.Is(err, fs.ErrNotExist):
			if err := l.mkdirs(l.inside(attemptsFolder)); err != nil {
				return nil, err
			}
		case !errors.Is(err, fs.ErrExist): // else a process of this number died here: take the next name
			return nil, err
		}
	}
}

// Open opens an object.
func (l *Local) Open(_ context.Context, name string) (Reader, error) {
	path, err := l.path(name)
	if err != nil {
		return nil, err
	}
	return OpenFile(path)
}

// OpenFile opens a file of the local disk as an object. Anything but a regular file
// is an error: opening a pipe would wait for a writer.
func OpenFile(path string) (Reader, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, path)
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, path)
	}
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err != nil {
		file.Close()
		return nil, err
	}
	return &localReader{file, info.Size()}, nil
}

// List lists the objects under prefix.
func (l *Local) List(ctx context.Context, prefix string) ([]string, error) {
	top := l.root
	if prefix != "" {
		var err error
		if top, err = l.path(strings.TrimSuffix(prefix, "/")); err != nil {
			return nil, err
		}
	}
	var names []string
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // nothing there, or removed while we walk
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(l.root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if d.IsDir() && private(name) {
			return filepath.SkipDir
		}
		if d.Type().IsRegular() && !private(name) {
			names = append(names, name)
		}
		return ctx.Err()
	})
	slices.Sort(names)
	return names, err
}

// Remove removes an object, and the folders under _quern that this leaves empty.
func (l *Local) Remove(_ context.Context, name string) error {
	path, err := l.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if strings.HasPrefix(name, privateFolder+"/") {
		for dir := filepath.Dir(path); dir != l.root && os.Remove(dir) == nil; dir = filepath.Dir(dir) {
		}
	}
	return nil
}

// RemoveAttempts removes the attempts that nobody has written to for so long, where several
// processes write and none may take the lock, which removes them all.
func (l *Local) RemoveAttempts(idle time.Duration) error {
	folder := l.inside(attemptsFolder)
	attempts, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range attempts {
		info, err := f.Info()
		if err != nil || time.Since(info.ModTime()) < idle {
			continue // gone meanwhile, or perhaps of somebody who lives
		}
		if err := os.Remove(filepath.Join(folder, f.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// localReader is a file with its size.
type localReader struct {
	*os.File
	size int64
}

// Size returns the size that the file had when it was opened.
func (r *localReader) Size() int64 { return r.size }

// localWriter is an attempt.
type localWriter struct {
	file     *os.File // not embedded: all bytes go through Write
	store    *Local
	final    string
	size     int64 // bytes written
	reserved int64 // bytes of the disk that are set aside for the file
	done     bool
}

// The disk is asked for room in steps: the kernel then does it once for many pages,
// which makes writing a third cheaper. Small files are not worth the call.
const (
	smallFile   = 1 << 20
	reserveStep = 8 << 20
)

// Write appends b.
func (w *localWriter) Write(b []byte) (int, error) {
	if end := w.size + int64(len(b)); end > smallFile && end > w.reserved {
		more := (end - w.reserved + reserveStep - 1) / reserveStep * reserveStep
		reserve(w.file, w.reserved, more)
		w.reserved += more
	}
	n, err := w.file.Write(b)
	w.size += int64(n)
	return n, err
}

// Sync makes the bytes durable.
func (w *localWriter) Sync() error { return w.file.Sync() }

// giveBack returns what was reserved and not written.
func (w *localWriter) giveBack() error {
	if w.reserved <= w.size {
		return nil
	}
	w.reserved = w.size
	return w.file.Truncate(w.size)
}

// Commit gives the bytes their name. If the process dies between link and the
// removal of the attempt, both names stand for the same whole file.
func (w *localWriter) Commit() error {
	if w.done {
		return errors.New("quern: bug: object committed twice")
	}
	w.done = true
	defer os.Remove(w.file.Name())
	if err := w.giveBack(); err != nil {
		w.file.Close()
		return err
	}
	startWriting(w.file)
	if err := w.file.Close(); err != nil {
		return err
	}
	failpoint.Point("failpoint:local.link.before")
	err := os.Link(w.file.Name(), w.final)
	for range 3 { // the folder is not there yet, or another goroutine removed it, empty
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err = w.store.mkdirs(filepath.Dir(w.final)); err != nil {
			return err
		}
		err = os.Link(w.file.Name(), w.final)
	}
	failpoint.Point("failpoint:local.link.after")
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%w: %s", ErrExists, w.final)
	}
	return err
}

// Abort removes the attempt.
func (w *localWriter) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	w.file.Close()
	return os.Remove(w.file.Name())
}
