package kernels

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func sum(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(data)
	return hex.EncodeToString(digest[:])
}

// include finds the headers that a source takes in.
func include(t *testing.T, file string, found map[string]bool) {
	t.Helper()
	found[file] = true
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\s*#\s*include\s*["<](.*?)[">]`).FindAllSubmatch(data, -1) {
		if name := string(m[1]); !found[name] {
			include(t, name, found)
		}
	}
}

func TestManifestIsOfTheseFiles(t *testing.T) {
	sources, err := filepath.Glob("*.cu")
	if err != nil || len(sources) == 0 {
		t.Fatal("no kernels", err)
	}
	names := Names()
	if len(names) != len(sources) || !slices.IsSorted(names) {
		t.Errorf("manifest has %v, the folder %v: run make ptx", names, sources)
	}
	entries := map[string]bool{}
	for _, k := range ReadManifest().Kernels {
		needed := map[string]bool{}
		include(t, k.Name+".cu", needed)
		for file := range needed {
			if k.Sources[file] != sum(t, file) {
				t.Errorf("%s: %s is not what %s.ptx was made of: run make ptx", k.Name, file, k.Name)
			}
		}
		if len(needed) != len(k.Sources) {
			t.Errorf("%s: manifest names %d sources, not %d", k.Name, len(k.Sources), len(needed))
		}
		if k.PTX != sum(t, k.Name+".ptx") {
			t.Errorf("%s.ptx is not what the manifest says: run make ptx", k.Name)
		}
		for _, e := range k.Entries {
			if !strings.HasPrefix(e, "quern_") || entries[e] {
				t.Errorf("%s: entry %s is not called quern_..., or is there twice", k.Name, e)
			}
			entries[e] = true
			if !bytes.Contains(PTX(k.Name), []byte(".entry "+e+"(")) {
				t.Errorf("%s: no entry %s", k.Name, e)
			}
		}
	}
}

// refused returns the lines of a PTX module that no kernel may have: fused or
// un-rounded or approximate arithmetic on reals, flushing of denormals, local memory
// (spills and arrays), calls, line information with paths.
func refused(ptx []byte) []string {
	comment := regexp.MustCompile(`//.*`)
	bad := regexp.MustCompile(`\bfma\b|\bmad(\.\w+)*\.f(16|32|64)\b|` +
		`\b(add|sub|mul|div|sqrt|rcp)\.f(32|64)\b|\b(add|sub|mul|div|sqrt|rcp)\.(rz|rm|rp|full)\b|` +
		`\.(approx|ftz|local|loc|file)\b|\b(sin|cos|lg2|ex2|tanh|rsqrt)\.|\bcall\b`)
	var lines []string
	for line := range bytes.Lines(ptx) {
		line = comment.ReplaceAll(line, nil)
		if bad.Match(line) {
			lines = append(lines, strings.TrimSpace(string(line)))
		}
	}
	return lines
}

func TestPTXRoundsEveryOperation(t *testing.T) {
	for _, name := range Names() {
		for _, line := range refused(PTX(name)) {
			t.Errorf("%s.ptx: %s", name, line)
		}
		if !bytes.Contains(PTX(name), []byte("\n.target sm_75\n")) {
			t.Errorf("%s.ptx is not for sm_75", name)
		}
	}
}

func TestRefusedCatchesOffences(t *testing.T) {
	for _, line := range []string{
		"\tfma.rn.f64 \t%fd1, %fd2, %fd3, %fd4;", "mad.f32 %f1, %f2, %f3, %f4;", "@%p1 mad.rn.f64 %fd1, %fd2, %fd3, %fd4;",
		"add.f64 %fd1, %fd2, %fd3;", "sub.f32 %f1, %f2, %f3;", "mul.f64 %fd1, %fd2, %fd3;", "mul.rz.f64 %fd1, %fd2, %fd3;",
		"div.approx.f32 %f1, %f2, %f3;", "div.full.f32 %f1, %f2, %f3;", "sqrt.approx.f64 %fd1, %fd2;", "add.rn.ftz.f32 %f1, %f2, %f3;",
		"ld.local.f64 %fd1, [%rd1];", ".local .align 8 .b8 __local_depot0[64];", ".loc 1 12 3", "ex2.approx.f32 %f1, %f2;", "call.uni (r), f, (a);",
	} {
		if len(refused([]byte(line))) != 1 {
			t.Errorf("%q is not refused", line)
		}
	}
	for _, line := range []string{
		"add.rn.f64 %fd1, %fd2, %fd3;", "mad.lo.s64 %rd1, %rd2, %rd3, %rd4;", "add.s64 %rd1, %rd2, %rd3;", "cvt.rn.f32.f64 %f1, %fd1;",
		"div.rn.f64 %fd1, %fd2, %fd3;", "sqrt.rn.f64 %fd1, %fd2;", "abs.f64 %fd1, %fd2;", "mul.lo.s32 %r1, %r2, %r3; // fma", "ld.global.f64 %fd1, [%rd1];",
	} {
		if len(refused([]byte(line))) != 0 {
			t.Errorf("%q is refused", line)
		}
	}
}
