package store

import "context"

// Versioned is a Reader that knows which version of its object it reads.
type Versioned interface {
	// Version is the store's name for the version: an ETag.
	Version() string
}

// VersionOpener is a Store that can open a version that was open before, maybe in
// another process.
type VersionOpener interface {
	// OpenVersion opens the version of an object, of so many bytes. It may ask nothing:
	// if another version is there now, or none, the reads fail.
	OpenVersion(ctx context.Context, name, version string, size int64) (Reader, error)
}

// VersionOf returns the version that a reader reads, or "" if its store has none.
func VersionOf(r Reader) string {
	if v, ok := r.(Versioned); ok {
		return v.Version()
	}
	return ""
}
