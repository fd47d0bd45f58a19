package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"quern/internal/s3test"
	"quern/pipeline/store"
	"quern/pipeline/store/s3"
)

// TestS3: source, log and outputs are in S3, and pods have its keys from a secret.
func TestS3(t *testing.T) {
	s := newScene(t, 4)
	t.Chdir("../..") // build/s3 is there
	server := s3test.Start(t)
	bucket := server.Bucket(t)
	keys := map[string][]byte{}
	for _, v := range server.Environment(server.Endpoint) {
		name, value, _ := strings.Cut(v, "=")
		keys[name] = []byte(value)
		t.Setenv(name, value)
	}
	secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: "s3-keys"}, Data: keys}
	if _, err := s.client.CoreV1().Secrets(s.namespace).Create(t.Context(), secret, meta.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	st, err := s3.NewClient(s3.FromEnvironment()).Open(t.Context(), "s3://"+bucket)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		s.upload(st, fmt.Sprintf("flights-%d.parquet", i))
	}
	s.rewrite("parquet: flights-*.parquet", "parquet: s3://"+bucket+"/in/flights-*.parquet")
	s.rewrite("path: out/", "path: s3://"+bucket+"/out/")
	started := time.Now()
	s.ends(s.submit("--secret", "s3-keys"), 0)
	s.note(started, "source, log and outputs in S3 (versitygw)")
	got := download(t, st, "out/features/")
	s.rewrite("path: s3://"+bucket+"/out/", "path: alone/")
	s.ends(s.quern("run", "recipe.yaml", "--quiet"), 0)
	parts, err := filepath.Glob(filepath.Join(s.folder, "alone/features/*.parquet"))
	if err != nil || len(parts) < 2 {
		t.Fatalf("%v: %v", parts, err)
	}
	for _, path := range parts {
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got["out/features/"+filepath.Base(path)]) != string(want) {
			t.Errorf("%s differs", path)
		}
	}
}

// upload copies a file of the scene into the bucket.
func (s *scene) upload(st store.Store, name string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.folder, name))
	if err != nil {
		s.t.Fatal(err)
	}
	w, err := st.Create(s.t.Context(), "in/"+name)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Commit()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// download returns the objects below a prefix.
func download(t *testing.T, st store.Store, prefix string) map[string][]byte {
	t.Helper()
	names, err := st.List(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string][]byte{}
	for _, name := range names {
		r, err := st.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if objects[name], err = io.ReadAll(io.NewSectionReader(r, 0, r.Size())); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	return objects
}

// rewrite replaces a text of the recipe.
func (s *scene) rewrite(old, new string) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.folder, "recipe.yaml"))
	if err != nil || !strings.Contains(string(text), old) {
		s.t.Fatalf("the recipe has no %q: %v", old, err)
	}
	s.write("recipe.yaml", []byte(strings.ReplaceAll(string(text), old, new)))
}
