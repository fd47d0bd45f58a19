package source

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"quern/features/diag"
	"quern/pipeline/store"
)

// File is one file of a source.
type File struct {
	// Name is the file as the user would recognise it.
	Name string
	// Open opens the file for ranged reads. It may be called several times, from
	// several goroutines; each Reader is closed by whoever opened it.
	Open func(ctx context.Context) (store.Reader, error)
	// Location is where another process finds the file: an absolute path of the local disk,
	// or a URI. "" if there is no such place.
	Location string
	// Keys are the key=value folders above the file (hive partitions), outermost first.
	Keys []Key
}

// Expand returns the files that patterns name, each once, in lexicographic order of their
// names. A pattern is a file, a folder (all files below it whose names end in one of
// extensions), or a glob of slash-separated parts, in which * ? [a-z] match within a part
// and a part ** matches any number of folders; a file of exactly that name comes first, so
// that part[1].csv can be named. Relative patterns start at root; one with a scheme
// (s3://bucket/...) is looked for in that place. Files and folders whose names start with
// . or _ are skipped unless a pattern without wildcards names them.
//
// A pattern that matches no file is an error (Q201), and so are folders that give
// one key twice (Q210).
func Expand(ctx context.Context, places store.Places, root string, extensions []string, patterns ...string) ([]File, error) {
	var files []File
	for _, p := range patterns {
		found, err := expandOne(ctx, places, root, extensions, p)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			hint := "a folder gives its files that end in " + strings.Join(extensions, ", ")
			if root != "" {
				hint = "relative paths start at " + root + "; " + hint
			}
			return nil, diag.New("Q201", "no file matches %q", p).WithHint("%s", hint)
		}
		files = append(files, found...)
	}
	slices.SortStableFunc(files, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	files = slices.CompactFunc(files, func(a, b File) bool { return a.Name == b.Name })
	for i := range files {
		keys, err := ParseKeys(files[i].Name)
		if err != nil {
			return nil, err
		}
		files[i].Keys = keys
	}
	return files, nil
}

// Local returns the file at location on local disk, called name in messages.
func Local(location, name string) File {
	return File{Name: name, Location: store.Abs(location), Open: func(context.Context) (store.Reader, error) { return openLocal(location) }}
}

// Far reports whether files are in a store, so that each look at one is worth waiting
// for others meanwhile.
func Far(files []File) bool {
	return slices.ContainsFunc(files, func(f File) bool { return store.Scheme(f.Location) != "" })
}

// Openers returns how many files are opened at the same time to learn what they are.
func Openers(files []File) int {
	if Far(files) {
		return 64
	}
	return 16
}

// locate places a name of Expand on disk.
func locate(root, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(root, filepath.FromSlash(name))
}

// expandOne returns the files that one pattern matches, in any order.
func expandOne(ctx context.Context, places store.Places, root string, extensions []string, pattern string) ([]File, error) {
	in, name, err := finderOf(ctx, places, root, pattern)
	if err != nil {
		return nil, err
	}
	if is, err := in.isFile(ctx, name); err != nil {
		return nil, cannotLook(pattern, err)
	} else if is {
		return []File{in.file(name)}, nil
	}
	base, rest := splitGlob(name)
	if _, err := path.Match(strings.ReplaceAll(rest, "**", "*"), ""); err != nil {
		return nil, diag.New("Q201", "cannot read the pattern %q", pattern).Because(err)
	}
	below, err := in.below(ctx, base)
	if err != nil {
		return nil, cannotLook(pattern, err)
	}
	var found []File
	for _, name := range below {
		if wanted(name, rest, extensions) {
			found = append(found, in.file(path.Join(base, name)))
		}
	}
	return found, nil
}

// splitGlob splits pattern into the folders before the first wildcard and the rest.
func splitGlob(pattern string) (base, rest string) {
	parts := strings.Split(pattern, "/")
	for i, p := range parts {
		if strings.ContainsAny(p, "*?[\\") {
			base = strings.Join(parts[:i], "/")
			if base == "" {
				base = "."
				if strings.HasPrefix(pattern, "/") {
					base = "/"
				}
			}
			return base, strings.Join(parts[i:], "/")
		}
	}
	return pattern, ""
}

// wanted reports whether the file below the base is meant by the glob: it matches
// itself, or a folder above it does and the file has one of the extensions.
func wanted(below, glob string, extensions []string) bool {
	parts := strings.Split(below, "/")
	if glob != "" && matchParts(strings.Split(glob, "/"), parts) {
		return true
	}
	if !slices.ContainsFunc(extensions, func(e string) bool { return strings.HasSuffix(below, e) }) {
		return false
	}
	if glob == "" {
		return true
	}
	for n := 1; n < len(parts); n++ {
		if matchParts(strings.Split(glob, "/"), parts[:n]) {
			return true
		}
	}
	return false
}

// matchParts matches the parts of a path against those of a glob. The glob's
// syntax has been checked.
func matchParts(glob, parts []string) bool {
	if len(glob) == 0 {
		return len(parts) == 0
	}
	if glob[0] == "**" {
		for skip := 0; skip <= len(parts); skip++ {
			if matchParts(glob[1:], parts[skip:]) {
				return true
			}
		}
		return false
	}
	if len(parts) == 0 {
		return false
	}
	ok, _ := path.Match(glob[0], parts[0])
	return ok && matchParts(glob[1:], parts[1:])
}

// localFile is an open file on local disk.
type localFile struct {
	*os.File
	size int64
}

func openLocal(location string) (store.Reader, error) {
	f, err := os.Open(location)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &localFile{File: f, size: info.Size()}, nil
}

// Size returns the size that the file had when it was opened.
func (f *localFile) Size() int64 { return f.size }
