package tensor_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/sink"
	"quern/pipeline/sink/tensor"
)

// TestStreamsAreWhatIsCollected streams batches of all sizes and compares the bytes, and
// how many were announced, with what the same writer collects.
func TestStreamsAreWhatIsCollected(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for _, n := range []int{1, 2, 255, 256, 257, 4095, 30000} { // the last has several blocks
		for _, columns := range []bool{false, true} {
			for _, dict := range []bool{false, true} {
				fields, batch := table(r, n, dict, column.Float64)
				if columns {
					fields, batch = unlabelled(fields, batch)
				}
				for width, name := range map[int]string{0: "ragged", 3: "fixed"} {
					fields = append(fields, listField(name, column.Int64, width))
					batch.Columns = append(batch.Columns, randomLists(r, column.Int64, n, width, dict))
				}
				checkStream(t, fmt.Sprintf("n=%d columns=%v dict=%v", n, columns, dict), fields, columns, batch)
			}
		}
	}
}

// unlabelled leaves out labels, which by columns may not be null.
func unlabelled(fields []sink.Field, batch column.Batch) (kept []sink.Field, out column.Batch) {
	out.Rows = batch.Rows
	for i, f := range fields {
		if f.Type.Real() {
			kept, out.Columns = append(kept, f), append(out.Columns, batch.Columns[i])
		}
	}
	return kept, out
}

func checkStream(t *testing.T, where string, fields []sink.Field, columns bool, batch column.Batch) {
	t.Helper()
	w, err := tensor.NewWriter(fields, columns)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 2 { // the second on used memory
		w.Reset()
		var got, want bytes.Buffer
		sizes := w.SizesOf(batch)
		if err := errors.Join(w.Stream(&got, batch), w.Append(batch)); err != nil {
			t.Fatal(err)
		}
		for i, n := range w.Sizes() {
			want.Write(w.Data(i))
			if n != sizes[i] {
				t.Errorf("%s: array %s was to have %d bytes, and has %d", where, w.Arrays()[i].Name, sizes[i], n)
			}
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Errorf("%s, round %d: the stream differs from what is collected", where, round)
		}
	}
}

// TestStreamsEndWithTheFirstError checks that nulls are refused and write errors returned.
func TestStreamsEndWithTheFirstError(t *testing.T) {
	w, err := tensor.NewWriter([]sink.Field{field("id", column.Int64, program.RoleFeature)}, false)
	if err != nil {
		t.Fatal(err)
	}
	v := column.Vector{Type: column.Int64, Len: 70, Int64s: make([]int64, 70), Valid: column.NewBitmap(70)}
	v.Valid.Fill(70)
	whole := column.Batch{Rows: 70, Columns: []column.Column{{Len: 70, Values: v}}}
	if err := w.Stream(refusing{}, whole); !errors.Is(err, errRefused) {
		t.Errorf("a write error: %v", err)
	}
	v.Valid.Clear(66)
	var e *diag.Error
	if err := w.Stream(&bytes.Buffer{}, whole); !errors.As(err, &e) || e.Code != "Q421" || e.Data.Row != 66 {
		t.Errorf("a null: %v", err)
	}
}

var errRefused = errors.New("refused")

// refusing writes nothing.
type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errRefused }
