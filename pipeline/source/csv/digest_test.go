package csv

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// digests returns the digests of a file's chunks.
func digests(t *testing.T, o Options, file source.File) (all []string) {
	t.Helper()
	o.Files = []source.File{file}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range s.Chunks() {
		if c.Digest == "" || slices.Contains(all, c.Digest) {
			t.Fatalf("chunk %d: digest %q, before it %q", c.Index, c.Digest, all)
		}
		all = append(all, c.Digest)
	}
	return all
}

// numbered returns a file of rows that all have the same size.
func numbered(rows int) []byte {
	data := []byte("a,b\n")
	for i := range rows {
		data = fmt.Appendf(data, "%04d,\"x\n%d\"\n", i, i%7)
	}
	return data
}

func TestDigestsOfAnEdit(t *testing.T) {
	o := Options{Workers: 2, limits: text.Limits{Chunk: 1000, Window: 64}}
	data := numbered(1000)
	before := digests(t, o, texttest.File("f", data))
	if len(before) < 8 {
		t.Fatalf("only %d chunks", len(before))
	}
	at := bytes.Index(data, []byte("\n0500,")) + 4
	data[at] = '9'
	after := digests(t, o, texttest.File("f", data))
	var changed []int
	for i := range before {
		if before[i] != after[i] {
			changed = append(changed, i)
		}
	}
	if len(after) != len(before) || len(changed) != 1 || changed[0] == 0 || changed[0] == len(before)-1 {
		t.Errorf("an edit in the middle changed chunks %v of %d", changed, len(before))
	}
	data[0] = 'c' // a name, which is no record's, counts for all chunks
	renamed := digests(t, o, texttest.File("f", data))
	for i := range renamed {
		if renamed[i] == after[i] {
			t.Errorf("chunk %d has the same digest under another header", i)
		}
	}
}

// TestDigestsOfTheSameBytes: neither workers nor windows show, nor compression, nor
// the name of the file.
func TestDigestsOfTheSameBytes(t *testing.T) {
	data := numbered(500)
	whole := digests(t, Options{}, texttest.File("f", data))
	cut := digests(t, Options{limits: text.Limits{Chunk: 700}}, texttest.File("f", data))
	if len(whole) != 1 || len(cut) < 5 {
		t.Fatalf("%d and %d chunks", len(whole), len(cut))
	}
	for workers := 1; workers <= 8; workers++ {
		for _, window := range []int{1, 17, 64, 1 << 20} {
			limits := text.Limits{Chunk: 700, Window: window}
			if got := digests(t, Options{Workers: workers, limits: limits}, texttest.File("g", data)); !slices.Equal(got, cut) {
				t.Errorf("%d workers, window %d: other digests", workers, window)
			}
			for _, file := range []source.File{texttest.File("f.gz", texttest.Gzip(data)), texttest.File("f.zst", texttest.Zstd(data))} {
				if got := digests(t, Options{Workers: workers, limits: limits}, file); !slices.Equal(got, whole) {
					t.Errorf("%s, %d workers, window %d: %v, want %v", file.Name, workers, window, got, whole)
				}
			}
		}
	}
}

// TestDigestsOfPackedFiles: the records of a packed file count, and so does its header.
func TestDigestsOfPackedFiles(t *testing.T) {
	var seen []string
	for _, data := range []string{"a,b\n1,2\n", "a,b\n1,3\n", "a,c\n1,2\n", "a\nb\n1\n2\n", "a,b\n1,2"} {
		got := digests(t, Options{}, texttest.File("f.gz", texttest.Gzip([]byte(data))))
		if len(got) != 1 || slices.Contains(seen, got[0]) {
			t.Errorf("%q: digests %q, before it %q", data, got, seen)
		}
		seen = append(seen, got...)
	}
}
