// Package safetensors writes tensors as safetensors files, the format of
// https://github.com/huggingface/safetensors:
//
//	8 bytes   length of the header, little-endian
//	header    JSON: {"NAME": {"dtype", "shape", "data_offsets": [from, to]}, ...,
//	          "__metadata__": {...}}, padded with spaces to a multiple of 8
//	data      the arrays, one after the other
//
// The metadata names the columns of each array: "features.columns" is a JSON list.
// The arrays of lists are those of package tensor; offsets start at 0 in every file.
package safetensors

import (
	"encoding/binary"
	"encoding/json"
	"io"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/sink"
	"quern/pipeline/sink/tensor"
)

// Format writes one safetensors file per part. The zero value writes matrices of
// rows: features, ids, labels.
type Format struct {
	// Columns: one vector per column instead.
	Columns bool
}

// metadata is the one name that the header keeps for itself.
const metadata = "__metadata__"

// Suffix returns ".safetensors".
func (Format) Suffix() string { return ".safetensors" }

// NewPart starts a file. The arrays are held until Close, because the header, which
// comes first, tells their length.
func (f Format) NewPart(w io.Writer, fields []sink.Field) (sink.Part, error) {
	rows, err := tensor.NewWriter(fields, f.Columns)
	if err != nil {
		return nil, err
	}
	for _, field := range fields {
		if field.Name == metadata && (f.Columns || field.Type.IsList()) {
			return nil, diag.New("Q422", "column %q cannot name an array", field.Name).WithHint("rename it, or, unless it has lists, use layout: rows")
		}
	}
	return &part{w: w, fields: fields, rows: rows}, nil
}

type part struct {
	w      io.Writer
	fields []sink.Field
	rows   *tensor.Writer
}

// Write appends a batch.
func (p *part) Write(batch column.Batch) error { return p.rows.Append(batch) }

// Reset starts another part.
func (p *part) Reset(w io.Writer) error {
	p.w = w
	p.rows.Reset()
	return nil
}

// entry is an array's entry in the header.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets [2]int  `json:"data_offsets"`
}

// Close writes header and data.
func (p *part) Close() error {
	header, err := p.header()
	if err != nil {
		return err
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	if _, err := p.w.Write(append(length[:], header...)); err != nil {
		return err
	}
	for i := range p.rows.Arrays() {
		if _, err := p.w.Write(p.rows.Data(i)); err != nil {
			return err
		}
	}
	return nil
}

// header returns the JSON header, padded so that the data is aligned. Its keys are
// sorted by encoding/json, so equal parts have equal bytes.
func (p *part) header() ([]byte, error) {
	names := map[string]string{"format": "quern"}
	entries := map[string]any{metadata: names}
	at := 0
	for i, a := range p.rows.Arrays() {
		e := entry{DType: [...]string{"F32", "F64", "I64", "U8"}[a.DType], Shape: a.Shape(int64(len(p.rows.Data(i)))), Offsets: [2]int{at, at + len(p.rows.Data(i))}}
		if len(e.Shape) == 2 && a.Lists == tensor.NoLists {
			list, err := json.Marshal(fieldNames(p.fields, a))
			if err != nil {
				return nil, err
			}
			names[a.Name+".columns"] = string(list)
		}
		entries[a.Name] = e
		at += len(p.rows.Data(i))
	}
	header, err := json.Marshal(entries)
	for err == nil && len(header)%8 != 0 {
		header = append(header, ' ')
	}
	return header, err
}

func fieldNames(fields []sink.Field, a tensor.Array) []string {
	names := make([]string, len(a.Fields))
	for i, f := range a.Fields {
		names[i] = fields[f].Name
	}
	return names
}
