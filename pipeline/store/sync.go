package store

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"quern/internal/failpoint"
)

// syncers is how many files are synced at the same time: the disk merges their
// flushes.
const syncers = 8

// Sync makes objects durable, then the folders that name them, up to the one that
// was there before.
func (l *Local) Sync(ctx context.Context, names []string) error {
	paths := make([]string, len(names))
	var folders []string
	for i, name := range names {
		path, err := l.path(name)
		if err != nil {
			return err
		}
		paths[i] = path
		folders = l.foldersOf(folders, path)
	}
	failpoint.Point("failpoint:local.sync.before")
	if err := syncAll(ctx, paths); err != nil {
		return err
	}
	failpoint.Point("failpoint:local.folders.before")
	return syncAll(ctx, folders)
}

// foldersOf appends the folders from path's own up to where the store hangs.
func (l *Local) foldersOf(folders []string, path string) []string {
	l.mu.Lock()
	last := l.stood
	l.mu.Unlock()
	if last == "" {
		last = l.root
	}
	for dir := filepath.Dir(path); !slices.Contains(folders, dir); dir = filepath.Dir(dir) {
		folders = append(folders, dir)
		if dir == last || dir == filepath.Dir(dir) {
			break
		}
	}
	return folders
}

// syncAll syncs files or folders, several at a time, and returns the first error in
// their order.
func syncAll(ctx context.Context, paths []string) error {
	errs := make([]error, len(paths))
	next := make(chan int)
	var group sync.WaitGroup
	for range min(syncers, len(paths)) {
		group.Go(func() {
			for i := range next {
				if errs[i] = ctx.Err(); errs[i] == nil {
					errs[i] = syncPath(paths[i])
				}
			}
		})
	}
	for i := range paths {
		next <- i
	}
	close(next)
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// syncPath makes a file, or the names in a folder, durable.
func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
