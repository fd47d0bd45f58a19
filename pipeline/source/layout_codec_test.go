package source

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"quern/features/column"
)

// someLayouts are layouts of all shapes.
func someLayouts() []Layout {
	text := Layout{Format: "csv", Schema: column.Schema{{Name: "a", Type: column.Int64}, {Name: "l", Type: column.ListOf(column.String)}},
		Unusable: map[string]string{"z": "why", "b": "", "": "none"}, Headers: [][]string{{"a", "l"}, {}}}
	for i := range 3 {
		name := fmt.Sprintf("day=%d/file.csv", i)
		text.Files = append(text.Files, LayoutFile{Name: name, Location: "/data/set/" + name, Size: 1000, Packing: uint8(i), Start: 4, Header: i - 1})
		for j := range int64(i) {
			text.Chunks = append(text.Chunks, Chunk{Index: len(text.Chunks), File: name, Group: -1, Rows: 7, Bytes: 100, Memory: 300, Digest: fmt.Sprintf("%032x", i*7+int(j))})
			text.Spans = append(text.Spans, Span{File: i, From: 4 + 100*j, To: 104 + 100*j})
		}
	}
	text.Chunks[0].Digest = ""
	text.Chunks[1].Digest = "ab/cd"
	text.Chunks[2].Rows = -1
	return []Layout{{}, text, manyGroups(20, 3)}
}

// manyGroups is the layout of a Parquet table in a bucket.
func manyGroups(files, groups int) Layout {
	l := Layout{Format: "parquet", Schema: column.Schema{{Name: "x", Type: column.Float32}}}
	random := rand.New(rand.NewPCG(5, 6))
	for i := range files {
		uri := fmt.Sprintf("s3://some-bucket/tables/flights/year=%d/month=%d/part-%05d-3bd2f5a1-c000.snappy.parquet", 2000+i/1000, i%12, i)
		l.Files = append(l.Files, LayoutFile{Name: uri, Location: uri, Size: 1 << 27, Version: fmt.Sprintf("%032x", random.Uint64()), Header: -1})
		digest := fmt.Sprintf("%016x%016x%016x%016x", random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64())
		for g := range groups {
			l.Chunks = append(l.Chunks, Chunk{Index: len(l.Chunks), File: uri, Group: g, Rows: 122_880, Bytes: random.Int64N(1 << 24), Memory: random.Int64N(1 << 25), Digest: fmt.Sprintf("%s/%d", digest, g)})
			l.Spans = append(l.Spans, Span{File: i})
		}
	}
	return l
}

func encoded(t testing.TB, l *Layout) []byte {
	t.Helper()
	data, err := l.AppendBinary(nil)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestLayoutRoundTrip(t *testing.T) {
	for _, l := range someLayouts() {
		data := encoded(t, &l)
		var got Layout
		if err := got.UnmarshalBinary(data); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, l) {
			t.Errorf("decoded\n%+v\nfrom\n%+v", got, l)
		}
		for n := range data {
			if err := new(Layout).UnmarshalBinary(data[:n]); !errors.Is(err, ErrLayout) {
				t.Fatalf("the first %d of %d bytes: %v", n, len(data), err)
			}
		}
		if err := new(Layout).UnmarshalBinary(append(data, 0)); !errors.Is(err, ErrLayout) {
			t.Errorf("a byte more: %v", err)
		}
	}
}

// TestLayoutIsSmall: it is part of a job's plan.
func TestLayoutIsSmall(t *testing.T) {
	l := manyGroups(10_000, 10)
	data := encoded(t, &l)
	if len(data) > 4<<20 {
		t.Errorf("100,000 chunks take %d bytes", len(data))
	}
	var got Layout
	if err := got.UnmarshalBinary(data); err != nil || !reflect.DeepEqual(got, l) {
		t.Errorf("decoded another layout: %v", err)
	}
}

// TestLongNamesAreNotABomb: names that share much are encoded so that no bytes decode to
// very many.
func TestLongNamesAreNotABomb(t *testing.T) {
	l := Layout{Format: "csv"}
	long := strings.Repeat("folder/", 100_000)
	for i := range 50 {
		l.Files = append(l.Files, LayoutFile{Name: fmt.Sprint(long, i), Header: -1})
	}
	data := encoded(t, &l)
	if total := 50 * len(long); len(data) < total/64 {
		t.Errorf("%d bytes decode to %d", len(data), total)
	}
	var got Layout
	if err := got.UnmarshalBinary(data); err != nil || !reflect.DeepEqual(got, l) {
		t.Errorf("decoded another layout: %v", err)
	}
}

// FuzzLayout: bytes are a layout's only form, or an error.
func FuzzLayout(f *testing.F) {
	for _, l := range someLayouts() {
		f.Add(encoded(f, &l))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var l Layout
		if err := l.UnmarshalBinary(data); err != nil {
			if !errors.Is(err, ErrLayout) || !reflect.DeepEqual(l, Layout{}) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(encoded(t, &l), data) {
			t.Fatal("two forms")
		}
		for i, at := range l.Spans {
			f := l.Files[at.File]
			if at.From < 0 || at.To < at.From || at.To > f.Size || l.Chunks[i].File != f.Name || l.Chunks[i].Index != i {
				t.Fatalf("%+v in %+v", at, f)
			}
		}
	})
}
