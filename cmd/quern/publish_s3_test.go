//go:build unix

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestPublishToS3: the commands of views do in a bucket what they do in a folder. Look-ups
// need a folder for copies, and do not mind what happens to it.
func TestPublishToS3(t *testing.T) {
	b := newBucket(t)
	workFolder(t)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	folder := "s3://" + b.name + "/views"
	quern := func(want string, code int, args ...string) {
		t.Helper()
		out, talk, got := runQuern(t, args...)
		if got != code || !strings.Contains(out+talk, want) {
			t.Errorf("quern %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, out, talk)
		}
	}
	get := []string{"get", "flights", "origin=SFO", "destination=JFK", "--store", folder}
	quern("", 0, "fit", "flights/recipe.yaml")
	quern("no view is published", 0, "views", "--store", folder)
	quern("serving flights@", 0, "publish", "flights/flights.quern", "--store", folder, "--shards", "2")
	quern("--mirror DIR", 2, get...)
	get = append(get, "--mirror", "copies")
	quern("2124", 0, get...)
	copies, _ := filepath.Glob("copies/views/flights/versions/*/segment-0000*")
	if len(copies) != 2 {
		t.Fatalf("the mirror has %v", copies)
	}
	for _, path := range copies {
		if err := damage([]string{"flip", path, "5000"}); err != nil {
			t.Fatal(err)
		}
	}
	quern("2124", 0, get...)
	quern("staged flights@", 0, "publish", "flights/flights.quern", "--store", folder, "--stage")
	quern("serving flights@", 0, "views", "promote", "flights", "--store", folder)
	quern("previous", 0, "views", "--store", folder)
	quern("2124", 0, get...)
	quern("serving flights@", 0, "views", "rollback", "flights", "--store", folder)
	quern("nothing to remove", 0, "views", "collect", "--store", folder)
	if left, _ := filepath.Glob(filepath.Join(temp, "quern-*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
