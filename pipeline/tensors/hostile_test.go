package tensors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"quern/features/diag"
	"quern/pipeline/output"
	"quern/pipeline/store"
	"quern/pipeline/tensors"
)

// memory is a store of what a test puts there.
type memory struct {
	store.Store // the calls that readers have no use for
	objects     map[string][]byte
}

func (m memory) Location() string { return "memory" }

func (m memory) Open(_ context.Context, name string) (store.Reader, error) {
	data, ok := m.objects[name]
	if !ok {
		return nil, store.ErrNotFound
	}
	return object{bytes.NewReader(data)}, nil
}

type object struct{ *bytes.Reader }

func (object) Close() error { return nil }

// sealed returns a manifest as a hostile writer would seal it: it is trusted for what
// it says, whatever that is.
func sealed(m output.Manifest) []byte {
	encode := func() []byte {
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		if err := e.Encode(m); err != nil {
			panic(err)
		}
		return text.Bytes()
	}
	m.Seal = ""
	sum := sha256.Sum256(encode())
	m.Seal = hex.EncodeToString(sum[:])
	return encode()
}

// withFile returns an output whose first file has other bytes, and a manifest that
// agrees with them.
func withFile(m output.Manifest, data []byte) memory {
	sum := sha256.Sum256(data)
	f := m.Files[0]
	f.Bytes, f.SHA256 = int64(len(data)), hex.EncodeToString(sum[:])
	m.Files = append([]output.File{f}, m.Files[1:]...)
	return memory{objects: map[string][]byte{output.ManifestName: sealed(m), f.Name: data}}
}

// taken returns a good output's manifest and its first file.
func taken(t testing.TB) (output.Manifest, []byte) {
	t.Helper()
	st := made(t, "safetensors", "float32", "rows")
	out, err := tensors.Open(context.Background(), st)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(st.Location(), out.Manifest().Files[0].Name))
	if err != nil {
		t.Fatal(err)
	}
	return *out.Manifest(), data
}

// readFirst opens an output and reads its first part.
func readFirst(st store.Store) (*tensors.Part, error) {
	out, err := tensors.Open(context.Background(), st)
	if err != nil {
		return nil, err
	}
	return out.Read(context.Background(), 0)
}

func TestDamagedFilesAreFound(t *testing.T) {
	m, data := taken(t)
	good := withFile(m, data)
	if _, err := readFirst(good); err != nil {
		t.Fatal(err)
	}
	damaged := func(what string, data []byte) {
		t.Helper()
		st := memory{objects: map[string][]byte{output.ManifestName: good.objects[output.ManifestName], m.Files[0].Name: data}}
		var e *diag.Error
		if part, err := readFirst(st); !errors.As(err, &e) || e.Code != "Q320" {
			t.Errorf("%s: %+v, %v", what, part, err)
		}
	}
	for i := range data {
		flipped := bytes.Clone(data)
		flipped[i] ^= 4
		damaged(fmt.Sprintf("byte %d", i), flipped)
		damaged(fmt.Sprintf("cut at %d", i), data[:i])
	}
	damaged("longer", append(bytes.Clone(data), 0))
	delete(good.objects, m.Files[0].Name)
	var e *diag.Error
	if _, err := readFirst(good); !errors.As(err, &e) || e.Code != "Q320" {
		t.Errorf("missing: %v", err)
	}
}

func TestManifestsThatContradictThemselves(t *testing.T) {
	for name, change := range map[string]func(m *output.Manifest){
		"rows":       func(m *output.Manifest) { m.Rows++ },
		"negative":   func(m *output.Manifest) { m.Files[0].Rows = -1 << 63 },
		"huge":       func(m *output.Manifest) { m.Rows, m.Files[0].Rows = 1<<63-1, 1<<63-1 },
		"type":       func(m *output.Manifest) { m.Fields[0].Type = "float128" },
		"a column":   func(m *output.Manifest) { m.Fields = m.Fields[1:] },
		"no columns": func(m *output.Manifest) { m.Fields = nil },
		"a role":     func(m *output.Manifest) { m.Fields[0].Role = "label" },
		"a width":    func(m *output.Manifest) { m.Fields[len(m.Fields)-2].Width = 1 << 62 },
		"no width":   func(m *output.Manifest) { m.Fields[len(m.Fields)-2].Width = 0 },
		"text":       func(m *output.Manifest) { m.Fields[0].Type = "string" },
		"outside":    func(m *output.Manifest) { m.OutsideFit = [][2]int64{{0, m.Rows + 1}} },
		"backwards":  func(m *output.Manifest) { m.OutsideFit = [][2]int64{{2, 1}} },
		"unordered":  func(m *output.Manifest) { m.OutsideFit = [][2]int64{{5, 6}, {1, 2}} },
		"below":      func(m *output.Manifest) { m.OutsideFit = [][2]int64{{-1, 2}} },
	} {
		m, data := taken(t)
		m.Files = m.Files[:1]
		m.Rows = m.Files[0].Rows
		m.OutsideFit = nil
		if _, err := readFirst(withFile(m, data)); err != nil {
			t.Fatal(err)
		}
		change(&m)
		var e *diag.Error
		if part, err := readFirst(withFile(m, data)); !errors.As(err, &e) || e.Code != "Q320" {
			t.Errorf("%s: %+v, %v", name, part, err)
		}
	}
}

// TestOffsetsThatLie: whoever slices by offsets that were read cannot fail.
func TestOffsetsThatLie(t *testing.T) {
	m, data := taken(t)
	part, err := readFirst(withFile(m, data))
	if err != nil {
		t.Fatal(err)
	}
	offsets := part.Array("tags.offsets").Data.([]int64)
	var text []byte
	for _, o := range offsets {
		text = binary.LittleEndian.AppendUint64(text, uint64(o))
	}
	at := bytes.Index(data, text)
	if at < 0 || offsets[len(offsets)-1] == 0 {
		t.Fatal("the file has no offsets")
	}
	for i := range offsets {
		for _, value := range []int64{-1, 1 << 62, offsets[i] + 1<<40} {
			lying := bytes.Clone(data)
			binary.LittleEndian.PutUint64(lying[at+8*i:], uint64(value))
			if part, err := readFirst(withFile(m, lying)); err == nil {
				t.Errorf("offset %d is %d: %+v", i, value, part)
			}
		}
	}
}

// FuzzRead: whatever the file says, under a manifest that agrees with its bytes, there
// is an error or arrays of the shapes that they say.
func FuzzRead(f *testing.F) {
	m, data := taken(f)
	f.Add(data)
	f.Add(data[:len(data)-1])
	f.Add(bytes.Replace(data, []byte("F32"), []byte("F64"), 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		part, err := readFirst(withFile(m, data))
		if err != nil {
			return
		}
		for _, a := range part.Arrays {
			n := 1
			for _, d := range a.Shape {
				n *= d
			}
			if reflect.ValueOf(a.Data).Len() != n {
				t.Fatalf("%s has %d elements, of shape %v", a.Name, reflect.ValueOf(a.Data).Len(), a.Shape)
			}
		}
	})
}

// TestUnreadableStoresSaySo: a disk that fails is an error, too.
func TestUnreadableStoresSaySo(t *testing.T) {
	m, data := taken(t)
	for n := range 4 {
		if part, err := readFirst(failing{withFile(m, data), m.Files[0].Name, int64(n * len(data) / 4)}); err == nil {
			t.Errorf("a disk with %d bytes: %+v", n*len(data)/4, part)
		}
	}
}

// failing is a store in which an object's bytes from limit on cannot be read.
type failing struct {
	memory
	name  string
	limit int64
}

type failingObject struct {
	store.Reader
	limit int64
}

func (f failing) Open(ctx context.Context, name string) (store.Reader, error) {
	o, err := f.memory.Open(ctx, name)
	if name != f.name || err != nil {
		return o, err
	}
	return failingObject{o, f.limit}, nil
}

func (f failingObject) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > f.limit {
		return 0, io.ErrUnexpectedEOF
	}
	return f.Reader.ReadAt(b, at)
}
