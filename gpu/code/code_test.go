package code

import (
	"flag"
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"quern/features/column"
	"quern/features/program"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files anew")

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile("../kernels/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// enumerators returns the names in an enum that starts with first.
func enumerators(t *testing.T, text, first string) []string {
	t.Helper()
	m := regexp.MustCompile(`enum \{\s*(` + first + `\b[^}]*)\}`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no enum of %s", first)
	}
	return regexp.MustCompile(`[A-Z][A-Z0-9_]*\b(\s*=\s*\d+)?`).FindAllString(m[1], -1)
}

// TestNumbersAreTheKernels compares what the interpreter and this package both say.
func TestNumbersAreTheKernels(t *testing.T) {
	names := enumerators(t, read(t, "program.cuh"), "OP_NULL")
	if len(names) != int(numOps) {
		t.Errorf("%d operations, the kernel has %d", numOps, len(names))
	}
	for op := range numOps {
		if want := "OP_" + strings.ToUpper(op.String()); int(op) < len(names) && names[op] != want {
			t.Errorf("operation %d is %s, in the kernel %s", op, want, names[op])
		}
	}
	for i, name := range enumerators(t, read(t, "date.cuh"), "YEAR") {
		want := strings.ToUpper(program.Part(i + 1).String())
		if got, _, _ := strings.Cut(name, " "); got != want {
			t.Errorf("part %d is %s, in the kernel %s", i+1, want, got)
		}
	}
	if got := strings.Join(enumerators(t, read(t, "common.cuh"), "BOOL"), ","); got != "BOOL = 0,I32 = 1,I64 = 2,F32 = 3,F64 = 4" {
		t.Error(got)
	}
	for name, want := range map[string]int{"PROGRAM_BLOCK": Block, "PROGRAM_REGISTERS": Registers, "IMMEDIATE": immediateRegister} {
		if !strings.Contains(read(t, "program.cuh"), "#define "+name+" "+strconv.Itoa(want)+"\n") {
			t.Errorf("%s is not %d", name, want)
		}
	}
	for name, want := range map[string]int{"VALUE": FaultValue, "RANGE": FaultRange, "CODE": FaultCode} {
		if !strings.Contains(read(t, "common.cuh"), "FAULT_"+name+" = "+strconv.Itoa(want)+",") {
			t.Errorf("fault %s is not %d", name, want)
		}
	}
	if !strings.Contains(read(t, "search.cuh"), "PLACE_FACTOR 0x9E3779B97F4A7C15ull") || uint64(placeFactor) != 0x9E3779B97F4A7C15 {
		t.Error("tables are hashed in two ways")
	}
}

// TestColumnLayout reads the struct of the header: its fields lie as Append writes them.
func TestColumnLayout(t *testing.T) {
	body := regexp.MustCompile(`struct Column \{([^}]*)\}`).FindStringSubmatch(read(t, "common.cuh"))[1]
	c := Column{Values: 0x11, Valid: 0x22, Index: 0x33, Type: F32, Width: 0x55, Slots: 0x66}
	want := map[string]byte{"values": 0x11, "valid": 0x22, "index": 0x33, "type": byte(F32), "width": 0x55, "slots": 0x66}
	data, at := c.Append(nil), 0
	for _, m := range regexp.MustCompile(`(?m)^\s*u(32|64) (\w+);`).FindAllStringSubmatch(body, -1) {
		if at >= len(data) || data[at] != want[m[2]] {
			t.Errorf("%s is not at byte %d", m[2], at)
		}
		size, _ := strconv.Atoi(m[1])
		at += size / 8
	}
	if at != ColumnSize || len(data) != ColumnSize {
		t.Errorf("%d bytes, written %d, said to be %d", at, len(data), ColumnSize)
	}
}

// goldenProgram has what the text of code should show.
func goldenProgram() *program.Program {
	b := program.NewBuilder(column.Schema{
		{Name: "x", Type: column.Float32}, {Name: "unused", Type: column.Int64}, {Name: "n", Type: column.Int32}, {Name: "at", Type: column.Timestamp},
	})
	x, n, at := b.Load(0), b.Load(2), b.Load(3)
	emit := func(op program.Op, imm program.Imm, args ...program.Register) program.Register {
		return b.Emit(op, imm, args...)
	}
	clipped := emit(program.Clamp, program.Imm{}, emit(program.Log1p, program.Imm{}, b.Coalesce(x, b.ConstTyped(column.Float32, program.Value{}))), b.ConstFloat(-0.5), b.ConstFloat(800))
	b.Output("clipped", emit(program.Div, program.Imm{}, emit(program.Sub, program.Imm{}, clipped, b.ConstFloat(3.25)), b.ConstFloat(1.5)), program.RoleFeature)
	b.Output("dot", emit(program.Dot, program.Imm{Floats: []float64{2, 3, 1}}, clipped, x), program.RoleFeature)
	hour := emit(program.DatePart, program.Imm{Part: program.Hour, Text: "Europe/Berlin"}, at)
	b.Output("hour", hour, program.RoleFeature)
	b.Output("minute", emit(program.DatePart, program.Imm{Part: program.Minute, Text: "Europe/Berlin"}, at), program.RoleFeature)
	b.Output("cross", emit(program.Bucket, program.Imm{Int: 1000}, emit(program.HashMix, program.Imm{Int: 7}, hour, emit(program.Hash, program.Imm{Text: "xxh3"}, n), hour)), program.RoleFeature)
	b.Output("nothing", emit(program.Add, program.Imm{}, n, b.ConstNull(column.Int32)), program.RoleFeature)
	b.Output("same", emit(program.Neg, program.Imm{}, b.Emit(program.Add, program.Imm{}, n, n)), program.RoleKeep)
	return b.Finish()
}

func TestTextOfCode(t *testing.T) {
	p := goldenProgram()
	var results []Result
	for _, o := range p.Outputs {
		held, _ := RegisterType(p.Code[o.Register].Type)
		results = append(results, Result{o.Register, held})
	}
	c, err := Encode(p, results)
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/code.txt"
	got := p.Text() + "\n" + c.String()
	if *rewrite {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || string(want) != got {
		t.Errorf("%v\n%s", err, got)
	}
	again, err := Encode(p, results)
	if err != nil || string(again.Constants) != string(c.Constants) {
		t.Error("not the same code twice")
	}
	if len(c.Inputs) != 3 || c.Columns != len(p.Inputs)+len(results) || c.Scratch != 0 {
		t.Errorf("inputs %v, %d columns, scratch %d", c.Inputs, c.Columns, c.Scratch)
	}
}

func TestSupports(t *testing.T) {
	text, number, list := column.String, column.Float64, column.ListOf(column.Int64)
	mixed := make([]column.Type, maxMixed+1)
	for i := range mixed {
		mixed[i] = column.Int64
	}
	for _, c := range []struct {
		in   program.Instr
		args []column.Type
		want bool
	}{
		{program.Instr{Op: program.Load, Type: number}, nil, true},
		{program.Instr{Op: program.Load, Type: text}, nil, false},
		{program.Instr{Op: program.Add, Type: number}, []column.Type{number, number}, true},
		{program.Instr{Op: program.Abs, Type: list}, []column.Type{list}, true},
		{program.Instr{Op: program.Format, Type: text}, []column.Type{number}, false},
		{program.Instr{Op: program.Hash, Type: column.Int64}, []column.Type{text}, false},
		{program.Instr{Op: program.Lookup, Type: number}, []column.Type{text}, false},
		{program.Instr{Op: program.Eq, Type: column.Bool}, []column.Type{text, text}, false},
		{program.Instr{Op: program.ListSum, Type: column.Int64}, []column.Type{list}, false},
		{program.Instr{Op: program.HashMix, Type: column.Int64}, mixed[1:], true},
		{program.Instr{Op: program.HashMix, Type: column.Int64}, mixed, false},
	} {
		if got := Supports(&c.in, c.args); got != c.want {
			t.Errorf("%s%v: %v", c.in.Op, c.args, got)
		}
	}
	p := &program.Program{Inputs: column.Schema{{Name: "s", Type: text}}, Code: []program.Instr{{Op: program.Load, Type: text, Origin: -1}}}
	if _, err := Encode(p, nil); err == nil {
		t.Error("a string is encoded")
	}
}

// TestHashTable finds every key by the kernel's walk, and others not, among them the
// word that marks what is empty.
func TestHashTable(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 4, 7, 8, 1000} {
		keys, values := column.Vector{Type: column.Int64}, column.Vector{Type: column.Int64}
		for i := range n {
			program.AppendRegister(&keys, program.Value{Int: int64(-i - 1 + i%2*5000)})
			program.AppendRegister(&values, program.Value{Int: int64(i)})
		}
		table := program.NewTable("t", keys, values)
		words := hashTable(&table)
		places := (len(words) - 4) / 2
		if places < 2*n || places != 1<<(64-words[0]) {
			t.Errorf("%d keys in %d places", n, places)
		}
		find := func(key uint64) (uint64, bool) {
			for at := key * placeFactor >> words[0]; ; at = (at + 1) % uint64(places) {
				switch words[4+2*at] {
				case words[1]:
					return 0, false
				case key:
					return words[5+2*at], true
				}
			}
		}
		for i := range n {
			if v, ok := find(uint64(keys.Int64s[i])); !ok || v != uint64(i) {
				t.Errorf("key %d of %d: %d %v", i, n, v, ok)
			}
		}
		for _, key := range []uint64{words[1], 77777, 0} {
			if _, ok := find(key); ok {
				t.Errorf("%d is found", key)
			}
		}
	}
}

// TestTwoOverPi computes the table by Machin's formula: pi = 16 atan(1/5) - 4 atan(1/239).
func TestTwoOverPi(t *testing.T) {
	const size = 1400 // bits after the point
	pi := bigSub(bigMul(16, arctan(5, size)), bigMul(4, arctan(239, size)))
	bits := bigDiv(size, pi)
	for i, word := range twoOverPi()[1:19] {
		if want := bigWord(bits, size, i); word != want {
			t.Errorf("word %d is %x, not %x", i, word, want)
		}
	}
	if math.Abs(float64(twoOverPi()[1])/0x1p64-2/math.Pi) > 1e-15 {
		t.Error("not 2/pi")
	}
}
