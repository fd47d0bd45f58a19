package fake_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"quern/gpu/fake"
	"quern/gpu/ptx"
)

// form is one instruction form: code computes from %a, %b, %c, %d of the types
// in to %y and %z of the types out; want computes the same from the bits.
type form struct {
	code    string
	in, out []string
	want    func(x []uint64) []uint64
}

// f makes a form with one result.
func f(code, in, out string, want func(x []uint64) uint64) form {
	return form{code, strings.Fields(in), []string{out}, func(x []uint64) []uint64 { return []uint64{want(x)} }}
}

// bitsOf returns the width of a type.
func bitsOf(t string) int {
	var n int
	fmt.Sscanf(t[1:], "%d", &n)
	return n
}

// declare returns the declaration of a register that holds t.
func declare(t, name string) string {
	kind := t
	if t == "pred" || t[0] == 'f' {
	} else if bitsOf(t) < 16 {
		kind = "b16"
	} else {
		kind = fmt.Sprintf("b%d", bitsOf(t))
	}
	return fmt.Sprintf("\t.reg .%s %%%s;\n", kind, name)
}

// entry writes a kernel that applies form i to row tid of its input.
func (x form) entry(i int) string {
	var s strings.Builder
	fmt.Fprintf(&s, ".visible .entry form%d(\n\t.param .u64 in,\n\t.param .u64 out,\n\t.param .u32 n\n)\n{\n", i)
	s.WriteString("\t.reg .b64 %in, %out, %at;\n\t.reg .b32 %i, %n, %w;\n\t.reg .pred %over, %q;\n")
	for j, t := range x.in {
		s.WriteString(declare(t, string("abcd"[j])))
	}
	for j, t := range x.out {
		s.WriteString(declare(t, string("yz"[j])))
	}
	s.WriteString("\tld.param.u64 %in, [in];\n\tld.param.u64 %out, [out];\n\tld.param.u32 %n, [n];\n" +
		"\tmov.u32 %i, %tid.x;\n\tmov.u32 %w, %ctaid.x;\n\tmad.lo.u32 %i, %w, 256, %i;\n\tsetp.ge.u32 %over, %i, %n;\n\t@%over bra DONE;\n")
	fmt.Fprintf(&s, "\tmul.wide.u32 %%at, %%i, %d;\n\tadd.s64 %%in, %%in, %%at;\n", 8*len(x.in))
	for j, t := range x.in {
		name := string("abcd"[j])
		if t == "pred" {
			fmt.Fprintf(&s, "\tld.global.u32 %%w, [%%in+%d];\n\tsetp.ne.u32 %%%s, %%w, 0;\n", 8*j, name)
			continue
		}
		fmt.Fprintf(&s, "\tld.global.%s %%%s, [%%in+%d];\n", t, name, 8*j)
	}
	for _, line := range strings.Split(x.code, ";") {
		if line = strings.TrimSpace(line); line != "" {
			fmt.Fprintf(&s, "\t%s;\n", line)
		}
	}
	fmt.Fprintf(&s, "\tmul.wide.u32 %%at, %%i, %d;\n\tadd.s64 %%out, %%out, %%at;\n", 8*len(x.out))
	for j, t := range x.out {
		name := string("yz"[j])
		if t == "pred" {
			fmt.Fprintf(&s, "\tselp.u32 %%w, 1, 0, %%%s;\n\tst.global.u32 [%%out+%d], %%w;\n", name, 8*j)
			continue
		}
		fmt.Fprintf(&s, "\tst.global.%s [%%out+%d], %%%s;\n", t, 8*j, name)
	}
	s.WriteString("DONE:\n\tret;\n}\n")
	return s.String()
}

// edges returns values of a type that matter, as bits.
func edges(t string) []uint64 {
	switch t {
	case "pred":
		return []uint64{0, 1}
	case "f32":
		var v []uint64
		for _, x := range []float64{0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3.7, 1e10, -1e10, 255.5, 65535.9, 1 << 31, 1 << 32, 1 << 63, -(1 << 31), 3.4e38, 1e-38, 1e-45, math.Inf(1), math.Inf(-1)} {
			v = append(v, uint64(math.Float32bits(float32(x))))
		}
		return append(v, 0x80000000, 0x7fc00000, 0xffc00001, 0x7f7fffff, 0x00800000, 0x007fffff, 0x4b800001)
	case "f64":
		var v []uint64
		for _, x := range []float64{0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3.7, 1e10, -1e10, 1e300, -1e-300, 2147483647.5, 4294967295.5, 1 << 53, 1 << 63, 1 << 64, -(1 << 63), 5e-324, math.Inf(1), math.Inf(-1)} {
			v = append(v, math.Float64bits(x))
		}
		return append(v, 1<<63, 0x7ff8000000000000, 0xfff8000000000123, 0x7fefffffffffffff, 0x3ff0000000000001, 0x000fffffffffffff)
	}
	w := bitsOf(t)
	mask := uint64(math.MaxUint64) >> (64 - w)
	v := []uint64{0, 1, 2, 3, 7, 8, 15, 31, 32, 33, 63, 64, 65, 255, mask, mask - 1, mask >> 1, mask>>1 + 1, mask >> 2, 0x0123456789abcdef & mask, 0xfedcba9876543210 & mask, 0x8000000180000001 & mask, 0xff00ff00ff00ff00 & mask}
	return v
}

// rows returns inputs: all combinations of edges if they are few, else some,
// and random values.
func (x form) rows(r *rand.Rand) [][]uint64 {
	const most = 768
	var rows [][]uint64
	total := 1
	for _, t := range x.in {
		total *= len(edges(t))
	}
	for i := range min(total, most) {
		n := i
		if total > most {
			n = r.IntN(total)
		}
		var row []uint64
		for _, t := range x.in {
			e := edges(t)
			row = append(row, e[n%len(e)])
			n /= len(e)
		}
		rows = append(rows, row)
	}
	for range 96 {
		var row []uint64
		for _, t := range x.in {
			v := r.Uint64()
			if t == "pred" {
				v &= 1
			} else {
				v &= math.MaxUint64 >> (64 - bitsOf(t))
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	return rows
}

// same reports whether two results are equal; NaNs are, whatever their bits.
func same(t string, a, b uint64) bool {
	switch t {
	case "f32":
		x, y := math.Float32frombits(uint32(a)), math.Float32frombits(uint32(b))
		return a == b || x != x && y != y
	case "f64":
		x, y := math.Float64frombits(a), math.Float64frombits(b)
		return a == b || x != x && y != y
	case "pred":
		return a&1 == b&1
	}
	mask := uint64(math.MaxUint64) >> (64 - bitsOf(t))
	return a&mask == b&mask
}

func words(rows [][]uint64) []byte {
	var b []byte
	for _, row := range rows {
		for _, v := range row {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	return b
}

// TestForms runs every instruction form on the CPU and holds it against Go.
func TestForms(t *testing.T) {
	var forms []form
	for _, family := range []func() []form{integerForms, wideForms, bitForms, shiftForms, floatForms, convertForms, compareForms, moveForms} {
		forms = append(forms, family()...)
	}
	text := ".version 8.4\n.target sm_75\n.address_size 64\n"
	for i, x := range forms {
		text += x.entry(i)
	}
	m, err := ptx.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if found := m.Check(); found != nil {
		t.Fatal(found)
	}
	for _, s := range []fake.Sanitizer{fake.None, fake.Undefined} {
		h := start(t, build(t, map[string][]byte{"forms": []byte(text)}, s), "seed=3")
		h.module(0, []byte(text))
		for i, x := range forms {
			x.run(h, i)
		}
	}
	t.Logf("%d forms", len(forms))
}

// run launches form i and compares. Buffers 0 and 1 are its input and output.
func (x form) run(h *host, i int) {
	rows := x.rows(rand.New(rand.NewPCG(1, uint64(i))))
	in, out := words(rows), 8*len(x.out)*len(rows)
	h.device(0, in)
	h.device(1, make([]byte, out))
	h.ok("launch 0 0 form%d %d 256 0 d0 d1 %d", i, (len(rows)+255)/256, len(rows))
	got := h.fetch(1, out)
	for j, row := range rows {
		for k, want := range x.want(append([]uint64{}, row...)) {
			y := binary.LittleEndian.Uint64(got[8*(j*len(x.out)+k):])
			if !same(x.out[k], y, want) {
				h.t.Errorf("%s: %x: result %d is %x, want %x", x.code, row, k, y, want)
				return
			}
		}
	}
	for b := range 2 {
		h.ok("free %d", b)
		h.ok("hfree %d", b)
	}
}
