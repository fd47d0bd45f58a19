package table

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// ragged returns a file with a matrix of lists, 2 rows by 3, and lists of bytes that
// begin at offsets.
func ragged(values int, offsets ...int64) []byte {
	data := make([]byte, 0, 64)
	for i := range 6 {
		data = binary.LittleEndian.AppendUint64(data, uint64(i))
	}
	for i := range values {
		data = append(data, byte(i+1))
	}
	for _, o := range offsets {
		data = binary.LittleEndian.AppendUint64(data, uint64(o))
	}
	v, end := 48+values, 48+values+8*len(offsets)
	return safetensorsFile(fmt.Sprintf(`{"__metadata__": {"format": "quern"}, "m": {"dtype": "I64", "shape": [2, 3], "data_offsets": [0, 48]},
		"x.values": {"dtype": "U8", "shape": [%d], "data_offsets": [48, %d]}, "x.offsets": {"dtype": "I64", "shape": [%d], "data_offsets": [%d, %d]}}`,
		values, v, len(offsets), v, end), data...)
}

func TestListsInTensors(t *testing.T) {
	table, err := open(t, "x.safetensors", ragged(3, 0, 3, 3))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(table.Notes, "; "); got != "m: I64 [2, 3]; x.values: U8 [3]; x.offsets: I64 [3]" {
		t.Errorf("notes %s", got)
	}
	for format, want := range map[string]string{
		"csv":   "m,x\n\"[0, 1, 2]\",\"[1, 2, 3]\"\n\"[3, 4, 5]\",[]\n",
		"jsonl": "{\"m\": [0, 1, 2], \"x\": [1, 2, 3]}\n{\"m\": [3, 4, 5], \"x\": []}\n",
		"table": "m            x\nlist<int64>  list<int32>\n[0, 1, 2]    [1, 2, 3]\n[3, 4, 5]    []\n",
	} {
		if got := printed(t, table, format); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

// TestListsOfManyRows: rows are read a few hundred at a time.
func TestListsOfManyRows(t *testing.T) {
	const rows = 2*arrayRows + 3
	offsets, want := []int64{0}, "x\n"
	var values []byte
	for i := range rows {
		list := make([]string, i%3)
		for k := range list {
			values = append(values, byte(i+k))
			list[k] = fmt.Sprint(byte(i + k))
		}
		offsets = append(offsets, int64(len(values)))
		cell := "[" + strings.Join(list, ", ") + "]"
		if len(list) > 1 {
			cell = `"` + cell + `"`
		}
		want += cell + "\n"
	}
	data := values
	for _, o := range offsets {
		data = binary.LittleEndian.AppendUint64(data, uint64(o))
	}
	n := len(offsets) - 1
	table, err := open(t, "x.safetensors", safetensorsFile(fmt.Sprintf(`{"x.values": {"dtype": "U8", "shape": [%d], "data_offsets": [0, %d]}, "x.offsets": {"dtype": "I64", "shape": [%d], "data_offsets": [%d, %d]}}`,
		offsets[n], offsets[n], rows+1, offsets[n], len(data)), data...))
	if err != nil {
		t.Fatal(err)
	}
	if got := printed(t, table, "csv"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestDamagedLists: offsets that contradict the values are an error when the rows are
// read, and nothing else is.
func TestDamagedLists(t *testing.T) {
	for name, offsets := range map[string][]int64{"negative": {-1, 0, 3}, "descending": {0, 3, 2}, "beyond": {0, 1, 4}, "huge": {0, 1 << 62, 1 << 62}} {
		table, err := open(t, "x.safetensors", ragged(3, offsets...))
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if _, err := table.Print(t.Context(), &b, "csv", 0); err == nil || !strings.Contains(err.Error(), "Q516") {
			t.Errorf("%s: %v, %s", name, err, &b)
		}
	}
	table, err := open(t, "x.safetensors", ragged(3, 0))
	if err != nil || len(table.Fields) != 0 || !strings.Contains(strings.Join(table.Notes, "\n"), "different lengths") {
		t.Errorf("no rows beside two: %v %v", table, err)
	}
}

// TestListCells: what could be mistaken for more elements, or for null, is quoted.
func TestListCells(t *testing.T) {
	table, err := open(t, "x.jsonl", []byte(`{"a": ["x y", "b,c", "", null, "null", "]", "\u001b"]}
{"a": []}
{"a": null}
{"a": ["`+strings.Repeat("long ", 100)+`", "x"]}
`))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(printed(t, table, "table"), "\n")
	if len(lines) != 7 || lines[2] != `[x y, "b,c", "", null, "null", "]", "\x…` || lines[3] != "[]" || lines[4] != "null" || len([]rune(lines[5])) != maxCell {
		t.Errorf("%q", lines)
	}
	if got := printed(t, table, "jsonl"); !strings.HasPrefix(got, `{"a": ["x y", "b,c", "", null, "null", "]", "\u001b"]}`+"\n{\"a\": []}\n{\"a\": null}\n") {
		t.Errorf("%s", got)
	}
	if got := printed(t, table, "csv"); !strings.HasPrefix(got, "a\n"+`"[""x y"", ""b,c"", """", null, ""null"", ""]"", ""\u001b""]"`+"\n[]\n\n") {
		t.Errorf("%s", got)
	}
}
