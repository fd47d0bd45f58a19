package safetensors_test

import (
	"bytes"
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

// listTable has ragged lists and lists of two reals; want is what rows of it are.
func listTable(rows int) (fields []sink.Field, batch column.Batch, want [][2][]float64) {
	fields = []sink.Field{field("x", column.Float32, program.RoleFeature), field("tags", column.ListOf(column.Int32), program.RoleFeature), field("pair", column.ListOf(column.Float64), program.RoleFeature)}
	fields[2].Width = 2
	var x, tags, pairs []program.Value
	for i := range rows {
		var list program.Value
		row := [2][]float64{{}, {float64(i) / 2, -float64(i)}}
		for k := range i % 4 {
			list.List = append(list.List, program.Value{Int: int64(i - k)})
			row[0] = append(row[0], float64(i-k))
		}
		if i%8 == 4 {
			list.Null = true // is there as an empty list
		}
		x, tags = append(x, program.Value{Float: 1}), append(tags, list)
		pairs = append(pairs, program.Value{List: []program.Value{{Float: row[1][0]}, {Float: row[1][1]}}})
		want = append(want, row)
	}
	batch.Rows = rows
	for i, values := range [][]program.Value{x, tags, pairs} {
		batch.Columns = append(batch.Columns, column.Column{Len: rows, Values: program.StoredVector(fields[i].Type, values...)})
	}
	return fields, batch, want
}

func writeLists(t *testing.T, f safetensors.Format, rows int) []byte {
	t.Helper()
	fields, batch, _ := listTable(rows)
	var out bytes.Buffer
	p, err := f.NewPart(&out, fields)
	if err != nil {
		t.Fatal(err)
	}
	// The second part of a run starts its offsets at 0 again.
	if err := errors.Join(p.Write(batch), p.Close()); err != nil {
		t.Fatal(err)
	}
	first := bytes.Clone(out.Bytes())
	out.Reset()
	if err := errors.Join(p.Reset(&out), p.Write(batch), p.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, out.Bytes()) {
		t.Error("the second part has other bytes than the first")
	}
	return first
}

func TestListsFollowTheFormat(t *testing.T) {
	for _, f := range []safetensors.Format{{}, {Columns: true}} {
		for _, rows := range []int{0, 1, 33, 128} {
			elements := 0
			_, _, want := listTable(rows)
			for _, row := range want {
				elements += len(row[0])
			}
			tensors, metadata := parse(t, writeLists(t, f, rows))
			for name, want := range map[string]string{
				"tags.values": fmt.Sprintf("I64 [%d]", elements), "tags.offsets": fmt.Sprintf("I64 [%d]", rows+1), "pair": fmt.Sprintf("F64 [%d 2]", rows),
			} {
				if x := tensors[name]; fmt.Sprint(x.DType, " ", x.Shape) != want {
					t.Errorf("%s is %s %v, want %s", name, x.DType, x.Shape, want)
				}
			}
			if len(tensors) != 4 || metadata["pair.columns"] != "" {
				t.Errorf("%d arrays, metadata %v", len(tensors), metadata)
			}
		}
	}
}

func TestAListCannotBeCalledMetadata(t *testing.T) {
	for _, width := range []int{0, 2} {
		f := field("__metadata__", column.ListOf(column.Int64), program.RoleFeature)
		f.Width = width
		var e *diag.Error
		if _, err := (safetensors.Format{}).NewPart(&bytes.Buffer{}, []sink.Field{f}); !errors.As(err, &e) || e.Code != "Q422" {
			t.Errorf("width %d: %v", width, err)
		}
	}
}

// TestTheirReaderReadsTheLists loads files with the format's own library and puts the
// rows together.
func TestTheirReaderReadsTheLists(t *testing.T) {
	oracletest.Python(t)
	for _, rows := range []int{0, 1, 1000} {
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := os.WriteFile(path, writeLists(t, safetensors.Format{}, rows), 0o666); err != nil {
			t.Fatal(err)
		}
		var got json.RawMessage
		oracletest.Run(t, `
import json, sys
from safetensors.numpy import load_file
a = load_file(sys.argv[1])
v, o, p = a["tags.values"], a["tags.offsets"], a["pair"]
assert len(o) == len(p) + 1 and o[0] == 0 and o[-1] == len(v)
print(json.dumps([[v[o[i]:o[i+1]].astype(float).tolist(), p[i].tolist()] for i in range(len(p))]))`, &got, path)
		var back [][2][]float64
		if err := json.Unmarshal(got, &back); err != nil {
			t.Fatal(err)
		}
		_, _, want := listTable(rows)
		if fmt.Sprint(back) != fmt.Sprint(want) {
			t.Errorf("%d rows read as %.200v", rows, back)
		}
	}
}
