package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"fmt"
	"strings"
	"testing"

	"quern/features/column"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// FuzzCSV checks that any bytes give the same table or error however they are cut and
// compressed, that inferred types take all values, and that the standard library
// reads the same where both read at all.
func FuzzCSV(f *testing.F) {
	for i, c := range mistaken() {
		f.Add([]byte(c.data), uint8(i), uint8(3*i))
	}
	for _, s := range []string{"a,b\n1,2\n\n\"x\n\",\"\"\"\"\n", "a\n\n1\n", "\xef\xbb\xbfa,b\r\n1,\r\n", "a,b\n2001-06-01,1e5\n2001-06-01T00:00,-0\n"} {
		f.Add([]byte(s), uint8(4), uint8(9))
	}
	limits := text.Limits{Row: 1000, Columns: 50}
	f.Fuzz(func(t *testing.T, data []byte, chunk, window uint8) {
		want, wrong := readText(Options{limits: limits, Memory: 1 << 20}, string(data))
		switch texttest.Code(wrong) {
		case "":
			checkStandard(t, data, len(want.Schema))
		case "?", "Q214", "Q246":
			t.Fatalf("%q: %v", data, wrong)
		}
		cut := limits
		cut.Chunk, cut.Window = int64(chunk)+1, int(window)+1
		for _, packed := range [][]byte{data, texttest.Zstd(data)} {
			got, err := readText(Options{limits: cut, Workers: 3, Memory: 1 << 20}, string(packed))
			if fmt.Sprint(err) != fmt.Sprint(wrong) || err == nil && got.String() != want.String() {
				if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) || bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
					continue // packed twice
				}
				t.Fatalf("%q %+v: got %v, %v, want %v, %v", data, cut, got, err, want, wrong)
			}
		}
	})
}

// checkStandard reads all columns as strings, as the standard library does. Fields
// that cannot be told from its answer (nulls, CR LF in quotes) are made equal.
func checkStandard(t *testing.T, data []byte, width int) {
	if width < 2 || !bytes.HasPrefix(data, []byte("a,b\n")) || bytes.Contains(data, []byte("\r")) {
		return
	}
	types := column.Schema{{Name: "a", Type: column.String}, {Name: "b", Type: column.String}}
	got, err := readText(Options{Types: types}, string(data))
	if err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	std, err := stdcsv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil || len(std) != len(got.Rows)+1 {
		t.Fatalf("%q: the oracle has %d rows, not %d: %v", data, len(std)-1, len(got.Rows), err)
	}
	for i, row := range got.Rows {
		if s := strings.ReplaceAll(strings.Join(row, "|"), texttest.Null, ""); s != strings.Join(std[i+1], "|") {
			t.Fatalf("%q: row %d is %q, want %q", data, i, row, std[i+1])
		}
	}
}
