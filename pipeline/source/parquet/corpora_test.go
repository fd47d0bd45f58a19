//go:build linux

package parquet

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"quern/features/diag"
	"quern/pipeline/source"
)

// childVariable holds the folder that the child process is to read.
const childVariable = "QUERN_PARQUET_CORPORA_CHILD"

// What reading any one file may take, and what the child may take in address space.
const (
	maxResidentKiB = 512 << 10
	maxMillis      = 2000
	addressSpace   = 6 << 30
)

// rewrite returns whether golden files are to be written.
func rewrite() bool {
	f := flag.Lookup("rewrite")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("rewrite", false, "write golden files")
	if root := os.Getenv(childVariable); root != "" {
		readCorpora(root)
		return
	}
	os.Exit(m.Run())
}

// readCorpora is what the child does: it reads all files under root and prints a
// line for each.
func readCorpora(root string) {
	limit := unix.Rlimit{Cur: addressSpace, Max: addressSpace}
	if err := unix.Setrlimit(unix.RLIMIT_AS, &limit); err != nil {
		panic(err)
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		before, _ := usage()
		result := outcome(data)
		if len(data) > 4 && string(data[:4]) != "PAR1" {
			// Most files of the fuzzers lack the magic at the start, which others do not check.
			copy(data, "PAR1")
			result += " | with PAR1: " + outcome(data)
		}
		millis, resident := usage()
		name, err := filepath.Rel(root, path)
		fmt.Printf("%s\t%d\t%d\t%s\n", name, millis-before, resident, result)
		return err
	})
	if err != nil {
		panic(err)
	}
}

// usage returns the CPU time spent and the peak of resident memory of this process.
func usage() (millis, residentKiB int64) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return (u.Utime.Nano() + u.Stime.Nano()) / 1e6, u.Maxrss
}

// outcome reads everything in data, a column at a time, and describes what came.
func outcome(data []byte) string {
	s, err := openTyped(Options{Files: []source.File{inMemory("file", data)}})
	if err != nil {
		return code(err)
	}
	rows := int64(0)
	for _, c := range s.Chunks() {
		rows += c.Rows
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%d columns, %d unusable, %d rows", len(s.Schema()), len(s.Unusable()), rows)
	failures := 0
	for _, f := range s.Schema() {
		if err := readColumns(s, f.Name); err != nil {
			if failures++; failures <= 3 {
				fmt.Fprintf(&out, "; %s: %s", strings.ToValidUTF8(f.Name, "?"), code(err))
			}
		}
	}
	if failures > 3 {
		fmt.Fprintf(&out, "; and %d more", failures-3)
	}
	return out.String()
}

// code describes an error by its code, or in full if it has none that it may have.
func code(err error) string {
	var e *diag.Error
	if !errors.As(err, &e) || e.Code == "Q219" || e.Data == nil || e.Data.File == "" {
		return "FAULT " + err.Error()
	}
	if entry, ok := diag.Lookup(e.Code); !ok || entry.Class != diag.BadData {
		return "FAULT " + err.Error()
	}
	return string(e.Code)
}

func TestCorpora(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs more address space than the child may have")
	}
	lines := runChild(t, "testdata/corpora")
	var got bytes.Buffer
	for _, l := range lines {
		name, result := l[0], l[3]
		if name != "README.md" && name != "expected.txt" {
			fmt.Fprintf(&got, "%s: %s\n", name, result)
		}
	}
	const golden = "testdata/corpora/expected.txt"
	if rewrite() {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", &got, want)
	}
}

// The whole corpora are larger than a repository should be. They are read where they
// are: in the folder that QUERN_CORPORA names.
func TestWholeCorpora(t *testing.T) {
	root := os.Getenv("QUERN_CORPORA")
	if root == "" || raceEnabled {
		t.Skip("no corpora: set QUERN_CORPORA (not under the race detector)")
	}
	if lines := runChild(t, root); len(lines) == 0 {
		t.Fatalf("no files under %s", root)
	}
}

// Files of a few hundred bytes that stand for gigabytes are refused before the
// memory for them is taken.
func TestHostileFilesTakeNoMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs more address space than the child may have")
	}
	root := t.TempDir()
	for name, forge := range hostileFiles() {
		f := forged{rows: 8}
		forge(&f)
		if err := os.WriteFile(filepath.Join(root, name), f.bytes(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if lines := runChild(t, root); len(lines) != len(hostileFiles()) {
		t.Errorf("%d files were read", len(lines))
	}
}

// runChild reads the files under root in a child process with little address space
// and fails on faults, on too much memory and on too much time.
func runChild(t *testing.T, root string) (lines [][]string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childVariable+"="+root)
	child.Stderr = os.Stderr
	out, err := child.Output()
	if err != nil {
		t.Errorf("the child ended with %v after %s", err, out[bytes.LastIndexByte(bytes.TrimSpace(out), '\n')+1:])
	}
	peak := int64(0)
	for scanner := bufio.NewScanner(bytes.NewReader(out)); scanner.Scan(); {
		l := strings.Split(scanner.Text(), "\t")
		var millis, resident int64
		if _, err := fmt.Sscan(l[1]+" "+l[2], &millis, &resident); err != nil {
			t.Fatal(err)
		}
		if millis > maxMillis || resident > maxResidentKiB || strings.Contains(l[3], "FAULT") {
			t.Errorf("%s: %d ms, peak %d KiB, %s", l[0], millis, resident, l[3])
		}
		peak = max(peak, resident)
		lines = append(lines, l)
	}
	t.Logf("%d files, peak %d MiB", len(lines), peak>>10)
	return lines
}

// The healthy files hold what parquet-go reads from them.
func TestCorporaAgreeWithParquetGo(t *testing.T) {
	compared := 0
	for _, name := range []string{
		"alltypes_dictionary", "alltypes_plain", "alltypes_plain.snappy", "binary_truncated_min_max", "byte_stream_split.zstd",
		"byte_stream_split_extended.gzip", "data_index_bloom_encoding_stats", "datapage_v1-snappy-compressed-checksum",
		"datapage_v2.snappy", "delta_encoding_optional_column", "delta_encoding_required_column", "delta_length_byte_array",
		"dict-page-offset-zero", "fixed_length_byte_array", "float16_nonzeros_and_nans", "int32_with_null_pages",
		"list_columns", "lz4_raw_compressed", "nested_maps.snappy", "nonnullable.impala", "null_list", "nullable.impala",
		"page_v2_empty_compressed", "repeated_primitive_no_list",
		"plain-dict-uncompressed-checksum", "rle-dict-snappy-checksum", "rle_boolean_encoding",
	} {
		data, err := os.ReadFile("testdata/corpora/data/" + name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		s, err := openBytes(data)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { compared += compare(t, data, theirs(t, data, names(s.Schema()))) })
	}
	if compared < 10_000 {
		t.Errorf("only %d values were compared", compared)
	}
}
