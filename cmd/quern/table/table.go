// Package table opens whatever has rows to look at (files of a source's formats,
// tensors, finished outputs) and prints its first rows.
package table

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/output"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// Table is something with rows. It is used by one goroutine.
type Table struct {
	Fields column.Schema // of the columns that are shown
	Rows   int64         // -1: not known before they are read
	// Notes are lines about what is not in the rows: the arrays of a tensor file,
	// columns that cannot be shown.
	Notes  []string
	source source.Source // nil: arrays
	parts  [][]array     // arrays of one length each, one part after the other
	files  []io.Closer
}

// Open opens a file or folder. A folder with a manifest is a finished output; one
// that an unfinished run has left behind is an error (Q321).
func Open(ctx context.Context, path string, o pipeline.Options) (*Table, error) {
	folder, err := isFolder(ctx, path, o.Places)
	if err != nil {
		return nil, diag.New("Q514", "cannot open %s", path).Because(err)
	}
	if folder {
		return openFolder(ctx, path, o)
	}
	if format, ok := FormatOf(path); ok {
		return openSource(ctx, format, []string{path}, o)
	}
	switch filepath.Ext(path) {
	case ".npy", ".safetensors":
		return openArrays(ctx, o.Places, [][]string{{path}}, nil)
	case ".quern":
		return nil, diag.New("Q514", "%s is a model, not a table", path).WithHint("quern model show %s", path)
	case ".yaml", ".yml":
		return nil, diag.New("Q514", "%s is a recipe, not a table", path).WithHint("quern plan %s", path)
	}
	return nil, diag.New("Q514", "%s: nothing is known about files of this name", path).
		WithHint("tables end in .parquet, .csv, .tsv, .jsonl (.gz, .zst), .npy or .safetensors")
}

// isFolder reports whether a path is a folder and not a file.
func isFolder(ctx context.Context, path string, places store.Places) (bool, error) {
	if store.Scheme(path) == "" {
		info, err := os.Stat(path)
		return err == nil && info.IsDir(), err
	}
	root, name := store.SplitURI(path)
	if name == "" || strings.HasSuffix(name, "/") {
		return true, nil
	}
	st, err := places.Store(ctx, root)
	if err != nil {
		return false, err
	}
	file, err := store.Exists(ctx, st, name)
	return !file, err // a folder of a store is what objects' names begin with
}

// FormatOf returns the format of a file of rows, by its name.
func FormatOf(path string) (recipe.FileFormat, bool) {
	name := strings.ToLower(store.Base(path))
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".parquet", ".parq", ".pq":
		return recipe.Parquet, true
	case ".csv", ".tsv":
		return recipe.CSVText, true
	case ".jsonl", ".ndjson":
		return recipe.JSONL, true
	}
	return "", false
}

// openSource opens files as a source of rows.
func openSource(ctx context.Context, format recipe.FileFormat, paths []string, o pipeline.Options) (*Table, error) {
	r := &recipe.Recipe{Source: recipe.Source{Format: format}}
	for _, p := range paths {
		r.Source.Files = append(r.Source.Files, recipe.Name{Text: p})
	}
	src, err := pipeline.Open(ctx, r, o)
	if err != nil {
		return nil, err
	}
	t := &Table{source: src, Fields: slices.Clone(src.Schema())}
	for _, c := range src.Chunks() {
		if c.Rows < 0 {
			t.Rows = -1
			break
		}
		t.Rows += c.Rows
	}
	unusable := src.Unusable()
	names := make([]string, 0, len(unusable))
	for name := range unusable {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Notes = append(t.Notes, fmt.Sprintf("column %s is not shown: %s", name, unusable[name]))
	}
	return t, nil
}

// openFolder opens a finished output, or a folder of files of one format.
func openFolder(ctx context.Context, folder string, o pipeline.Options) (*Table, error) {
	st, err := o.Places.Store(ctx, folder)
	if err != nil {
		return nil, err
	}
	if begun, err := isOutput(ctx, st, folder); err != nil {
		return nil, err
	} else if begun {
		m, err := output.ReadManifest(ctx, st)
		if err != nil {
			return nil, err
		}
		return openOutput(ctx, st, folder, m, o)
	}
	for _, format := range []recipe.FileFormat{recipe.Parquet, recipe.CSVText, recipe.JSONL} {
		t, err := openSource(ctx, format, []string{folder}, o)
		var none *diag.Error
		if err == nil || !errors.As(err, &none) || none.Code != "Q201" {
			return t, err
		}
	}
	return nil, diag.New("Q514", "%s holds no table", folder).
		WithHint("no file below it ends in .parquet, .csv, .tsv or .jsonl")
}

// isOutput reports whether a run has begun to write to a folder.
func isOutput(ctx context.Context, st store.Store, folder string) (bool, error) {
	private := filepath.Dir(output.ManifestName)
	if store.Scheme(folder) == "" {
		_, err := os.Stat(filepath.Join(folder, private))
		return err == nil, nil
	}
	names, err := st.List(ctx, private)
	return len(names) > 0, err
}

// openOutput opens the files that a manifest names, after a look at their sizes.
func openOutput(ctx context.Context, st store.Store, folder string, m *output.Manifest, o pipeline.Options) (*Table, error) {
	if len(m.Files) == 0 {
		t := &Table{}
		for _, f := range m.Fields {
			if typ, ok := column.ParseType(f.Type); ok {
				t.Fields = append(t.Fields, column.Field{Name: f.Name, Type: typ})
			}
		}
		return t, nil
	}
	var paths []string
	for _, f := range m.Files {
		path := store.Join(folder, f.Name)
		file, err := st.Open(ctx, f.Name)
		if err != nil {
			return nil, diag.New("Q320", "%s is missing", path).Because(err)
		}
		size := file.Size()
		if err := file.Close(); err != nil {
			return nil, err
		}
		if size != f.Bytes {
			return nil, diag.New("Q320", "%s has %d bytes, the manifest says %d", path, size, f.Bytes)
		}
		paths = append(paths, path)
	}
	switch filepath.Ext(paths[0]) {
	case ".npy":
		return openArrays(ctx, o.Places, [][]string{paths}, m.Fields)
	case ".safetensors":
		parts := make([][]string, len(paths))
		for i, p := range paths {
			parts[i] = []string{p}
		}
		return openArrays(ctx, o.Places, parts, m.Fields)
	}
	return openSource(ctx, recipe.Parquet, paths, o)
}

// Select keeps the named columns, in their order. Unknown names are errors (Q519).
func (t *Table) Select(names []string) error {
	var mistakes diag.List
	fields := make(column.Schema, 0, len(names))
	for _, name := range names {
		at := t.Fields.Find(name)
		if at >= 0 {
			fields = append(fields, t.Fields[at])
			continue
		}
		e := diag.New("Q519", "the table has no column %q", name)
		if near := diag.Nearest(name, t.Fields.Names()); near != "" {
			e = e.WithHint("did you mean %q?", near)
		}
		mistakes = append(mistakes, e)
	}
	t.Fields = fields
	return mistakes.Err()
}

// Each calls f with batches of the columns of Fields, in the order of the rows,
// until it returns false or an error. A batch is valid until f returns.
func (t *Table) Each(ctx context.Context, f func(column.Batch) (more bool, err error)) error {
	if t.source == nil {
		return t.eachArray(f)
	}
	reader, err := t.source.NewReader(t.Fields.Names())
	if err != nil {
		return err
	}
	defer reader.Close()
	for _, c := range t.source.Chunks() {
		batch, err := reader.Read(ctx, c)
		if err != nil {
			return err
		}
		if more, err := f(batch); err != nil || !more {
			return err
		}
	}
	return nil
}

// Close closes the files.
func (t *Table) Close() error {
	if t.source != nil {
		return t.source.Close()
	}
	var errs []error
	for _, f := range t.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}
