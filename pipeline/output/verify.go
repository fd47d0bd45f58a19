package output

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"syscall"

	"quern/features/diag"
	"quern/pipeline/store"
)

// Verify checks a finished output: the manifest is there and undamaged, every file
// has the size and the SHA-256 that it says, and no other file could be taken for
// one of them. Errors: Q321 unfinished, Q320 damaged.
func Verify(ctx context.Context, st store.Store) (*Manifest, error) {
	m, err := ReadManifest(ctx, st)
	if err != nil {
		return nil, err
	}
	var mistakes diag.List
	for _, f := range m.Files {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		mistakes.Add(checkFile(ctx, st, f), "Q320")
	}
	there, err := st.List(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, name := range there {
		if m.looksLikePart(name) && !slices.ContainsFunc(m.Files, func(f File) bool { return f.Name == name }) {
			mistakes = append(mistakes, diag.New("Q320", "%s is there, but the manifest does not name it", name))
		}
	}
	return m, mistakes.Err()
}

// ReadManifest returns the manifest of a finished output, its seal checked; the files
// that it names are not looked at. Errors: Q321 unfinished, Q320 damaged.
func ReadManifest(ctx context.Context, st store.Store) (*Manifest, error) {
	m, err := readManifest(ctx, st)
	switch {
	case errors.Is(err, syscall.ENOTDIR) || err == nil && m == nil:
		return nil, diag.New("Q321", "%s has no manifest: it is not a finished output", st.Location()).
			WithHint("the run that writes it, repeated, finishes it")
	case err != nil:
		return nil, err
	case m.Version == 0:
		return nil, damagedManifest(st)
	}
	return m, nil
}

// looksLikePart reports whether a reader who takes all files of a kind would take
// name for a part.
func (m *Manifest) looksLikePart(name string) bool {
	if strings.Contains(name, "/") {
		return false
	}
	return strings.HasPrefix(name, "part-") ||
		slices.ContainsFunc(m.Files, func(f File) bool { return path.Ext(f.Name) == path.Ext(name) })
}

func damagedManifest(st store.Store) error {
	return diag.New("Q320", "%s: the manifest is damaged, or of another version", st.Location())
}

// checkFile compares a file with its entry.
func checkFile(ctx context.Context, st store.Store, f File) error {
	o, err := st.Open(ctx, f.Name)
	if errors.Is(err, store.ErrNotFound) {
		return diag.New("Q320", "%s is missing", f.Name)
	}
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", f.Name, err)
	}
	defer o.Close()
	if o.Size() != f.Bytes {
		return diag.New("Q320", "%s is damaged: it has %d bytes, the manifest says %d", f.Name, o.Size(), f.Bytes)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(o, 0, o.Size())); err != nil {
		return fmt.Errorf("cannot read %s: %w", f.Name, err)
	}
	if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return diag.New("Q320", "%s is damaged: its bytes are not those of the manifest", f.Name)
	}
	return nil
}

// sameFile reports whether the file of an entry is there with its bytes; the error
// is that it could not be read.
func sameFile(ctx context.Context, st store.Store, f File) (bool, error) {
	err := checkFile(ctx, st, f)
	var different *diag.Error
	if errors.As(err, &different) {
		return false, nil
	}
	return err == nil, err
}

// readManifest returns the manifest: nil if there is none, an empty one (version 0)
// if it is damaged or of another version.
func readManifest(ctx context.Context, st store.Store) (*Manifest, error) {
	text, err := read(ctx, st, ManifestName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if !decode(text, m) || m.Version != Version {
		return &Manifest{}, nil
	}
	return m, nil
}

// maxRecord is how long a record of ours may be: a manifest of a million parts has
// about 200 MB.
const maxRecord = 256 << 20

// read returns a small object whole.
func read(ctx context.Context, st store.Store, name string) ([]byte, error) {
	o, err := st.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	if o.Size() > maxRecord {
		return nil, fmt.Errorf("%s has %d bytes, more than quern ever writes", name, o.Size())
	}
	text := make([]byte, o.Size())
	if _, err := io.ReadFull(io.NewSectionReader(o, 0, o.Size()), text); err != nil {
		return nil, err
	}
	return text, nil
}

// publish writes a small object.
func publish(ctx context.Context, st store.Store, name string, text []byte) error {
	o, err := st.Create(ctx, name)
	if err != nil {
		return writeError(st, err)
	}
	defer o.Abort()
	if _, err := o.Write(text); err != nil {
		return writeError(st, err)
	}
	return writeError(st, o.Commit())
}
