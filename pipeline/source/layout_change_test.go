package source_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/source/csv"
	"quern/pipeline/source/text/texttest"
)

// TestChangesAreNoticed changes files after they were planned.
func TestChangesAreNoticed(t *testing.T) {
	for title, c := range tables(t) {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			_, l := planned(t, c, c.put(t, root))
			for how, change := range map[string]func(name string, data []byte){
				"gone":      func(name string, _ []byte) { os.Remove(filepath.Join(root, name)) },
				"empty":     func(name string, _ []byte) { write(t, root, name, nil) },
				"truncated": func(name string, data []byte) { write(t, root, name, data[:len(data)-1]) },
				"longer":    func(name string, data []byte) { write(t, root, name, append(slices.Clone(data), '\n')) },
				"zeros":     func(name string, data []byte) { write(t, root, name, make([]byte, len(data))) },
				"last byte": func(name string, data []byte) {
					other, at := slices.Clone(data), len(data)-2
					if l.Format == "parquet" { // its last 8 bytes are checked first
						at = len(data) - 9
					}
					other[at] ^= 1
					write(t, root, name, other)
				},
			} {
				for i := range l.Chunks {
					file := l.Chunks[i].File
					if how == "last byte" && l.Spans[i].To != 0 && l.Spans[i].To != int64(len(c.files[file])) {
						continue // it is not in this chunk
					}
					change(file, c.files[file])
					files, err := l.Open(context.Background(), nil)
					if err != nil {
						t.Fatal(err)
					}
					if err := outcome(c, files, l, i); texttest.Code(err) != "Q216" || !strings.Contains(err.Error(), file) {
						t.Errorf("%s, %s: %v", file, how, err)
					}
					write(t, root, file, c.files[file])
					if err := outcome(c, files, l, i); err != nil {
						t.Errorf("%s, put back: %v", file, err)
					}
				}
			}
		})
	}
}

// TestAnotherFooterIsNoticed changes a byte of a Parquet footer that nobody reads, so that
// the file stays good and of one size.
func TestAnotherFooterIsNoticed(t *testing.T) {
	c := tables(t)["parquet"]
	root := t.TempDir()
	files := c.put(t, root)
	_, l := planned(t, c, files)
	for i := range l.Chunks {
		file := l.Chunks[i].File
		other := slices.Clone(c.files[file])
		at := bytes.LastIndex(other, []byte("parquet-go"))
		if at < 0 {
			t.Fatal("the footer does not say who wrote it")
		}
		other[at] = 'P'
		write(t, root, file, other)
		if err := outcome(c, files, l, i); texttest.Code(err) != "Q216" || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", file, err)
		}
		write(t, root, file, c.files[file])
	}
}

// TestChangesAfterReopen changes files between Reopen and Read.
func TestChangesAfterReopen(t *testing.T) {
	for title, c := range tables(t) {
		root := t.TempDir()
		files := c.put(t, root)
		_, l := planned(t, c, files)
		for _, i := range []int{0, len(l.Chunks) - 1} {
			file := l.Chunks[i].File
			s, err := c.reopen(files, l, []int{i})
			if err != nil {
				t.Fatal(err)
			}
			r, err := s.NewReader(l.Schema.Names())
			if err != nil {
				t.Fatal(err)
			}
			write(t, root, file, append(slices.Clone(c.files[file]), '\n'))
			if _, err := r.Read(context.Background(), l.Chunks[i]); texttest.Code(err) != "Q216" {
				t.Errorf("%s, longer: %v", title, err)
			}
			os.Remove(filepath.Join(root, file))
			if _, err := r.Read(context.Background(), l.Chunks[i]); texttest.Code(err) != "Q216" {
				t.Errorf("%s, gone: %v", title, err)
			}
			write(t, root, file, c.files[file])
			if _, err := r.Read(context.Background(), l.Chunks[i]); err != nil {
				t.Errorf("%s, put back: %v", title, err)
			}
			r.Close()
		}
	}
}

// TestMistakesOfValuesStay: an error that the planned bytes deserve is no change.
func TestMistakesOfValuesStay(t *testing.T) {
	o := csv.Options{Types: column.Schema{{Name: "n", Type: column.Int64}}}
	c := table{files: map[string][]byte{"a.csv": []byte("n\n1\n"), "b.csv": []byte("n\n2\nx\n")}}
	root := t.TempDir()
	o.Files = c.put(t, root)
	c.open = func([]source.File) (source.Source, error) { return csv.Open(context.Background(), o) }
	c.reopen = func(f []source.File, l *source.Layout, at []int) (source.Source, error) {
		return csv.Reopen(context.Background(), o, l, at)
	}
	_, l := planned(t, c, o.Files)
	if err := outcome(c, o.Files, l, 1); texttest.Code(err) != "Q246" || !strings.Contains(err.Error(), "b.csv") {
		t.Errorf("a value of another type: %v", err)
	}
	write(t, root, "b.csv", []byte("n\n3\nx\n"))
	if err := outcome(c, o.Files, l, 1); texttest.Code(err) != "Q216" {
		t.Errorf("a value of another type, in other bytes: %v", err)
	}
}
