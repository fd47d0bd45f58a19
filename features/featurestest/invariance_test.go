package featurestest

import (
	"bytes"
	"context"
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	parquetgo "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"

	"quern/cpu"
	"quern/features/column"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/sink"
	sinkparquet "quern/pipeline/sink/parquet"
	"quern/pipeline/source"
	sourceparquet "quern/pipeline/source/parquet"
)

const flights = "../../examples/flights/"

// flightRows returns the first rows of the example's data.
func flightRows(t *testing.T, n int) table {
	t.Helper()
	path := flights + "flights-200k.parquet"
	src, err := sourceparquet.Open(context.Background(), sourceparquet.Options{Files: []source.File{source.Local(path, path)}})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	var names []string
	for _, f := range src.Schema() {
		names = append(names, f.Name)
	}
	reader, err := src.NewReader(names)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	rows := table{schema: src.Schema()}
	for _, chunk := range src.Chunks() {
		batch, err := reader.Read(context.Background(), chunk)
		if err != nil {
			t.Fatal(err)
		}
		for i := range min(batch.Rows, n-len(rows.rows)) {
			row := make([]program.Value, len(names))
			for j := range row {
				row[j] = program.ValueAt(&batch.Columns[j].Values, batch.Columns[j].Slot(i))
				row[j].Str = bytes.Clone(row[j].Str)
			}
			rows.rows = append(rows.rows, row)
		}
	}
	if len(rows.rows) != n {
		t.Fatalf("the example has only %d rows", len(rows.rows))
	}
	return rows
}

// writeFlights writes rows to n files of one folder.
func writeFlights(t *testing.T, rows table, n int, suffix string, write func(testing.TB, string, table)) string {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		part := rows.part(i*len(rows.rows)/n, (i+1)*len(rows.rows)/n)
		write(t, filepath.Join(dir, fmt.Sprintf("flights-%03d%s", i, suffix)), part)
	}
	return dir
}

// create writes a file by way of write.
func create(t testing.TB, path string, write func(f *os.File) error) {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// ownFile writes Parquet with our own sink.
func ownFile(t testing.TB, path string, rows table) {
	create(t, path, func(f *os.File) error {
		fields := make([]sink.Field, len(rows.schema))
		for i, field := range rows.schema {
			fields[i] = sink.Field{Field: field, Role: program.RoleKeep}
		}
		part, err := sinkparquet.Format{}.NewPart(f, fields)
		if err != nil {
			return err
		}
		if err := part.Write(rows.batch(newRand(1), plain)); err != nil {
			return err
		}
		return part.Close()
	})
}

// plainFile and dictionaryFile write Parquet with another's writer, in small row
// groups, with pages of one encoding.
func plainFile(t testing.TB, path string, rows table) { foreignFile(t, path, rows, &parquetgo.Plain) }
func dictionaryFile(t testing.TB, path string, rows table) {
	foreignFile(t, path, rows, &parquetgo.RLEDictionary)
}

func foreignFile(t testing.TB, path string, rows table, as encoding.Encoding) {
	group := parquetgo.Group{}
	for _, f := range rows.schema {
		group[f.Name] = parquetgo.Optional(parquetgo.Encoded(parquetNode(t, f.Type), as))
	}
	schema := parquetgo.NewSchema("rows", group)
	create(t, path, func(f *os.File) error {
		w := parquetgo.NewWriter(f, schema)
		for i, row := range rows.rows {
			values := make(parquetgo.Row, len(row))
			for j, field := range rows.schema {
				leaf, _ := schema.Lookup(field.Name)
				values[leaf.ColumnIndex] = parquetValue(field.Type, row[j]).Level(0, present(row[j]), leaf.ColumnIndex)
			}
			if _, err := w.WriteRows([]parquetgo.Row{values}); err != nil {
				return err
			}
			if i%3000 == 2999 {
				if err := w.Flush(); err != nil {
					return err
				}
			}
		}
		return w.Close()
	})
}

func present(v program.Value) int {
	if v.Null {
		return 0
	}
	return 1
}

func parquetNode(t testing.TB, typ column.Type) parquetgo.Node {
	switch typ {
	case column.Int32:
		return parquetgo.Int(32)
	case column.Int64:
		return parquetgo.Int(64)
	case column.Float32:
		return parquetgo.Leaf(parquetgo.FloatType)
	case column.Float64:
		return parquetgo.Leaf(parquetgo.DoubleType)
	case column.String:
		return parquetgo.String()
	case column.Date:
		return parquetgo.Date()
	case column.Datetime, column.Timestamp:
		return parquetgo.TimestampAdjusted(parquetgo.Microsecond, typ == column.Timestamp)
	}
	t.Fatalf("no Parquet type for %v", typ)
	return nil
}

func parquetValue(t column.Type, v program.Value) parquetgo.Value {
	switch {
	case v.Null:
		return parquetgo.NullValue()
	case t == column.Float32:
		return parquetgo.FloatValue(float32(v.Float))
	case t == column.Float64:
		return parquetgo.DoubleValue(v.Float)
	case t == column.String:
		return parquetgo.ByteArrayValue(v.Str)
	case t.Narrow():
		return parquetgo.Int32Value(int32(v.Int))
	}
	return parquetgo.Int64Value(v.Int)
}

// csvFile writes RFC 4180: null is an unquoted empty field, and no field of the
// flights is an empty string.
func csvFile(t testing.TB, path string, rows table) {
	create(t, path, func(f *os.File) error {
		w := csv.NewWriter(f)
		record := make([]string, len(rows.schema))
		for j, field := range rows.schema {
			record[j] = field.Name
		}
		if err := w.Write(record); err != nil {
			return err
		}
		for _, row := range rows.rows {
			for j, field := range rows.schema {
				record[j] = ""
				if !row[j].Null {
					record[j] = string(program.AppendFormat(nil, field.Type, row[j]))
				}
			}
			if err := w.Write(record); err != nil {
				return err
			}
		}
		w.Flush()
		return w.Error()
	})
}

// fitFlights fits the example's recipe on the files of a folder.
func fitFlights(t *testing.T, dir string, format recipe.FileFormat, schema column.Schema, workers int) *model.Model {
	t.Helper()
	text, err := os.ReadFile(flights + "recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), text)
	if err != nil {
		t.Fatal(err)
	}
	r.Source.Format, r.Source.Files[0].Text = format, "flights-*."+string(format)
	if format != recipe.Parquet {
		for _, f := range schema {
			r.Source.Schema = append(r.Source.Schema, recipe.Typed{Name: recipe.Name{Text: f.Name}, Type: f.Type})
		}
	}
	result, err := pipeline.Fit(context.Background(), r, pipeline.Options{Backend: cpu.New(), Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	return result.Model
}

// TestFlightsTeachTheSame: the same rows, shuffled, split into 1, 7 and 40 files,
// plain or dictionary, Parquet or CSV, with 1 or 8 workers, teach the same numbers
// and vocabularies: models of one format are equal in every byte.
func TestFlightsTeachTheSame(t *testing.T) {
	rows := flightRows(t, 20_000)
	want := fitFlights(t, writeFlights(t, rows, 1, ".parquet", ownFile), recipe.Parquet, nil, 1)
	wantBytes, err := want.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if len(want.Learnt) == 0 || want.Seen.Read != 20_000 || want.Seen.Taken == 0 {
		t.Fatalf("nothing was learnt: %+v", want.Seen)
	}
	for i, c := range []struct {
		files, workers int
		write          func(testing.TB, string, table)
	}{
		{1, 8, dictionaryFile}, {7, 1, plainFile}, {7, 8, dictionaryFile}, {40, 8, plainFile}, {40, 1, dictionaryFile}, {7, 3, ownFile},
	} {
		t.Run(fmt.Sprintf("parquet, %d files, %d workers, %d", c.files, c.workers, i), func(t *testing.T) {
			turned := rows.pick(newRand(uint64(i)).Perm(len(rows.rows)))
			m := fitFlights(t, writeFlights(t, turned, c.files, ".parquet", c.write), recipe.Parquet, nil, c.workers)
			got, err := m.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, wantBytes) {
				t.Error(firstDifference(string(got), string(wantBytes)))
			}
		})
	}
	for _, files := range []int{1, 7} {
		t.Run(fmt.Sprintf("csv, %d files", files), func(t *testing.T) {
			turned := rows.pick(newRand(99).Perm(len(rows.rows)))
			m := fitFlights(t, writeFlights(t, turned, files, ".csv", csvFile), recipe.CSVText, rows.schema, 8)
			if m.Digest() != want.Digest() || !reflect.DeepEqual(m.Learnt, want.Learnt) || !reflect.DeepEqual(m.Seen, want.Seen) {
				t.Errorf("CSV teaches something else:\n%+v\nParquet:\n%+v", m.Learnt, want.Learnt)
			}
		})
	}
}

// TestDictionaryFilesAreDictionaries: the files of the test above are what they are
// called, or it would compare plain files with plain files.
func TestDictionaryFilesAreDictionaries(t *testing.T) {
	rows := flightRows(t, 2000)
	for _, c := range []struct {
		write func(testing.TB, string, table)
		coded bool
	}{{plainFile, false}, {dictionaryFile, true}} {
		dir := writeFlights(t, rows, 1, ".parquet", c.write)
		path := filepath.Join(dir, "flights-000.parquet")
		src, err := sourceparquet.Open(context.Background(), sourceparquet.Options{Files: []source.File{source.Local(path, path)}})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		for _, f := range rows.schema {
			reader, err := src.NewReader([]string{f.Name})
			if err != nil {
				t.Fatal(err)
			}
			batch, err := reader.Read(context.Background(), src.Chunks()[0])
			if err != nil {
				t.Fatal(err)
			}
			if batch.Columns[0].Dict() != c.coded {
				t.Errorf("column %s: dictionary %v, want %v", f.Name, batch.Columns[0].Dict(), c.coded)
			}
			reader.Close()
		}
	}
}
