package overlay

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// disk is the folder of a log: all that this package asks of a file system. What was
// written is on disk for good after file.Sync, and a name after disk.Sync.
type disk interface {
	// List returns the names of all files.
	List() ([]string, error)
	// Create makes an empty file, or empties the one that has the name.
	Create(name string) (file, error)
	// Open opens a file to read and write; fs.ErrNotExist if there is none.
	Open(name string) (file, error)
	// Rename gives a file another name, at once: whoever had that name loses it.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// Sync makes names durable: those created, renamed and removed.
	Sync() error
}

// file is a file of a disk. A WriteAt that fails may have written a part.
type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes contents and size durable. When it fails, nothing is known of them.
	Sync() error
}

// folder is a disk in a folder of the local disk.
type folder struct{ path string }

// newFolder returns a folder, which it makes durably if it is not there.
func newFolder(path string) (folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return folder{}, err
	}
	var parents []string // of folders that are to be made
	for dir := path; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		parents = append(parents, filepath.Dir(dir))
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		return folder{}, err
	}
	for _, dir := range parents {
		if err := (folder{dir}).Sync(); err != nil {
			return folder{}, err
		}
	}
	return folder{path}, nil
}

// Lock keeps other processes out of a folder, which it makes, until what it returns is closed
// or the process dies; Q675 if one has it. Folders in it are locked apart.
func Lock(path string) (io.Closer, error) {
	d, err := newFolder(path)
	if err != nil {
		return nil, err
	}
	return lock(d.path)
}

func (d folder) List() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (d folder) open(name string, flags int) (file, error) {
	f, err := os.OpenFile(filepath.Join(d.path, name), os.O_RDWR|flags, 0o666)
	if err != nil {
		return nil, err
	}
	return localFile{f}, nil
}

func (d folder) Create(name string) (file, error) { return d.open(name, os.O_CREATE|os.O_TRUNC) }

func (d folder) Open(name string) (file, error) { return d.open(name, 0) }

func (d folder) Rename(from, to string) error {
	return os.Rename(filepath.Join(d.path, from), filepath.Join(d.path, to))
}

func (d folder) Remove(name string) error { return os.Remove(filepath.Join(d.path, name)) }

func (d folder) Sync() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// localFile is a file with its size.
type localFile struct{ *os.File }

func (f localFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
