package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"quern/features/diag"
	"quern/pipeline/store"
)

// TestPlaces opens paths and URIs.
func TestPlaces(t *testing.T) {
	ctx, root := context.Background(), t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "x"), []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	var opened []string
	places := store.Places{"mem": func(_ context.Context, uri string) (store.Store, error) {
		opened = append(opened, uri)
		return store.NewLocal(root)
	}}
	for _, place := range []string{root, "mem://bucket"} {
		st, err := places.Store(ctx, place)
		if err != nil || get(t, st, "x") != "text" {
			t.Errorf("%s: %v", place, err)
		}
		r, err := places.Open(ctx, store.Join(place, "x"))
		if err != nil || r.Size() != 4 {
			t.Fatalf("%s: %v", place, err)
		}
		r.Close()
	}
	if len(opened) != 2 || opened[0] != "mem://bucket" || opened[1] != "mem://bucket" {
		t.Errorf("opened %q", opened)
	}
	for _, p := range []store.Places{nil, places} {
		_, err := p.Store(ctx, "gs://bucket/x")
		var e *diag.Error
		if !errors.As(err, &e) || e.Code != "Q440" {
			t.Errorf("an unknown scheme: %v", err)
		}
	}
}

// TestPaths takes paths and URIs apart and puts them together.
func TestPaths(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, scheme, abs, joined, base string }{
		{"s3://b/x", "s3", "s3://b/x", "s3://b/x/y/z", "x"},
		{"s3://b/", "s3", "s3://b/", "s3://b/y/z", "b"},
		{"a/b", "", filepath.Join(here, "a", "b"), "a/b/y/z", "b"},
		{"/a", "", "/a", "/a/y/z", "a"},
		{"a/s3://b", "", filepath.Join(here, "a/s3:/b"), "a/s3:/b/y/z", "b"},
		{"://b", "", filepath.Join(here, ":/b"), ":/b/y/z", "b"},
	} {
		if got := store.Scheme(c.path); got != c.scheme {
			t.Errorf("%s: scheme %q", c.path, got)
		}
		if got := store.Abs(c.path); got != c.abs {
			t.Errorf("%s: absolute %q", c.path, got)
		}
		if got := store.Join(c.path, "y/z"); got != c.joined {
			t.Errorf("%s: joined %q", c.path, got)
		}
		if got := store.Base(c.path); got != c.base {
			t.Errorf("%s: base %q", c.path, got)
		}
	}
	for uri, want := range map[string][2]string{"s3://b": {"s3://b", ""}, "s3://b/": {"s3://b", ""}, "s3://b/x/*.csv": {"s3://b", "x/*.csv"}} {
		if root, name := store.SplitURI(uri); root != want[0] || name != want[1] {
			t.Errorf("%s: %q and %q", uri, root, name)
		}
	}
}
