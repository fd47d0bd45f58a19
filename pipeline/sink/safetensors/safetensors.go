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

// NewPart starts a file. The header, which comes first, tells how long the arrays are:
// they are held until Close, unless all rows come at once and are expected.
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
	w        io.Writer
	fields   []sink.Field
	rows     *tensor.Writer
	expected int  // rows; 0: not known
	written  bool // all of it
}

// Expect implements sink.SizedPart.
func (p *part) Expect(rows int) { p.expected = rows }

// Write appends a batch.
func (p *part) Write(batch column.Batch) error {
	if p.written && batch.Rows > 0 {
		panic("quern: bug: more rows than were expected")
	}
	if batch.Rows == 0 || batch.Rows != p.expected || p.rows.Rows() > 0 {
		return p.rows.Append(batch)
	}
	p.written = true
	if err := p.begin(p.rows.SizesOf(batch)); err != nil {
		return err
	}
	return p.rows.Stream(p.w, batch)
}

// Reset starts another part.
func (p *part) Reset(w io.Writer) error {
	p.w, p.expected, p.written = w, 0, false
	p.rows.Reset()
	return nil
}

// entry is an array's entry in the header.
type entry struct {
	DType   string   `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Close writes header and data, unless that is done.
func (p *part) Close() error {
	if p.written {
		return nil
	}
	if err := p.begin(p.rows.Sizes()); err != nil {
		return err
	}
	for i := range p.rows.Arrays() {
		if _, err := p.w.Write(p.rows.Data(i)); err != nil {
			return err
		}
	}
	return nil
}

// begin writes the header of arrays of these bytes.
func (p *part) begin(sizes []int64) error {
	header, err := p.header(sizes)
	if err != nil {
		return err
	}
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	_, err = p.w.Write(append(length[:], header...))
	return err
}

// header returns the JSON header, padded so that the data is aligned. Its keys are
// sorted by encoding/json, so equal parts have equal bytes.
func (p *part) header(sizes []int64) ([]byte, error) {
	names := map[string]string{"format": "quern"}
	entries := map[string]any{metadata: names}
	at := int64(0)
	for i, a := range p.rows.Arrays() {
		e := entry{DType: [...]string{"F32", "F64", "I64", "U8"}[a.DType], Shape: a.Shape(sizes[i]), Offsets: [2]int64{at, at + sizes[i]}}
		if len(e.Shape) == 2 && a.Lists == tensor.NoLists {
			list, err := json.Marshal(fieldNames(p.fields, a))
			if err != nil {
				return nil, err
			}
			names[a.Name+".columns"] = string(list)
		}
		entries[a.Name] = e
		at += sizes[i]
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
