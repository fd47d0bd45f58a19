package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

func TestHostileFiles(t *testing.T) {
	for name, forge := range hostileFiles() {
		t.Run(name, func(t *testing.T) {
			f := forged{rows: 8}
			forge(&f)
			got := "healthy"
			if err := readEverything(f.bytes(t), 0); err != nil {
				var e *diag.Error
				if !errors.As(err, &e) {
					t.Fatalf("not a diagnosis: %v", err)
				}
				got = string(e.Code)
				if e.Data == nil || e.Data.File != "test.parquet" {
					t.Errorf("the error does not name the file: %v", err)
				}
				if (got == "Q205" || got == "Q206") && (e.Data.Column != "c" || e.Data.RowGroup != 0) {
					t.Errorf("the error does not name the place: %v", err)
				}
			}
			if want, _, _ := strings.Cut(name, " "); got != want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// readEverything reads all of data with a memory limit (0: the default).
func readEverything(data []byte, limit int64) error {
	s, err := openTyped(Options{Files: []source.File{inMemory("test.parquet", data)}, Memory: limit})
	if err != nil {
		return err
	}
	return readColumns(s, names(s.Schema())...)
}

// openTyped opens files; where columns need a type, again with float64 for the first
// of them and string for the others.
func openTyped(o Options) (source.Source, error) {
	s, err := Open(context.Background(), o)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(s.Unusable())) {
		if !strings.Contains(s.Unusable()[name], "give it a type: source:") {
			continue
		}
		typ := column.String
		if len(o.Types) == 0 {
			typ = column.Float64
		}
		if strings.Contains(s.Unusable()[name], ": list<") {
			typ = column.ListOf(typ)
		}
		o.Types = append(o.Types, column.Field{Name: name, Type: typ})
	}
	return Open(context.Background(), o)
}

// readColumns reads columns to their end or the first error.
func readColumns(s source.Source, names ...string) error {
	r, err := s.NewReader(names)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, c := range s.Chunks() {
		b, err := r.Read(context.Background(), c)
		if err != nil {
			return err
		}
		for i := range b.Columns {
			if int64(b.Rows) != c.Rows || int64(b.Columns[i].Len) != c.Rows {
				return fmt.Errorf("%d rows instead of %d", b.Columns[i].Len, c.Rows)
			}
			if what := listFault(&b.Columns[i]); what != "" {
				return errors.New(what)
			}
		}
	}
	return nil
}

// acceptable reports whether reading damaged bytes ended as it may: well, or with an
// error that has a code other than the one for a breakdown.
func acceptable(err error) bool {
	var e *diag.Error
	return err == nil || errors.As(err, &e) && e.Code != "Q219"
}

func TestTruncatedFiles(t *testing.T) {
	data, _ := writeTable(t, rand.New(rand.NewPCG(1, 4)), leafCases(), 20)
	for n := 0; n < len(data); n += 1 + n/50 {
		if err := readEverything(data[:n], 0); err == nil || !acceptable(err) {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(data), err)
		}
	}
}

// Plain Parquet has no digest over everything, so a mutant may read as other values;
// it may not break anything, and a reader that says so many rows must give as many.
func TestMutants(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 5))
	columns := map[string]pq.Node{}
	for name, node := range leafCases() {
		if strings.HasSuffix(name, "_opt") || strings.Contains(name, "string") {
			columns[name] = node
		}
	}
	failed := 0
	for i := range 10 {
		data, _ := writeTable(t, r, columns, 40, pq.Compression(codecs()[i%6]), pq.DataPageVersion(1+i%2), pq.PageBufferSize(128))
		mutate(t, r, data, 200, &failed)
	}
	if failed < 200 {
		t.Errorf("only %d of 2000 mutants were refused: the test does not reach the checks", failed)
	}
}

// mutate reads n copies of data with one byte changed; half of them in the footer.
func mutate(t *testing.T, r *rand.Rand, data []byte, n int, failed *int) {
	footer := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:]))
	for i := range n {
		at := 4 + r.IntN(footer-4)
		if i%2 == 0 {
			at = footer + r.IntN(len(data)-footer)
		}
		mutant := bytes.Clone(data)
		mutant[at] ^= byte(1 + r.IntN(255))
		err := readEverything(mutant, 0)
		if !acceptable(err) {
			t.Fatalf("byte %d of %d: %v", at, len(data), err)
		}
		if err != nil {
			*failed++
		}
	}
}

func TestThriftDepth(t *testing.T) {
	for _, deep := range []int{maxDepth - 1, maxDepth + 2} {
		c := cursor{data: append(bytes.Repeat([]byte{0x1c}, deep), make([]byte, deep+1)...)}
		c.skip(kindStruct)
		if (c.err != nil) != (deep > maxDepth) {
			t.Errorf("%d structs deep: %v", deep, c.err)
		}
	}
}

// The last net: what panics below a reader is an error with a code of its own.
func TestPanicsBecomeErrors(t *testing.T) {
	data, _ := writeTable(t, rand.New(rand.NewPCG(1, 9)), map[string]pq.Node{"s": pq.String()}, 3)
	calls := 0
	f := source.File{Name: "f", Open: func(context.Context) (store.Reader, error) {
		if calls++; calls > 1 {
			panic("broken")
		}
		return memory{bytes.NewReader(data)}, nil
	}}
	s, err := Open(context.Background(), Options{Files: []source.File{f}})
	if err != nil {
		t.Fatal(err)
	}
	if err := readColumns(s, "s"); errorCode(err) != "Q219" || !strings.Contains(err.Error(), "column s") {
		t.Errorf("got %v", err)
	}
}

// A timestamp that does not fit is reported with its row, counted with nulls.
func TestOverflowNamesTheRow(t *testing.T) {
	for row := range 20 {
		f := forged{rows: 20}
		f.schema(format.Int64, format.Optional)
		f.element.ConvertedType = thrift.New(deprecated.TimestampMillis)
		// Two pages; every third row is null, but never the one that overflows.
		for start := 0; start < 20; start += 10 {
			var body, bits []byte
			for i := start; i < start+10; i++ {
				if i%3 == 0 && i != row {
					bits = append(bits, 2, 0)
					continue
				}
				value := uint64(i)
				if i == row {
					value = 1 << 62
				}
				bits, body = append(bits, 2, 1), binary.LittleEndian.AppendUint64(body, value)
			}
			f.data(10, format.Plain, append(levels(bits...), body...))
		}
		var e *diag.Error
		if err := readEverything(f.bytes(t), 0); !errors.As(err, &e) || e.Code != "Q213" || e.Data.Row != int64(row) {
			t.Errorf("row %d: %v", row, err)
		}
	}
}

// The encoding of levels that the format has given up: most significant bit first.
func TestPackedLevels(t *testing.T) {
	f := forged{rows: 11}
	f.schema(format.Int32, format.Optional)
	body := []byte{0b10110000, 0b01011111, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0}
	f.data(11, format.Plain, body)
	f.pages[0].header.DataPageHeader.V.DefinitionLevelEncoding = format.BitPacked
	got := strings.Join(readAll(t, f.bytes(t))["c"], " ")
	if want := "1 null 2 3 null null null null null 4 null"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
