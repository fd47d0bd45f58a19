//go:build linux && cuda && cgo

package cuda

import (
	"cmp"
	"debug/elf"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gorgonia.org/cu"
)

// TestMain runs the tests in a child of this process, on the driver of testdata: the
// dynamic linker reads its search path once. QUERN_REQUIRE_GPU=1 has them run on a GPU.
func TestMain(m *testing.M) {
	if os.Getenv("QUERN_TEST_STATUS") != "" {
		r := Status()
		fmt.Printf("missing: %s\n%+v\n", cmp.Or(r.Missing, "nothing"), r)
		return
	}
	if os.Getenv("QUERN_REQUIRE_GPU") == "1" || os.Getenv("QUERN_TEST_FAKE") != "" {
		os.Exit(m.Run())
	}
	os.Exit(onFake())
}

// onFake runs this test binary again on a fake driver.
func onFake() int {
	folder, err := os.MkdirTemp("", "quern-cuda-*")
	if err == nil {
		defer os.RemoveAll(folder)
		err = compile(filepath.Join(folder, "libcuda.so.1"), "testdata/driver.c", "-shared", "-fPIC")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	again := exec.Command(os.Args[0], os.Args[1:]...)
	again.Stdout, again.Stderr = os.Stdout, os.Stderr
	again.Env = append(os.Environ(), "LD_LIBRARY_PATH="+folder, "QUERN_TEST_FAKE="+folder)
	if again.Run() != nil {
		return 1
	}
	return 0
}

// opened returns a device for the tests that every driver passes.
func opened(t testing.TB) *Device {
	t.Helper()
	d, err := Open(0)
	return must(t, d, err)
}

// needsFake skips what only the driver of testdata can show.
func needsFake(t *testing.T) {
	t.Helper()
	if os.Getenv("QUERN_TEST_FAKE") == "" {
		t.Skip("this is a real driver")
	}
}

func TestStatusOfAFakeDriver(t *testing.T) {
	needsFake(t)
	r := Status()
	if r.Missing != "" || !r.Built || r.Driver != 12080 || len(r.Devices) != 2 || !strings.HasPrefix(r.Library, os.Getenv("QUERN_TEST_FAKE")) {
		t.Fatalf("%+v", r)
	}
	want := Info{Ordinal: 1, Name: "Fake 1", Compute: Compute{9, 0}, Memory: 8 << 30, Multiprocessors: 3, Driver: 12080, Bus: "0000:01:00.0"}
	if r.Devices[1] != want {
		t.Errorf("%+v", r.Devices[1])
	}
	d, err := Open(1)
	check(t, err)
	if closes(t, d).Info() != want {
		t.Errorf("%+v", d.Info())
	}
	var u *Unavailable
	for _, ordinal := range []int{2, -1} {
		if _, err := Open(ordinal); !errors.As(err, &u) || !strings.Contains(u.Reason, "the driver sees 2") {
			t.Errorf("Open(%d): %v", ordinal, err)
		}
	}
}

// TestErrorsOfTheDriver: cu's errors keep call, code and name.
func TestErrorsOfTheDriver(t *testing.T) {
	d := closes(t, opened(t))
	_, err := d.Alloc(1 << 50)
	var e *Error
	if !errors.Is(err, ErrOutOfMemory) || !errors.As(err, &e) || e.Call != "cuMemAlloc" || e.Name != "CUDA_ERROR_OUT_OF_MEMORY" {
		t.Errorf("Alloc: %v", err)
	}
	if _, err := d.AllocHost(1 << 50); !errors.Is(err, ErrOutOfMemory) {
		t.Errorf("AllocHost: %v", err)
	}
	if _, err := d.Load([]byte("nothing")); !errors.As(err, &e) || e.Call != "cuModuleLoadData" || !strings.Contains(e.Detail, "ptxas") {
		t.Errorf("Load: %v", err)
	}
}

// TestCallsThatADriverLacks fail, and do not end the process.
func TestCallsThatADriverLacks(t *testing.T) {
	needsFake(t)
	err := failure("cuCtxSetCacheConfig", cu.SetCurrentCacheConfig(cu.PreferNone))
	if !isCode(err, 801) {
		t.Errorf("%v", err)
	}
}

// TestStarts: the program starts on every machine, and says what it has found there.
func TestStarts(t *testing.T) {
	needsFake(t)
	fake := "LD_LIBRARY_PATH=" + os.Getenv("QUERN_TEST_FAKE")
	empty := t.TempDir()
	broken := t.TempDir()
	check(t, os.WriteFile(filepath.Join(broken, "libcuda.so.1"), []byte("not a library"), 0o600))
	stub := t.TempDir()
	check(t, compile(filepath.Join(stub, "libcuda.so.1"), "testdata/stub.c", "-shared", "-fPIC"))
	for name, c := range map[string]struct {
		env     []string
		missing string
	}{
		"fake driver":       {[]string{fake}, "nothing"},
		"one device":        {[]string{fake, "FAKE_DEVICES=1"}, "nothing"},
		"no driver":         {[]string{"LD_LIBRARY_PATH=" + empty}, "no NVIDIA driver (libcuda.so.1 was not found)"},
		"broken library":    {[]string{"LD_LIBRARY_PATH=" + broken}, "no NVIDIA driver ("},
		"library of others": {[]string{"LD_LIBRARY_PATH=" + stub}, "no NVIDIA driver ("},
		"switched off":      {[]string{fake, "QUERN_GPU=0"}, "switched off by QUERN_GPU=0"},
		"not switched off":  {[]string{fake, "QUERN_GPU=1"}, "nothing"},
		"no device":         {[]string{fake, "FAKE_INIT=100"}, "the driver sees no GPU"},
		"no device either":  {[]string{fake, "FAKE_DEVICES=0"}, "the driver sees no GPU"},
		"toolkit's stub":    {[]string{fake, "FAKE_INIT=34"}, "libcuda.so.1 is the stub"},
		"mismatch":          {[]string{fake, "FAKE_INIT=803"}, "the driver's library and its kernel module are of different versions"},
		"other":             {[]string{fake, "FAKE_INIT=3"}, "the driver does not start: CUDA_ERROR_OF_FAKE (3)"},
		"old driver":        {[]string{fake, "FAKE_VERSION=11080"}, "the driver is too old: it supports CUDA 11.8, kernels need 12.4"},
		"old device":        {[]string{fake, "FAKE_MAJOR=6"}, "Fake 0 is too old: compute capability 6.0, kernels need 7.5"},
	} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), append(c.env, "QUERN_TEST_STATUS=1")...)
		out, err := child.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "missing: "+c.missing) {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// TestNeedsNoLibraryOfTheDriver: what the linker has written down.
func TestNeedsNoLibraryOfTheDriver(t *testing.T) {
	f, err := elf.Open(os.Args[0])
	check(t, err)
	defer f.Close()
	needed, err := f.ImportedLibraries()
	if err != nil || len(needed) == 0 || strings.Contains(strings.Join(needed, " "), "cuda") {
		t.Errorf("needs %v, %v", needed, err)
	}
	symbols, err := f.DynamicSymbols()
	check(t, err)
	for _, s := range symbols {
		if strings.HasPrefix(s.Name, "cu") {
			t.Errorf("%s can be seen by other libraries", s.Name)
		}
	}
}

// TestCallsAreThoseOfCu: calls.h lists what cu links, which its object file knows, and what this package adds.
func TestCallsAreThoseOfCu(t *testing.T) {
	list := exec.Command("go", "list", "-tags", "cuda", "-export", "-f", "{{.Export}}", "gorgonia.org/cu")
	folder, err := filepath.Abs("include")
	check(t, err)
	list.Env = append(os.Environ(), "CGO_CFLAGS=-O2 -g -I"+folder)
	archive, err := list.Output()
	check(t, err)
	out, err := exec.Command("nm", strings.TrimSpace(string(archive))).Output()
	if len(out) == 0 {
		t.Fatal(err) // nm also complains of members that are not object files
	}
	linked := map[string]bool{}
	for _, name := range regexp.MustCompile(`(?m) U (cu[A-Z]\w*)$`).FindAllStringSubmatch(string(out), -1) {
		linked[name[1]] = true
	}
	for _, name := range regexp.MustCompile(`(?m) T (cu[A-Z]\w*)$`).FindAllStringSubmatch(string(out), -1) {
		delete(linked, name[1]) // a helper of cu's own, in another of its object files
	}
	if len(linked) != 159 {
		t.Errorf("cu links %d calls", len(linked))
	}
	text, err := os.ReadFile("calls.h")
	check(t, err)
	theirs, ours, _ := strings.Cut(string(text), "What it does not have")
	call := regexp.MustCompile(`(?m)^CALL\((\w+)\)$`)
	listed := map[string]bool{"cuInit": true}
	for _, name := range call.FindAllStringSubmatch(theirs, -1) {
		listed[name[1]] = true
	}
	for _, name := range call.FindAllStringSubmatch(ours, -1) {
		if linked[name[1]] {
			t.Errorf("cu links %s too", name[1])
		}
	}
	if !maps.Equal(linked, listed) {
		t.Errorf("cu links %v\ncalls.h lists %v", slices.Sorted(maps.Keys(linked)), slices.Sorted(maps.Keys(listed)))
	}
}
