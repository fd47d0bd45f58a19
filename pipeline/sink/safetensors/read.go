package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Header is what a file says of its arrays.
type Header struct {
	// Arrays in the order of their bytes, which follow the header without a gap and end
	// with the file.
	Arrays []Array
	// Metadata are free texts; quern writes "format": "quern".
	Metadata map[string]string
}

// Array is an array's entry in a header. Its elements are little-endian.
type Array struct {
	Name    string
	DType   string   // as the format writes it: F32, F64, I64, U8 ...
	Shape   []int64  // none is negative; empty: one element
	Columns []string // names of a matrix's columns; nil: the file does not tell
	From    int64    // byte of the file at which the elements start
	Bytes   int64    // all elements
}

// maxHeader is the longest header that is read. Ours are far shorter.
const maxHeader = 16 << 20

// ReadHeader reads the header of a file of size bytes, of quern's or another's. What it
// returns fits the file: every array has the bytes of its shape, within the file. The
// elements are not looked at. An error says what is wrong with the file.
func ReadHeader(f io.ReaderAt, size int64) (*Header, error) {
	prefix := make([]byte, 8)
	if _, err := f.ReadAt(prefix, 0); err != nil {
		return nil, errors.New("it is too short")
	}
	length := binary.LittleEndian.Uint64(prefix)
	if length > maxHeader || int64(length) > size-8 {
		return nil, errors.New("its header is longer than the file")
	}
	text := make([]byte, length)
	if _, err := f.ReadAt(text, 8); err != nil {
		return nil, err
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(text, &entries); err != nil {
		return nil, fmt.Errorf("its header is not JSON: %w", err)
	}
	h := &Header{}
	if text, ok := entries[metadata]; ok {
		if err := json.Unmarshal(text, &h.Metadata); err != nil {
			return nil, fmt.Errorf("its metadata are not texts: %w", err)
		}
		delete(entries, metadata)
	}
	for name, text := range entries {
		a, err := readEntry(name, text, h.Metadata[name+".columns"])
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		h.Arrays = append(h.Arrays, a)
	}
	return h, h.place(8+int64(length), size)
}

// readEntry reads the entry of one array; From is counted from the end of the header.
func readEntry(name string, text json.RawMessage, columns string) (Array, error) {
	var e struct {
		DType   string   `json:"dtype"`
		Shape   []int64  `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return Array{}, err
	}
	a := Array{Name: name, DType: e.DType, Shape: e.Shape, From: e.Offsets[0]}
	bytes, ok := Bytes(e.DType, e.Shape)
	if !ok || e.Offsets[0] < 0 || e.Offsets[1] < e.Offsets[0] || e.Offsets[1]-e.Offsets[0] != bytes {
		return Array{}, fmt.Errorf("%s of shape %v does not take the bytes %v", e.DType, e.Shape, e.Offsets)
	}
	a.Bytes = bytes
	if columns != "" {
		if err := json.Unmarshal([]byte(columns), &a.Columns); err != nil {
			return Array{}, fmt.Errorf("the names of its columns: %w", err)
		}
	}
	return a, nil
}

// place puts the arrays in the order of their bytes, which fill the file from data to
// size without gaps or overlaps.
func (h *Header) place(data, size int64) error {
	slices.SortFunc(h.Arrays, func(a, b Array) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Bytes, b.Bytes), strings.Compare(a.Name, b.Name))
	})
	at := data
	for i := range h.Arrays {
		a := &h.Arrays[i]
		if a.From != at-data || a.Bytes > size-at {
			return fmt.Errorf("array %q starts at byte %d of the arrays, not %d, or ends behind the file", a.Name, a.From, at-data)
		}
		a.From = at
		at += a.Bytes
	}
	if at != size {
		return fmt.Errorf("the arrays end at byte %d of %d", at, size)
	}
	return nil
}

// ElementSize returns the bytes of an element of a type as the format writes it; 0:
// there is no such type.
func ElementSize(dtype string) int64 {
	switch dtype {
	case "F64", "I64", "U64":
		return 8
	case "F32", "I32", "U32":
		return 4
	case "F16", "BF16", "I16", "U16":
		return 2
	case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2":
		return 1
	}
	return 0
}

// Bytes returns the length of an array of a type and shape; false if the type is
// unknown, a dimension negative, or the length above 2^53.
func Bytes(dtype string, shape []int64) (int64, bool) {
	n := ElementSize(dtype)
	if n == 0 {
		return 0, false
	}
	for _, d := range shape {
		if d < 0 || d > 0 && n > 1<<53/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
