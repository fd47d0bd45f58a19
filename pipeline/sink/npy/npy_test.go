package npy_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/internal/oracletest"
	"quern/pipeline/sink"
	"quern/pipeline/sink/npy"
)

func field(name string, t column.Type, role program.Role) sink.Field {
	return sink.Field{Field: column.Field{Name: name, Type: t}, Role: role}
}

// table is three columns with values that say where they are.
func table(rows, offset int) ([]sink.Field, column.Batch) {
	fields := []sink.Field{field("x", column.Float32, program.RoleFeature), field("y", column.Float32, program.RoleFeature),
		field("id", column.Int64, program.RoleFeature), field("late", column.Bool, program.RoleLabel)}
	columns := make([]column.Column, 4)
	for i, f := range fields {
		columns[i] = column.Column{Len: rows, Values: column.Vector{Type: f.Type, Len: rows}}
	}
	for i := offset; i < offset+rows; i++ {
		columns[0].Values.Float32s = append(columns[0].Values.Float32s, float32(i))
		columns[1].Values.Float32s = append(columns[1].Values.Float32s, float32(i)/2)
		columns[2].Values.Int64s = append(columns[2].Values.Int64s, int64(i)<<33)
		columns[3].Values.Bools = append(columns[3].Values.Bools, i%3 == 0)
	}
	if rows > 0 {
		columns[1].Values.Valid = column.NewBitmap(rows) // y of the last row is null
		columns[1].Values.Valid.Fill(rows)
		columns[1].Values.Valid.Clear(rows - 1)
	}
	return fields, column.Batch{Rows: rows, Columns: columns}
}

// assemble writes pieces of the given numbers of rows and puts the files together.
func assemble(t *testing.T, f npy.Format, pieces ...int) map[string][]byte {
	t.Helper()
	fields, _ := table(0, 0)
	var made []sink.Piece
	var part sink.Part
	at := 0
	for _, rows := range pieces {
		var out bytes.Buffer
		var err error
		if part == nil {
			part, err = f.NewPart(&out, fields)
		} else {
			err = part.Reset(&out)
		}
		if err != nil {
			t.Fatal(err)
		}
		_, batch := table(rows, at)
		if len(made)%2 == 1 { // must not show
			part.(sink.SizedPart).Expect(rows)
		}
		if err := errors.Join(part.Write(batch), part.Close()); err != nil {
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

func TestHeadersAreAlignedAndSayTheShape(t *testing.T) {
	for _, c := range []struct {
		format npy.Format
		name   string
		want   string
		size   int
	}{
		{npy.Format{}, "features.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 2), }", 5 * 8},
		{npy.Format{}, "ids.npy", "{'descr': '<i8', 'fortran_order': False, 'shape': (5, 1), }", 5 * 8},
		{npy.Format{}, "labels.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (5, 1), }", 5},
		{npy.Format{Columns: true}, "x.npy", "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), }", 5 * 4},
	} {
		file := assemble(t, c.format, 2, 0, 3)[c.name]
		start := 10 + int(file[8]) + int(file[9])<<8
		text := string(file[10:start])
		if string(file[:8]) != "\x93NUMPY\x01\x00" || start%64 != 0 || len(file) != start+c.size {
			t.Errorf("%s: data from %d of %d bytes", c.name, start, len(file))
		}
		if strings.TrimRight(text, " \n") != c.want || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s: header %q, want %q", c.name, text, c.want)
		}
	}
}

func TestBordersOfPiecesDoNotShow(t *testing.T) {
	for _, f := range []npy.Format{{}, {Columns: true}} {
		want := assemble(t, f, 100)
		for _, pieces := range [][]int{{40, 60}, {0, 100, 0}, {1, 99}} {
			got := assemble(t, f, pieces...)
			for name := range want {
				// The null moves with the pieces' last row; all else must not.
				if name != "features.npy" && name != "y.npy" && !bytes.Equal(got[name], want[name]) {
					t.Errorf("%s differs for pieces of %v", name, pieces)
				}
			}
		}
	}
}

func TestNamesThatAreNoFiles(t *testing.T) {
	for _, name := range []string{"a/b", `a\b`, ".hidden", "nul\x00", "..", ""} {
		_, err := npy.Format{Columns: true}.Files([]sink.Field{field(name, column.Int64, program.RoleFeature)})
		var e *diag.Error
		if !errors.As(err, &e) || e.Code != "Q422" {
			t.Errorf("%q: %v, want Q422", name, err)
		}
	}
	if _, err := (npy.Format{}).Files([]sink.Field{field("s", column.String, program.RoleFeature)}); err == nil {
		t.Error("a string was taken")
	}
	if _, err := (npy.Format{}).NewPart(nil, []sink.Field{field("s", column.String, program.RoleFeature)}); err == nil {
		t.Error("a string was taken")
	}
}

func TestPiecesThatAreCutAreErrors(t *testing.T) {
	fields, batch := table(3, 0)
	var out bytes.Buffer
	p, _ := npy.Format{}.NewPart(&out, fields)
	p.Write(batch)
	p.Close()
	for _, n := range []int{0, 7, 20} {
		cut := sink.Piece{ReaderAt: bytes.NewReader(out.Bytes()[:n]), Size: int64(n), Rows: 3}
		if err := (npy.Format{}).Assemble(0, fields, []sink.Piece{cut}, &bytes.Buffer{}); err == nil {
			t.Errorf("a piece of %d bytes was assembled", n)
		}
	}
}

// TestNumpyReadsTheArrays compares what numpy loads, element by element.
func TestNumpyReadsTheArrays(t *testing.T) {
	oracletest.Python(t)
	for _, f := range []npy.Format{{}, {Columns: true}} {
		for _, pieces := range [][]int{{0}, {1}, {2, 0, 3}, {100, 28}} {
			dir, total := t.TempDir(), 0
			for _, n := range pieces {
				total += n
			}
			for name, data := range assemble(t, f, pieces...) {
				os.WriteFile(filepath.Join(dir, name), data, 0o666)
			}
			var got map[string]struct {
				DType string
				Shape []int
				Bytes string
			}
			oracletest.Run(t, `
import base64, glob, json, numpy, os, sys
out = {}
for path in glob.glob(sys.argv[1] + "/*.npy"):
    a = numpy.load(path, allow_pickle=False)
    assert a.flags.c_contiguous
    out[os.path.basename(path)] = {"dtype": str(a.dtype), "shape": a.shape, "bytes": base64.b64encode(a.tobytes()).decode()}
print(json.dumps(out))`, &got, dir)
			for name, data := range assemble(t, f, pieces...) {
				a := got[name]
				raw, _ := base64.StdEncoding.DecodeString(a.Bytes)
				start := 10 + int(data[8]) + int(data[9])<<8
				if len(a.Shape) == 0 || a.Shape[0] != total || !bytes.Equal(raw, data[start:]) {
					t.Errorf("%s: numpy reads %v of %s", name, a.Shape, a.DType)
				}
			}
			for name, dtype := range map[string]string{"features.npy": "float32", "ids.npy": "int64", "labels.npy": "uint8", "y.npy": "float32"} {
				if a, ok := got[name]; ok && a.DType != dtype {
					t.Errorf("%s is %s", name, a.DType)
				}
			}
			if want := map[bool]int{false: 3, true: 4}[f.Columns]; len(got) != want {
				t.Error(fmt.Sprint("numpy finds ", len(got), " arrays"))
			}
		}
	}
}
