package npy_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/internal/oracletest"
	"quern/pipeline/sink"
	"quern/pipeline/sink/npy"
)

// row returns the list of row i: null, empty, or of up to 4 integers; padded has 3.
func row(i int) (ragged, padded []int64) {
	for k := range int64(i % 6 % 5) {
		ragged = append(ragged, int64(i)*10+k)
	}
	for k := range int64(3) {
		padded = append(padded, int64(i)*100+k)
	}
	return ragged, padded
}

// listTable has ragged lists, in dictionary form, and lists of 3 reals.
func listTable(rows, offset int) ([]sink.Field, column.Batch) {
	fields := []sink.Field{field("tags", column.ListOf(column.Int64), program.RoleFeature), field("last", column.ListOf(column.Float32), program.RoleFeature), field("y", column.Bool, program.RoleLabel)}
	fields[1].Width = 3
	tags, last := column.Vector{Type: fields[0].Type, Len: rows, Offsets: []uint32{0}, Valid: column.NewBitmap(rows)}, column.Vector{Type: fields[1].Type, Len: rows, Offsets: []uint32{0}}
	ids, reals, y := column.Vector{Type: column.Int64}, column.Vector{Type: column.Float32}, column.Vector{Type: column.Bool, Len: rows, Bools: make([]bool, rows)}
	var index []int32
	for i := range rows {
		ragged, padded := row(i + offset)
		for _, x := range ragged {
			index = append(index, int32(len(ids.Int64s)))
			ids.Int64s = append(ids.Int64s, x)
		}
		for _, x := range padded {
			reals.Float32s = append(reals.Float32s, float32(x))
		}
		if (i+offset)%6 != 5 { // else: null, which is there as an empty list
			tags.Valid.Set(i)
		}
		tags.Offsets, last.Offsets = append(tags.Offsets, uint32(len(index))), append(last.Offsets, uint32(len(reals.Float32s)))
	}
	ids.Len, reals.Len = len(ids.Int64s), len(reals.Float32s)
	tags.Elements = &column.Column{Len: len(index), Values: ids, Index: index}
	last.Elements = &column.Column{Len: reals.Len, Values: reals}
	return fields, column.Batch{Rows: rows, Columns: []column.Column{{Len: rows, Values: tags}, {Len: rows, Values: last}, {Len: rows, Values: y}}}
}

// assembleLists writes pieces of the given numbers of rows and puts the files together.
func assembleLists(t *testing.T, f npy.Format, pieces ...int) map[string][]byte {
	t.Helper()
	fields, _ := listTable(0, 0)
	var made []sink.Piece
	at := 0
	for _, rows := range pieces {
		var out bytes.Buffer
		part, err := f.NewPart(&out, fields)
		if err != nil {
			t.Fatal(err)
		}
		_, first := listTable(rows/2, at)
		_, rest := listTable(rows-rows/2, at+rows/2)
		if err := errors.Join(part.Write(first), part.Write(rest), part.Close()); err != nil {
			t.Fatal(err)
		}
		made = append(made, sink.Piece{ReaderAt: bytes.NewReader(out.Bytes()), Size: int64(out.Len()), Rows: int64(rows)})
		at += rows
	}
	names, err := f.Files(fields)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for i, name := range names {
		var out bytes.Buffer
		if err := f.Assemble(i, fields, made, &out); err != nil {
			t.Fatal(err)
		}
		files[name] = out.Bytes()
	}
	return files
}

func TestBordersOfPiecesDoNotShowInLists(t *testing.T) {
	for _, f := range []npy.Format{{}, {Columns: true}} {
		for _, total := range []int{0, 1, 100, 20000} { // offsets of the last need several buffers
			want := assembleLists(t, f, total)
			if len(want) != 4 {
				t.Fatalf("%d files", len(want))
			}
			for _, pieces := range [][]int{{total / 3, total - total/3}, {0, total, 0}, {0, 0, total}} {
				got := assembleLists(t, f, pieces...)
				for name := range want {
					if !bytes.Equal(got[name], want[name]) {
						t.Errorf("%s differs for pieces of %v", name, pieces)
					}
				}
			}
		}
	}
	for name, file := range assembleLists(t, npy.Format{}) { // no pieces, no rows: one offset
		if end := file[128:]; (name == "tags.offsets.npy") != (len(end) == 8) {
			t.Errorf("%s without pieces has % x", name, end)
		}
	}
}

func TestNumpyReadsTheLists(t *testing.T) {
	oracletest.Python(t)
	for _, pieces := range [][]int{{}, {0}, {1}, {2, 0, 3}, {100, 28, 6000}} {
		dir, total := t.TempDir(), 0
		for _, n := range pieces {
			total += n
		}
		for name, data := range assembleLists(t, npy.Format{}, pieces...) {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		var got struct {
			Tags, Last [][]int64
			Types      string
		}
		oracletest.Run(t, `
import json, numpy, sys
load = lambda name: numpy.load(sys.argv[1] + "/" + name + ".npy", allow_pickle=False)
values, offsets, last = load("tags.values"), load("tags.offsets"), load("last")
tags = [values[a:b].tolist() for a, b in zip(offsets, offsets[1:])]
assert offsets[0] == 0 and offsets[-1] == len(values)
print(json.dumps({"tags": tags, "last": last.astype(int).tolist(), "types": "%s %s %s %s" % (values.dtype, offsets.dtype, last.dtype, last.shape)}))`, &got, dir)
		if want := fmt.Sprintf("int64 int64 float32 (%d, 3)", total); got.Types != want || len(got.Tags) != total || len(got.Last) != total {
			t.Fatalf("%v: numpy reads %s, %d and %d rows; want %s", pieces, got.Types, len(got.Tags), len(got.Last), want)
		}
		for i := range total {
			ragged, padded := row(i)
			if fmt.Sprint(got.Tags[i]) != fmt.Sprint(ragged) || fmt.Sprint(got.Last[i]) != fmt.Sprint(padded) {
				t.Fatalf("%v: row %d is %v and %v", pieces, i, got.Tags[i], got.Last[i])
			}
		}
	}
}

func TestNamesOfListsThatAreNoFiles(t *testing.T) {
	for _, width := range []int{0, 3} {
		f := field("a/b", column.ListOf(column.Int64), program.RoleFeature)
		f.Width = width
		var e *diag.Error
		if _, err := (npy.Format{}).Files([]sink.Field{f}); !errors.As(err, &e) || e.Code != "Q422" {
			t.Errorf("width %d: %v, want Q422", width, err)
		}
	}
}
