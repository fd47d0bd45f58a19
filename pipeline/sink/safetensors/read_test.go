package safetensors_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"quern/pipeline/sink/safetensors"
)

// file puts a file together.
func file(header string, data ...byte) []byte {
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...), data...)
}

func readHeader(data []byte) (*safetensors.Header, error) {
	return safetensors.ReadHeader(bytes.NewReader(data), int64(len(data)))
}

func TestHeadersAreReadBack(t *testing.T) {
	for _, rows := range []int{0, 1, 33, 128} {
		_, batch := table(rows)
		data := write(t, safetensors.Format{}, batch)
		h, err := readHeader(data)
		if err != nil {
			t.Fatal(err)
		}
		start := int64(len(data) - rows*(4+16+1))
		want := fmt.Sprintf(`[{features F32 [%d 1] [x "quoted" é] %d %d} {ids I64 [%d 2] [id day] %d %d} {labels U8 [%d 1] [late] %d %d}]`,
			rows, start, 4*rows, rows, start+int64(4*rows), 16*rows, rows, start+int64(20*rows), rows)
		if got := fmt.Sprint(h.Arrays); rows > 0 && got != want || len(h.Arrays) != 3 || h.Metadata["format"] != "quern" {
			t.Errorf("%d rows are read as\n%s, not\n%s", rows, got, want)
		}
	}
}

// TestEmptyArraysMayStandAnywhere: an array without bytes has no place of its own.
func TestEmptyArraysMayStandAnywhere(t *testing.T) {
	h, err := readHeader(file(`{"a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, "b": {"dtype": "F32", "shape": [0, 3], "data_offsets": [0, 0]}, "c": {"dtype": "I16", "shape": [], "data_offsets": [2, 4]}}`, 1, 2, 3, 4))
	if err != nil || fmt.Sprint(h.Arrays[0].Name, h.Arrays[1].Name, h.Arrays[2].Name) != "bac" {
		t.Errorf("read as %v, %v", h, err)
	}
}

func TestHeadersThatLie(t *testing.T) {
	x := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"x": {"dtype": %q, "shape": %s, "data_offsets": %s}}`, dtype, shape, offsets)
	}
	good := x("U8", "[2]", "[0, 2]")
	if _, err := readHeader(file(good, 1, 2)); err != nil {
		t.Fatal(err)
	}
	long := file(good, 1, 2)
	binary.LittleEndian.PutUint64(long, 1<<63)
	for name, data := range map[string][]byte{
		"empty": {}, "no header": file(""), "length": long, "not JSON": file("{", 1),
		"more bytes": file(good, 1, 2, 3), "fewer bytes": file(good, 1), "cut": file(good, 1, 2)[:20],
		"type":         file(x("Z9", "[2]", "[0, 2]"), 1, 2),
		"negative":     file(x("U8", "[-2]", "[0, -2]")),
		"overflow":     file(x("U8", "[4294967296, 4294967296]", "[0, 0]")),
		"backwards":    file(x("U8", "[2]", "[2, 0]"), 1, 2),
		"far":          file(x("U8", "[2]", "[9223372036854775805, 9223372036854775807]"), 1, 2),
		"wraps":        file(x("U8", "[2]", "[9223372036854775807, -9223372036854775807]"), 1, 2),
		"gap":          file(x("U8", "[1]", "[1, 2]"), 1, 2),
		"overlap":      file(`{"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, "y": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]}}`, 1, 2, 3),
		"twice":        file(`{"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}, "y": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}`, 1, 2),
		"metadata":     file(`{"__metadata__": {"a": 1}}`),
		"column names": file(`{"__metadata__": {"x.columns": "3"}, `+good[1:], 1, 2),
		"entry":        file(`{"x": [1, 2]}`, 1, 2),
	} {
		if h, err := readHeader(data); err == nil {
			t.Errorf("%s: read as %+v", name, h)
		}
	}
}

// FuzzReadHeader: what is read lies in the file, in order, without gaps.
func FuzzReadHeader(f *testing.F) {
	f.Add(file(`{"__metadata__": {"format": "quern", "x.columns": "[\"a\"]"}, "x": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]}}`, 1, 2, 3, 4))
	f.Add(file(`{"b": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}, "a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}`, 1, 2))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := readHeader(data)
		if err != nil {
			return
		}
		at := 8 + int64(binary.LittleEndian.Uint64(data))
		for _, a := range h.Arrays {
			if n, ok := safetensors.Bytes(a.DType, a.Shape); !ok || n != a.Bytes || a.From != at {
				t.Fatalf("array %+v, expected from %d", a, at)
			}
			at += a.Bytes
		}
		if at != int64(len(data)) {
			t.Fatalf("the arrays end at %d of %d", at, len(data))
		}
	})
}
