//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/internal/s3test"
	"quern/pipeline/store"
)

// bucket is a bucket of a server, which the environment names.
type bucket struct {
	server *s3test.Server
	proxy  *s3test.Proxy
	name   string
	store  store.Store // past the proxy
}

// newBucket starts a server and puts a proxy before it, which all commands of the test
// go through.
func newBucket(t *testing.T) *bucket {
	t.Helper()
	b := &bucket{server: s3test.Start(t)}
	b.proxy, b.name = s3test.NewProxy(t, b.server), b.server.Bucket(t)
	b.environment(t, b.server.Endpoint)
	st, err := places().Store(t.Context(), "s3://"+b.name)
	if err != nil {
		t.Fatal(err)
	}
	b.store = st
	b.environment(t, b.proxy.Endpoint)
	return b
}

func (b *bucket) environment(t *testing.T, endpoint string) {
	for _, v := range b.server.Environment(endpoint) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

// upload copies a file into the bucket.
func (b *bucket) upload(t *testing.T, name string, data []byte) {
	t.Helper()
	w, err := b.store.Create(t.Context(), name)
	if err == nil {
		_, err = w.Write(data)
	}
	if err := errors.Join(err, w.Commit()); err != nil {
		t.Fatal(err)
	}
}

// objects returns all objects below a prefix, by their names after it.
func (b *bucket) objects(t *testing.T, prefix string) map[string][]byte {
	t.Helper()
	names, err := b.store.List(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string][]byte{}
	for _, name := range names {
		r, err := b.store.Open(context.Background(), name)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
		if err != nil {
			t.Fatal(err)
		}
		objects[strings.TrimPrefix(name, prefix+"/")] = data
	}
	return objects
}

// mustQuern runs a command line that must succeed.
func mustQuern(t *testing.T, args ...string) string {
	t.Helper()
	out, talk, code := runQuern(t, args...)
	if code != 0 {
		t.Fatalf("quern %s ends with %d: %s%s", strings.Join(args, " "), code, out, talk)
	}
	return out
}

// onStore is the flights recipe with source and outputs in a bucket.
func (b *bucket) onStore(t *testing.T, text []byte) []byte {
	t.Helper()
	for _, change := range [][2]string{
		{"parquet: flights-*.parquet", "parquet: s3://" + b.name + "/in/flights-*.parquet"},
		{"path: out/features", "path: s3://" + b.name + "/out/features"}, {"path: out/tensors", "path: s3://" + b.name + "/out/tensors"},
	} {
		if !bytes.Contains(text, []byte(change[0])) {
			t.Fatalf("the recipe has no %q", change[0])
		}
		text = bytes.ReplaceAll(text, []byte(change[0]), []byte(change[1]))
	}
	return text
}

// parts returns the files of an output that are not quern's own: the same bytes wherever
// they are. The manifest's job differs, because it names the files that were read.
func parts(files map[string][]byte, folder string) map[string]string {
	m := map[string]string{}
	for name, data := range files {
		name = strings.TrimPrefix(filepath.ToSlash(name), folder)
		if strings.HasPrefix(name, "part-") || strings.Contains(name, "/part-") {
			m[name] = string(data)
		}
	}
	return m
}

// TestEverythingOnS3 reads the flights from a store and writes outputs and model to it:
// the bytes are those of a local run.
func TestEverythingOnS3(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program many times")
	}
	b := newBucket(t)
	scene := newScene(t)
	t.Chdir(scene.dir)
	scene.mustRun(t)
	local := scene.made(t)
	data, err := os.ReadFile("flights-0.parquet")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("recipe.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		b.upload(t, fmt.Sprintf("in/flights-%d.parquet", i), data)
	}
	b.upload(t, "in/_hidden/flights-9.parquet", []byte("not read"))
	if err := os.WriteFile("on-store.yaml", b.onStore(t, text), 0o666); err != nil {
		t.Fatal(err)
	}
	root := "s3://" + b.name
	mustQuern(t, "check", "on-store.yaml")
	mustQuern(t, "run", "on-store.yaml", "-o", root+"/models/flights.quern", "--quiet")
	objects := b.objects(t, "out")
	if want, got := parts(local, "out/"), parts(objects, ""); len(want) < 4 || !maps.Equal(want, got) {
		t.Errorf("%d files locally, %d in the store, or other bytes", len(want), len(got))
	}
	for name := range objects {
		if strings.Contains(name, "_quern/") && !strings.HasSuffix(name, "_quern/manifest.json") {
			t.Errorf("%s is left", name)
		}
	}
	if n := b.server.Uploads(t); n != 0 {
		t.Errorf("%d uploads are left", n)
	}
	models := mustQuern(t, "model", "diff", "flights.quern", root+"/models/flights.quern")
	if !strings.Contains(models, "have learnt the same") {
		t.Error(models)
	}
	for _, output := range []string{"features", "tensors"} {
		want := mustQuern(t, "verify", "out/"+output)
		got := mustQuern(t, "verify", root+"/out/"+output)
		if _, w, _ := strings.Cut(want, ": "); !strings.HasSuffix(got, w) {
			t.Errorf("%s verifies as %s locally, %s in the store", output, want, got)
		}
		if local, remote := mustQuern(t, "cat", "out/"+output), mustQuern(t, "cat", root+"/out/"+output); local != remote {
			t.Errorf("cat shows\n%s\nlocally and in the store\n%s", local, remote)
		}
	}
	_, talk, code := runQuern(t, "run", "on-store.yaml", "--quiet", "-o", root+"/models/flights.quern")
	if code != 2 || !strings.Contains(talk, "Q430") {
		t.Errorf("a second run ends with %d: %s", code, talk)
	}
	mustQuern(t, "run", "on-store.yaml", "--quiet", "--overwrite", "-o", root+"/models/flights.quern")
	mustQuern(t, "transform", root+"/models/flights.quern", "--source", root+"/in", "-o", root+"/again", "--quiet")
	mustQuern(t, "transform", "flights.quern", "--source", "flights-0.parquet", "--source", "flights-1.parquet", "-o", "again", "--quiet")
	if want, got := parts(scene.made(t), "again/"), parts(b.objects(t, "again"), ""); !maps.Equal(filter(want, local), got) {
		t.Error("transform writes other bytes to the store")
	}
	b.checkTheRest(t, root)
}

// checkTheRest infers a recipe from a file of the store, and looks at one that is not there.
func (b *bucket) checkTheRest(t *testing.T, root string) {
	t.Helper()
	inferred := mustQuern(t, "infer", root+"/in/flights-0.parquet", "--quiet")
	if !strings.Contains(inferred, root+"/in/flights-0.parquet") || !strings.Contains(inferred, "name: flights-0") {
		t.Errorf("inferred\n%s", inferred)
	}
	_, talk, code := runQuern(t, "cat", root+"/nothing/here.parquet")
	if code == 0 || !strings.Contains(talk, "Q201") && !strings.Contains(talk, "Q514") {
		t.Errorf("cat of nothing ends with %d: %s", code, talk)
	}
}

// filter drops the entries that were there before.
func filter(all map[string]string, before map[string][]byte) map[string]string {
	m := maps.Clone(all)
	maps.DeleteFunc(m, func(name string, _ string) bool { return before[name] != nil })
	return m
}

// TestTextOnS3 reads CSV and JSON lines, plain and packed.
func TestTextOnS3(t *testing.T) {
	b := newBucket(t)
	t.Chdir(t.TempDir())
	var csv, lines strings.Builder
	csv.WriteString("a,b\n")
	for i := range 300_000 {
		fmt.Fprintf(&csv, "%d,text %d\n", i, i%7)
		fmt.Fprintf(&lines, "{\"a\": %d, \"b\": \"text %d\"}\n", i, i%7)
	}
	for name, text := range map[string]string{"t.csv": csv.String(), "t.jsonl": lines.String()} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		b.upload(t, "in/"+name, []byte(text))
		b.proxy.Fail(nil)
		got := mustQuern(t, "cat", "s3://"+b.name+"/in/"+name, "--rows", "0", "--format", "csv")
		if want := mustQuern(t, "cat", name, "--rows", "0", "--format", "csv"); got != want || len(got) < 1<<20 {
			t.Errorf("%s: %d bytes from the store, %d locally", name, len(got), len(want))
		}
		if n := b.proxy.Count("get"); n > 60 {
			t.Errorf("%s of %d bytes took %d requests", name, len(text), n)
		}
	}
}

// TestOnlyWhatIsNeededIsRead reads one column of a file: its footer and the column's
// chunks are asked for, nothing else.
func TestOnlyWhatIsNeededIsRead(t *testing.T) {
	b := newBucket(t)
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "flights", "flights-200k.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	b.upload(t, "flights.parquet", data)
	b.proxy.Fail(nil)
	mustQuern(t, "cat", "s3://"+b.name+"/flights.parquet", "--columns", "delay", "--rows", "0", "--format", "jsonl")
	if n := b.proxy.Received.Load(); n < 64<<10 || n > int64(len(data))/3 {
		t.Errorf("one column of %d took %d of %d bytes", 6, n, len(data))
	}
	t.Logf("one column: %d of %d bytes in %d requests", b.proxy.Received.Load(), len(data), len(b.proxy.Seen()))
}

// newStagedScene returns a scene whose recipe reads from and writes to a bucket that has
// its flights, twice.
func newStagedScene(t *testing.T) (*bucket, *scene) {
	t.Helper()
	b := newBucket(t)
	scene := newScene(t)
	data, err := os.ReadFile(filepath.Join(scene.dir, "flights-0.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(scene.dir, "recipe.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		b.upload(t, fmt.Sprintf("in/flights-%d.parquet", i), data)
	}
	scene.write(t, "recipe.yaml", b.onStore(t, text))
	return b, scene
}

// TestKilledUploads kills runs while they write to the store: nothing that looks finished
// is visible, and the same command finishes with the same bytes.
func TestKilledUploads(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program many times")
	}
	b, scene := newStagedScene(t)
	want := parts(scene.want, "out/")
	for _, at := range []struct {
		kind, path string
		n          int
	}{{"put", "claim.json", 1}, {"put", "part-", 1}, {"put", "part-", 3}, {"put", "tensors/_quern/parts", 1}, {"put", "manifest.json", 1}, {"put", "manifest.json", 2}, {"remove", "_quern", 2}} {
		title := fmt.Sprintf("%s %s %d", at.kind, at.path, at.n)
		b.killAt(t, scene, at.kind, at.path, at.n)
		for name, data := range parts(b.objects(t, "out"), "") {
			if data != want[name] && !strings.Contains(name, "_quern/") {
				t.Errorf("%s: %s is visible and not whole", title, name)
			}
		}
		b.proxy.Fail(nil)
		if code, talk := scene.run(); code != 0 && !strings.Contains(talk, "Q430") {
			t.Fatalf("%s: the next run ends with %d: %s", title, code, talk)
		}
		if got := parts(b.objects(t, "out"), ""); !maps.Equal(want, got) {
			t.Errorf("%s: other bytes, or others left: %q", title, slices.Sorted(maps.Keys(got)))
		}
		for _, output := range []string{"features", "tensors"} {
			mustQuern(t, "verify", "s3://"+b.name+"/out/"+output)
		}
		for name := range b.objects(t, "out") {
			if err := b.store.Remove(t.Context(), "out/"+name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestTwoRunsOnS3 lets two processes do the same job at the same time: in a store without
// locks each part is published by whoever is first, and both come to the same end.
func TestTwoRunsOnS3(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the program many times")
	}
	b, scene := newStagedScene(t)
	want := parts(scene.want, "out/")
	for round := range 4 {
		var group sync.WaitGroup
		for i := range 2 {
			group.Go(func() {
				time.Sleep(time.Duration(i*round) * 100 * time.Millisecond)
				code, talk := scene.run()
				if code != 0 && !strings.Contains(talk, "Q430") {
					t.Errorf("round %d, run %d ends with %d: %s", round, i, code, talk)
				}
			})
		}
		group.Wait()
		if got := parts(b.objects(t, "out"), ""); !maps.Equal(want, got) {
			t.Errorf("round %d: other bytes, or others left: %q", round, slices.Sorted(maps.Keys(got)))
		}
		for _, output := range []string{"features", "tensors"} {
			mustQuern(t, "verify", "s3://"+b.name+"/out/"+output)
		}
		for name := range b.objects(t, "out") {
			if err := b.store.Remove(t.Context(), "out/"+name); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// killAt runs the scene's command and kills it when the proxy sees its nth request of a
// kind whose path holds a word.
func (b *bucket) killAt(t *testing.T, s *scene, kind, path string, n int) {
	t.Helper()
	c, talk := s.command()
	reached, once := make(chan struct{}), sync.Once{}
	b.proxy.Fail(func(k string, r *http.Request) s3test.Fault {
		if k == kind && strings.Contains(r.URL.Path, path) {
			n--
		}
		if n > 0 {
			return s3test.Pass
		}
		once.Do(func() { close(reached) })
		return s3test.Hang
	})
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reached:
	case <-time.After(time.Minute):
		t.Errorf("no %s of %s: %s", kind, path, talk)
	}
	c.Process.Kill()
	c.Wait()
}

// TestDoctorStore tries out good places and bad ones.
func TestDoctorStore(t *testing.T) {
	b := newBucket(t)
	for _, place := range []string{t.TempDir(), "s3://" + b.name + "/x"} {
		if out := mustQuern(t, "doctor", "store", place, "--rounds", "2"); !strings.Contains(out, "2 races of 8 writers") || !strings.Contains(out, "can hold outputs") {
			t.Errorf("%s: %s", place, out)
		}
	}
	for status, want := range map[int]string{403: "Q442", 501: "Q444"} {
		b.proxy.Fail(func(kind string, _ *http.Request) s3test.Fault {
			if kind == "complete" {
				return s3test.Fault(status)
			}
			return s3test.Pass
		})
		out, talk, code := runQuern(t, "doctor", "store", "s3://"+b.name+"/x", "--rounds", "1")
		if code != 1 || !strings.Contains(out, "BAD   in parts") || !strings.Contains(out, "cannot hold outputs") || !strings.Contains(talk, want) {
			t.Errorf("%d: exit code %d\n%s%s", status, code, out, talk)
		}
	}
	for _, args := range [][]string{{"doctor", "store", "gs://x"}, {"doctor", "store"}, {"doctor", "shop"}, {"doctor", "store", "x", "--rounds", "0"}} {
		if _, talk, code := runQuern(t, args...); code == 0 || talk == "" {
			t.Errorf("%q ends with %d", args, code)
		}
	}
}

// TestIgnoredConditions puts a server before the bucket that ignores If-None-Match: the
// doctor refuses it.
func TestIgnoredConditions(t *testing.T) {
	b := newBucket(t)
	b.proxy.IgnoreConditions()
	out, talk, code := runQuern(t, "doctor", "store", "s3://"+b.name+"/x", "--rounds", "1")
	if code != 1 || !strings.Contains(talk, "Q444") {
		t.Errorf("exit code %d\n%s%s", code, out, talk)
	}
	if left := b.objects(t, ""); len(left) > 0 {
		t.Errorf("left behind: %q", slices.Sorted(maps.Keys(left)))
	}
}
