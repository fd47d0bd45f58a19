package store

import (
	"context"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"quern/features/diag"
)

// Places turns what a user writes as a path into a Store: it is the one place where that
// happens. The keys are the schemes of URIs ("s3" of s3://bucket/folder); what has no
// scheme is a folder of the local disk. The nil value knows the local disk only.
type Places map[string]Opener

// Opener returns the store of a URI of its scheme. It does not ask whether anything is
// there.
type Opener func(ctx context.Context, uri string) (Store, error)

// Store returns the store of a folder: a local one, or one that a URI names. Errors are
// *diag.Error (Q440) where nothing is known of the scheme.
func (p Places) Store(ctx context.Context, folder string) (Store, error) {
	scheme := Scheme(folder)
	if scheme == "" {
		return NewLocal(folder)
	}
	open, ok := p[scheme]
	if !ok {
		return nil, diag.New("Q440", "%s: no store is called %s://", folder, scheme).
			WithHint("a path of the local disk, or s3://bucket/folder")
	}
	return open(ctx, folder)
}

// Open opens a file: of the local disk, or of the store that a URI names.
func (p Places) Open(ctx context.Context, file string) (Reader, error) {
	if Scheme(file) == "" {
		return OpenFile(file)
	}
	root, name := SplitURI(file)
	st, err := p.Store(ctx, root)
	if err != nil {
		return nil, err
	}
	return st.Open(ctx, name)
}

// Scheme returns the scheme of a URI, or "" of a local path.
func Scheme(name string) string {
	scheme, _, ok := strings.Cut(name, "://")
	if !ok || scheme == "" || strings.ContainsAny(scheme, `/\.`) {
		return ""
	}
	return scheme
}

// SplitURI splits a URI into its store's outermost root ("s3://bucket") and the name in
// it ("folder/file", which may be a pattern or empty).
func SplitURI(uri string) (root, name string) {
	scheme := Scheme(uri) + "://"
	bucket, name, _ := strings.Cut(strings.TrimPrefix(uri, scheme), "/")
	return scheme + bucket, name
}

// Join returns the path of name in a folder, which is a local path or a URI.
func Join(folder, name string) string {
	if Scheme(folder) == "" {
		return filepath.Join(folder, filepath.FromSlash(name))
	}
	return strings.TrimRight(folder, "/") + "/" + name
}

// Base returns the last part of a local path or URI.
func Base(name string) string {
	if Scheme(name) == "" {
		return filepath.Base(name)
	}
	return path.Base(name)
}

// Abs returns an absolute path for a local one, and a URI as it is.
func Abs(name string) string {
	if Scheme(name) != "" {
		return name
	}
	if abs, err := filepath.Abs(name); err == nil {
		return abs
	}
	return name
}

// ValidName reports whether name can be an object's: it stays inside of its store, in
// the only spelling.
func ValidName(name string) bool { return fs.ValidPath(name) && name != "." }
