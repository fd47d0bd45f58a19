package view_test

import (
	"io"
	"slices"
	"strings"
	"testing"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/serve/view"
)

// get returns an object's bytes.
func get(t testing.TB, st store.Store, name string) []byte {
	t.Helper()
	o, err := st.Open(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	data, err := io.ReadAll(io.NewSectionReader(o, 0, o.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// put gives an object other contents; nil removes it.
func put(t testing.TB, st store.Store, name string, data []byte) {
	t.Helper()
	if err := st.Remove(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if data == nil {
		return
	}
	w, err := st.Create(t.Context(), name)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDamage: whatever happens to an object of a version, opening it, or its model, says so;
// what is not touched by the damage can still be used, and a rollback serves again.
func TestDamage(t *testing.T) {
	onStores(t, func(t *testing.T, s *shelf) {
		x := newTable(t, simple, simpleRows(300))
		before := x.mustPublish(t, s.store, nil).Version
		version := x.mustPublish(t, s.store, func(o *view.PublishOptions) { o.Shards = 2 }).Version
		st := s.files(t, "simple")
		folder := "versions/" + version + "/"
		for _, name := range []string{"manifest.json", "model.quern", "segment-00000", "segment-00001"} {
			whole := get(t, st, folder+name)
			for what, data := range damages(whole) {
				put(t, st, folder+name, data)
				s.mirror = t.TempDir()
				v, err := openWhole(s.store, "simple", "", s.mirror)
				if name == "model.quern" && err == nil {
					_, err = v.Model(t.Context())
					v.Close()
				}
				if code := codeOf(err); code == "" || name != "model.quern" && !slices.Contains([]diag.Code{"Q662", "Q654", "Q664", "Q666"}, code) {
					t.Errorf("%s, %s: %v", name, what, err)
				}
				if got := s.numberOf(t, before, 7); got != "1007" {
					t.Errorf("the version before: %s", got)
				}
			}
			put(t, st, folder+name, whole)
		}
		put(t, st, folder+"manifest.json", []byte("{}"))
		s.roles(t, map[string]string{version: "serving, damaged", before: "previous"})
		if _, err := s.store.Rollback(t.Context(), "simple"); err != nil || s.numberOf(t, "", 7) != "1007" {
			t.Errorf("a rollback from damage: %v", err)
		}
	})
}

// damages are ways in which a file can be wrong.
func damages(whole []byte) map[string][]byte {
	flipped := func(at int) []byte {
		b := slices.Clone(whole)
		b[at] ^= 1
		return b
	}
	return map[string][]byte{
		"missing": nil, "empty": {}, "first bit": flipped(0), "middle bit": flipped(len(whole) / 2), "last bit": flipped(len(whole) - 1),
		"cut": whole[:len(whole)-1], "half": whole[:len(whole)/2], "longer": append(slices.Clone(whole), ' '),
	}
}

// TestEveryByteOfARecordCounts: no byte of a manifest or a pointer can change unnoticed.
func TestEveryByteOfARecordCounts(t *testing.T) {
	s := &shelf{store: &view.Store{Folder: t.TempDir()}}
	x := newTable(t, simple, simpleRows(3))
	version := x.mustPublish(t, s.store, nil).Version
	st := s.files(t, "simple")
	for _, name := range []string{"versions/" + version + "/manifest.json", "pointer/0000000001.json"} {
		whole := get(t, st, name)
		for i := range whole {
			b := slices.Clone(whole)
			b[i] ^= 1 << (i % 8)
			put(t, st, name, b)
			if _, err := s.store.Manifest(t.Context(), "simple", ""); codeOf(err) != "Q662" {
				t.Fatalf("%s, byte %d: %v", name, i, err)
			}
		}
		put(t, st, name, whole)
	}
	if _, err := s.store.Manifest(t.Context(), "simple", ""); err != nil {
		t.Error(err)
	}
}

// TestDamagedPointer: where nobody can read what is served, a version that is named is
// served again; other views are not touched.
func TestDamagedPointer(t *testing.T) {
	onStores(t, func(t *testing.T, s *shelf) {
		x := newTable(t, simple, simpleRows(20))
		a, b := x.mustPublish(t, s.store, nil).Version, x.mustPublish(t, s.store, nil).Version
		x.mustPublish(t, s.store, func(o *view.PublishOptions) { o.View = "other" })
		st := s.files(t, "simple")
		put(t, st, "pointer/0000000002.json", []byte("garbage"))
		states, damaged, err := s.store.States(t.Context())
		if err != nil || len(states) != 1 || states[0].View != "other" || len(damaged) != 1 || codeOf(damaged["simple"]) != "Q662" {
			t.Errorf("states %v, damaged %v, %v", states, damaged, err)
		}
		if _, err := x.publish(t, s.store, nil); codeOf(err) != "Q662" || !strings.Contains(err.(*diag.Error).Hint, "promote simple@VERSION") {
			t.Errorf("a publish over damage: %v", err)
		}
		if _, err := s.store.Rollback(t.Context(), "simple"); codeOf(err) != "Q662" {
			t.Errorf("a rollback from damage: %v", err)
		}
		if versions, err := s.store.Versions(t.Context(), "simple"); codeOf(err) != "Q662" || len(versions) != 2 {
			t.Errorf("%d versions, %v", len(versions), err)
		}
		if state, err := s.store.Promote(t.Context(), "simple", b); err != nil || state.Number != 3 || !slices.Equal(state.Previous, []string{a}) {
			t.Errorf("promoted: %+v, %v", state, err)
		}
		if got := s.numberOf(t, "", 7); got != "1007" {
			t.Error(got)
		}
		x.mustPublish(t, s.store, nil)
	})
}
