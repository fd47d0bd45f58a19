package fake

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"quern/gpu/kernels"
)

// Main is for TestMain of packages that test on a device: it runs the tests of
// this binary in a child process whose libcuda.so.1 is the fake one, with all of
// our kernels, because the dynamic linker reads its search path once. m is the
// *testing.M. It returns the exit code. Settings in QUERN_FAKE_GPU add to those
// given and win.
//
// The tests run at once, on whatever driver there is, in the child itself, and
// if QUERN_REQUIRE_GPU is 1. The child fails if the library saw a fault of a
// kernel or a misuse of the driver that no test has taken back by fake_reset.
// Without a C compiler the tests run without a driver.
func Main(m interface{ Run() int }, settings string) int {
	if os.Getenv("QUERN_REQUIRE_GPU") == "1" || os.Getenv("QUERN_FAKE_CHILD") != "" {
		return m.Run()
	}
	library, err := Build(Folder(), Options{PTX: Kernels(), Sanitize: Undefined})
	if err != nil {
		fmt.Fprintln(os.Stderr, "the fake GPU cannot be built:", err)
		if errors.Is(err, ErrNoCompiler) {
			return m.Run()
		}
		return 1
	}
	reports, err := os.MkdirTemp("", "quern-fake-gpu-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(reports)
	for _, more := range []string{os.Getenv("QUERN_FAKE_GPU"), "report=" + filepath.Join(reports, "%p")} {
		if settings != "" && more != "" {
			settings += ","
		}
		settings += more
	}
	child := exec.Command(os.Args[0], os.Args[1:]...)
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.Env = append(os.Environ(), Environment(library, settings)...)
	child.Env = append(child.Env, "QUERN_FAKE_CHILD="+filepath.Dir(library))
	if child.Run() != nil {
		return 1
	}
	return told(reports)
}

// Kernels returns the PTX of all of our kernels, for Options.
func Kernels() map[string][]byte {
	texts := map[string][]byte{}
	for _, k := range kernels.ReadManifest().Kernels {
		texts[k.Name] = kernels.PTX(k.Name)
	}
	return texts
}

// Folder returns where tests build the library: build/gpu-fake of the module that
// the working directory is in, or a temporary folder outside of any.
func Folder() string {
	at, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return filepath.Join(at, "build", "gpu-fake")
		}
		if filepath.Dir(at) == at {
			break
		}
		at = filepath.Dir(at)
	}
	return filepath.Join(os.TempDir(), "quern-gpu-fake")
}

// told prints faults and misuse in the reports of a folder and returns 1 if
// there are any.
func told(folder string) int {
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		return 1
	}
	code := 0
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return 1
		}
		r := ParseReport(string(text))
		for _, s := range append(r.Faults, r.Misuse...) {
			fmt.Fprintln(os.Stderr, "fake GPU:", s)
			code = 1
		}
	}
	return code
}
