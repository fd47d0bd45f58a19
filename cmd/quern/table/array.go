package table

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/output"
	"quern/pipeline/sink"
	"quern/pipeline/sink/safetensors"
	"quern/pipeline/sink/tensor"
	"quern/pipeline/store"
)

// array is a tensor in a file.
type array struct {
	name    string
	dtype   string  // as safetensors writes it: F32, I64 ...
	shape   []int64 // not negative
	columns []string
	from    int64 // where its bytes start
	file    io.ReaderAt
	matrix  bool   // its rows are lists of shape[1] elements
	offsets *array // its rows are lists, which begin there; nil: they are not
}

// maxColumns is the widest matrix whose rows are shown.
const maxColumns = 4096

// width returns how many columns the rows of a have; 0: it has no rows to show.
func (a *array) width() int64 {
	switch {
	case typeOf(a.dtype) == column.Invalid:
	case len(a.shape) == 1 || a.matrix && a.shape[1] <= maxColumns:
		return 1
	case len(a.shape) == 2 && a.shape[1] <= maxColumns:
		return a.shape[1]
	}
	return 0
}

// rows returns how many rows a has, if it has a width.
func (a *array) rows() int64 {
	if a.offsets != nil {
		return a.offsets.shape[0] - 1
	}
	return a.shape[0]
}

// typeOf returns the type in which elements are shown; Invalid: they are not.
func typeOf(dtype string) column.Type {
	switch dtype {
	case "F32":
		return column.Float32
	case "F64":
		return column.Float64
	case "I64":
		return column.Int64
	case "I32", "I16", "I8", "U8", "U16":
		return column.Int32
	case "BOOL":
		return column.Bool
	}
	return column.Invalid
}

// openArrays opens files of tensors: parts follow each other, the arrays of a part
// stand side by side. fields names the columns of arrays that do not do so themselves.
func openArrays(ctx context.Context, places store.Places, parts [][]string, fields []output.Field) (*Table, error) {
	t := &Table{}
	for _, paths := range parts {
		var arrays []array
		for _, path := range paths {
			more, err := t.openFile(ctx, places, path)
			if err != nil {
				t.Close()
				return nil, err
			}
			arrays = append(arrays, more...)
		}
		nameColumns(arrays, fields)
		t.parts = append(t.parts, arrays)
	}
	for i := range t.parts[0] {
		a := &t.parts[0][i]
		t.Notes = append(t.Notes, fmt.Sprintf("%s: %s %s", a.name, a.dtype, shapeText(t.totalShape(i))))
	}
	for i := range t.parts {
		t.parts[i] = joinLists(t.parts[i])
	}
	t.arrayFields()
	return t, nil
}

// openFile reads the arrays' headers in one file.
func (t *Table) openFile(ctx context.Context, places store.Places, path string) ([]array, error) {
	f, err := places.Open(ctx, path)
	if err != nil {
		return nil, diag.New("Q514", "cannot open %s", path).Because(err)
	}
	t.files = append(t.files, f)
	var arrays []array
	if filepath.Ext(path) == ".npy" {
		var a array
		a, err = readNPY(f, f.Size())
		a.name = strings.TrimSuffix(store.Base(path), ".npy")
		arrays = []array{a}
	} else {
		arrays, err = readSafetensors(f, f.Size())
	}
	if err != nil {
		return nil, diag.New("Q516", "%s is damaged", path).Because(err)
	}
	return arrays, nil
}

// totalShape returns the shape of array i over all parts, or of the first part's if
// the parts are not alike.
func (t *Table) totalShape(i int) []int64 {
	shape := append([]int64(nil), t.parts[0][i].shape...)
	for _, p := range t.parts[1:] {
		if i < len(p) && len(shape) > 0 && len(p[i].shape) == len(shape) {
			shape[0] += p[i].shape[0]
		}
	}
	return shape
}

func shapeText(shape []int64) string {
	return "[" + strings.Trim(strings.ReplaceAll(fmt.Sprint(shape), " ", ", "), "[]") + "]"
}

// nameColumns names the columns of arrays after the output's fields, as the tensor
// sinks lay them out.
func nameColumns(arrays []array, fields []output.Field) {
	var all []sink.Field
	for _, f := range fields {
		typ, ok := column.ParseType(f.Type)
		if !ok {
			return
		}
		all = append(all, sink.Field{Field: column.Field{Name: f.Name, Type: typ}, Role: program.Role(f.Role), Width: f.Width})
	}
	layout, err := tensor.Layout(all, false)
	if err != nil {
		return
	}
	for i := range arrays {
		for _, l := range layout {
			if arrays[i].name != l.Name || arrays[i].columns != nil {
				continue
			}
			if l.Lists != tensor.NoLists {
				arrays[i].matrix = l.Lists == tensor.Matrix && len(arrays[i].shape) == 2
				continue
			}
			for _, f := range l.Fields {
				arrays[i].columns = append(arrays[i].columns, all[f].Name)
			}
		}
	}
}

// arrayFields makes the columns of the table, if all arrays have as many rows.
func (t *Table) arrayFields() {
	for p, arrays := range t.parts {
		fields, rows, why := fieldsOf(arrays)
		if p > 0 && why == "" && !slices.Equal(fields, t.Fields) {
			why = "the files hold different arrays"
		}
		if why != "" {
			t.Fields, t.Rows = nil, 0
			t.Notes = append(t.Notes, why+": no rows to show")
			return
		}
		t.Fields = fields
		t.Rows += rows
	}
}

// fieldsOf returns the columns and the length of arrays side by side, or why there
// are none.
func fieldsOf(arrays []array) (fields column.Schema, rows int64, why string) {
	for i := range arrays {
		a := &arrays[i]
		w := a.width()
		if w > 0 && len(fields) > 0 && a.rows() != rows {
			return nil, 0, "the arrays have different lengths"
		}
		for j := range w {
			name := a.columnName(j)
			if fields.Find(name) >= 0 {
				return nil, 0, "two columns are called " + name
			}
			typ := typeOf(a.dtype)
			if a.lists() {
				typ = column.ListOf(typ)
			}
			fields, rows = append(fields, column.Field{Name: name, Type: typ}), a.rows()
		}
	}
	return fields, rows, ""
}

// columnName names column j of a.
func (a *array) columnName(j int64) string {
	switch {
	case int64(len(a.columns)) == a.width():
		return a.columns[j]
	case len(a.shape) == 1 || a.matrix:
		return a.name
	}
	return fmt.Sprintf("%s_%d", a.name, j)
}

// arrayRows is how many rows of arrays are read at once.
const arrayRows = 256

// eachArray is Each for arrays.
func (t *Table) eachArray(f func(column.Batch) (bool, error)) error {
	for _, arrays := range t.parts {
		rows := int64(0)
		for i := range arrays {
			if arrays[i].width() > 0 {
				rows = arrays[i].rows()
			}
		}
		for from := int64(0); from < rows && len(t.Fields) > 0; from += arrayRows {
			batch, err := t.readArrays(arrays, from, min(arrayRows, rows-from))
			if err != nil {
				return err
			}
			if more, err := f(batch); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// readArrays reads n rows.
func (t *Table) readArrays(arrays []array, from, n int64) (column.Batch, error) {
	all := map[string]column.Column{}
	for i := range arrays {
		a := &arrays[i]
		w, size := a.width(), safetensors.ElementSize(a.dtype)
		if w == 0 {
			continue
		}
		if a.lists() {
			c, err := a.readLists(from, n)
			if err != nil {
				return column.Batch{}, err
			}
			all[a.name] = c
			continue
		}
		data := make([]byte, n*w*size)
		if _, err := a.file.ReadAt(data, a.from+from*w*size); err != nil {
			return column.Batch{}, diag.New("Q516", "array %s cannot be read", a.name).Because(err)
		}
		for j := range w {
			v := column.Vector{Type: typeOf(a.dtype)}
			for r := range n {
				program.AppendStored(&v, element(a.dtype, data[(r*w+j)*size:]))
			}
			all[a.columnName(j)] = column.Column{Len: int(n), Values: v}
		}
	}
	batch := column.Batch{Rows: int(n)}
	for _, field := range t.Fields {
		batch.Columns = append(batch.Columns, all[field.Name])
	}
	return batch, nil
}

// element reads one element, little-endian.
func element(dtype string, b []byte) program.Value {
	switch dtype {
	case "F32":
		return program.Value{Float: float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))}
	case "F64":
		return program.Value{Float: math.Float64frombits(binary.LittleEndian.Uint64(b))}
	case "I64":
		return program.Value{Int: int64(binary.LittleEndian.Uint64(b))}
	case "I32":
		return program.Value{Int: int64(int32(binary.LittleEndian.Uint32(b)))}
	case "I16":
		return program.Value{Int: int64(int16(binary.LittleEndian.Uint16(b)))}
	case "U16":
		return program.Value{Int: int64(binary.LittleEndian.Uint16(b))}
	case "I8":
		return program.Value{Int: int64(int8(b[0]))}
	case "U8":
		return program.Value{Int: int64(b[0])}
	}
	return program.Value{Bool: b[0] != 0}
}
