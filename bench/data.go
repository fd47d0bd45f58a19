package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// Data is a table on disk.
type Data struct {
	Files  []string `json:"files"`
	CSV    bool     `json:"csv,omitempty"`
	Bytes  int64    `json:"bytes"`
	Folder string   `json:"folder"`
}

// dataVersion is in the names of folders: it grows when the same workload and size
// give other bytes.
const dataVersion = 1

// Prepare makes the workload's table in the cache folder, unless it is there. rows 0
// is the workload's own number.
func (w Workload) Prepare(ctx context.Context, cache string, rows int) (Data, error) {
	switch {
	case w.csv:
		return w.prepareCSV(ctx, cache)
	case w.make == nil:
		return flights(cache)
	case rows == 0:
		rows = w.Rows
	}
	name := w.Name
	if w.online {
		name = "criteo"
	}
	return inFolder(filepath.Join(cache, fmt.Sprintf("%s-%d-v%d", name, rows, dataVersion)), func(folder string) error {
		return w.make(rows).files(folder, max(1, w.files))
	})
}

// inFolder returns the files of a folder, which is made if it is not there: whole or
// not at all.
func inFolder(folder string, make func(folder string) error) (Data, error) {
	if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(filepath.Dir(folder), 0o777); err != nil {
			return Data{}, err
		}
		attempt, err := os.MkdirTemp(filepath.Dir(folder), "making-*")
		if err != nil {
			return Data{}, err
		}
		defer os.RemoveAll(attempt)
		if err := make(attempt); err != nil {
			return Data{}, err
		}
		if err := os.Rename(attempt, folder); err != nil {
			return Data{}, err
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "part-*"))
	if err != nil || len(files) == 0 {
		return Data{}, fmt.Errorf("%s holds no table: remove it, and run again", folder)
	}
	return found(files)
}

// found measures files.
func found(files []string) (Data, error) {
	d := Data{Files: files, Folder: filepath.Dir(files[0])}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return Data{}, err
		}
		d.Bytes += info.Size()
	}
	return d, nil
}

// flights finds the real flights: three million where `make data` has put them, else
// the sample that comes with the repository.
func flights(cache string) (Data, error) {
	for _, path := range []string{
		filepath.Join(cache, "flights-3m.parquet"),
		filepath.Join(cache, "..", "data", "flights-3m.parquet"),
		filepath.Join("build", "data", "flights-3m.parquet"),
		filepath.Join("examples", "flights", "flights-200k.parquet"),
	} {
		if _, err := os.Stat(path); err == nil {
			return found([]string{path})
		}
	}
	return Data{}, diag.New("Q501", "the flights are not there: %s, or the repository's examples", filepath.Join(cache, "flights-3m.parquet")).
		WithHint("in the repository: make data")
}

// prepareCSV writes the flights as CSV.
func (w Workload) prepareCSV(ctx context.Context, cache string) (Data, error) {
	from, err := flights(cache)
	if err != nil {
		return Data{}, err
	}
	folder := filepath.Join(cache, fmt.Sprintf("%s-%d-v%d", w.Name, from.Bytes, dataVersion))
	d, err := inFolder(folder, func(folder string) error {
		return writeFile(filepath.Join(folder, "part-00000.csv"), func(out io.Writer) error {
			return writeCSV(ctx, out, from)
		})
	})
	d.CSV = true
	return d, err
}

// writeCSV writes a table as CSV. Texts must need no quotes.
func writeCSV(ctx context.Context, out io.Writer, from Data) error {
	r := &recipe.Recipe{Source: recipe.Source{Format: recipe.Parquet, Files: []recipe.Name{{Text: from.Files[0]}}}}
	src, err := pipeline.Open(ctx, r, pipeline.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	schema := src.Schema()
	reader, err := src.NewReader(schema.Names())
	if err != nil {
		return err
	}
	defer reader.Close()
	w := bufio.NewWriter(out)
	for i, f := range schema {
		if i > 0 {
			w.WriteByte(',')
		}
		w.WriteString(f.Name)
	}
	w.WriteByte('\n')
	for _, c := range src.Chunks() {
		batch, err := reader.Read(ctx, c)
		if err != nil {
			return err
		}
		writeRows(w, batch)
	}
	return w.Flush() // an earlier error stays
}

// writeRows writes the rows of a batch, nulls as empty fields.
func writeRows(w *bufio.Writer, batch column.Batch) {
	var line []byte
	for row := range batch.Rows {
		line = line[:0]
		for i := range batch.Columns {
			c := &batch.Columns[i]
			if i > 0 {
				line = append(line, ',')
			}
			if slot := c.Slot(row); !c.Values.Null(slot) {
				line = program.AppendFormat(line, c.Type(), program.ValueAt(&c.Values, slot))
			}
		}
		w.Write(append(line, '\n'))
	}
}
