package safetensors_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
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
	"quern/pipeline/sink/safetensors"
)

func field(name string, t column.Type, role program.Role) sink.Field {
	return sink.Field{Field: column.Field{Name: name, Type: t}, Role: role}
}

// table has every element type, a null, and names that JSON must escape.
func table(rows int) ([]sink.Field, column.Batch) {
	fields := []sink.Field{
		field(`x "quoted" é`, column.Float32, program.RoleFeature), field("id", column.Int64, program.RoleFeature),
		field("day", column.Date, program.RoleFeature), field("late", column.Bool, program.RoleLabel),
	}
	c := make([]column.Column, 4)
	for i, f := range fields {
		c[i] = column.Column{Len: rows, Values: column.Vector{Type: f.Type, Len: rows}}
	}
	for i := range rows {
		c[0].Values.Float32s = append(c[0].Values.Float32s, float32(i)/3)
		c[1].Values.Int64s = append(c[1].Values.Int64s, int64(i)*int64(i))
		c[2].Values.Int32s = append(c[2].Values.Int32s, -int32(i))
		c[3].Values.Bools = append(c[3].Values.Bools, i%2 == 0)
	}
	if rows > 0 {
		c[0].Values.Valid = column.NewBitmap(rows)
		c[0].Values.Valid.Fill(rows)
		c[0].Values.Valid.Clear(0)
	}
	return fields, column.Batch{Rows: rows, Columns: c}
}

func write(t *testing.T, f safetensors.Format, batches ...column.Batch) []byte {
	t.Helper()
	fields, _ := table(0)
	var out bytes.Buffer
	p, err := f.NewPart(&out, fields)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range batches {
		if err := p.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// parse reads a file by the letter of the format, and checks it.
func parse(t *testing.T, file []byte) (tensors map[string]tensor, metadata map[string]string) {
	t.Helper()
	n := binary.LittleEndian.Uint64(file)
	if n%8 != 0 || file[8] != '{' {
		t.Fatalf("header of %d bytes, from %q", n, file[8])
	}
	data := file[8+n:]
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+n], &raw); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw["__metadata__"], &metadata); err != nil {
		t.Fatal(err)
	}
	delete(raw, "__metadata__")
	tensors = map[string]tensor{}
	covered := 0
	for name, text := range raw {
		var x tensor
		if err := json.Unmarshal(text, &x); err != nil {
			t.Fatal(err)
		}
		x.data = data[x.Offsets[0]:x.Offsets[1]]
		covered += len(x.data)
		tensors[name] = x
	}
	if covered != len(data) {
		t.Errorf("arrays cover %d of %d bytes", covered, len(data))
	}
	return tensors, metadata
}

type tensor struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
	data    []byte
}

func TestFilesFollowTheFormat(t *testing.T) {
	for _, rows := range []int{0, 1, 33, 128} {
		_, batch := table(rows)
		tensors, metadata := parse(t, write(t, safetensors.Format{}, batch))
		for name, want := range map[string]string{
			"features": fmt.Sprintf("F32 [%d 1]", rows), "ids": fmt.Sprintf("I64 [%d 2]", rows), "labels": fmt.Sprintf("U8 [%d 1]", rows),
		} {
			if x := tensors[name]; fmt.Sprint(x.DType, " ", x.Shape) != want {
				t.Errorf("%s is %s %v, want %s", name, x.DType, x.Shape, want)
			}
		}
		if len(tensors) != 3 || metadata["ids.columns"] != `["id","day"]` || metadata["features.columns"] != `["x \"quoted\" é"]` {
			t.Errorf("metadata %v", metadata)
		}
		columns, _ := parse(t, write(t, safetensors.Format{Columns: true}, batch))
		if x := columns["day"]; len(columns) != 4 || fmt.Sprint(x.DType, x.Shape) != fmt.Sprintf("I64[%d]", rows) {
			t.Errorf("by columns: day is %v", x)
		}
	}
}

func TestBatchesAndReuseDoNotShow(t *testing.T) {
	fields, batch := table(70)
	want := write(t, safetensors.Format{}, batch, batch)
	var out bytes.Buffer
	p, _ := safetensors.Format{}.NewPart(&bytes.Buffer{}, fields)
	if err := errors.Join(p.Write(batch), p.Reset(&out), p.Write(batch), p.Write(batch), p.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Error("a part that is used again has other bytes")
	}
}

// TestExpectedRowsDoNotShow writes the same rows expected, unexpected, wrongly expected,
// and with other parts before in the same memory.
func TestExpectedRowsDoNotShow(t *testing.T) {
	for _, f := range []safetensors.Format{{}, {Columns: true}} {
		fields, batch := table(70)
		want := write(t, f, batch)
		p, _ := f.NewPart(&bytes.Buffer{}, fields)
		for _, expected := range []int{70, 0, 71, 70, 70} {
			var out bytes.Buffer
			err := p.Reset(&out)
			p.(sink.SizedPart).Expect(expected)
			if err := errors.Join(err, p.Write(batch), p.Close()); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(out.Bytes(), want) {
				t.Errorf("columns %v: %d rows expected of 70 give other bytes", f.Columns, expected)
			}
		}
	}
}

func TestNamesAndTypesThatHaveNoPlace(t *testing.T) {
	for _, f := range []sink.Field{field("__metadata__", column.Int64, program.RoleFeature), field("s", column.String, program.RoleFeature)} {
		var e *diag.Error
		if _, err := (safetensors.Format{Columns: true}).NewPart(&bytes.Buffer{}, []sink.Field{f}); !errors.As(err, &e) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

// failing takes n bytes, then no more.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if f.n -= len(b); f.n < 0 {
		return 0, errors.New("full")
	}
	return len(b), nil
}

func TestWriteErrorsAreReturned(t *testing.T) {
	fields, batch := table(100)
	size := len(write(t, safetensors.Format{}, batch))
	for n := 0; n < size; n += 100 {
		p, _ := safetensors.Format{}.NewPart(&failing{n}, fields)
		if err := errors.Join(p.Write(batch), p.Close()); err == nil {
			t.Errorf("a disk of %d bytes held %d", n, size)
		}
	}
}

// TestTheirReaderReadsTheArrays loads files with the format's own library.
func TestTheirReaderReadsTheArrays(t *testing.T) {
	oracletest.Python(t)
	for _, f := range []safetensors.Format{{}, {Columns: true}} {
		for _, rows := range []int{0, 1, 1000} {
			_, batch := table(rows)
			file := write(t, f, batch)
			path := filepath.Join(t.TempDir(), "x.safetensors")
			os.WriteFile(path, file, 0o666)
			var got struct {
				Metadata map[string]string
				Arrays   map[string]struct {
					DType string
					Shape []int
					Bytes string
				}
			}
			oracletest.Run(t, `
import base64, json, sys
from safetensors import safe_open
from safetensors.numpy import load_file
arrays = {k: {"dtype": str(a.dtype), "shape": a.shape, "bytes": base64.b64encode(a.tobytes()).decode()} for k, a in load_file(sys.argv[1]).items()}
with safe_open(sys.argv[1], "numpy") as f:
    print(json.dumps({"metadata": f.metadata(), "arrays": arrays}))`, &got, path)
			tensors, metadata := parse(t, file)
			dtypes := map[string]string{"F32": "float32", "I64": "int64", "U8": "uint8"}
			for name, x := range tensors {
				a := got.Arrays[name]
				raw, _ := base64.StdEncoding.DecodeString(a.Bytes)
				if a.DType != dtypes[x.DType] || fmt.Sprint(a.Shape) != fmt.Sprint(x.Shape) || !bytes.Equal(raw, x.data) {
					t.Errorf("%s reads as %s %v", name, a.DType, a.Shape)
				}
			}
			if len(got.Arrays) != len(tensors) || fmt.Sprint(got.Metadata) != fmt.Sprint(metadata) {
				t.Errorf("read %d arrays, metadata %v", len(got.Arrays), got.Metadata)
			}
		}
	}
}
