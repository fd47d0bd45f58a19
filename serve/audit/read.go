package audit

import (
	"context"
	"io/fs"
	"path/filepath"
	"slices"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/source/parquet"
)

// version is the log of one version of a view.
type version struct {
	view, version string
	files         []string // paths
}

// versionsIn finds the files of a log, by what they are of. There may be other files.
func versionsIn(ctx context.Context, folder string) ([]*version, error) {
	var all []*version
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil || !d.Type().IsRegular() || !isLogFile(filepath.ToSlash(name)) {
			return err
		}
		view, ver, err := firstOf(ctx, path)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(v *version) bool { return v.view == view && v.version == ver })
		if at < 0 {
			at, all = len(all), append(all, &version{view: view, version: ver})
		}
		all[at].files = append(all[at].files, path)
		return ctx.Err()
	})
	if err != nil {
		return nil, readable(folder, err)
	}
	if len(all) == 0 {
		return nil, diag.New("Q690", "%s has no log of served features", folder)
	}
	return all, nil
}

// readable makes errors of files the user's.
func readable(folder string, err error) error {
	if _, ok := err.(*diag.Error); ok || err == context.Canceled {
		return err
	}
	return diag.New("Q690", "%s cannot be read", folder).Because(err)
}

// firstOf returns the view and version of a file's first row: all have the same.
func firstOf(ctx context.Context, path string) (view, version string, err error) {
	found := false
	err = eachBatch(ctx, path, []string{"view", "version"}, func(b column.Batch) error {
		for i := range b.Rows {
			v, w := textAt(&b.Columns[0], i), textAt(&b.Columns[1], i)
			if found && (v != view || w != version) {
				return foreign(path, "it has rows of several versions")
			}
			view, version, found = v, w, true
		}
		return nil
	})
	if err == nil && !found {
		err = foreign(path, "it has no rows")
	}
	return view, version, err
}

// eachBatch reads columns of a file, in order.
func eachBatch(ctx context.Context, path string, columns []string, each func(column.Batch) error) error {
	src, err := parquet.Open(ctx, parquet.Options{Files: []source.File{source.Local(path, path)}})
	if err != nil {
		return foreign(path, "it cannot be read").Because(err)
	}
	defer src.Close()
	for _, name := range columns {
		if src.Schema().Find(name) < 0 {
			return foreign(path, "it has no column "+name)
		}
	}
	r, err := src.NewReader(columns)
	if err != nil {
		return foreign(path, "it cannot be read").Because(err)
	}
	defer r.Close()
	for _, c := range src.Chunks() {
		b, err := r.Read(ctx, c)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			return foreign(path, "it cannot be read").Because(err)
		}
		if err := each(b); err != nil {
			return err
		}
	}
	return nil
}

// has checks that a file's columns have the types of fields.
func has(ctx context.Context, path string, fields column.Schema) error {
	src, err := parquet.Open(ctx, parquet.Options{Files: []source.File{source.Local(path, path)}})
	if err != nil {
		return foreign(path, "it cannot be read").Because(err)
	}
	defer src.Close()
	have := src.Schema()
	for _, f := range fields {
		if at := have.Find(f.Name); at < 0 || have[at].Type != f.Type {
			return foreign(path, "its column "+f.Name+" is not the one of the version that it names")
		}
	}
	return nil
}

func foreign(path, why string) *diag.Error { return diag.New("Q686", "%s: %s", path, why) }

// textAt returns a text; "" where it is null.
func textAt(c *column.Column, i int) string {
	if c.Null(i) {
		return ""
	}
	return string(c.Values.Text.At(c.Slot(i)))
}

// intAt returns an integer or time, or false where it is null.
func intAt(c *column.Column, i int) (int64, bool) {
	if c.Null(i) {
		return 0, false
	}
	return c.Values.Int(c.Slot(i)), true
}
