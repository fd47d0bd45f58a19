package tensors

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"quern/features/diag"
	"quern/pipeline/output"
	"quern/pipeline/sink/safetensors"
	"quern/pipeline/sink/tensor"
	"quern/pipeline/store"
)

// Part is the arrays of one file.
type Part struct {
	Rows   int
	Arrays []Array
}

// Array is an array in memory, row-major. Package sink/tensor says what arrays there are
// and what null is in them.
type Array struct {
	Name    string
	Shape   []int
	Columns []string // names of a matrix's columns; nil: a vector, or the elements of lists
	// Data is a []float32, []float64, []int64 or []uint8 of all elements. It belongs to
	// the caller.
	Data any
}

// Array returns the array of a name; nil: there is none.
func (p *Part) Array(name string) *Array {
	for i := range p.Arrays {
		if p.Arrays[i].Name == name {
			return &p.Arrays[i]
		}
	}
	return nil
}

// Read reads part i whole. Errors: Q320 its bytes are not those of the manifest, or not
// the arrays of the manifest's columns.
func (o *Output) Read(ctx context.Context, i int) (*Part, error) {
	f := o.manifest.Files[i]
	object, err := o.store.Open(ctx, f.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, diag.New("Q320", "%s is missing", f.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", f.Name, err)
	}
	defer object.Close()
	part, err := o.readPart(ctx, object, f)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, diag.New("Q320", "%s is damaged", f.Name).Because(err)
	}
	return part, nil
}

// readPart reads and checks a file while it takes its digest, so that every byte is
// read once. Memory is taken only after the header was found to fit the file.
func (o *Output) readPart(ctx context.Context, object store.Reader, f output.File) (*Part, error) {
	if object.Size() != f.Bytes {
		return nil, fmt.Errorf("it has %d bytes, the manifest says %d", object.Size(), f.Bytes)
	}
	header, err := safetensors.ReadHeader(object, f.Bytes)
	if err != nil {
		return nil, err
	}
	layout := slices.IndexFunc(o.layouts[:], func(l []tensor.Array) bool { return fits(header, l, f.Rows) })
	if layout < 0 {
		return nil, errors.New("its arrays are not those of the manifest's columns and rows")
	}
	digest := sha256.New()
	r := io.TeeReader(io.NewSectionReader(object, 0, f.Bytes), digest)
	skip := f.Bytes
	if len(header.Arrays) > 0 {
		skip = header.Arrays[0].From
	}
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return nil, err
	}
	part := &Part{Rows: int(f.Rows)}
	for _, a := range header.Arrays {
		data, err := readData(ctx, r, a)
		if err != nil {
			return nil, err
		}
		part.Arrays = append(part.Arrays, Array{Name: a.Name, Shape: shapeOf(a), Columns: o.columns(layout, a.Name), Data: data})
	}
	if hex.EncodeToString(digest.Sum(nil)) != f.SHA256 {
		return nil, errors.New("its bytes are not those of the manifest")
	}
	return part, part.checkLists()
}

// fits reports whether a file of so many rows has the arrays of a layout and no others.
func fits(header *safetensors.Header, layout []tensor.Array, rows int64) bool {
	if len(header.Arrays) != len(layout) || len(layout) == 0 {
		return false
	}
	for _, a := range header.Arrays {
		i := find(layout, a.Name)
		if i < 0 || a.DType != dtypeName(layout[i].DType) || a.Bytes > math.MaxInt || !slices.Equal(a.Shape, layout[i].Shape(a.Bytes)) {
			return false
		}
		length := rows
		switch layout[i].Lists {
		case tensor.Offsets:
			length++ // where the last list ends
		case tensor.Values:
			length = a.Shape[0]
		}
		if a.Shape[0] != length {
			return false
		}
	}
	return true
}

// find returns the position of the array of a name; -1: there is none.
func find(layout []tensor.Array, name string) int {
	return slices.IndexFunc(layout, func(a tensor.Array) bool { return a.Name == name })
}

// columns returns the names of the columns of a matrix, by the manifest; nil: the array
// is none, or holds lists.
func (o *Output) columns(layout int, name string) []string {
	a := &o.layouts[layout][find(o.layouts[layout], name)]
	if a.Vector || a.Lists != tensor.NoLists {
		return nil
	}
	var names []string
	for _, f := range a.Fields {
		names = append(names, o.fields[f].Name)
	}
	return names
}

// dtypeName returns the format's name of an element type.
func dtypeName(d tensor.DType) string {
	return [...]string{tensor.F32: "F32", tensor.F64: "F64", tensor.I64: "I64", tensor.U8: "U8"}[d]
}

func shapeOf(a safetensors.Array) []int {
	shape := make([]int, len(a.Shape))
	for i, d := range a.Shape {
		shape[i] = int(d)
	}
	return shape
}

// readData reads the elements of an array that fits.
func readData(ctx context.Context, r io.Reader, a safetensors.Array) (any, error) {
	switch a.DType {
	case "F32":
		return elements[float32](ctx, r, a)
	case "F64":
		return elements[float64](ctx, r, a)
	case "I64":
		return elements[int64](ctx, r, a)
	}
	return elements[uint8](ctx, r, a)
}

// chunk is how many bytes are read and decoded at a time.
const chunk = 1 << 18

// elements reads an array of T.
func elements[T float32 | float64 | int64 | uint8](ctx context.Context, r io.Reader, a safetensors.Array) ([]T, error) {
	size := safetensors.ElementSize(a.DType)
	x := make([]T, a.Bytes/size)
	buffer := make([]byte, min(chunk, a.Bytes))
	for at := 0; at < len(x); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(len(x)-at, int(chunk/size))
		bytes := buffer[:n*int(size)]
		if _, err := io.ReadFull(r, bytes); err != nil {
			return nil, err
		}
		if _, err := binary.Decode(bytes, binary.LittleEndian, x[at:at+n]); err != nil {
			return nil, err
		}
		at += n
	}
	return x, nil
}
