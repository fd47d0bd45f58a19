// Package store reads and writes named objects: on local disk, and behind the same
// interface in object stores (package s3). Names are slash-separated and relative to the
// store's root. Places turns what users write into stores.
//
// The one primitive that everything else rests on is put-if-absent: of several
// writers of a name, one wins, and nobody ever sees half an object. Becoming
// durable is a step of its own, because it is slow on disks and can be done for
// many objects together: see Sync.
package store

import (
	"context"
	"errors"
	"io"
)

// Errors, matched with errors.Is.
var (
	ErrExists   = errors.New("object exists")
	ErrNotFound = errors.New("object not found")
	ErrLocked   = errors.New("store is being written")
)

// Store is a place for objects. It is safe for concurrent use.
type Store interface {
	// Create starts an object called name that becomes visible, whole, at Commit, and
	// never before. The attempt is kept under a private name.
	Create(ctx context.Context, name string) (Writer, error)
	// Open opens an object for ranged reads. ErrNotFound if there is none.
	Open(ctx context.Context, name string) (Reader, error)
	// List returns the names under prefix (a folder), ascending, private names left out.
	List(ctx context.Context, prefix string) ([]string, error)
	// Remove removes an object; a missing one is no error.
	Remove(ctx context.Context, name string) error
	// Sync makes committed objects survive a loss of power. A store whose Commit
	// already does (object stores) does nothing.
	Sync(ctx context.Context, names []string) error
	// Location is the root as the user would recognise it.
	Location() string
}

// Locker is a Store that can keep other processes from writing to it. A store that
// is none relies on put-if-absent alone.
type Locker interface {
	// Lock gives the caller the right to write until unlock is called or the process
	// dies, and removes the attempts of writers that died. ErrLocked if another
	// holder, of this process or another one, has it.
	Lock(ctx context.Context) (unlock func(), err error)
}

// Prober is a Store that can find out whether it may be written, leaving nothing there.
// Of a store that is none, Create tells.
type Prober interface {
	Probe(ctx context.Context) error
}

// Looker is a Store that can tell whether an object is there for less than opening it.
type Looker interface {
	Exists(ctx context.Context, name string) (bool, error)
}

// Exists reports whether a store has an object.
func Exists(ctx context.Context, st Store, name string) (bool, error) {
	if l, ok := st.(Looker); ok {
		return l.Exists(ctx, name)
	}
	r, err := st.Open(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, r.Close()
}

// LargeCreator is a Store that writes large objects by another way than small ones.
type LargeCreator interface {
	// CreateLarge is Create by the way of the large ones, whatever the size.
	CreateLarge(ctx context.Context, name string) (Writer, error)
}

// Replacer is a Store that can give an object new contents in one step.
type Replacer interface {
	// Replace makes data the object's contents, whatever was there: whole or not at all.
	Replace(ctx context.Context, name string, data []byte) error
}

// Writer is an object in the making.
type Writer interface {
	io.Writer
	// Sync makes the bytes written so far durable before the object has a name, so
	// that the name never stands for less, whatever happens to the power.
	Sync() error
	// Commit publishes the object under its name: ErrExists if another one won.
	// After an error other than ErrExists nothing is visible or the outcome is unknown
	// and a second Commit by anyone settles it.
	Commit() error
	// Abort gives the attempt up; after Commit it does nothing.
	Abort() error
}

// Reader is an open object.
type Reader interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Reopener is a Reader whose object may be replaced while it is open, which makes its
// reads fail.
type Reopener interface {
	// Reopen returns another Reader of the same version.
	Reopen(ctx context.Context) Reader
}
