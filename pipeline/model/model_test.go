package model_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
)

// flights returns the example's model, made from another layout of the recipe if asked.
func flights(t *testing.T, edit func([]byte) []byte) *model.Model {
	t.Helper()
	const dir = "../../examples/flights"
	text, err := os.ReadFile(filepath.Join(dir, "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if edit != nil {
		text = edit(text)
	}
	r, err := recipe.Parse(filepath.Join(dir, "recipe.yaml"), text)
	if err != nil {
		t.Fatal(err)
	}
	result, err := pipeline.Fit(context.Background(), r, pipeline.Options{Backend: cpu.New()})
	if err != nil {
		t.Fatal(err)
	}
	return result.Model
}

func fileOf(t *testing.T, m *model.Model) []byte {
	t.Helper()
	data, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFileRoundTrip(t *testing.T) {
	m := flights(t, nil)
	data := fileOf(t, m)
	back, err := model.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := fileOf(t, back); !bytes.Equal(again, data) {
		t.Error("a model that was read is written with other bytes")
	}
	if back.Digest() != m.Digest() || back.Serving.Text() != m.Serving.Text() || !slices.Equal(back.Sizes, m.Sizes) {
		t.Error("something got lost")
	}
}

// TestReadVouched: what is read with less checks is the same model; of a file that
// nobody should have vouched for, what is in disorder is still an error.
func TestReadVouched(t *testing.T) {
	data := fileOf(t, flights(t, nil))
	careful, err := model.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.ReadVouched(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := fileOf(t, m); !bytes.Equal(again, data) || m.Digest() != careful.Digest() {
		t.Error("a model that was vouched for is another")
	}
	for i, table := range m.Tables() {
		of := careful.Tables()[i]
		fresh := program.Table{Name: table.Name, Keys: table.Keys, Values: table.Values}
		if table.Digest() != of.Digest() || fresh.Digest() != of.Digest() {
			t.Errorf("table %s has another digest", table.Name)
		}
	}
	for at := 0; at < len(data); at += 1 + len(data)/80 {
		bad := slices.Clone(data)
		bad[at] ^= 0x11
		if m, err := model.ReadVouched(bad); err == nil {
			fileOf(t, m)
		}
		if _, err := model.ReadVouched(bad[:at]); err == nil {
			t.Errorf("%d of %d bytes are a model", at, len(data))
		}
	}
}

// TestDigestIsOfWhatWasLearnt: not of where in the text a step stands.
func TestDigestIsOfWhatWasLearnt(t *testing.T) {
	m := flights(t, nil)
	moved := flights(t, func(b []byte) []byte { return append([]byte("# another line\n\n"), b...) })
	if m.Digest() != moved.Digest() {
		t.Error("a comment changes the digest")
	}
	other := flights(t, func(b []byte) []byte { return bytes.Replace(b, []byte("min_count: 10"), []byte("min_count: 11"), 1) })
	if m.Digest() == other.Digest() {
		t.Error("another vocabulary has the same digest")
	}
}

func TestDamageHasACode(t *testing.T) {
	data := fileOf(t, flights(t, nil))
	flipped := slices.Clone(data)
	flipped[len(data)/2] ^= 1
	for _, c := range []struct {
		what string
		data []byte
		code diag.Code
	}{
		{"nothing", nil, "Q301"},
		{"a text", []byte("quern: 1\n"), "Q301"},
		{"a cut", data[:len(data)-1], "Q302"},
		{"a flipped bit", flipped, "Q302"},
		{"bytes behind", append(slices.Clone(data), 0), "Q302"},
	} {
		var e *diag.Error
		if _, err := model.Read(c.data); !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		}
	}
}

// TestAnotherArithmeticIsRefused: golden rows that give other values than they say.
func TestAnotherArithmeticIsRefused(t *testing.T) {
	m := flights(t, nil)
	m.Golden.Digest = "00" + m.Golden.Digest[2:]
	var e *diag.Error
	if _, err := model.Read(fileOf(t, m)); !errors.As(err, &e) || e.Code != "Q303" {
		t.Errorf("%v", err)
	}
}

// TestLongTextsAreKeptOnce: golden rows repeat their candidates, so texts of megabytes
// would make a model of hundreds.
func TestLongTextsAreKeptOnce(t *testing.T) {
	const long = 1 << 20
	r, err := recipe.Parse(filepath.Join(t.TempDir(), "recipe.yaml"), []byte("quern: 1\nname: long\nsource: {csv: rows.csv}\nfeatures:\n"+
		"  - columns: [s]\n    steps: [categorify]\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(r.File), "rows.csv"), []byte("s\n"+strings.Repeat("x", long)+"\ny\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	result, err := pipeline.Fit(t.Context(), r, pipeline.Options{Backend: cpu.New()})
	if err != nil {
		t.Fatal(err)
	}
	data := fileOf(t, result.Model)
	if len(data) > 10*long {
		t.Errorf("the model of texts of %d bytes has %d", long, len(data))
	}
	if _, err := model.Read(data); err != nil {
		t.Error(err)
	}
}
