//go:build unix

package parquet

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"

	"quern/pipeline/source"
)

// benchFiles returns the tables that the program bench has made, by name.
func benchFiles(b *testing.B) map[string]string {
	files := map[string]string{}
	for _, table := range []string{"criteo-2000000-v1", "criteo-2000000-v1-by-polars", "dense-2000000-v1", "strings-10000000-v1"} {
		path := filepath.Join("../../../build/bench", table, "part-00000.parquet")
		if _, err := os.Stat(path); err == nil {
			files[table] = path
		}
	}
	if len(files) == 0 {
		b.Skip("there are no tables of quern bench")
	}
	return files
}

// processorTime returns what the process has used, in user and system mode.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkFiles reads whole files in one goroutine: all columns of a row group at
// once, and each apart, as a scan with one part per column does.
func BenchmarkFiles(b *testing.B) {
	for name, path := range benchFiles(b) {
		s, err := Open(context.Background(), Options{Files: []source.File{source.Local(path, name)}})
		if err != nil {
			b.Fatal(err)
		}
		all := names(s.Schema())
		apart := make([][]string, len(all))
		for i := range all {
			apart[i] = all[i : i+1]
		}
		b.Run(name+"/together", func(b *testing.B) { readFile(b, s, [][]string{all}) })
		b.Run(name+"/apart", func(b *testing.B) { readFile(b, s, apart) })
	}
}

// readFile reads the sets of columns of every row group.
func readFile(b *testing.B, s source.Source, sets [][]string) {
	r, err := s.NewReader(sets[0])
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	values := 0
	b.ReportAllocs()
	before := processorTime()
	for b.Loop() {
		for _, c := range s.Chunks() {
			for _, set := range sets {
				if err := r.(source.Selector).Select(set); err != nil {
					b.Fatal(err)
				}
				batch, err := r.Read(context.Background(), c)
				if err != nil {
					b.Fatal(err)
				}
				values += batch.Rows * len(batch.Columns)
			}
		}
	}
	b.ReportMetric(float64(processorTime()-before)/float64(values), "cpu-ns/value")
	b.ReportMetric(float64(processorTime()-before)/1e6/float64(b.N), "cpu-ms/op")
}

// BenchmarkEncodings reads one column that parquet-go wrote, uncompressed, in every
// encoding of note: without nulls, and with one in ten.
func BenchmarkEncodings(b *testing.B) {
	short, long := func(i int) pq.Value { return pq.ByteArrayValue([]byte(strconv.Itoa(i * 7919))) }, func(i int) pq.Value {
		return pq.ByteArrayValue([]byte(strings.Repeat("grain ", 8) + strconv.Itoa(i)))
	}
	for _, c := range []struct {
		name  string
		node  pq.Node
		value func(i int) pq.Value
	}{
		{"float32 PLAIN", pq.Leaf(pq.FloatType), func(i int) pq.Value { return pq.FloatValue(float32(i)) }},
		{"float64 PLAIN", pq.Leaf(pq.DoubleType), func(i int) pq.Value { return pq.DoubleValue(float64(i)) }},
		{"int64 PLAIN", pq.Leaf(pq.Int64Type), func(i int) pq.Value { return pq.Int64Value(int64(i)) }},
		{"milliseconds PLAIN", pq.Timestamp(pq.Millisecond), func(i int) pq.Value { return pq.Int64Value(int64(i)) }},
		{"bool PLAIN", pq.Leaf(pq.BooleanType), func(i int) pq.Value { return pq.BooleanValue(i%3 == 0) }},
		{"strings to 10 bytes PLAIN", pq.Encoded(pq.String(), &pq.Plain), short},
		{"strings of 55 bytes PLAIN", pq.Encoded(pq.String(), &pq.Plain), long},
		{"strings to 10 bytes DELTA", pq.String(), short},
		{"indexes of 2 bits", pq.Encoded(pq.Leaf(pq.Int64Type), &pq.RLEDictionary), func(i int) pq.Value { return pq.Int64Value(int64(i % 3)) }},
		{"indexes of 10 bits", pq.Encoded(pq.Leaf(pq.Int64Type), &pq.RLEDictionary), func(i int) pq.Value { return pq.Int64Value(int64(i * i % 1009)) }},
		{"indexes of 17 bits", pq.Encoded(pq.Leaf(pq.Int64Type), &pq.RLEDictionary), func(i int) pq.Value { return pq.Int64Value(int64(i * 7 % 100_003)) }},
		{"indexes in runs", pq.Encoded(pq.Leaf(pq.Int64Type), &pq.RLEDictionary), func(i int) pq.Value { return pq.Int64Value(int64(i / 5000)) }},
		{"int64 DELTA", pq.Encoded(pq.Leaf(pq.Int64Type), &pq.DeltaBinaryPacked), func(i int) pq.Value { return pq.Int64Value(int64(i * i % 1009)) }},
	} {
		for _, nulls := range []bool{false, true} {
			name := strings.ReplaceAll(c.name, " ", "_")
			if nulls {
				name += "/nulls"
			}
			b.Run(name, func(b *testing.B) {
				s, err := openBytes(oneColumn(b, c.node, c.value, nulls))
				if err != nil {
					b.Fatal(err)
				}
				readFile(b, s, [][]string{{"x"}})
			})
		}
	}
}

// oneColumn returns a file of one column.
func oneColumn(b *testing.B, node pq.Node, value func(i int) pq.Value, nulls bool) []byte {
	if nulls {
		node = pq.Optional(node)
	}
	var out bytes.Buffer
	w := pq.NewWriter(&out, pq.NewSchema("table", pq.Group{"x": node}), pq.MaxRowsPerRowGroup(250_000))
	r := rand.New(rand.NewPCG(1, 31))
	rows := make([]pq.Row, 250_000)
	for i := range rows {
		switch {
		case !nulls:
			rows[i] = pq.Row{value(i).Level(0, 0, 0)}
		case r.IntN(10) == 0:
			rows[i] = pq.Row{pq.NullValue().Level(0, 0, 0)}
		default:
			rows[i] = pq.Row{value(i).Level(0, 1, 0)}
		}
	}
	if _, err := w.WriteRows(rows); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}
