package view_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"quern/cpu"
	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/recipe"
	"quern/serve/view"
)

// codeOf returns the code of an error, or "".
func codeOf(err error) diag.Code {
	var e *diag.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// TestPublishRollback publishes the flights twice, in one shard and in three, goes back,
// and finds damage. Publish itself replays sampled rows bit for bit.
func TestPublishRollback(t *testing.T) {
	ctx := context.Background()
	file, err := filepath.Abs("../../examples/flights/recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(file, text)
	if err != nil {
		t.Fatal(err)
	}
	o := pipeline.Options{Backend: cpu.New()}
	fitted, err := pipeline.Fit(ctx, r, o)
	if err != nil {
		t.Fatal(err)
	}
	s := &view.Store{Folder: t.TempDir()}
	first, err := s.Publish(ctx, fitted.Model, r, view.PublishOptions{Options: o})
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.Publish(ctx, fitted.Model, r, view.PublishOptions{Options: o, Shards: 3})
	if err != nil {
		t.Fatal(err)
	}
	if first.Rows == 0 || first.Rows != second.Rows || second.Rows+second.Older+second.NullKeys != second.Left || second.Previous != first.Version {
		t.Errorf("two versions of the same rows: %+v and %+v", first.Manifest, second.Manifest)
	}
	v, err := openWhole(s, "flights", "", "")
	if err != nil || v.Version != second.Version || len(v.Segments) != 3 {
		t.Fatalf("the second version is served: %v", err)
	}
	v.Close()
	if _, err := s.Rollback(ctx, "flights"); err != nil {
		t.Fatal(err)
	}
	if state, err := s.State(ctx, "flights"); err != nil || state.Current != first.Version || len(state.Dropped) != 1 {
		t.Errorf("after the rollback: %+v, %v", state, err)
	}
	if _, err := s.Rollback(ctx, "flights"); codeOf(err) != "Q664" {
		t.Errorf("a rollback to nothing: %v", err)
	}
	if _, err := s.Promote(ctx, "flights", second.Version); err != nil {
		t.Error(err)
	}
	damage(t, filepath.Join(s.Folder, "views/flights/versions", second.Version, "manifest.json"))
	if _, err := s.Open(ctx, "flights", "", ""); codeOf(err) != "Q662" {
		t.Errorf("a manifest with another byte: %v", err)
	}
	damage(t, filepath.Join(s.Folder, "views/flights/versions", first.Version, "segment-00000"))
	if _, err := openWhole(s, "flights", first.Version, ""); codeOf(err) != "Q654" {
		t.Errorf("a segment with another byte: %v", err)
	}
}

// damage flips a bit in the middle of a file.
func damage(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
