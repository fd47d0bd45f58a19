package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/store"
)

// Planner is a Source that can tell its Layout. All sources of files are.
type Planner interface {
	Source
	// Layout returns what was found out when the source was opened. It asks nothing.
	Layout() *Layout
}

// Layout is what a source found out when it was opened: as much as another process needs
// to read some of its chunks, without a look at the files of the others and without a
// scan. The formats' packages have a Reopen for that.
//
// A layout is a function of the files and of the options they were opened with, and so
// are its bytes: nothing of time, memory or the number of workers is in it. Of the
// machine there are the places of the files.
type Layout struct {
	Format   string // "parquet", "csv" or "jsonl"
	Schema   column.Schema
	Unusable map[string]string // nil if empty
	Headers  [][]string        // lists of names that text files begin with, each once
	Files    []LayoutFile      // in order, those without chunks too
	Chunks   []Chunk           // as Source.Chunks gives them
	Spans    []Span            // where the chunks lie, one each
}

// LayoutFile is a file of a Layout.
type LayoutFile struct {
	Name     string // as the user would recognise it, and what its key=value folders follow from
	Location string // where it is opened: a path of the local disk or a URI; "" if nobody said
	Size     int64
	Version  string // the store's name for its version; "": it has none
	// Of text formats:
	Packing uint8 // how it is compressed, by the numbers of package text
	Start   int64 // where the records begin, after decompression
	Header  int   // in Headers; -1: the records name their cells
}

// Span says where a chunk lies.
type Span struct {
	File     int   // in Files
	From, To int64 // bytes of the file, of text formats; else 0
}

// Open returns the files of the layout, to be opened in the versions that were planned. It
// looks at none of them. Errors are those of places, and Q210.
func (l *Layout) Open(ctx context.Context, places store.Places) ([]File, error) {
	files := make([]File, len(l.Files))
	stores := map[string]store.Store{}
	for i := range l.Files {
		f := &l.Files[i]
		keys, err := ParseKeys(f.Name)
		if err != nil {
			return nil, err
		}
		files[i] = Local(f.Location, f.Name)
		if store.Scheme(f.Location) != "" {
			top, name := store.SplitURI(f.Location)
			st, ok := stores[top]
			if !ok {
				if st, err = places.Store(ctx, top); err != nil {
					return nil, err
				}
				stores[top] = st
			}
			files[i] = f.in(st, name)
		}
		files[i].Keys = keys
	}
	return files, nil
}

// in returns the file, which is in a store.
func (f *LayoutFile) in(st store.Store, name string) File {
	if v, ok := st.(store.VersionOpener); ok && f.Version != "" {
		return File{Name: f.Name, Location: f.Location, Open: func(ctx context.Context) (store.Reader, error) {
			return v.OpenVersion(ctx, name, f.Version, f.Size)
		}}
	}
	open := func(ctx context.Context) (store.Reader, error) { return st.Open(ctx, name) }
	return File{Name: f.Name, Location: f.Location, Open: sameVersion(open)}
}

// Check returns an error unless the layout is one of a format, and goes with files and
// chunks: as many files as the layout has, and numbers of its chunks, ascending. A layout
// that was decoded is sound in itself.
func (l *Layout) Check(format string, files []File, chunks []int) error {
	switch {
	case l.Format != format:
		return fmt.Errorf("the plan is of a source of %s, not of %s", l.Format, format)
	case len(files) != len(l.Files):
		return fmt.Errorf("the plan has %d files, not %d", len(l.Files), len(files))
	}
	for i, at := range chunks {
		if at < 0 || at >= len(l.Chunks) || i > 0 && at <= chunks[i-1] {
			return fmt.Errorf("chunk %d of %d, out of order or out of range", at, len(l.Chunks))
		}
	}
	return nil
}

// Find returns the position in chunks, which ascend by Index, of the chunk with an Index.
func Find(chunks []Chunk, index int) (int, bool) {
	if index >= 0 && index < len(chunks) && chunks[index].Index == index {
		return index, true // all chunks of a source
	}
	return slices.BinarySearchFunc(chunks, index, func(c Chunk, i int) int { return c.Index - i })
}

// Changed says that a file is not what it was when the job was planned.
func Changed(file, format string, args ...any) *diag.Error {
	return diag.New("Q216", "the file changed since the job was planned: "+format, args...).
		In(diag.Data{File: file, RowGroup: -1, Row: -1}).
		WithHint("put the file back as it was, or plan the job anew: begin it again")
}

// AsPlanned returns what an error means that was met while a planned file was opened or
// read, and whether that is Q216: what says that the file is gone, or another one.
func AsPlanned(err error, file string) (_ error, changed bool) {
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return Changed(file, "it is not there any more").Because(err), true
	}
	for at := err; at != nil; at = errors.Unwrap(at) {
		e, ok := at.(*diag.Error)
		switch {
		case ok && e.Code == "Q216":
			return err, true
		case ok && e.Code == "Q214":
			return Changed(file, "%s", e.Message).Because(e.Cause), true
		}
	}
	return err, false
}

// Damaged reports whether an error says that bytes are not what they should be: not that
// they cannot be had now.
func Damaged(err error) bool {
	var e *diag.Error
	if !errors.As(err, &e) {
		return false
	}
	entry, ok := diag.Lookup(e.Code)
	return ok && entry.Class == diag.BadData
}
