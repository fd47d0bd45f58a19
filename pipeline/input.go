package pipeline

import (
	"context"
	"errors"
	"slices"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/source/csv"
	"quern/pipeline/source/jsonl"
	"quern/pipeline/source/parquet"
)

// inputs is a recipe's source, open, without the files that are left out.
type inputs struct {
	source.Source
	chunks []source.Chunk
	bad    []string
}

// openInput opens the recipe's source. bad names files to leave out.
func openInput(ctx context.Context, r *recipe.Recipe, bad []string, o Options) (*inputs, error) {
	src, err := open(ctx, r, bad, o)
	if err != nil {
		return nil, err
	}
	for _, n := range src.Notices() {
		o.notice(n)
	}
	return &inputs{Source: src, chunks: src.Chunks(), bad: bad}, nil
}

// Open opens the source that a recipe names, without any reading of rows beyond
// what the format needs to know its schema.
func Open(ctx context.Context, r *recipe.Recipe, o Options) (source.Source, error) {
	return open(ctx, r, nil, o)
}

func open(ctx context.Context, r *recipe.Recipe, bad []string, o Options) (source.Source, error) {
	s := &r.Source
	patterns := make([]string, len(s.Files))
	for i, f := range s.Files {
		patterns[i] = r.Resolve(f.Text)
	}
	files, err := source.Expand(ctx, o.Places, "", suffixes(s.Format), patterns...)
	if err != nil {
		return nil, placed(err, "Q040", patternPlace(ctx, s, patterns, o), nil)
	}
	files = slices.DeleteFunc(files, func(f source.File) bool { return slices.Contains(bad, f.Name) })
	src, err := optionsOf(s, files, o).open(ctx)
	if err != nil {
		return nil, placed(err, "Q040", s.Place, func(e *diag.Error) *diag.Error { return aboutSchema(s, e) })
	}
	return src, nil
}

// aboutSchema places what a source says about a type of schema: at its entry, and
// as the mistake of the recipe that it is. Of a Parquet source this goes for columns too
// that are not there, or cannot be used. Other errors stay as they are.
func aboutSchema(s *recipe.Source, e *diag.Error) *diag.Error {
	if e.Data == nil || s.Format != recipe.Parquet && e.Code != "Q041" {
		return e
	}
	for _, t := range s.Schema {
		if t.Name.Text != e.Data.Column {
			continue
		}
		c := *e
		switch e.Code {
		case "Q041":
		case "Q211":
			c.Code = "Q032"
		case "Q212":
			c.Code, c.Data = "Q031", nil
		default:
			return e
		}
		return c.At(t.Name.Place)
	}
	return e
}

// patternPlace returns the place of the first pattern that alone is in error; of the
// whole if none is.
func patternPlace(ctx context.Context, s *recipe.Source, patterns []string, o Options) diag.Place {
	for i, p := range patterns {
		if _, err := source.Expand(ctx, o.Places, "", suffixes(s.Format), p); err != nil {
			return s.Files[i].Place
		}
	}
	return s.Place
}

// formatOptions are the options of a recipe's format for files.
type formatOptions struct {
	format  recipe.FileFormat
	parquet parquet.Options
	csv     csv.Options
	jsonl   jsonl.Options
}

func optionsOf(s *recipe.Source, files []source.File, o Options) *formatOptions {
	types := make(column.Schema, len(s.Schema))
	for i, t := range s.Schema {
		types[i] = column.Field{Name: t.Name.Text, Type: t.Type}
	}
	memory := o.Memory / 2 / int64(o.workers()) // of one reader
	return &formatOptions{s.Format,
		parquet.Options{Files: files, Types: types, Memory: memory},
		csv.Options{Files: files, Types: types, Delimiter: s.CSV.Delimiter, NoHeader: s.CSV.NoHeader, NullText: s.CSV.NullText, Workers: o.workers(), Memory: memory},
		jsonl.Options{Files: files, Types: types, Workers: o.workers(), Memory: memory}}
}

// open opens the files as the recipe's format.
func (f *formatOptions) open(ctx context.Context) (source.Source, error) {
	switch f.format {
	case recipe.Parquet:
		return parquet.Open(ctx, f.parquet)
	case recipe.CSVText:
		return csv.Open(ctx, f.csv)
	case recipe.JSONL:
		return jsonl.Open(ctx, f.jsonl)
	}
	panic("quern: bug: format " + string(f.format) + " was not checked")
}

// reopen opens chunks of the files, as they were planned.
func (f *formatOptions) reopen(ctx context.Context, layout *source.Layout, chunks []int) (source.Source, error) {
	switch f.format {
	case recipe.Parquet:
		return parquet.Reopen(ctx, f.parquet, layout, chunks)
	case recipe.CSVText:
		return csv.Reopen(ctx, f.csv, layout, chunks)
	case recipe.JSONL:
		return jsonl.Reopen(ctx, f.jsonl, layout, chunks)
	}
	panic("quern: bug: format " + string(f.format) + " was not checked")
}

// suffixes of the files that a folder or glob gives for a format.
func suffixes(f recipe.FileFormat) []string {
	switch f {
	case recipe.Parquet:
		return []string{".parquet", ".parq", ".pq"}
	case recipe.CSVText:
		return []string{".csv", ".csv.gz", ".csv.zst", ".tsv", ".tsv.gz", ".tsv.zst"}
	}
	return []string{".jsonl", ".jsonl.gz", ".jsonl.zst", ".ndjson", ".ndjson.gz", ".ndjson.zst"}
}

// withInput opens the recipe's source and does the work. If a damaged file stops it
// and o allows, again without that file, until it succeeds or fails for another
// reason. Everything is learnt anew each time, so nothing of a damaged file is left
// in the result.
func withInput(ctx context.Context, r *recipe.Recipe, o Options, work func(*inputs) (*Result, error)) (*Result, error) {
	var bad []string
	for {
		result, err := attempt(ctx, r, bad, o, work)
		file := damagedFile(err)
		if !o.Quarantine || file == "" || slices.Contains(bad, file) {
			return result, err
		}
		bad = append(bad, file)
		slices.Sort(bad)
		o.notice("left out " + file + ": " + err.Error())
	}
}

// attempt does the work without the files in bad.
func attempt(ctx context.Context, r *recipe.Recipe, bad []string, o Options, work func(*inputs) (*Result, error)) (*Result, error) {
	in, err := openInput(ctx, r, bad, o)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return work(in)
}

// operatorCodes is the first code that is not a reader's.
const operatorCodes = "Q260"

// damagedFile returns the file that is to blame for err, or "".
func damagedFile(err error) string {
	var e *diag.Error
	if !errors.As(err, &e) || e.Data == nil {
		return ""
	}
	if entry, ok := diag.Lookup(e.Code); !ok || entry.Class != diag.BadData || e.Code >= operatorCodes {
		return "" // a value that the recipe cannot take is no damage
	}
	return e.Data.File
}

// bytes returns the stored size of all chunks.
func (in *inputs) bytes() int64 {
	var n int64
	for _, c := range in.chunks {
		n += c.Bytes
	}
	return n
}
