package real_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/features/real"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/golden.txt anew")

// goldenText lists arguments and results in hexadecimal bits, for back ends to
// reproduce: function, argument (pow: two), result, then the same in decimal.
func goldenText() string {
	var b strings.Builder
	b.WriteString("# function, argument(s), result: bits of float64; then in decimal. Every back end gives these bits.\n")
	special := []float64{0, math.Copysign(0, -1), 1, -1, math.Inf(1), math.Inf(-1), math.NaN(), math.SmallestNonzeroFloat64, math.MaxFloat64, -2.5}
	r := rand.New(rand.NewPCG(9, 10))
	for _, fn := range functions() {
		args := append([]float64(nil), special...)
		for i := range 18 {
			x := (r.Float64() - 0.4) * math.Ldexp(1, i-4)
			if fn.name == "log" {
				x = math.Abs(x)
			}
			args = append(args, x)
		}
		args = append(args, map[string][]float64{
			"log": {0x1p-1060, 0x1.6a09ep0, 0x1.6a09fp0}, "log1p": {1e-20, 1e300, -0.999999},
			"exp": {709.7, -744.1, -709}, "expm1": {709.7, 1e-20, -40.5},
			"sin": {1e22, 0x1.6ac5b262ca1ffp+849, 355}, "cos": {1e22, 0x1.6ac5b262ca1ffp+849, 1.5707963267948966}}[fn.name]...)
		for _, x := range args {
			y := fn.f(x)
			fmt.Fprintf(&b, "%s %016x %016x # %v -> %v\n", fn.name, math.Float64bits(x), math.Float64bits(y), x, y)
		}
	}
	pow := func(x, y float64) {
		z := real.Pow(x, y)
		fmt.Fprintf(&b, "pow %016x %016x %016x # %v ^ %v = %v\n", math.Float64bits(x), math.Float64bits(y), math.Float64bits(z), x, y, z)
	}
	for i := range 20 {
		x := math.Ldexp(r.Float64(), i*40-400)
		pow(x, (r.Float64()*1400-700)/math.Log(x))
	}
	for _, p := range [][2]float64{{2, 0.5}, {10, 22}, {10, -5}, {-3, 3}, {-3, 0.5}, {0, -1}, {math.Inf(-1), 3}, {1, math.NaN()}, {3, 0}, {0.5, 1074}, {1.5, 1e300}, {0x1p-1070, 0.99}, {1 + 0x1p-52, 0x1p60}} {
		pow(p[0], p[1])
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	const file = "testdata/golden.txt"
	got := goldenText()
	if *rewrite {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old, now := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	if len(old) != len(now) {
		t.Fatalf("%d lines, want %d", len(now), len(old))
	}
	for i := range old {
		if old[i] != now[i] {
			t.Errorf("line %d: %s\nwant %s", i+1, now[i], old[i])
		}
	}
}

// Every product stands alone in a conversion, or the compiler may fuse it with a sum.
func TestNothingFuses(t *testing.T) {
	products := 0
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		alone := map[ast.Node]bool{}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "float64" && len(n.Args) == 1 {
					alone[n.Args[0]] = true
				}
			case *ast.BinaryExpr:
				if n.Op == token.MUL {
					products++
					if !alone[n] && !harmless(n) {
						t.Errorf("%s: a product outside of float64() at offset %d", name, n.Pos())
					}
				}
			case *ast.SelectorExpr:
				if n.Sel.Name == "FMA" {
					t.Errorf("%s uses math.FMA", name)
				}
			}
			return true
		})
	}
	if products < 60 {
		t.Errorf("only %d products found", products)
	}
}

// harmless reports a doubling (exact, fused or not) or a product of integers.
func harmless(n *ast.BinaryExpr) bool {
	if two, ok := n.X.(*ast.BasicLit); ok && two.Value == "2" {
		return true
	}
	x, ok := n.X.(*ast.Ident)
	y, ok2 := n.Y.(*ast.Ident)
	return ok && ok2 && x.Name == "m" && y.Name == "v0"
}
