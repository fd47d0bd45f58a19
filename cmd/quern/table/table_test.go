package table

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/column"
	"quern/pipeline"
)

func npy(header string, data ...byte) []byte {
	b := append([]byte("\x93NUMPY\x01\x00"), 0, 0)
	binary.LittleEndian.PutUint16(b[8:], uint16(len(header)))
	return append(append(b, header...), data...)
}

func safetensorsFile(header string, data ...byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), data...)
}

// open writes a file and opens it.
func open(t *testing.T, name string, data []byte) (*Table, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	table, err := Open(t.Context(), path, pipeline.Options{Backend: cpu.New()})
	if err == nil {
		t.Cleanup(func() { table.Close() })
	}
	return table, err
}

func printed(t *testing.T, table *Table, format string) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := table.Print(t.Context(), &b, format, 0); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestElementTypes(t *testing.T) {
	for _, c := range []struct {
		dtype string
		data  []byte
		want  string
	}{
		{"F32", []byte{0, 0, 0xc0, 0x3f, 0, 0, 0xc0, 0x7f}, "1.5 nan"},
		{"F64", []byte{0, 0, 0, 0, 0, 0, 0xf8, 0xbf, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f}, "-1.5 inf"},
		{"I64", bytes.Repeat([]byte{0xff}, 16), "-1 -1"},
		{"I32", []byte{1, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff}, "1 -2"},
		{"I16", []byte{1, 1, 0xff, 0xff}, "257 -1"},
		{"U16", []byte{1, 1, 0xff, 0xff}, "257 65535"},
		{"I8", []byte{1, 0xff}, "1 -1"},
		{"U8", []byte{1, 0xff}, "1 255"},
		{"BOOL", []byte{0, 1}, "false true"},
	} {
		header := fmt.Sprintf(`{"x": {"dtype": %q, "shape": [2], "data_offsets": [0, %d]}}`, c.dtype, len(c.data))
		table, err := open(t, "x.safetensors", safetensorsFile(header, c.data...))
		if err != nil {
			t.Errorf("%s: %v", c.dtype, err)
			continue
		}
		if got := strings.Join(strings.Fields(printed(t, table, "csv")), " "); got != "x "+c.want {
			t.Errorf("%s: %s, want %s", c.dtype, got, c.want)
		}
	}
	table, err := open(t, "x.safetensors", safetensorsFile(`{"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}`, 0, 0, 0, 0))
	if err != nil || len(table.Fields) != 0 || len(table.Notes) != 1 || table.Notes[0] != "x: BF16 [2]" {
		t.Errorf("a type whose rows are not shown: %+v %v", table, err)
	}
}

// TestDamagedTensors: every header that contradicts the file is an error.
func TestDamagedTensors(t *testing.T) {
	good := `{"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}`
	if _, err := open(t, "x.safetensors", safetensorsFile(good, 1, 2)); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": {}, "short": {1, 0, 0}, "no header": safetensorsFile(""), "too long": safetensorsFile(good, 1, 2, 3), "too few": safetensorsFile(good, 1),
		"huge header": binary.LittleEndian.AppendUint64(nil, 1<<60),
		"overflow":    safetensorsFile(`{"x": {"dtype": "U8", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]}}`),
		"negative":    safetensorsFile(`{"x": {"dtype": "U8", "shape": [-2], "data_offsets": [0, -2]}}`),
		"overlap":     safetensorsFile(`{"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, "y": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]}}`, 1, 2, 3),
		"gap":         safetensorsFile(`{"x": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}`, 1, 2),
		"unknown":     safetensorsFile(`{"x": {"dtype": "Z9", "shape": [2], "data_offsets": [0, 2]}}`, 1, 2),
		"metadata":    safetensorsFile(`{"__metadata__": {"a": 1}}`),
	} {
		if table, err := open(t, "x.safetensors", data); err == nil {
			t.Errorf("%s is read: %+v", name, table)
		}
	}
	header := "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }\n"
	if _, err := open(t, "x.npy", npy(header, make([]byte, 8)...)); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": {}, "magic": npy(header, make([]byte, 8)...)[1:], "short": npy(header, 1, 2), "long": npy(header, make([]byte, 9)...),
		"objects": npy(strings.Replace(header, "<i8", "|O", 1), make([]byte, 8)...),
		"fortran": npy(strings.NewReplacer("False", "True", "(1,)", "(1, 1)").Replace(header), make([]byte, 8)...),
		"shape":   npy(strings.Replace(header, "(1,)", "(1, x)", 1), make([]byte, 8)...),
		"cut":     npy(header)[:20],
	} {
		if table, err := open(t, "x.npy", data); err == nil {
			t.Errorf("%s is read: %+v", name, table)
		}
	}
}

func FuzzTensors(f *testing.F) {
	f.Add(true, safetensorsFile(`{"x": {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}, "__metadata__": {"x.columns": "[\"a\",\"b\"]"}}`, make([]byte, 8)...))
	f.Add(true, safetensorsFile(`{"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, "x2": {"dtype": "BOOL", "shape": [0], "data_offsets": [2, 2]}}`, 1, 2))
	f.Add(true, safetensorsFile(`{"__metadata__": {"format": "quern"}, "m": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]}, "x.values": {"dtype": "U8", "shape": [8], "data_offsets": [8, 16]}, "x.offsets": {"dtype": "I64", "shape": [3], "data_offsets": [16, 40]}}`, make([]byte, 40)...))
	f.Add(false, npy("{'descr': '|b1', 'fortran_order': False, 'shape': (2, 1), }\n", 0, 1))
	f.Fuzz(func(t *testing.T, isSafe bool, data []byte) {
		name := map[bool]string{true: "x.safetensors", false: "x.npy"}[isSafe]
		table, err := open(t, name, data)
		if err != nil {
			return
		}
		for _, format := range Formats() {
			var b bytes.Buffer
			if _, err := table.Print(t.Context(), &b, format, 100); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestFormatsAgree reads what is printed with the standard library.
func TestFormatsAgree(t *testing.T) {
	text := "name,n\n\"a,\"\"b\"\"\n\",1\n,\n\"\",-9223372036854775808\n\x1b[31mred,3\n"
	table, err := open(t, "x.csv", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(printed(t, table, "csv"))).ReadAll()
	if err != nil || len(rows) != 5 || rows[1][0] != "a,\"b\"\n" || rows[3][1] != "-9223372036854775808" {
		t.Errorf("csv: %q %v", rows, err)
	}
	var objects []map[string]any
	d := json.NewDecoder(strings.NewReader(printed(t, table, "json")))
	d.UseNumber()
	if err := d.Decode(&objects); err != nil || len(objects) != 4 {
		t.Fatalf("json: %v %v", objects, err)
	}
	if objects[1]["name"] != nil || objects[2]["name"] != "" || objects[2]["n"] != json.Number("-9223372036854775808") {
		t.Errorf("json: %v", objects)
	}
	if lines := strings.Count(printed(t, table, "jsonl"), "\n"); lines != 4 {
		t.Errorf("jsonl has %d lines", lines)
	}
	grid := printed(t, table, "table")
	if strings.Contains(grid, "\x1b") || strings.Count(grid, "\n") != 6 {
		t.Errorf("table:\n%q", grid)
	}
}

// TestMoreRowsThanTheGridHoldsBack: the head comes once, before all rows.
func TestMoreRowsThanTheGridHoldsBack(t *testing.T) {
	for _, n := range []int{0, 1, gridRows - 1, gridRows, gridRows + 1, 2*gridRows + 5} {
		data := make([]byte, n)
		header := fmt.Sprintf(`{"x": {"dtype": "U8", "shape": [%d], "data_offsets": [0, %d]}}`, n, n)
		table, err := open(t, "x.safetensors", safetensorsFile(header, data...))
		if err != nil {
			t.Fatal(err)
		}
		text := printed(t, table, "table")
		if lines := strings.Count(text, "\n"); lines != n+2 || !strings.HasPrefix(text, "    x\nint32\n") || strings.Count(text, "x") != 1 {
			t.Errorf("%d rows: %d lines", n, lines)
		}
	}
}

func TestSelect(t *testing.T) {
	table, err := open(t, "x.csv", []byte("a,b,c\n1,2,3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Select([]string{"c", "a"}); err != nil || len(table.Fields) != 2 || table.Fields[0] != (column.Field{Name: "c", Type: column.Int64}) {
		t.Fatalf("%v %v", table.Fields, err)
	}
	if got := printed(t, table, "csv"); got != "c,a\n3,1\n" {
		t.Errorf("%q", got)
	}
}
