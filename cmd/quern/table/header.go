package table

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"quern/pipeline/sink/safetensors"
)

// maxHeader is the longest header of a .npy file that is read. Ours are far shorter.
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
	if bytes, ok := safetensors.Bytes(a.dtype, a.shape); !ok || a.from+bytes != size {
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
	h, err := safetensors.ReadHeader(f, size)
	if err != nil {
		return nil, err
	}
	arrays := make([]array, len(h.Arrays))
	for i, a := range h.Arrays {
		arrays[i] = array{name: a.Name, dtype: a.DType, shape: a.Shape, columns: a.Columns, from: a.From, file: f}
		// Our matrices name their columns, but for those of lists.
		arrays[i].matrix = h.Metadata["format"] == "quern" && len(a.Shape) == 2 && a.Columns == nil
	}
	return arrays, nil
}
