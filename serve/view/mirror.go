package view

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"quern/features/diag"
	"quern/internal/background"
	"quern/pipeline/store"
	"quern/serve/segment"
)

// mirrorTries is how often a version is copied anew whose copies were taken away, or spoilt,
// between the look at them and their opening: several processes may share a mirror.
const mirrorTries = 5

// mirrored opens the copies of a version's segments in a folder of this disk, after it has
// copied those that are not there, or not as they should be.
func mirrored(ctx context.Context, p place, m *Manifest, folder string) (all []*segment.Segment, err error) {
	if folder == "" {
		return nil, diag.New("Q666", "%s is not of this disk, and there is no folder to copy it to", p.files.Location())
	}
	to, err := store.NewLocal(mirrorOf(folder, m.View))
	if err != nil {
		return nil, err
	}
	for range mirrorTries {
		for _, f := range m.Segments {
			if err := mirror(ctx, p.files, to, folderOf(m.Version)+"/"+f.Name, f); err != nil {
				return nil, err
			}
		}
		all, err = openAll(m, filepath.Join(to.Location(), "versions", m.Version))
		if !errors.Is(err, fs.ErrNotExist) && !isCode(err, "Q654") && !isCode(err, "Q662") {
			break
		}
	}
	return all, err
}

// mirrorOf returns the folder of a view in a mirror.
func mirrorOf(folder, view string) string { return filepath.Join(folder, "views", view) }

// mirror copies one file, unless it is there. A copy gets its name once it is whole, on the
// disk and checked; but disks fail, and folders are restored, so one that is found is checked
// again. One that is wrong is replaced: open mappings keep the old file.
func mirror(ctx context.Context, from store.Store, to *store.Local, name string, f File) error {
	good, err := holds(ctx, to, name, f)
	if good {
		return nil
	}
	if err == nil {
		err = to.Remove(ctx, name)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	source, err := from.Open(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return diag.New("Q662", "%s is missing", store.Join(from.Location(), name))
	}
	if err != nil {
		return err
	}
	defer source.Close()
	err = copyTo(ctx, to, name, background.Reader(ctx, io.NewSectionReader(source, 0, source.Size())), f)
	if errors.Is(err, store.ErrExists) {
		return nil // another process was faster
	}
	return err
}

// holds reports whether a file is there as the manifest says. ErrNotFound if there is none.
func holds(ctx context.Context, st store.Store, name string, f File) (bool, error) {
	there, err := st.Open(ctx, name)
	if err != nil {
		return false, err
	}
	defer there.Close()
	if there.Size() != f.Bytes {
		return false, nil
	}
	sum := sha256.New()
	if _, err := io.CopyBuffer(sum, background.Reader(ctx, io.NewSectionReader(there, 0, f.Bytes)), make([]byte, 256<<10)); err != nil {
		return false, ctx.Err() // a part of the disk that cannot be read is damage, too
	}
	return hex.EncodeToString(sum.Sum(nil)) == f.SHA256, ctx.Err()
}

// CleanMirror removes from a mirror the versions of a view that are not among keep, and what
// was left by processes that died while they copied. What is open stays readable.
func CleanMirror(mirror, view string, keep ...string) error {
	folder := mirrorOf(mirror, view)
	versions, err := os.ReadDir(filepath.Join(folder, "versions"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, f := range versions {
		if !validVersion(f.Name()) || slices.Contains(keep, f.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, "versions", f.Name())); err != nil {
			return err
		}
	}
	st, err := store.NewLocal(folder)
	if err != nil {
		return err
	}
	const long = 6 * time.Hour // whoever still copies writes
	return st.RemoveAttempts(long)
}
