package table

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxHeader is the longest header that is read. Ours are far shorter.
const maxHeader = 16 << 20

// readNPY reads the header of a .npy file of size bytes (format versions 1 to 3).
func readNPY(f io.ReaderAt, size int64) (array, error) {
	start := make([]byte, 12)
	n, err := f.ReadAt(start, 0)
	if err != nil && err != io.EOF {
		return array{}, err
	}
	if n < 12 || string(start[:6]) != "\x93NUMPY" {
		return array{}, errors.New("it does not start as a .npy file")
	}
	from, length := int64(10), int64(binary.LittleEndian.Uint16(start[8:]))
	if start[6] > 1 {
		from, length = 12, int64(binary.LittleEndian.Uint32(start[8:]))
	}
	if start[6] < 1 || start[6] > 3 || length > maxHeader || from+length > size {
		return array{}, errors.New("its header is longer than the file, or of another version")
	}
	header := make([]byte, length)
	if _, err := f.ReadAt(header, from); err != nil {
		return array{}, err
	}
	a := array{file: f, from: from + length}
	if err := a.parseNPY(string(header)); err != nil {
		return array{}, err
	}
	if bytes, ok := a.bytes(); !ok || a.from+bytes != size {
		return array{}, fmt.Errorf("its header says %s of shape %s, which is not the file's size", a.dtype, shapeText(a.shape))
	}
	return a, nil
}

// parseNPY reads the dictionary of a header, a Python literal.
func (a *array) parseNPY(header string) error {
	field := func(pattern string) string {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(header); m != nil {
			return m[1]
		}
		return ""
	}
	descr := field(`'descr': *'([^']*)'`)
	switch descr {
	case "<f4":
		a.dtype = "F32"
	case "<f8":
		a.dtype = "F64"
	case "<i8":
		a.dtype = "I64"
	case "<i4":
		a.dtype = "I32"
	case "<i2":
		a.dtype = "I16"
	case "|i1":
		a.dtype = "I8"
	case "|u1":
		a.dtype = "U8"
	case "|b1":
		a.dtype = "BOOL"
	default:
		return fmt.Errorf("elements of type %q are not read", descr)
	}
	for _, d := range strings.Split(field(`'shape': *\(([^)]*)\)`), ",") {
		if d = strings.TrimSpace(d); d == "" {
			continue
		}
		n, err := strconv.ParseInt(d, 10, 64)
		if err != nil {
			return fmt.Errorf("its shape has the part %q", d)
		}
		a.shape = append(a.shape, n)
	}
	if field(`'fortran_order': *(True|False)`) != "False" && len(a.shape) > 1 {
		return errors.New("columns come first in it (fortran_order), which is not read")
	}
	return nil
}

// readSafetensors reads the header of a safetensors file of size bytes.
func readSafetensors(f io.ReaderAt, size int64) ([]array, error) {
	prefix := make([]byte, 8)
	if _, err := f.ReadAt(prefix, 0); err != nil {
		return nil, errors.New("it is too short")
	}
	length := binary.LittleEndian.Uint64(prefix)
	if length > maxHeader || int64(length) > size-8 {
		return nil, errors.New("its header is longer than the file")
	}
	header := make([]byte, length)
	if _, err := f.ReadAt(header, 8); err != nil {
		return nil, err
	}
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(header, &entries); err != nil {
		return nil, fmt.Errorf("its header is not JSON: %w", err)
	}
	metadata := map[string]string{}
	if text, ok := entries["__metadata__"]; ok {
		if err := json.Unmarshal(text, &metadata); err != nil {
			return nil, fmt.Errorf("its metadata are not texts: %w", err)
		}
		delete(entries, "__metadata__")
	}
	return parseEntries(f, entries, metadata, 8+int64(length), size)
}

// parseEntries reads the arrays of a safetensors header, in the order of their
// bytes: they fill the file without gaps or overlaps.
func parseEntries(f io.ReaderAt, entries map[string]json.RawMessage, metadata map[string]string, data, size int64) ([]array, error) {
	var arrays []array
	for name, text := range entries {
		var e struct {
			DType   string   `json:"dtype"`
			Shape   []int64  `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		a := array{name: name, dtype: e.DType, shape: e.Shape, from: data + e.Offsets[0], file: f}
		bytes, ok := a.bytes()
		if !ok || e.Offsets[0] < 0 || e.Offsets[0] > size || e.Offsets[1]-e.Offsets[0] != bytes {
			return nil, fmt.Errorf("array %q: %s of shape %s does not take the bytes %v", name, e.DType, shapeText(e.Shape), e.Offsets)
		}
		if list := metadata[name+".columns"]; list != "" {
			if err := json.Unmarshal([]byte(list), &a.columns); err != nil {
				return nil, fmt.Errorf("the column names of array %q: %w", name, err)
			}
		}
		// Our matrices name their columns, but for those of lists.
		a.matrix = metadata["format"] == "quern" && len(a.shape) == 2 && a.columns == nil
		arrays = append(arrays, a)
	}
	slices.SortFunc(arrays, func(a, b array) int {
		return cmpOr(a.from-b.from, int64(strings.Compare(a.name, b.name)))
	})
	at := data
	for i := range arrays {
		if arrays[i].from != at {
			return nil, fmt.Errorf("array %q starts at byte %d, not %d", arrays[i].name, arrays[i].from, at)
		}
		bytes, _ := arrays[i].bytes()
		at += bytes
	}
	if at != size {
		return nil, fmt.Errorf("the arrays end at byte %d of %d", at, size)
	}
	return arrays, nil
}

// cmpOr returns the sign of the first number that is not zero.
func cmpOr(numbers ...int64) int {
	for _, n := range numbers {
		switch {
		case n < 0:
			return -1
		case n > 0:
			return 1
		}
	}
	return 0
}
