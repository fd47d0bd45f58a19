package quern_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rules is the architecture: who may import whom within the module. A pattern
// ends in /... for a tree; a package always may import its own tree's parent
// contract only if it is named here. Third-party modules are listed apart.
//
// Never widen a line to fix a build: move the code, or change the design in
// ARCHITECTURE.md and here together.
const rules = `
features/diag            -
features/real            -
features/column          features/diag
features/stat            features/column features/diag internal/simd internal/memory
features/program         features/column features/real features/diag internal/memory
features/program/programtest features/column features/program
features/expr            features/column features/program features/diag
features/backend         features/column features/stat features/program
features                 features/column features/stat features/program features/expr features/diag
features/featurestest    features/... pipeline/...
cpu/kernel               features/column features/stat features/program features/real features/diag internal/simd internal/memory
cpu                      cpu/kernel features/column features/stat features/program features/real features/backend features/diag
pipeline/store           features/diag internal/failpoint
pipeline/store/...       features/diag pipeline/store internal/failpoint
pipeline/source          features/column features/diag pipeline/store
pipeline/source/...      features/column features/diag pipeline/store pipeline/source/... internal/simd internal/jsonscan
pipeline/sink            features/column features/program
pipeline/sink/...        features/column features/program features/diag pipeline/store pipeline/sink/... internal/simd
pipeline/output          features/column features/program features/diag pipeline/store pipeline/sink internal/failpoint
pipeline/recipe          features/...
pipeline/model           features/... pipeline/store pipeline/sink/... pipeline/source/...
pipeline/tensors         features/column features/program features/diag pipeline/store pipeline/output pipeline/sink/...
pipeline                 features/... pipeline/...
shard/...                pipeline pipeline/store
shard/internal/museum    -
shard/record             -
shard/core               shard/record shard/internal/museum
shard/commitlog          shard/core shard/record pipeline/store internal/failpoint
shard/simulate           shard/core shard/record shard/internal/museum
shard/work               shard/drive shard/core shard/commitlog shard/record pipeline/... features/diag internal/failpoint
shard/drive              shard/core shard/commitlog shard/record pipeline/store internal/failpoint
shard/procs              shard/drive shard/core shard/record internal/failpoint
shard/proto              -
shard/rpc                shard/proto shard/core shard/record internal/failpoint shard/rpc/identity
shard/rpc/identity       shard/record shard/proto
shard/report             shard/core shard/commitlog shard/record
shard/k8s                shard/record
serve/...                pipeline pipeline/store features/column
serve                    serve/... features/column features/diag internal/pace
serve/row                features/column features/diag
serve/row/rowtest        serve/row features/column
serve/segment            serve/row features/column features/diag pipeline/store internal/failpoint internal/background
serve/fieldstatus        -
serve/lookup             serve/fieldstatus serve/row features/column features/diag
serve/overlay            serve/row serve/segment features/column features/diag pipeline/store internal/failpoint
serve/view               serve/row serve/segment pipeline/... features/column features/program features/diag features/backend internal/failpoint internal/background
serve/live               serve/row serve/segment serve/lookup serve/overlay serve/view serve/transform features/column features/diag features/backend internal/background internal/pace
serve/live/livetest      serve/live serve/row serve/segment serve/lookup serve/view cpu features/column pipeline pipeline/model pipeline/recipe
serve/audit              serve/fieldstatus serve/row serve/lookup serve/view pipeline/... features/column features/program features/diag
serve/tracing            features/diag
serve/peers              -
serve/gate               -
serve/port               -
serve/proto              -
serve/protofield         features/diag
serve/packed             serve/lookup serve/protofield features/column features/diag
serve/registry           serve/lookup serve/protofield features/column features/diag
serve/client             serve/fieldstatus serve/tensor serve/jsontext features/column features/diag
serve/jsontext           features/column
serve/scan               serve/lookup features/diag internal/jsonscan
serve/transform          serve/lookup serve/scan features/column features/diag features/program features/backend pipeline/model pipeline/recipe
serve/tensor             serve/fieldstatus features/column features/diag
serve/arrow              serve/tensor features/column
serve/access             serve/lookup features/diag internal/pace
serve/feast              serve/fieldstatus serve/access serve/lookup serve/protofield serve/row features/column features/diag internal/jsonscan
gpu                      features/column features/stat features/program features/backend features/diag gpu/cuda gpu/kernels gpu/code gpu/reduce
gpu/reduce               features/column features/stat gpu/code
gpu/cuda                 -
gpu/kernels              -
gpu/code                 features/column features/program
gpu/ptx                  -
gpu/fake                 gpu/ptx gpu/kernels
gpu/fake/fakegpu         gpu/fake
gpu/fake/control         gpu/fake
internal/background      -
internal/pace            -
internal/memory          -
internal/jsonscan        -
internal/failpoint       -
internal/oracletest      -
internal/s3test          -
internal/simd            features/real
internal/simd/gen        -
cmd/...                  ...
bench/...                ...
examples/train           pipeline/tensors pipeline/store
`

// third lists the modules from elsewhere, and the only packages that may use them.
// Each has a paragraph in ARCHITECTURE.md.
const third = `
github.com/andybalholm/brotli    pipeline/source/parquet
github.com/goccy/go-yaml         pipeline/recipe
github.com/klauspost/compress    pipeline/source/... pipeline/sink/... cpu/...
github.com/minio/minio-go        pipeline/store/s3
github.com/mmcloughlin/avo       internal/simd/gen
github.com/parquet-go            pipeline/source/... pipeline/sink/... pipeline/model bench
github.com/pierrec/lz4           pipeline/source/parquet
github.com/spf13                 cmd/...
github.com/twmb/murmur3          features/program
github.com/zeebo/xxh3            features/program features/stat pipeline/source/... pipeline/output cpu/kernel serve/row
go4.org/unsafe                   examples/train
go.opentelemetry.io/otel         serve/tracing
golang.org/x/sys                 cmd/... cpu/... pipeline/... internal/simd shard/procs serve/port serve/segment
google.golang.org/genproto       shard/rpc
google.golang.org/grpc           serve/proto shard/proto shard/rpc/... cmd/quern
google.golang.org/protobuf       shard/proto shard/rpc/... serve/proto serve/protofield serve/feast serve/packed serve/registry
k8s.io                           cmd/quern-k8s/...
sigs.k8s.io                      cmd/quern-k8s/...
go.etcd.io/etcd                  cmd/quern-k8s/harness
golang.org/x/term                cmd/...
gonum.org/v1/gonum               features features/stat cpu/... bench
gorgonia.org/cu                  gpu/cuda
gorgonia.org/gorgonia            examples/train
gorgonia.org/tensor              examples/train
`

// allowed reads a table of "package  targets..." lines.
func allowed(table string) map[string][]string {
	m := map[string][]string{}
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); len(f) > 0 {
			m[f[0]] = f[1:]
		}
	}
	return m
}

// covers reports whether pattern ("a/b", "a/...", "...") matches path.
func covers(pattern, path string) bool {
	if tree, ok := strings.CutSuffix(pattern, "..."); ok {
		tree = strings.TrimSuffix(tree, "/")
		return tree == "" || path == tree || strings.HasPrefix(path, tree+"/")
	}
	return pattern == path
}

// rule returns what the longest pattern that covers pkg allows it; one without "..."
// counts as longer.
func rule(table map[string][]string, pkg string) ([]string, bool) {
	best, found := "", false
	for pattern := range table {
		if covers(pattern, pkg) && (!found || pattern == pkg || best != pkg && len(pattern) > len(best)) {
			best, found = pattern, true
		}
	}
	return table[best], found
}

// violation says why pkg must not import path, or "".
func violation(pkg, path string) string {
	any := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool { return covers(p, path) })
	}
	if own, ok := strings.CutPrefix(path, "quern/"); ok {
		path = own
		targets, known := rule(allowed(rules), pkg)
		switch {
		case !known:
			return "package is not in the table of deps_test.go"
		case !any(targets):
			return "may import only " + strings.Join(targets, ", ")
		}
		return ""
	}
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return "" // the standard library
	}
	for module, users := range allowed(third) {
		if covers(module+"/...", path) {
			if slices.ContainsFunc(users, func(u string) bool { return covers(u, pkg) }) {
				return ""
			}
			return "only " + strings.Join(users, ", ") + " may use " + module
		}
	}
	return "third-party module without a line in deps_test.go and a paragraph in ARCHITECTURE.md"
}

func TestImportsFollowTheDesign(t *testing.T) {
	files := 0
	for path := range goFiles(t) {
		if strings.HasSuffix(path, "_test.go") {
			continue // tests may look everywhere
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		for _, imp := range f.Imports {
			target, _ := strconv.Unquote(imp.Path.Value)
			if why := violation(pkg, target); why != "" {
				t.Errorf("%s imports %s: %s", path, target, why)
			}
		}
	}
	if files < 50 {
		t.Fatalf("only %d files found: the walk is broken", files)
	}
}

func TestTheRulesCatchViolations(t *testing.T) {
	for _, c := range []struct {
		pkg, path string
		bad       bool
	}{
		{"cpu", "quern/features", true},
		{"cpu", "quern/features/program", false},
		{"pipeline", "quern/cpu", true},
		{"features/column", "quern/features/stat", true},
		{"pipeline/source/csv", "quern/pipeline/store", false},
		{"pipeline/source/csv", "quern/pipeline/model", true},
		{"nowhere", "quern/features", true},
		{"cpu", "github.com/spf13/cobra", true},
		{"cmd/quern", "github.com/spf13/cobra", false},
		{"cmd/quern", "github.com/unknown/thing", true},
		{"features/stat", "math/big", false},
		{"gpu", "quern/gpu/cuda", false},
		{"gpu", "gorgonia.org/cu", true},
		{"gpu/cuda", "gorgonia.org/cu", false},
		{"gpu/code", "quern/gpu/cuda", true},
	} {
		if why := violation(c.pkg, c.path); (why != "") != c.bad {
			t.Errorf("%s -> %s: %q", c.pkg, c.path, why)
		}
	}
}

// goFiles yields every Go file of the repository, relative to its root.
func goFiles(t *testing.T) func(func(string) bool) { return files(t, ".go") }

// files yields every file with one of some endings, but for test data, relative to the root.
func files(t *testing.T, endings ...string) func(func(string) bool) {
	return func(yield func(string) bool) {
		err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "build") {
				return filepath.SkipDir
			}
			if slices.Contains(endings, filepath.Ext(path)) && !yield(path) {
				return filepath.SkipAll
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
