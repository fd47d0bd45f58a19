package csv

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// some is a source of which only some chunks are seen.
type some struct {
	source.Source
	chunks []source.Chunk
}

func (s some) Chunks() []source.Chunk { return s.chunks }
func (s some) Notices() []string      { return nil }

// TestReopenedRanges cuts random files into many chunks and opens random ones of them: they
// are those of the whole, whatever is kept, and however the files are packed.
func TestReopenedRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.SampledFrom([]string{"1", "-7", "2.5", "x", "", `""`, "\"a\nb\"", `"say ""so"""`, "2001-06-01", "true", "nan"})
		var files []source.File
		for i := range rapid.IntRange(1, 4).Draw(t, "files") {
			header := rapid.SampledFrom([]string{"a,b", "b,a,c", "c"}).Draw(t, "header")
			if i == 0 {
				header = "a,b" // so that there is an a
			}
			width := strings.Count(header, ",") + 1
			lines := []string{header}
			for range rapid.IntRange(0, 30).Draw(t, "rows") {
				cells := rapid.SliceOfN(cell, width, width).Draw(t, "row")
				lines = append(lines, strings.Join(cells, ","))
			}
			data := []byte(strings.Join(lines, "\n"))
			switch rapid.IntRange(0, 4).Draw(t, "packing") {
			case 0:
				data = texttest.Gzip(data)
			case 1:
				data = texttest.Zstd(data)
			}
			files = append(files, texttest.File(fmt.Sprintf("k=%d/%d.csv", i/2, i), data))
		}
		opts := Options{Files: files, Workers: 2, limits: text.Limits{Chunk: int64(rapid.IntRange(8, 200).Draw(t, "chunk")), Window: 64}}
		if rapid.Bool().Draw(t, "mistakes") { // which must be those of the whole too, rows included
			opts.Types = column.Schema{{Name: "a", Type: column.Int64}}
		}
		if rapid.Bool().Draw(t, "nothing kept") {
			opts.limits.Keep = -1
		}
		whole, err := Open(context.Background(), opts)
		if err != nil {
			t.Fatal(err)
		}
		l := whole.(source.Planner).Layout()
		var chunks []int
		var want []source.Chunk
		for i, c := range whole.Chunks() {
			if rapid.Bool().Draw(t, "wanted") {
				chunks, want = append(chunks, i), append(want, c)
			}
		}
		part, err := Reopen(context.Background(), opts, l, chunks)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(part.Chunks(), want) {
			t.Fatalf("chunks %v, want %v", part.Chunks(), want)
		}
		a, err := texttest.Describe(some{whole, want})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := texttest.Describe(part); err != nil || b != a {
			t.Fatalf("%v: of the whole\n%s\nreopened\n%s", err, a, b)
		}
	})
}
