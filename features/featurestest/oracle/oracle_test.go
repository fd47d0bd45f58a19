package oracle

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"quern/cpu"
	"quern/pipeline"
	"quern/pipeline/recipe"
)

// root is the repository's folder, seen from here.
const root = "../../.."

// python returns the interpreter of the oracles' environment.
func python(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("the Python oracles take too long for -short")
	}
	path, err := filepath.Abs(filepath.Join(root, "build/oracle/bin/python"))
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := os.ReadFile(filepath.Join(root, "scripts/requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	made, _ := os.ReadFile(filepath.Join(root, "build/oracle/requirements.txt"))
	if _, err := os.Stat(path); err == nil && bytes.Equal(wanted, made) {
		return path
	}
	if os.Getenv("QUERN_REQUIRE_ORACLE") != "" {
		t.Fatal("build/oracle is not there, or of other packages than scripts/requirements.txt: run `make oracle`")
	}
	t.Skip("build/oracle is not there, or outdated, so numpy, pandas and scikit-learn are not compared: run `make oracle`")
	return ""
}

// long reports whether what takes minutes is wanted.
func long() bool { return os.Getenv("QUERN_LONG") != "" }

func TestRandomTablesAgreeWithTheLibraries(t *testing.T) {
	interpreter := python(t)
	seeds := []uint64{1, 3} // 3: in some recipes no row of the smallest file passes source.where
	if long() {
		seeds = []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			dir := t.TempDir()
			writeTables(t, dir, seed, 700, 1, 400, 33)
			copyFiles(t, dir, "testdata/recipes/*.yaml")
			writeExpressions(t, filepath.Join(dir, "expressions.yaml"))
			runAll(t, dir)
			agree(t, interpreter, dir, "KBinsDiscretizer", "MinMaxScaler", "OneHotEncoder", "OrdinalEncoder", "RobustScaler",
				"SimpleImputer", "StandardScaler", "TargetEncoder", "numpy.linspace", "numpy.quantile", "numpy.std")
		})
	}
}

func TestTheFlightsAgreeWithTheLibraries(t *testing.T) {
	interpreter := python(t)
	files := []string{"examples/flights/flights-200k.parquet"}
	if all := "build/data/flights-3m.parquet"; long() {
		if _, err := os.Stat(filepath.Join(root, all)); err != nil {
			t.Fatalf("%s is not there: run `make data`", all)
		}
		files = append(files, all)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			dir := t.TempDir()
			copyFiles(t, dir, filepath.Join(root, file))
			copyFiles(t, dir, "testdata/flights/*.yaml")
			copyFiles(t, dir, filepath.Join(root, "examples/flights/recipe.yaml"))
			runAll(t, dir)
			agree(t, interpreter, dir, "KBinsDiscretizer", "MinMaxScaler", "RobustScaler", "StandardScaler", "TargetEncoder", "numpy.quantile")
		})
	}
}

// runAll runs every recipe of a folder, with all the outputs that compare.py wants.
func runAll(t *testing.T, dir string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recipes: %v", err)
	}
	for _, path := range paths {
		out := "out/" + strings.TrimSuffix(filepath.Base(path), ".yaml")
		ctx, o := context.Background(), pipeline.Options{Backend: cpu.New()}
		wide := parse(t, path, out+"/wide", recipe.Float64, &recipe.TensorOutput{Path: recipe.Name{Text: out + "/matrix"}, DType: recipe.Float64})
		result, err := pipeline.Run(ctx, wide, o)
		if err != nil {
			t.Fatalf("%s: %v", filepath.Base(path), err)
		}
		served := parse(t, path, out+"/served", recipe.Float64, nil)
		if _, err := pipeline.Transform(ctx, result.Model, served, false, o); err != nil {
			t.Fatalf("%s, served: %v", filepath.Base(path), err)
		}
		narrow := parse(t, path, out+"/narrow", recipe.Float32,
			&recipe.TensorOutput{Path: recipe.Name{Text: out + "/vectors"}, Format: recipe.NPY, Layout: recipe.Columns})
		if _, err := pipeline.Run(ctx, narrow, o); err != nil {
			t.Fatalf("%s: %v", filepath.Base(path), err)
		}
	}
}

// parse reads a recipe and gives it other outputs; a tensor only if it has one.
func parse(t *testing.T, path, table string, dtype recipe.DType, tensor *recipe.TensorOutput) *recipe.Recipe {
	t.Helper()
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(path, source)
	if err != nil {
		t.Fatal(err)
	}
	r.Output.Parquet = &recipe.ParquetOutput{Path: recipe.Name{Text: table}, DType: dtype, Codec: recipe.Snappy}
	if r.Output.Tensor != nil {
		r.Output.Tensor = tensor
	}
	return r
}

// agree lets Python compute everything in dir again. There must be no difference, and
// every one of the libraries must have had something to say.
func agree(t *testing.T, interpreter, dir string, libraries ...string) {
	t.Helper()
	out, err := compare(interpreter, dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
	recipes, _ := filepath.Glob(filepath.Join(dir, "*.yaml"))
	summary := regexp.MustCompile(`(?m)^recipes (\d+) columns \d+ values \d+ failures 0$`).FindSubmatch(out)
	if summary == nil || string(summary[1]) != fmt.Sprint(len(recipes)) {
		t.Fatalf("compare.py must report %d recipes without a failure, and says:\n%s", len(recipes), out)
	}
	for _, library := range libraries {
		if !regexp.MustCompile(`(?m)^library ` + library + ` [1-9]`).Match(out) {
			t.Errorf("nothing was compared with %s", library)
		}
	}
}

// compare runs testdata/compare.py, which exits with 1 where something differs.
func compare(interpreter, dir string) ([]byte, error) {
	command := exec.Command(interpreter, "testdata/compare.py", dir)
	command.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	return command.CombinedOutput()
}

// The oracles are told of another recipe than the one that was run: they must see it,
// and name recipe, column and row.
func TestTheOraclesSeeDifferences(t *testing.T) {
	interpreter := python(t)
	dir := t.TempDir()
	writeTables(t, dir, 1, 50)
	path := filepath.Join(dir, "one.yaml")
	text := `quern: 1
name: one
source: {parquet: table-*.parquet}
features:
  - {columns: [x], steps: [{standardize: {ddof: 0}}]}
  - {columns: [city], steps: [{categorify: {order: count}}]}
  - {columns: [word], steps: [{hash_bucket: {buckets: 97}}]}
  - {columns: [few], steps: [{fill: {with: 1}}]}
  - {columns: [day], steps: [{datetime: {parts: [month]}}]}
output:
  parquet: {path: out}
`
	write(t, path, text)
	runAll(t, dir)
	if out, err := compare(interpreter, dir); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	other := strings.NewReplacer("ddof: 0", "ddof: 1", "order: count", "order: value", "buckets: 97", "buckets: 98",
		"with: 1", "with: 2", "parts: [month]", "parts: [year]")
	write(t, path, other.Replace(text))
	out, err := compare(interpreter, dir)
	if err == nil {
		t.Fatal("no difference found")
	}
	for _, want := range []string{"one: x, row ", "one: city, row ", "one: word, row ", "one: few, row ", "['day_month'] too many, ['day_year'] missing"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in what the oracles say:\n%s", want, out)
		}
	}
}

// copyFiles copies the files that match a pattern into dir.
func copyFiles(t *testing.T, dir, pattern string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, filepath.Base(path)), string(data))
	}
}

// writeExpressions writes a recipe with a feature for every expression of the first
// part of testdata/expressions.txt.
func writeExpressions(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var b strings.Builder
	b.WriteString("quern: 1\nname: expressions\nsource: {parquet: table-*.parquet}\nfeatures:\n")
	count := 0
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "# Conditions") {
			break
		}
		if ours, _, ok := cutTwin(line); ok {
			count++
			fmt.Fprintf(&b, "  - {name: e%02d, expr: %q}\n", count, ours)
		}
	}
	b.WriteString("output:\n  parquet: {path: out}\n")
	if count < 30 {
		t.Fatalf("only %d expressions found", count)
	}
	write(t, path, b.String())
}

// write writes a file.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
}

// cutTwin splits a line into quern's expression and its Python twin.
func cutTwin(line string) (ours, theirs string, ok bool) {
	if strings.HasPrefix(line, "#") {
		return "", "", false
	}
	for _, arrow := range []string{"  =>  ", "  ?>  "} {
		if ours, theirs, ok = strings.Cut(line, arrow); ok {
			return ours, theirs, true
		}
	}
	return "", "", false
}
