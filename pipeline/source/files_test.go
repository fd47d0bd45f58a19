package source

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/store"
)

// tree makes empty files below a new folder.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		at := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestExpand(t *testing.T) {
	root := tree(t, "a.pq", "b.pq", "b.txt", "_c.pq", ".d.pq", "_SUCCESS", "sub/e.pq", "sub/deep/f.pq", "sub/_tmp/g.pq",
		"t/year=2001/month=03/p.pq", "t/year=2001/month=11/p.pq", "t/year=__HIVE_DEFAULT_PARTITION__/p.pq")
	for _, c := range []struct{ patterns, want string }{
		{"a.pq", "a.pq"},
		{"./a.pq", "a.pq"},
		{"_c.pq", "_c.pq"},
		{"b.txt", "b.txt"},
		{"*.pq", "a.pq b.pq"},
		{"b.*", "b.pq b.txt"},
		{"[ab].pq a.pq", "a.pq b.pq"},
		{"b.pq a.pq", "a.pq b.pq"},
		{"sub", "sub/deep/f.pq sub/e.pq"},
		{"sub/", "sub/deep/f.pq sub/e.pq"},
		{"s?b", "sub/deep/f.pq sub/e.pq"},
		{"sub/*.pq", "sub/e.pq"},
		{"**/e.pq", "sub/e.pq"},
		{"sub/**/*.pq", "sub/deep/f.pq sub/e.pq"},
		{"**/f.pq", "sub/deep/f.pq"},
		{"t/year=2001", "t/year=2001/month=03/p.pq t/year=2001/month=11/p.pq"},
		{"t/*/month=03", "t/year=2001/month=03/p.pq"},
		{"nothing", "Q201"},
		{"*.csv", "Q201"},
		{"a.pq nothing.pq", "Q201"},
		{"a.pq/b.pq", "Q202"},
		{"[", "Q201"},
	} {
		files, err := Expand(context.Background(), nil, root, []string{".pq"}, strings.Fields(c.patterns)...)
		if got := describe(files, err); got != c.want {
			t.Errorf("%s: got %s, want %s", c.patterns, got, c.want)
		}
		if c.patterns != "a.pq/b.pq" { // in a bucket nothing keeps a file from having others below it
			inBucket(t, root, strings.Fields(c.patterns), c.want)
		}
	}
}

// bucket is a folder that has no folders, as in a bucket.
type bucket struct {
	store.Store
	root string
}

func (b bucket) Open(ctx context.Context, name string) (store.Reader, error) {
	if info, err := os.Stat(filepath.Join(b.root, name)); err == nil && info.IsDir() {
		return nil, store.ErrNotFound
	}
	return b.Store.Open(ctx, name)
}

// inBucket checks that patterns find in a store what they find on the disk.
func inBucket(t *testing.T, root string, patterns []string, want string) {
	t.Helper()
	const top = "mem://bucket"
	places := store.Places{"mem": func(_ context.Context, uri string) (store.Store, error) {
		if uri != top {
			t.Errorf("the store %s was opened", uri)
		}
		local, err := store.NewLocal(root)
		return bucket{local, root}, err
	}}
	for i := range patterns {
		patterns[i] = top + "/" + patterns[i]
	}
	files, err := Expand(context.Background(), places, "/nowhere", []string{".pq"}, patterns...)
	if got := strings.ReplaceAll(describe(files, err), top+"/", ""); got != want {
		t.Errorf("%s: got %s, want %s", patterns, got, want)
	}
	for _, f := range files {
		r, err := f.Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		data := make([]byte, r.Size())
		if _, err := r.ReadAt(data, 0); err != nil && err != io.EOF || top+"/"+string(data) != f.Name {
			t.Errorf("read %q from %s, %v", data, f.Name, err)
		}
		r.Close()
	}
}

// replaced is an object of which each opening gives another version, unless a version is
// asked for again.
type replaced struct {
	store.Store
	version *int
}

type version struct {
	store.Reader
	n int
}

func (r replaced) Open(ctx context.Context, name string) (store.Reader, error) {
	of, err := r.Store.Open(ctx, name)
	*r.version++
	return version{of, *r.version}, err
}

// Reopen implements store.Reopener.
func (v version) Reopen(context.Context) store.Reader { return v }

// TestOneVersionIsRead opens a file of a store again and again.
func TestOneVersionIsRead(t *testing.T) {
	root, opened := tree(t, "a.pq"), 0
	places := store.Places{"mem": func(context.Context, string) (store.Store, error) {
		local, err := store.NewLocal(root)
		return replaced{local, &opened}, err
	}}
	files, err := Expand(context.Background(), places, "", []string{".pq"}, "mem://bucket/*.pq")
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	for range 3 {
		r, err := files[0].Open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if n := r.(version).n; first == 0 {
			first = n
		} else if n != first {
			t.Errorf("version %d after version %d", n, first)
		}
	}
}

// describe returns the names of files, or the code of err.
func describe(files []File, err error) string {
	var e *diag.Error
	if errors.As(err, &e) {
		return string(e.Code)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	return strings.Join(names, " ")
}

// TestExpandLiterally: a file's own name always names it, and it alone.
func TestExpandLiterally(t *testing.T) {
	root := tree(t, "part[1].pq", "part1.pq", "a*.pq", "ab.pq", "_[x].pq", "[", "in[2]/c.pq", "in2/c.pq", "d[1].pq/e.pq", "d1.pq")
	for _, c := range []struct{ pattern, want string }{
		{"part[1].pq", "part[1].pq"},
		{"part?1?.pq", "part[1].pq"},
		{"part[12].pq", "part1.pq"},
		{"a*.pq", "a*.pq"},
		{"a?.pq", "a*.pq ab.pq"},
		{"_[x].pq", "_[x].pq"},
		{"[", "["},
		{"in[2]/c.pq", "in[2]/c.pq"},
		{"in[2]/*.pq", "in2/c.pq"},
		{"d[1].pq", "d1.pq"}, // a folder has no rows of its own
	} {
		files, err := Expand(context.Background(), nil, root, []string{".pq"}, c.pattern)
		if got := describe(files, err); got != c.want {
			t.Errorf("%s: got %s, want %s", c.pattern, got, c.want)
		}
	}
}

func TestExpandAbsolute(t *testing.T) {
	root := tree(t, "a.pq", "sub/b.pq")
	files, err := Expand(context.Background(), nil, "/nowhere", []string{".pq"}, root+"/*.pq", filepath.Join(root, "sub"))
	if got, want := describe(files, err), root+"/a.pq "+root+"/sub/b.pq"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	r, err := files[1].Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data := make([]byte, r.Size())
	if _, err := r.ReadAt(data, 0); err != nil && err != io.EOF || string(data) != "sub/b.pq" {
		t.Errorf("read %q, %v", data, err)
	}
}

func TestOpenRefusesFolders(t *testing.T) {
	if r, err := Local(t.TempDir(), "x").Open(context.Background()); err == nil {
		r.Close()
		t.Error("a folder was opened as a file")
	}
}

func TestParseKeys(t *testing.T) {
	keys, err := ParseKeys("a/year=2001/city=S%C3%A3o%20Paulo/none=__HIVE_DEFAULT_PARTITION__/=x/part=1.pq")
	want := []Key{{Name: "year", Value: "2001"}, {Name: "city", Value: "São Paulo"}, {Name: "none", Value: "__HIVE_DEFAULT_PARTITION__", Null: true}}
	if err != nil || !slices.Equal(keys, want) {
		t.Errorf("got %v, %v", keys, err)
	}
	if _, err := ParseKeys("a=1/b=2/a=1/x"); describe(nil, err) != "Q210" {
		t.Errorf("a key that comes twice: %v", err)
	}
}

func TestKeyColumns(t *testing.T) {
	null := "__HIVE_DEFAULT_PARTITION__"
	for _, c := range []struct {
		values []string // "" is a file without the key
		typ    column.Type
		want   []any
	}{
		{[]string{"03", "-7", "", null}, column.Int64, []any{int64(3), int64(-7), nil, nil}},
		{[]string{"1970-01-02", null, "1969-12-31"}, column.Date, []any{int64(1), nil, int64(-1)}},
		{[]string{"3", "x"}, column.String, []any{"3", "x"}},
		{[]string{"3", "+3"}, column.String, []any{"3", "+3"}},
		{[]string{"2001-02-30"}, column.String, []any{"2001-02-30"}},
		{[]string{"99999999999999999999"}, column.String, []any{"99999999999999999999"}},
		{[]string{null, ""}, column.String, []any{nil, nil}},
	} {
		files := make([]File, len(c.values))
		for i, v := range c.values {
			if v != "" {
				files[i].Keys, _ = ParseKeys("k=" + v + "/f")
			}
		}
		if c.values[0] == "" {
			t.Fatal("the first file of a case has the key")
		}
		got := KeyColumns(files)
		if len(got) != 1 || got[0].Name != "k" || got[0].Values.Type != c.typ || got[0].Values.Len != len(files) {
			t.Errorf("%v: got %+v", c.values, got)
			continue
		}
		for i, want := range c.want {
			if v := slot(&got[0].Values, i); v != want {
				t.Errorf("%v: slot %d is %v, want %v", c.values, i, v, want)
			}
		}
	}
}

// slot returns slot i of v: nil, an int64 or a string.
func slot(v *column.Vector, i int) any {
	switch {
	case v.Null(i):
		return nil
	case v.Type == column.String:
		return string(v.Text.At(i))
	}
	return v.Int(i)
}
