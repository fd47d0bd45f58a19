package fake_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"quern/gpu/fake"
)

// cache is where the tests build: what has not changed is not compiled again.
const cache = "../../build/gpu-fake"

// build returns the library for modules, or skips if there is no C compiler.
func build(t *testing.T, modules map[string][]byte, s fake.Sanitizer) string {
	t.Helper()
	library, err := fake.Build(cache, fake.Options{PTX: modules, Sanitize: s})
	if errors.Is(err, fake.ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return library
}

// host is a process that drives the library: testdata/host.c.
type host struct {
	t     *testing.T
	write io.WriteCloser
	read  *bufio.Reader
	dir   string
	files int
}

// start starts a host on library, with a context that is current and stream 0.
func start(t *testing.T, library, settings string) *host {
	t.Helper()
	h := bare(t, library, settings)
	h.ok("init")
	h.ok("retain 0")
	h.ok("current 0")
	h.ok("stream 0")
	return h
}

// program returns the host, linked with library. It lies beside it.
func program(t *testing.T, library string) string {
	t.Helper()
	source, err := os.ReadFile("testdata/host.c")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(library), fmt.Sprintf("host-%x", sha256.Sum256(source)))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	made := filepath.Join(t.TempDir(), "host")
	if out, err := exec.Command(compiler, "-O1", "-w", "-o", made, "testdata/host.c", library).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := os.Rename(made, path); err != nil { // another file system
		return made
	}
	return path
}

// bare starts a host that has not called the driver yet.
func bare(t *testing.T, library, settings string) *host {
	t.Helper()
	dir := t.TempDir()
	c := exec.Command(program(t, library))
	c.Env = append(os.Environ(), fake.Environment(library, settings)...)
	write, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { write.Close(); c.Wait() })
	return &host{t: t, write: write, read: bufio.NewReaderSize(read, 1<<20), dir: dir}
}

// do sends a command and returns the driver's code and the data.
func (h *host) do(format string, args ...any) (code int, data string) {
	h.t.Helper()
	fmt.Fprintf(h.write, format+"\n", args...)
	line, err := h.read.ReadString('\n')
	if err != nil {
		h.t.Fatalf("%s: the host has ended: %v", format, err)
	}
	number, data, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
	code, err = strconv.Atoi(number)
	if err != nil {
		h.t.Fatalf("%s: %q", format, line)
	}
	return code, data
}

// ok sends a command that must succeed.
func (h *host) ok(format string, args ...any) string {
	h.t.Helper()
	code, data := h.do(format, args...)
	if code != 0 {
		h.t.Fatalf("%s: code %d\n%s", fmt.Sprintf(format, args...), code, h.report().text)
	}
	return data
}

// fails sends a command that must answer with code.
func (h *host) fails(want int, format string, args ...any) {
	h.t.Helper()
	if code, _ := h.do(format, args...); code != want {
		h.t.Errorf("%s: code %d, want %d\n%s", fmt.Sprintf(format, args...), code, want, h.report().text)
	}
}

// module loads PTX as module m.
func (h *host) module(m int, text []byte) {
	h.t.Helper()
	h.files++
	path := filepath.Join(h.dir, strconv.Itoa(h.files)+".ptx")
	if err := os.WriteFile(path, text, 0o666); err != nil {
		h.t.Fatal(err)
	}
	h.ok("load %d %s", m, path)
}

// device makes buffer i of the device, with content: host buffer i holds it too.
func (h *host) device(i int, content []byte) {
	h.t.Helper()
	h.ok("halloc %d %d", i, len(content))
	h.ok("alloc %d %d", i, len(content))
	h.ok("put %d 0 %x", i, content)
	h.ok("up 0 %d %d %d", i, i, len(content))
	h.ok("ssync 0")
}

// fetch returns n bytes of buffer i of the device.
func (h *host) fetch(i, n int) []byte {
	h.t.Helper()
	h.ok("down 0 %d %d %d", i, i, n)
	h.ok("ssync 0")
	b, err := hex.DecodeString(h.ok("get %d 0 %d", i, n))
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

type report struct {
	fake.Report
	text string
}

// report returns what the library says.
func (h *host) report() report {
	h.t.Helper()
	fmt.Fprintln(h.write, "report")
	var text strings.Builder
	for {
		line, err := h.read.ReadString('\n')
		if err != nil || line == ".\n" {
			return report{fake.ParseReport(text.String()), text.String()}
		}
		text.WriteString(line)
	}
}
