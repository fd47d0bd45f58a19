package ptx_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quern/gpu/ptx"
)

const head = ".version 8.4\n.target sm_75\n.address_size 64\n"

// body returns a kernel with code as its body.
func body(code string) string {
	return head + ".visible .entry k(.param .u64 p, .param .u32 n)\n{\n" +
		".reg .pred %p<4>;\n.reg .b16 %h<4>;\n.reg .b32 %r<8>;\n.reg .b64 %rd<8>;\n.reg .f32 %f<4>;\n.reg .f64 %d<4>;\n" +
		code + "\n\tret;\n}\n"
}

func TestParse(t *testing.T) {
	text, err := os.ReadFile("testdata/kernels.ptx")
	if err != nil {
		t.Fatal(err)
	}
	m, err := ptx.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "8.4" || m.Target != "sm_75" || len(m.Entries) != 6 || len(m.Vars) != 4 {
		t.Errorf("version %s, target %s, %d entries, %d variables", m.Version, m.Target, len(m.Entries), len(m.Vars))
	}
	sum := m.Entries[0]
	if sum.Name != "fake_sum" || sum.MaxThreads != 256 || len(sum.Params) != 3 || sum.Params[2].Offset != 16 || sum.Params[2].Size != 4 {
		t.Errorf("%+v", sum)
	}
	if len(sum.Shared) != 1 || sum.Shared[0].Size != 2048 || sum.Shared[0].Align != 8 {
		t.Errorf("shared: %+v", sum.Shared)
	}
	table := m.Vars[0]
	if table.Name != "table_" || table.Space != "const" || table.Size != 32 || table.Init[6] != 0xe0 || table.Init[7] != 0x3f {
		t.Errorf("table: %+v", table)
	}
	if found := m.Check(); found != nil {
		t.Error(found)
	}
}

// TestRefused: what is not known is an error with its line, never a guess.
func TestRefused(t *testing.T) {
	for _, x := range []struct {
		code, want string
		line       int // in body, whose code begins at line 12
	}{
		{"fly.u32 %r1, %r2;", "unknown instruction", 12},
		{"\nadd.u32 %r1, %r2;", "2 operands are too few", 13},
		{"add.u32 %r1, %r2, %r9;", "register %r9 is not declared", 12},
		{"add.u32 %r1, %r2, %rd1;", "", 0},
		{"add.u32 %rd1, %r1, %r2;", "", 0},
		{"add.u64 %rd1, %r1, %rd2;", "too narrow", 12},
		{"add.u64 %r1, %rd1, %rd2;", "u64 result in %r1", 12},
		{"add.rz.f64 %d1, %d2, %d3;", "must be rounded by .rn", 12},
		{"add.f64 %d1, %d2, %d3;", "must be rounded by .rn", 12},
		{"fma.rn.f64 %d1, %d2, %d3, %d1;", "unknown instruction", 12},
		{"mad.rn.f64 %d1, %d2, %d3, %d1;", "fused forms never are", 12},
		{"add.rn.ftz.f32 %f1, %f2, %f3;", "modifier \"ftz\"", 12},
		{"sqrt.approx.f32 %f1, %f2;", "must be rounded", 12},
		{"sin.approx.f32 %f1, %f2;", "unknown instruction", 12},
		{"cvt.s32.f64 %r1, %d1;", "rounding to an integer is missing", 12},
		{"cvt.f32.f64 %f1, %d1;", "rounding \"\" is not known", 12},
		{"cvt.rz.f64.s64 %d1, %rd1;", "rounding must be .rn", 12},
		{"ld.local.u32 %r1, [%rd1];", "modifier \"local\"", 12},
		{".local .b8 a[4];", "local memory in k", 12},
		{"call f, (%r1);", "expected", 12},
		{"bra NOWHERE;", "no instruction at label NOWHERE", 12},
		{"A: A: mov.u32 %r1, 1;", "label A appears twice", 12},
		{"mov.u32 %r1, %clock;", "register %clock is not declared", 12},
		{"mov.u32 %r1, nothing;", "symbol nothing is not known", 12},
		{"ld.param.u64 %rd1, [n];", "out of its bounds", 12},
		{"ld.param.u64 %rd1, [m];", "no parameter m", 12},
		{"st.param.u32 [n], %r1;", "cannot be written", 12},
		{"ld.global.v4.u64 {%rd1, %rd2, %rd3, %rd4}, [%rd1];", "more than 16 bytes", 12},
		{"ld.global.v2.u32 {%r1, %r2, %r3}, [%rd1];", "want 2 elements", 12},
		{"atom.global.add.f64 %d1, [%rd1], %d2;", "is not known here", 12},
		{"red.global.add.f32 [%rd1], %f2;", "is not known here", 12},
		{"red.global.cas.b32 [%rd1], %r1, %r2;", "is not known here", 12},
		{"shfl.bfly.b32 %r1, %r2, %r3, %r4;", "without .sync", 12},
		{"bar.arrive 0, 32;", "form is not known", 12},
		{"setp.lo.s32 %p1, %r1, %r2;", "comparison \"lo\"", 12},
		{"setp.lt.b32 %p1, %r1, %r2;", "comparison \"lt\"", 12},
		{"@%r1 bra A; A: ret;", "is no predicate", 12},
		{"mov.u32 %r1, 1 2;", "expected \",\"", 12},
		{"mov.f32 %f1, 0f3F8;", "malformed", 12},
		{"mov.u32 %r1, 99999999999999999999;", "expected a number", 12},
	} {
		m, err := ptx.Parse([]byte(body(x.code)))
		if err == nil {
			_, err = m.C("k")
		}
		if x.want == "" {
			if err != nil {
				t.Errorf("%s: %v", x.code, err)
			}
			continue
		}
		var e *ptx.Error
		if !errors.As(err, &e) || !strings.Contains(e.Reason, x.want) || e.Line != x.line {
			t.Errorf("%s: %v, want line %d: %s", x.code, err, x.line, x.want)
		}
	}
}

// TestBadFiles: what is wrong outside of kernels.
func TestBadFiles(t *testing.T) {
	for _, x := range []struct{ text, want string }{
		{"", "this is not PTX"},
		{"hello", "unknown directive"},
		{".version 8.4\n.target sm_75\n.address_size 32", "64 bits"},
		{head + ".func f() { ret; }", "__forceinline__"},
		{head + ".global .align 3 .b8 a[2];", "no power of two"},
		{head + ".global .b8 a[2] = {1, 2, 3};", "more values than room"},
		{head + ".global .u32 a = 0f3F800000;", "not of type u32"},
		{head + ".global .b8 a[99999999999];", "expected a number"},
		{head + ".global .b8 a[1]; .const .b8 a[1];", "declared twice"},
		{head + ".entry k() { ret; } .entry k() { ret; }", "appears twice"},
		{head + ".entry k() { ret;", "ends too early"},
		{head + "/* never", "comment without end"},
		{head + ".file 1 \"x", "string without end"},
		{head + "?", "unexpected character"},
		{head + ".entry k() {" + strings.Repeat("{", 100), "nested too deep"},
		{head + ".global .b8 a[4] = " + strings.Repeat("{", 100), "nested too deep"},
	} {
		if _, err := ptx.Parse([]byte(x.text)); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q: %v, want %s", x.text, err, x.want)
		}
	}
}

// TestCheck: what our kernels must not contain is found, all of it at once.
func TestCheck(t *testing.T) {
	m, err := ptx.Parse([]byte(body("add.rn.f64 %d1, %d1, %d2;\nfma.rn.f64 %d1, %d2, %d3, %d1;\nmul.f32 %f1, %f2, %f3;\ndiv.full.f32 %f1, %f2, %f3;\n" +
		"add.rn.ftz.f32 %f1, %f2, %f3;\nmad.rn.f32 %f1, %f2, %f3, %f1;\nred.global.add.f64 [%rd1], %d1;\nst.local.u32 [%rd1], %r1;\n" +
		"sqrt.rz.f64 %d1, %d2;\n.local .b8 depot[8];\nmul.rm.f64 %d1, %d1, %d1;")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"line 21: k: local memory", "line 13: k: fma.rn.f64: fused", "line 14: k: mul.f32: without .rn", "line 15: k: div.full.f32: approx",
		"line 16: k: add.rn.ftz.f32: flushes", "line 17: k: mad.rn.f32: fused", "line 18: k: red.global.add.f64: float atomic",
		"line 19: k: st.local.u32: local", "line 20: k: sqrt.rz.f64: without .rn", "line 22: k: mul.rm.f64: without .rn"}
	found := m.Check()
	if len(found) != len(want) {
		t.Fatal(found)
	}
	for i, f := range found {
		if !strings.HasPrefix(f.String(), want[i]) {
			t.Errorf("%s, want %s", f, want[i])
		}
	}
	m, err = ptx.Parse([]byte(body("sin.rn.f64 %d1, %d2;")))
	if err != nil || len(m.Check()) != 1 || !strings.Contains(m.Check()[0].What, "unknown instruction") {
		t.Error("unknown instruction is not found")
	}
	m, err = ptx.Parse([]byte(body(".shared .b8 s[49153];")))
	if err != nil || len(m.Check()) != 1 || !strings.Contains(m.Check()[0].What, "shared memory") {
		t.Error("too much shared memory is not found")
	}
}

// TestOurKernels: the PTX that users run is clean.
func TestOurKernels(t *testing.T) {
	paths, err := filepath.Glob("../kernels/*.ptx")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := ptx.Parse(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, f := range m.Check() {
			t.Errorf("%s: %s", path, f)
		}
	}
}

// FuzzParse: no text makes the parser or the translator panic or hang, and what
// they refuse they refuse with an *Error.
func FuzzParse(f *testing.F) {
	kernels, err := os.ReadFile("testdata/kernels.ptx")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(kernels)
	for _, code := range []string{"", "@!%p1 bra A; A: ret;", "T: .branchtargets A, A; A: brx.idx %r1, T;", "{ .reg .b32 %r1; mov.b64 {%r1, _}, %rd1; }",
		"shfl.sync.up.b32 %r1|%p1, %r2, 1, 0, -1;", "st.global.v2.f64 [%rd1+8], {%d1, %d2};", "setp.ltu.and.f64 %p1|%p2, %d1, 0d3FF0000000000000, !%p3;"} {
		f.Add([]byte(body(code)))
	}
	f.Add([]byte(head + ".const .align 8 .f64 t[2] = {0d3FF0000000000000, 0d0000000000000000};\n.global .u32 g[2][2] = {{1, 2}, {3, -4}};"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := ptx.Parse(text)
		var e *ptx.Error
		if err != nil {
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		if _, err := m.C("x"); err != nil && !errors.As(err, &e) {
			t.Fatal(err)
		}
		m.Check()
	})
}
