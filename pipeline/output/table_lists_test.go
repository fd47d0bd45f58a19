package output_test

import (
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/output"
	"quern/pipeline/sink"
)

// newListTable is a small output of ragged lists and of pairs, in parts of the given
// numbers of rows.
func newListTable(format sink.Format, parts ...int) table {
	tags, pair := column.ListOf(column.Int32), column.ListOf(column.Float32)
	t := table{format: format, fields: []sink.Field{
		{Field: column.Field{Name: "tags", Type: tags}, Role: program.RoleFeature},
		{Field: column.Field{Name: "pair", Type: pair}, Role: program.RoleFeature, Width: 2},
	}}
	at := 0
	for _, rows := range parts {
		var ragged, pairs []program.Value
		for i := at; i < at+rows; i++ {
			list := program.Value{Null: i%7 == 3}
			for k := range i % 7 % 4 { // of row 3 of 7, which is null, none
				list.List = append(list.List, program.Value{Int: int64(i + k)})
			}
			if list.Null {
				list.List = nil
			}
			ragged = append(ragged, list)
			pairs = append(pairs, program.Value{List: []program.Value{{Float: float64(i)}, {Float: -1}}})
		}
		at += rows
		t.parts = append(t.parts, column.Batch{Rows: rows, Columns: []column.Column{
			{Len: rows, Values: program.StoredVector(tags, ragged...)}, {Len: rows, Values: program.StoredVector(pair, pairs...)}}})
	}
	return t
}

// TestListsAreRowsOfAnOutput: they have a type and a width in the manifest, and a digest
// that no format and no border changes.
func TestListsAreRowsOfAnOutput(t *testing.T) {
	contents := map[string]bool{}
	for _, format := range formats() {
		for _, parts := range [][]int{{103}, {70, 0, 33}, {1, 102}} {
			m := finished(t, newListTable(format, parts...))
			got, err := output.Verify(context.Background(), m)
			if err != nil {
				t.Fatal(err)
			}
			contents[got.Content] = true
			if f := got.Fields; f[0].Type != "list<int32>" || f[0].Width != 0 || f[1].Type != "list<float32>" || f[1].Width != 2 {
				t.Errorf("fields %+v", f)
			}
			if text := string(m.objects[output.ManifestName]); strings.Contains(text, `"width": 0`) || !strings.Contains(text, `"type": "list<float32>"`) {
				t.Errorf("the manifest reads %s", text)
			}
			if file, ok := m.objects["tags.offsets.npy"]; ok {
				checkOffsets(t, file, m.objects["tags.values.npy"])
			}
		}
	}
	if len(contents) != 1 {
		t.Errorf("%d digests of the same rows", len(contents))
	}
	changed := newListTable(formats()[0], 103)
	changed.parts[0].Columns[0].Values.Offsets[50]++ // an element moves to the row before
	if m, err := output.Verify(context.Background(), finished(t, changed)); err != nil || contents[m.Content] {
		t.Errorf("an element in another row: %v", err)
	}
}

// checkOffsets checks that the offsets of all parts are those of one array.
func checkOffsets(t *testing.T, offsets, values []byte) {
	t.Helper()
	const header = 128
	offsets, values = offsets[header:], values[header:]
	if len(offsets) != 8*104 {
		t.Fatalf("%d bytes of offsets", len(offsets))
	}
	want := uint64(0)
	for i := range 104 {
		if got := binary.LittleEndian.Uint64(offsets[8*i:]); got != want {
			t.Fatalf("row %d starts at %d, want %d", i, got, want)
		}
		if i%7 != 3 {
			want += uint64(i % 7 % 4)
		}
	}
	if last := binary.LittleEndian.Uint64(offsets[8*103:]); 8*last != uint64(len(values)) {
		t.Errorf("%d elements, %d bytes of values", last, len(values))
	}
}
