package tensors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/diag"
	"quern/internal/oracletest"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
	"quern/pipeline/tensors"
)

// rowsOf draws JSON lines: a real with a null, an integer, ragged lists, a day.
func rowsOf(n int) string {
	var b strings.Builder
	for i := range n {
		x, tags := fmt.Sprint(float64(i)/3), "null"
		if i%7 == 3 {
			x = "null"
		}
		if i%5 > 0 {
			tags = strings.ReplaceAll(fmt.Sprint([]int{i, -i, i * i}[:i%4]), " ", ",")
		}
		fmt.Fprintf(&b, `{"x": %s, "n": %d, "tags": %s, "delayed": %t}`+"\n", x, int64(i)<<40, tags, i%3 == 0)
	}
	return b.String()
}

const recipeText = `
quern: 1
name: t
source: {jsonl: in-*.jsonl}
fit: {where: "n < 0 or (n >= 3298534883328 and n < 21990232555520)"}
label: {late: "delayed"}
features:
  - {columns: [x, n, tags]}
  - {name: y, expr: "x * 2"}
  - {name: pair, columns: [tags], steps: [{pad: {length: 2}}]}
output:
  tensor: {path: out, format: FORMAT, dtype: DTYPE, layout: LAYOUT}
`

// made writes an output of 30 rows in two files, of which rows 3 to 20 are learnt from.
func made(t testing.TB, format, dtype, layout string) store.Store {
	t.Helper()
	dir := t.TempDir()
	lines := strings.SplitAfter(rowsOf(30), "\n")
	for i, part := range [][]string{lines[:13], lines[13:]} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("in-%d.jsonl", i)), []byte(strings.Join(part, "")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.NewReplacer("FORMAT", format, "DTYPE", dtype, "LAYOUT", layout).Replace(recipeText)
	r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipeline.Run(context.Background(), r, pipeline.Options{Backend: cpu.New()}); err != nil {
		t.Fatal(err)
	}
	return local(t, filepath.Join(dir, "out"))
}

func local(t testing.TB, folder string) store.Store {
	t.Helper()
	st, err := store.NewLocal(folder)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// summary is what of an array the oracle tells: its type, shape, and bytes.
func summary(t *testing.T, a *tensors.Array) string {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, a.Data); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b.Bytes())
	return fmt.Sprintf("%v %v %s", reflect.TypeOf(a.Data).Elem(), a.Shape, hex.EncodeToString(sum[:]))
}

// TestTheirReaderReadsTheSame holds the arrays against the format's own library.
func TestTheirReaderReadsTheSame(t *testing.T) {
	oracletest.Python(t)
	for _, layout := range []string{"rows", "columns"} {
		for _, dtype := range []string{"float32", "float64"} {
			st := made(t, "safetensors", dtype, layout)
			out, err := tensors.Open(t.Context(), st)
			if err != nil {
				t.Fatal(err)
			}
			for i := range out.Parts() {
				part, err := out.Read(t.Context(), i)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for j := range part.Arrays {
					got[part.Arrays[j].Name] = summary(t, &part.Arrays[j])
				}
				var want map[string]string
				oracletest.Run(t, `
import hashlib, json, sys
from safetensors.numpy import load_file
print(json.dumps({k: f"{a.dtype} [{' '.join(map(str, a.shape))}] {hashlib.sha256(a.tobytes()).hexdigest()}" for k, a in load_file(sys.argv[1]).items()}))`,
					&want, filepath.Join(st.Location(), out.Manifest().Files[i].Name))
				if fmt.Sprint(got) != fmt.Sprint(want) || len(got) < 5 {
					t.Errorf("%s, %s: read as %v, not %v", layout, dtype, got, want)
				}
			}
		}
	}
}

func TestMatricesNameTheirColumns(t *testing.T) {
	out, err := tensors.Open(t.Context(), made(t, "safetensors", "float32", "rows"))
	if err != nil {
		t.Fatal(err)
	}
	part, err := out.Read(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"features": "[x y] [N 2]", "ids": "[n] [N 1]", "labels": "[late] [N 1]", "pair": "[] [N 2]", "tags.offsets": "[] [N+1]"} {
		a := part.Array(name)
		if a == nil {
			t.Fatalf("no array %s", name)
		}
		want = strings.NewReplacer("N+1", fmt.Sprint(part.Rows+1), "N", fmt.Sprint(part.Rows)).Replace(want)
		if got := fmt.Sprint(a.Columns, a.Shape); got != want {
			t.Errorf("%s is %s, not %s", name, got, want)
		}
	}
	if part.Array("nothing") != nil {
		t.Error("an array that is not there")
	}
}

// TestSplitFollowsTheFit: every row is in one of the two, by what the recipe says of it.
func TestSplitFollowsTheFit(t *testing.T) {
	out, err := tensors.Open(t.Context(), made(t, "safetensors", "float32", "rows"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for i := range out.Parts() {
		part, err := out.Read(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		sides := make([]string, part.Rows)
		fit, outside := out.Split(i)
		for _, r := range fit {
			for row := r[0]; row < r[1]; row++ {
				sides[row] += "fit"
			}
		}
		for _, r := range outside {
			for row := r[0]; row < r[1]; row++ {
				sides[row] += "outside"
			}
		}
		for row, n := range part.Array("ids").Data.([]int64) {
			want := "outside"
			if n>>40 >= 3 && n>>40 < 20 {
				want = "fit"
			}
			if sides[row] != want {
				t.Errorf("part %d, row %d with n %d is %q", i, row, n>>40, sides[row])
			}
			rows++
		}
	}
	if rows != 30 {
		t.Errorf("%d rows", rows)
	}
}

func TestWhatIsNoOutputOfSafetensors(t *testing.T) {
	var e *diag.Error
	if _, err := tensors.Open(t.Context(), made(t, "npy", "float32", "rows")); !errors.As(err, &e) || e.Code != "Q514" {
		t.Errorf("npy: %v", err)
	}
	if _, err := tensors.Open(t.Context(), local(t, t.TempDir())); !errors.As(err, &e) || e.Code != "Q321" {
		t.Errorf("nothing: %v", err)
	}
}

func TestCancelledReads(t *testing.T) {
	out, err := tensors.Open(t.Context(), made(t, "safetensors", "float32", "rows"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := out.Read(ctx, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
