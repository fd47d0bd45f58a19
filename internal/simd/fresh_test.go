package simd

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/fresh.txt anew: only go generate should")

// The assembly is what the generator wrote, and the generator has not changed since:
// go generate records the digests of both.
func TestAssemblyIsFresh(t *testing.T) {
	const record = "testdata/fresh.txt"
	sources, err := filepath.Glob("gen/*")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, name := range slices.Concat(sources, []string{"kernels_amd64.go", "kernels_amd64.s"}) {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(text), filepath.ToSlash(name))
	}
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(record, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("run go generate ./internal/simd\nnow:\n%srecorded:\n%s", b.String(), want)
	}
}
