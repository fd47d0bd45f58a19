package model_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/model"
)

// listModel is a model made by hand, of a column of lists of every type.
func listModel(t *testing.T) *model.Model {
	t.Helper()
	m := &model.Model{Name: "lists", Recipe: []byte("quern: 1\n"), Learnt: []model.Step{}, Sizes: nil}
	for _, typ := range column.Types() {
		m.Schema = append(m.Schema, column.Field{Name: typ.String(), Type: column.ListOf(typ)})
	}
	b := program.NewBuilder(m.Schema)
	for i, f := range m.Schema {
		x := b.Load(i)
		padded := b.Emit(program.ListPad, program.Imm{Int: 4}, b.Emit(program.ListSlice, program.Imm{Extra: 4}, x), b.ConstNull(f.Type.Elem()))
		b.Output(f.Name, x, program.RoleFeature)
		b.Output(f.Name+" padded", padded, program.RoleFeature)
		b.Output(f.Name+" missing", b.IsNull(padded), program.RoleFeature)
		b.Output(f.Name+" length", b.Emit(program.ListLength, program.Imm{}, x), program.RoleFeature)
	}
	sum := b.Emit(program.ListSum, program.Imm{}, b.Load(m.Schema.Find("float64")))
	b.Output("sum", sum, program.RoleFeature)
	keys := program.RegisterVector(column.String, program.Value{Str: []byte("a")}, program.Value{Str: []byte("rare one")}, program.NullValue())
	ids := program.RegisterVector(column.Int64, program.Value{Int: 1}, program.Value{Int: 2}, program.Value{Int: 0})
	table := b.AddTable(program.Table{Name: "ids", Keys: keys, Values: ids})
	b.Output("ids", b.Lookup(table, b.Load(m.Schema.Find("string"))), program.RoleFeature)
	m.Serving = b.Finish()
	m.Training = m.Serving
	m.Sizes = make([]int64, len(m.Serving.Outputs))
	if err := m.MakeGolden(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestModelsOfListsRoundTrip(t *testing.T) {
	m := listModel(t)
	data := fileOf(t, m)
	back, err := model.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := fileOf(t, back); !bytes.Equal(again, data) {
		t.Error("a model that was read is written with other bytes")
	}
	for i := range m.Golden.Rows {
		a, b := &m.Golden.Rows[i], &back.Golden.Rows[i]
		for r := range a.Len {
			if !program.EqualValues(a.Type(), program.ValueAt(&a.Values, r), program.ValueAt(&b.Values, r)) {
				t.Errorf("row %d of %s is another one", r, m.Schema[i].Name)
			}
		}
	}
	if back.Digest() != m.Digest() {
		t.Error("another digest")
	}
}

// TestGoldenListsAreOfAllKinds looks for null and empty lists, for one and several
// elements, for null elements alone and among others, and for keys of tables.
func TestGoldenListsAreOfAllKinds(t *testing.T) {
	m := listModel(t)
	for i, f := range m.Schema {
		seen := map[string]bool{}
		for r := range m.Golden.Rows[i].Len {
			v := program.ValueAt(&m.Golden.Rows[i].Values, r)
			nulls := 0
			for _, x := range v.List {
				if x.Null {
					nulls++
				}
				if string(x.Str) == "rare one" {
					seen["a key"] = true
				}
			}
			seen["null"] = seen["null"] || v.Null
			seen["empty"] = seen["empty"] || !v.Null && len(v.List) == 0
			seen["one"] = seen["one"] || len(v.List) == 1 && nulls == 0
			seen["several"] = seen["several"] || len(v.List) > 1 && nulls == 0
			seen["null element"] = seen["null element"] || len(v.List) == 1 && nulls == 1
			seen["mixed"] = seen["mixed"] || nulls > 0 && nulls < len(v.List)
			seen["long"] = seen["long"] || len(v.List) > 4
		}
		for _, kind := range []string{"null", "empty", "one", "several", "null element", "mixed"} {
			if f.Type.Elem() != column.Bool && !seen[kind] || !seen["mixed"] {
				t.Errorf("%s: no list of the kind %q", f.Name, kind)
			}
		}
		if f.Type.Elem() == column.String && !seen["a key"] {
			t.Error("no list has a key of the table")
		}
	}
}

// resealed returns the model file with a text in its document replaced, and every
// checksum in order again.
func resealed(t *testing.T, data []byte, old, new string) []byte {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r)
		if i == 0 {
			if !bytes.Contains(body, []byte(old)) {
				t.Fatalf("no %s in the document", old)
			}
			body = bytes.Replace(body, []byte(old), []byte(new), 1)
		}
		entry, err := w.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		entry.Write(body)
	}
	if err := errors.Join(w.SetComment(strings.Repeat(" ", len(z.Comment))), w.Close()); err != nil {
		t.Fatal(err)
	}
	bare := out.Bytes()[:out.Len()-len(z.Comment)]
	sum := sha256.Sum256(bare)
	return append(bare, "quern sha256:"+hex.EncodeToString(sum[:])...)
}

// TestDamagedGoldenListsAreRefused: with every checksum in order.
func TestDamagedGoldenListsAreRefused(t *testing.T) {
	data := fileOf(t, listModel(t))
	for _, c := range []struct{ old, new, want string }{
		{`"0x1p+00"`, `"0x1p+01"`, "golden rows give other values"},
		{`"0x1p+00"`, `"0x1p+zz"`, "golden rows of column"},
		{`"951868799999999"`, `["951868799999999"]`, "golden rows of column"},
		{`"951868799999999"`, `951868799999999`, "golden rows of column"},
		{"   []", "   {}", "golden rows of column"},
		{"   []", `   "1"`, "golden rows of column"},
		{"   []", `   [], []`, "golden rows of column"},
		{"   []", `   null`, "golden rows give other values"},
	} {
		mutant := resealed(t, data, c.old, c.new)
		var e *diag.Error
		_, err := model.Read(mutant)
		if !errors.As(err, &e) || e.Code != "Q303" || !strings.Contains(errors.Unwrap(e).Error(), c.want) {
			t.Errorf("%s for %s: %v: %v", c.new, c.old, err, errors.Unwrap(err))
		}
	}
	if _, err := model.Read(resealed(t, data, `"lists"`, `"stils"`)); err != nil {
		t.Errorf("a seal that fits is refused: %v", err)
	}
}
