package cuda

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// compile runs the C compiler with our header on one file.
func compile(out, source string, flags ...string) error {
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	args := append([]string{"-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Iinclude", "-o", out, source}, flags...)
	if text, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", compiler, strings.Join(args, " "), err, text)
	}
	return nil
}

// asC writes the facts as C that compiles if they are true.
func asC(facts string) string {
	var c strings.Builder
	c.WriteString("#include \"cuda.h\"\n#define TEXT(x) QUOTED(x)\n#define QUOTED(x) #x\n")
	for line := range strings.Lines(facts) {
		kind, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		f := strings.Fields(rest)
		switch kind {
		case "constant":
			fmt.Fprintf(&c, "_Static_assert(%s == %s, \"%s\");\n", f[0], f[1], f[0])
		case "size":
			fmt.Fprintf(&c, "_Static_assert(sizeof(%s) == %s, \"%s\");\n", f[0], f[1], f[0])
		case "offset":
			fmt.Fprintf(&c, "_Static_assert(offsetof(%s, %s) == %s, \"%s.%s\");\n", f[0], f[1], f[2], f[0], f[1])
			fmt.Fprintf(&c, "_Static_assert(__builtin_types_compatible_p(__typeof__(((%s *)0)->%s), %s), \"type of %s.%s\");\n", f[0], f[1], strings.Join(f[3:], " "), f[0], f[1])
		case "call": // a second declaration must agree with the first; and the name in sources must lead to it
			prototype := strings.TrimPrefix(rest, f[0]+" ")
			symbol, _, _ := strings.Cut(strings.TrimPrefix(prototype, "CUresult "), "(")
			fmt.Fprintf(&c, "%s\n_Static_assert(!__builtin_strcmp(TEXT(%s), \"%s\"), \"%s\");\n", prototype, f[0], symbol, f[0])
		}
	}
	return c.String()
}

// TestHeaderSaysWhatNVIDIAsSays: every constant, layout and prototype. A second
// declaration of a call is an error unless it agrees with the first.
func TestHeaderSaysWhatNVIDIAsSays(t *testing.T) {
	if _, err := exec.LookPath("cc"); err != nil && os.Getenv("CC") == "" {
		t.Skip("no C compiler")
	}
	text, err := os.ReadFile("testdata/facts.txt")
	check(t, err)
	source := filepath.Join(t.TempDir(), "facts.c")
	try := func(facts string) error {
		check(t, os.WriteFile(source, []byte(asC(facts)), 0o600))
		return compile(os.DevNull, source, "-fsyntax-only")
	}
	facts := string(text)
	if err := try(facts); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ kind, right, wrong string }{
		{"constant", "constant CUDA_ERROR_LAUNCH_FAILED 719", "constant CUDA_ERROR_LAUNCH_FAILED 720"},
		{"size", "size CUDA_MEMCPY3D 200", "size CUDA_MEMCPY3D 192"},
		{"offset", "offset CUDA_MEMCPY3D Depth 192 size_t", "offset CUDA_MEMCPY3D Depth 184 size_t"},
		{"type", "offset CUDA_ARRAY_DESCRIPTOR NumChannels 20 unsigned int", "offset CUDA_ARRAY_DESCRIPTOR NumChannels 20 unsigned short"},
		{"prototype", "cuMemAlloc_v2(CUdeviceptr *dptr, size_t bytesize)", "cuMemAlloc_v2(CUdeviceptr *dptr, int bytesize)"},
		{"name", "call cuMemAlloc CUresult cuMemAlloc_v2", "call cuMemAlloc CUresult cuMemAlloc_v3"},
	} {
		if n := strings.Count(facts, c.right); n != 1 {
			t.Fatalf("%q is there %d times", c.right, n)
		}
		if try(strings.Replace(facts, c.right, c.wrong, 1)) == nil {
			t.Errorf("a wrong %s goes unseen", c.kind)
		}
	}
}
