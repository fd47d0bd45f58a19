package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"quern/cmd/quern/infer"
	"quern/cmd/quern/phrase"
	"quern/cmd/quern/table"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/stat"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

func (a *app) inferCommand() *cobra.Command {
	var out string
	var overwrite bool
	var rows int64
	c := &cobra.Command{
		Use:   "infer FILE...",
		Short: "Write a first recipe for a table, with the reason for every step",
		Long: `Looks at the rows of files or folders of one format and proposes a recipe:
numbers are filled, tamed and standardized, texts become ids, times points of a
circle; what cannot help (constants, ids) is left out. Comments say why.`,
		Example:           "  quern infer flights-*.parquet -o recipe.yaml",
		Args:              takes("FILE..."),
		ValidArgsFunction: completeFiles(0, "parquet", "csv", "tsv", "jsonl", "ndjson", "gz", "zst"),
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := os.Stat(out); out != "" && !overwrite && !errors.Is(err, fs.ErrNotExist) {
				return diag.New("Q517", "%s is there already", out).WithHint("--overwrite replaces it")
			}
			if rows < 0 {
				return usage("--rows %d: give 0 (all rows) or more", rows)
			}
			r, err := a.infer(c.Context(), args, out, rows)
			if err != nil {
				return err
			}
			text := recipe.Format(r)
			if out == "" {
				_, err := a.out.Write(text)
				return err
			}
			if err := replaceFile(out, text); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "%s: %s\n", out, phrase.Counted(len(r.Features), "feature"))
			a.suggest("check " + out)
			return nil
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "recipe to write (default: standard output)")
	c.Flags().BoolVar(&overwrite, "overwrite", false, "replace the recipe if it is there")
	c.Flags().Int64Var(&rows, "rows", 1_000_000, "about how many rows to look at; 0: all")
	return c
}

// infer proposes a recipe for files, to be written to out.
func (a *app) infer(ctx context.Context, files []string, out string, rows int64) (*recipe.Recipe, error) {
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	src, read, err := openAll(ctx, files, o)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	tell(o, src)
	known := infer.Table{Unusable: src.Unusable()}
	for _, c := range src.Chunks() {
		if known.Rows += c.Rows; c.Rows < 0 {
			known.Rows = -1
			break
		}
	}
	schema := src.Schema()
	res := stat.Resources{Bytes: o.Memory / 4 / int64(max(1, len(schema)))}
	if known.Profiles, known.Looked, err = infer.Look(ctx, src, o.Backend, rows, res); err != nil {
		return nil, err
	}
	if known.Looked == 0 && len(schema) > 0 {
		return nil, diag.New("Q518", "%s: the table has no rows", strings.Join(files, ", "))
	}
	r := infer.Recipe(known)
	if len(r.Features) == 0 {
		return nil, diag.New("Q518", "no column can become a feature").WithHint("%s", strings.TrimSpace(r.Comment))
	}
	complete(r, read, files, out)
	return r, accepted(r, src.Schema(), src.Unusable())
}

// openAll opens files and folders as one source, and says how: in which format, and
// with which delimiter.
func openAll(ctx context.Context, files []string, o pipeline.Options) (source.Source, recipe.Source, error) {
	formats, err := possibleFormats(files)
	if err != nil {
		return nil, recipe.Source{}, err
	}
	for _, format := range formats {
		read := recipe.Source{Format: format}
		for _, f := range files {
			read.Files = append(read.Files, recipe.Name{Text: f})
		}
		src, err := pipeline.Open(ctx, &recipe.Recipe{Source: read}, o)
		var none *diag.Error
		switch {
		case err == nil && format == recipe.CSVText:
			return delimited(ctx, src, read, o)
		case err == nil || len(formats) == 1 || !errors.As(err, &none) || none.Code != "Q201":
			return src, read, err
		}
	}
	return nil, recipe.Source{}, diag.New("Q514", "%s: no tables of one format", strings.Join(files, ", ")).
		WithHint("files of tables end in .parquet, .csv, .tsv or .jsonl (also .gz, .zst)")
}

// delimited opens a CSV source anew with the delimiter that the name of its first column
// holds, if that makes more columns of it.
func delimited(ctx context.Context, src source.Source, read recipe.Source, o pipeline.Options) (source.Source, recipe.Source, error) {
	schema := src.Schema()
	for _, d := range ";\t" {
		if len(schema) == 0 || !strings.ContainsRune(schema[0].Name, d) {
			continue
		}
		other := read
		other.CSV.Delimiter = d
		again, err := pipeline.Open(ctx, &recipe.Recipe{Source: other}, o)
		if err != nil {
			continue // as before, it can be read
		}
		if len(again.Schema()) <= len(schema) {
			again.Close() //nolint:errcheck // nothing was written
			continue
		}
		src.Close() //nolint:errcheck // nothing was written
		if o.Notice != nil {
			o.Notice(fmt.Sprintf("the fields are separated by %q: the recipe says delimiter: %q", d, string(d)))
		}
		return again, other, nil
	}
	return src, read, nil
}

// complete adds source, name and outputs.
func complete(r *recipe.Recipe, from recipe.Source, files []string, out string) {
	r.Source.Format, r.Source.CSV = from.Format, from.CSV
	for _, f := range files {
		r.Source.Files = append(r.Source.Files, recipe.Name{Text: fromFolder(filepath.Dir(out), f)})
	}
	r.Name.Text = nameOf(files[0])
	r.Output.Parquet = &recipe.ParquetOutput{Path: recipe.Name{Text: "out/" + r.Name.Text + "/features"}}
	r.Output.Tensor = &recipe.TensorOutput{Path: recipe.Name{Text: "out/" + r.Name.Text + "/tensors"}}
}

// accepted makes sure that the recipe is one that `check` accepts. Only outputs
// whose names meet can be in the way: those features are given another name.
func accepted(r *recipe.Recipe, schema column.Schema, unusable map[string]string) error {
	_, err := pipeline.Bind(r, schema, unusable)
	if err == nil {
		return nil
	}
	for i := range r.Features {
		r.Features[i].As.Text = "{column}_feature"
	}
	if _, again := pipeline.Bind(r, schema, unusable); again != nil {
		panic("quern: bug: an inferred recipe does not bind: " + err.Error())
	}
	return nil
}

// possibleFormats returns the formats that the names of files allow. Folders may hold
// any.
func possibleFormats(paths []string) ([]recipe.FileFormat, error) {
	var files []string
	for _, p := range paths {
		_, known := table.FormatOf(p)
		if info, err := os.Stat(p); err != nil && (known || store.Scheme(p) == "") || err == nil && !info.IsDir() {
			files = append(files, p)
		}
	}
	if len(files) == 0 {
		return []recipe.FileFormat{recipe.Parquet, recipe.CSVText, recipe.JSONL}, nil
	}
	format, err := commonFormat(files)
	return []recipe.FileFormat{format}, err
}

// commonFormat returns the format of all files.
func commonFormat(files []string) (recipe.FileFormat, error) {
	var format recipe.FileFormat
	for i, f := range files {
		is, ok := table.FormatOf(f)
		if !ok {
			return "", diag.New("Q514", "%s: nothing is known about files of this name", f).
				WithHint("tables end in .parquet, .csv, .tsv or .jsonl (also .gz, .zst)")
		}
		if i > 0 && is != format {
			return "", usage("%s and %s are of different formats", files[0], f).WithHint("a recipe reads one table, in one format")
		}
		format = is
	}
	return format, nil
}

// fromFolder returns path as it is named from a folder, absolute where there is no
// other way.
func fromFolder(folder, path string) string {
	if filepath.IsAbs(path) || store.Scheme(path) != "" {
		return path
	}
	if rel, err := filepath.Rel(folder, path); err == nil {
		return filepath.ToSlash(rel)
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// nameOf makes a recipe's name of a file's: letters, digits, - and _.
func nameOf(path string) string {
	base := store.Base(path)
	base, _, _ = strings.Cut(strings.TrimLeft(base, "."), ".")
	runes := []rune(strings.Trim(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '-' {
			return r
		}
		return '_'
	}, base), "-_"))
	if len(runes) == 0 || !slices.ContainsFunc(runes, unicode.IsLetter) {
		return "table"
	}
	return string(runes[:min(len(runes), 60)])
}
