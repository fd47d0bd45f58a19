package view_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"quern/serve/view"
)

// sealed writes a record with the seal that a store of views wants.
func sealed(t testing.TB, path string, record any, seal *string) {
	text := func() []byte {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetIndent("", " ")
		e.SetEscapeHTML(false)
		if err := e.Encode(record); err != nil {
			t.Skip(err)
		}
		return b.Bytes()
	}
	*seal = ""
	sum := sha256.Sum256(text())
	*seal = hex.EncodeToString(sum[:])
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzRecords writes manifests and pointers that nobody has written, with good seals: what
// they say is refused, or used, without a fault and without leaving the store.
func FuzzRecords(f *testing.F) {
	s := &shelf{store: &view.Store{Folder: f.TempDir()}}
	x := newTable(f, simple, simpleRows(5))
	version := x.mustPublish(f, s.store, nil).Version
	folder := filepath.Join(s.store.Folder, "views/simple")
	manifest, err := os.ReadFile(filepath.Join(folder, "versions", version, "manifest.json"))
	if err != nil {
		f.Fatal(err)
	}
	pointer, err := os.ReadFile(filepath.Join(folder, "pointer/0000000001.json"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(manifest, pointer)
	for _, change := range [][2]string{
		{`"segment-00000"`, `"../../segment"`}, {`"model.quern"`, `"../manifest.json"`}, {`"int64"`, `"float"`},
		{`"rows": 5`, `"rows": -5`}, {`"segments": [`, `"segments": [{},`}, {`"key": [`, `"key": [{},`}, {`"stats": [`, `"stats": [],"x": [`},
	} {
		f.Add(bytes.ReplaceAll(manifest, []byte(change[0]), []byte(change[1])), pointer)
	}
	f.Add(manifest, bytes.ReplaceAll(pointer, []byte(`"previous": null`), []byte(`"previous": ["../x", "`+version+`"]`)))
	f.Add(manifest, bytes.ReplaceAll(pointer, []byte(version), []byte("20010601-093000-1f2e3d4c")))
	f.Add([]byte("{}"), []byte("{}"))
	f.Fuzz(func(t *testing.T, manifest, pointer []byte) {
		var m view.Manifest
		var p view.State
		if json.Unmarshal(manifest, &m) != nil || json.Unmarshal(pointer, &p) != nil {
			t.Skip()
		}
		m.Format, m.View, m.Version = view.Format, "simple", version
		p.Format, p.View, p.Number = view.Format, "simple", 1
		sealed(t, filepath.Join(folder, "versions", version, "manifest.json"), &m, &m.Seal)
		sealed(t, filepath.Join(folder, "pointer/0000000001.json"), &p, &p.Seal)
		for _, v := range []string{"", version} {
			if opened, err := openWhole(s.store, "simple", v, ""); err == nil {
				opened.Model(t.Context())
				opened.Close()
			} else if codeOf(err) == "" {
				t.Errorf("no error of a user: %v", err)
			}
		}
		s.store.Versions(t.Context(), "simple")
		s.store.States(t.Context())
		s.store.Collectable(t.Context(), "simple")
	})
}
