package csv

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// hostileFolders returns the folders with files that broke other readers: those in
// testdata, and the corpora where they are present.
func hostileFolders() []string {
	corpora := os.Getenv("QUERN_CORPORA")
	if corpora == "" {
		corpora = filepath.Join("..", "..", "..", "..", "shared", "corpora")
	}
	return []string{"testdata", corpora}
}

// TestHostileFiles reads whatever is there as CSV: a table or a diagnosis, in
// little memory, and the same for any chunks.
func TestHostileFiles(t *testing.T) {
	files := 0
	for _, folder := range hostileFolders() {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return fs.SkipAll // the corpora are not present
			}
			if d.IsDir() || folder != "testdata" && !strings.Contains(path, "csv") {
				return nil
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			checkHostile(t, path, data)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 6 {
		t.Errorf("only %d files found", files)
	}
}

func checkHostile(t *testing.T, path string, data []byte) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	want, wrong := readText(Options{}, string(data))
	runtime.ReadMemStats(&after)
	if mib := (after.TotalAlloc - before.TotalAlloc) >> 20; mib > 512 {
		t.Errorf("%s: %d MiB", path, mib)
	}
	if texttest.Code(wrong) == "?" {
		t.Errorf("%s: %v", path, wrong)
	}
	got, err := readText(Options{Workers: 4, limits: text.Limits{Chunk: 100, Window: 50}}, string(data))
	if texttest.Code(err) != texttest.Code(wrong) || err == nil && got.String() != want.String() {
		t.Errorf("%s: %v in small chunks, %v in one", path, err, wrong)
	}
}

// TestReadsRealFiles reads from disk what others wrote, if the corpora are present.
func TestReadsRealFiles(t *testing.T) {
	pattern := filepath.Join(hostileFolders()[1], "parquet-testing", "data", "*_expect.csv")
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Skip("no corpora: set QUERN_CORPORA to read them")
	}
	files, err := source.Expand(context.Background(), nil, "", []string{".csv"}, paths...)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		s, err := Open(context.Background(), Options{Files: []source.File{f}, Workers: 2})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		got, err := texttest.Read(s)
		if err != nil || len(got.Rows) < 50 {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}
