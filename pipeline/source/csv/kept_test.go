package csv

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// encoded returns all that can be seen of a source, or the error.
func encoded(t interface{ Fatal(...any) }, opts Options, files ...source.File) string {
	opts.Files = files
	s, err := Open(context.Background(), opts)
	if err != nil {
		return err.Error()
	}
	defer s.Close()
	out, err := texttest.Describe(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stages are texts of each class; the numbers make them differ from row to row.
var stages = map[string]func(i int) string{
	"bool":      func(i int) string { return []string{"true", "FALSE"}[i%2] },
	"int":       func(i int) string { return fmt.Sprint(i - 2000) },
	"long int":  func(i int) string { return fmt.Sprint(9007199254740993 + int64(i)) },
	"real":      func(i int) string { return fmt.Sprintf("%d.25", i) },
	"zero":      func(int) string { return "-0" },
	"exponent":  func(i int) string { return fmt.Sprintf("%de-7", i) },
	"wide":      func(i int) string { return fmt.Sprintf("1844674407370955%04d", i) },
	"huge":      func(i int) string { return fmt.Sprintf("1e%d", 400+i) },
	"code":      func(i int) string { return fmt.Sprintf("00%d", i) },
	"plus":      func(i int) string { return fmt.Sprintf("+%d", i) },
	"nan":       func(int) string { return "nan" },
	"date":      func(i int) string { return fmt.Sprintf("%04d-06-%02d", 1000+i/20, 1+i%20) },
	"datetime":  func(i int) string { return fmt.Sprintf("2001-06-%02dT%02d:%02d:07", 1+i%20, i/20%24, i/480) },
	"inexact":   func(i int) string { return fmt.Sprintf("2001-06-01 17:30:00.%07d", i) },
	"timestamp": func(i int) string { return fmt.Sprintf("2001-06-%02dT%02d:%02dZ", 1+i%20, i/20%24, i/480) },
	"text":      func(i int) string { return fmt.Sprintf("a text of some length %d", i) },
	"empty":     func(int) string { return `""` },
	"null":      func(int) string { return "" },
}

// TestFirstContradiction has texts of one class in all files but for the last row of the
// last one, or the first row of the first one: the types must be those of two such rows,
// and the values those that a reader finds who is told the types and keeps nothing.
func TestFirstContradiction(t *testing.T) {
	const rows = 2500
	for common, a := range stages {
		for rare, b := range stages {
			few, err := readText(Options{}, "x,y\n"+a(2345)+",\n"+b(7)+",\n")
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []int{0, 2*rows - 1} {
				data := [2][]byte{[]byte("x,y\n"), []byte("y,x\n")}
				for i := range 2 * rows {
					cell := a(i % rows)
					if i == at {
						cell = b(i)
					}
					if i < rows {
						data[0] = fmt.Appendf(data[0], "%s,\n", cell)
					} else {
						data[1] = fmt.Appendf(data[1], ",%s\n", cell)
					}
				}
				files := []source.File{texttest.File("a", data[0]), texttest.File("b", data[1])}
				got := encoded(t, Options{Workers: 2}, files...)
				want := encoded(t, Options{Workers: 2, limits: text.Limits{Keep: -1}}, files...)
				if got != want {
					t.Fatalf("%s, and %s in row %d: another table if it is kept", common, rare, at)
				}
				if first, _, _ := strings.Cut(got, "\n"); first != fmt.Sprintf("x %v", few.Schema[0].Type) {
					t.Errorf("%s, and %s in row %d: %s, want %v", common, rare, at, first, few.Schema[0].Type)
				}
			}
		}
	}
}

// TestKeptAndParsed compares tables that are kept, in part or not at all.
func TestKeptAndParsed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, _ := document(t)
		file := texttest.File("f.csv", data)
		limits := text.Limits{Chunk: int64(rapid.IntRange(1, 60).Draw(t, "chunk")), Keep: -1}
		types := column.Schema{{Name: "a", Type: rapid.SampledFrom(append(column.Types(), column.String)).Draw(t, "type")}}
		if rapid.Bool().Draw(t, "infer") {
			types = nil
		}
		want := encoded(t, Options{Types: types, limits: limits}, file)
		for _, keep := range []int64{0, int64(rapid.IntRange(1, 300).Draw(t, "keep"))} {
			limits.Keep = keep
			if got := encoded(t, Options{Types: types, limits: limits, Workers: 3}, file); got != want {
				t.Fatalf("%q, %d bytes kept: got\n%s\nwant\n%s", data, keep, got, want)
			}
		}
	})
}

// TestKeptLong compares long columns, of few and of many texts, under inferred and given
// types, kept and parsed.
func TestKeptLong(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	var names []string
	for name := range stages {
		names = append(names, name)
	}
	slices.Sort(names)
	for range 30 {
		data := []byte("a,b,c\n")
		spread := 1 + rng.IntN(6000)
		kinds := [3]string{names[rng.IntN(len(names))], names[rng.IntN(len(names))], names[rng.IntN(len(names))]}
		for range 9000 {
			for j, kind := range kinds {
				if rng.IntN(2000) == 0 {
					kind = names[rng.IntN(len(names))]
				}
				data = append(data, stages[kind](rng.IntN(spread))...)
				data = append(data, ",,\n"[j])
			}
		}
		opts := Options{Workers: 2, limits: text.Limits{Keep: -1, Chunk: 100_000}}
		if all := column.Types(); rng.IntN(2) == 0 {
			opts.Types = column.Schema{{Name: "b", Type: all[rng.IntN(len(all))]}}
		}
		file := texttest.File("f", data)
		want := encoded(t, opts, file)
		for _, keep := range []int64{0, 50_000, 150_000} {
			opts.limits.Keep = keep
			if encoded(t, opts, file) != want {
				t.Fatalf("%v, types %v, %d bytes kept: another table", kinds, opts.Types, keep)
			}
		}
	}
}

// TestKeptIsServed: once it is kept, a chunk is not read again, until the source is
// closed.
func TestKeptIsServed(t *testing.T) {
	data := []byte("a,b\n1,x\n2,y\n")
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", data)}})
	if err != nil {
		t.Fatal(err)
	}
	clear(data)
	got, err := texttest.Read(s)
	if err != nil || got.String() != "\"a\":int64 \"b\":string \n[\"1\" \"x\"]\n[\"2\" \"y\"]" {
		t.Errorf("got %v, %v", got, err)
	}
	r, err := s.NewReader([]string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Read(context.Background(), s.Chunks()[0]); err == nil {
		t.Error("something is kept after Close")
	}
}
