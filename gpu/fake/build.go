package fake

import (
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"quern/gpu/ptx"
)

// sources is the C of the runtime and of the driver.
//
//go:embed src
var sources embed.FS

// Sanitizer says what watches the generated C and the runtime.
type Sanitizer string

// The sanitizers. Undefined needs no library: what is undefined ends the
// process by a trap. Address needs its library loaded first (LD_PRELOAD).
const (
	None      Sanitizer = ""
	Undefined Sanitizer = "undefined"
	Address   Sanitizer = "address"
)

// Options say what Build puts into the library.
type Options struct {
	PTX      map[string][]byte // name -> text of a module; the driver finds it by its text
	Wrong    map[string][]byte // name -> PTX that is run in the place of that module: a device with a fault
	Compiler string            // the C compiler; "": $CC, or cc
	Sanitize Sanitizer
}

// ErrNoCompiler is returned when there is no C compiler. Tests skip then.
var ErrNoCompiler = errors.New("no C compiler")

// Build translates and compiles o.PTX and links it with the fake driver. It
// returns the path of libcuda.so.1, which lies in a folder of its own below dir:
// that folder goes into LD_LIBRARY_PATH. What has not changed since an earlier
// Build into dir is not compiled again. Processes may build at the same time.
//
// PTX that cannot be translated is a *ptx.Error.
func Build(dir string, o Options) (library string, err error) {
	b, err := newBuilder(dir, o)
	if err != nil {
		return "", err
	}
	units, err := b.units(o.PTX, o.Wrong)
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, u := range units {
		all.WriteString(u.key)
	}
	library = filepath.Join(b.dir, b.key(all.String()), "libcuda.so.1")
	if _, err := os.Stat(library); err == nil {
		return library, nil
	}
	unlock, err := lock(filepath.Join(b.dir, "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if err := b.compileAll(units); err != nil {
		return "", err
	}
	return library, b.link(library, units)
}

// builder holds what is common to all units of one library.
type builder struct {
	dir, compiler string
	flags         []string
	common        string // digest of compiler, flags and headers
}

// unit is one C file and its object.
type unit struct {
	name, source, key string
}

func newBuilder(dir string, o Options) (*builder, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	compiler := o.Compiler
	if compiler == "" {
		compiler = os.Getenv("CC")
	}
	if compiler == "" {
		compiler = "cc"
	}
	version, err := exec.Command(compiler, "--version").Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoCompiler, compiler, err)
	}
	b := &builder{dir: dir, compiler: compiler, flags: []string{
		"-std=gnu11", "-O1", "-g1", "-fPIC", "-fvisibility=hidden", "-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off", "-fno-fast-math",
		"-pthread", "-w",
	}}
	switch o.Sanitize {
	case Undefined:
		b.flags = append(b.flags, "-fno-wrapv", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
	case Address:
		b.flags = append(b.flags, "-fsanitize=address")
	}
	var headers strings.Builder
	names, err := fs.Glob(sources, "src/*.h")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		text, _ := sources.ReadFile(n)
		headers.Write(text)
	}
	b.common = string(version) + strings.Join(b.flags, " ") + headers.String()
	return b, errors.Join(os.MkdirAll(filepath.Join(dir, "objects"), 0o777), b.headers(names))
}

// headers writes the headers into a folder of their own, named by their text.
func (b *builder) headers(names []string) error {
	include := filepath.Join(b.dir, b.key("headers"))
	if err := os.MkdirAll(include, 0o777); err != nil {
		return err
	}
	for _, n := range names {
		text, err := sources.ReadFile(n)
		if err != nil {
			return err
		}
		if err := replace(filepath.Join(include, filepath.Base(n)), text); err != nil {
			return err
		}
	}
	b.flags = append(b.flags, "-I"+include)
	return nil
}

// key names something that is made from the builder's settings and text.
func (b *builder) key(text string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(b.common+"\x00"+text)))[:24]
}

// units returns the C files of the library: the runtime, the kernels, the index.
func (b *builder) units(modules, wrong map[string][]byte) ([]unit, error) {
	var units []unit
	add := func(name, source string) { units = append(units, unit{name, source, b.key(source)}) }
	names, err := fs.Glob(sources, "src/*.c")
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		text, err := sources.ReadFile(n)
		if err != nil {
			return nil, err
		}
		add(filepath.Base(n), string(text))
	}
	var index, declared strings.Builder
	for i, name := range slices.Sorted(maps.Keys(modules)) {
		text, _, _ := strings.Cut(string(modules[name]), "\x00")
		run := []byte(text)
		if w, ok := wrong[name]; ok {
			run = w
		}
		m, err := ptx.Parse(run)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		symbol := fmt.Sprintf("q_module_%d", i)
		source, err := m.C(symbol)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		add(name+".c", string(source))
		h := fnv.New64a()
		h.Write([]byte(text))
		fmt.Fprintf(&declared, "extern const q_module %s;\n", symbol)
		fmt.Fprintf(&index, "\t{ %dull, %dull, &%s }, // %s\n", h.Sum64(), len(text), symbol, filepath.Base(name))
	}
	add("index.c", "#include \"rt.h\"\ntypedef struct { uint64_t digest, length; const q_module *module; } q_entry;\n"+
		declared.String()+"const q_entry q_index[] = {\n"+index.String()+"\t{ 0 },\n};\n")
	stubs, err := stubs()
	add("stubs.c", stubs)
	return units, err
}

// stubs returns C for every call of the driver that is not carried out: weak
// functions that answer NOT_SUPPORTED.
func stubs() (string, error) {
	names, err := sources.ReadFile("src/names.txt")
	var c strings.Builder
	for name := range strings.FieldsSeq(string(names)) {
		fmt.Fprintf(&c, "__attribute__((weak, visibility(\"default\"))) int %s(void) { return 801; }\n", name)
	}
	return c.String(), err
}

func (b *builder) object(u unit) string { return filepath.Join(b.dir, "objects", u.key+".o") }

// compileAll compiles what is not there yet, several files at a time.
func (b *builder) compileAll(units []unit) error {
	var wait sync.WaitGroup
	failed := make([]error, len(units))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, u := range units {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			failed[i] = b.compile(u)
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}

func (b *builder) compile(u unit) error {
	if _, err := os.Stat(b.object(u)); err == nil {
		return nil
	}
	source := strings.TrimSuffix(b.object(u), ".o") + ".c"
	if err := replace(source, []byte(u.source)); err != nil {
		return err
	}
	temporary := b.object(u) + ".new"
	if err := b.run(append(slices.Clone(b.flags), "-c", source, "-o", temporary)); err != nil {
		return fmt.Errorf("%s: %w", u.name, err)
	}
	return os.Rename(temporary, b.object(u))
}

func (b *builder) link(library string, units []unit) error {
	folder := filepath.Dir(library)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	temporary := library + ".new"
	args := append(slices.Clone(b.flags), "-shared", "-Wl,-soname,libcuda.so.1", "-Wl,-Bsymbolic", "-o", temporary)
	for _, u := range units {
		args = append(args, b.object(u))
	}
	if err := b.run(append(args, "-lm")); err != nil {
		return err
	}
	return os.Rename(temporary, library)
}

func (b *builder) run(args []string) error {
	if out, err := exec.Command(b.compiler, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%.4000s", b.compiler, err, out)
	}
	return nil
}

// replace writes a file whole, or not at all.
func replace(path string, text []byte) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text) {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
