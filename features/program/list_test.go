package program

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
)

// lifts calls f with every way to make lists of some of the types.
func lifts(types []column.Type, f func([]column.Type)) {
	for some := 1; some < 1<<len(types); some++ {
		lifted := slices.Clone(types)
		for i := range lifted {
			if some>>i&1 == 1 {
				lifted[i] = column.ListOf(lifted[i])
			}
		}
		f(lifted)
	}
}

// Where an operation is defined for scalars, it is for lists in the place of some of
// them, gives a list of what it gives, and nowhere else.
func TestTypeRuleOfElements(t *testing.T) {
	eachTyped(func(op Op, to column.Type, imm Imm, args []column.Type) {
		if op.Whole() {
			return
		}
		lifts(args, func(lifted []column.Type) {
			if got, err := Infer(op, imm, lifted, column.ListOf(to)); err != nil || got != column.ListOf(to) {
				t.Fatalf("%s%s gives %s, %v", op, typeList(lifted), got, err)
			}
			if _, err := Infer(op, imm, lifted, to); err == nil {
				t.Fatalf("%s%s gives the scalar %s", op, typeList(lifted), to)
			}
		})
	})
	for _, args := range [][]column.Type{{column.ListOf(column.String)}, {column.ListOf(column.Int64), column.ListOf(column.Float64)}} {
		if got, err := Infer(Add, Imm{}, args, column.Invalid); err == nil {
			t.Errorf("add%s gives %s", typeList(args), got)
		}
	}
}

// The meaning of an operation on lists is its meaning on every element: null lists
// stay null, constants go with every element, and the first fault is that of the
// first element that has one.
func TestMeaningOfElements(t *testing.T) {
	rng, checked := rand.New(rand.NewPCG(1, 2)), 0
	eachTyped(func(op Op, to column.Type, imm Imm, args []column.Type) {
		if op == Load || op.Whole() || op == Lookup && !lookupFits(imm, args, to) {
			return
		}
		lifts(args, func(lifted []column.Type) {
			f, err := prepare(op, column.ListOf(to), imm, lifted, testTables())
			if err != nil {
				t.Fatal(err)
			}
			g, err := prepare(op, to, imm, args, testTables())
			if err != nil {
				t.Fatal(err)
			}
			for n := range 13 {
				n /= 3
				row := make([]Value, len(args))
				for i := range args {
					row[i] = drawn(rng, lifted[i], n-1)
				}
				checked++
				got, fault := apply(op, column.ListOf(to), f, row)
				want, wantFault := byElements(op, to, g, lifted, row, n-1)
				if (fault == nil) != (wantFault == nil) || fault != nil && fault.Error() != wantFault.Error() ||
					!EqualValues(column.ListOf(to), got, want) {
					t.Fatalf("%s%s of %v: %v, %v, not %v, %v", op, typeList(lifted), row, got, fault, want, wantFault)
				}
			}
		})
	})
	if checked < 10_000 {
		t.Errorf("only %d rows", checked)
	}
}

// drawn returns an edge value of t: of a list, n of its elements'; n < 0: null.
func drawn(rng *rand.Rand, t column.Type, n int) Value {
	edges := edgeValues(t.Elem())
	if !t.IsList() {
		return edges[rng.IntN(len(edges))]
	}
	v := Value{Null: n < 0, List: []Value{}}
	for range n {
		v.List = append(v.List, edges[rng.IntN(len(edges))])
	}
	return v
}

// byElements applies g to every element of lists of n.
func byElements(op Op, to column.Type, g scalar, types []column.Type, row []Value, n int) (Value, error) {
	if n < 0 {
		return NullValue(), nil
	}
	out := Value{List: []Value{}}
	for k := range n {
		args := slices.Clone(row)
		for i := range args {
			if types[i].IsList() {
				args[i] = row[i].List[k]
			}
		}
		v, err := apply(op, to, g, args)
		if err != nil {
			return Value{}, fmt.Errorf("element %d: %w", k, err)
		}
		out.List = append(out.List, v)
	}
	return out, nil
}

// listProgram uses every operation that sees lists whole, and some that do not.
func listProgram() *Program {
	b := NewBuilder(column.Schema{
		{Name: "tags", Type: column.ListOf(column.String)}, {Name: "prices", Type: column.ListOf(column.Float32)}, {Name: "scale", Type: column.Float64},
	})
	tags, prices, words := b.Load(0), b.Load(1), b.AddTable(testTables()[0])
	b.SetOrigin(Origin{Path: "features[0]", Line: 3, Col: 5})
	ids := b.Coalesce(b.Lookup(words, tags), b.ConstInt(2))
	last := b.Emit(ListSlice, Imm{Int: -3, Extra: math.MaxInt64}, ids)
	b.Output("ids", b.Emit(ListPad, Imm{Int: 3, Extra: 1}, last, b.ConstInt(0)), RoleFeature)
	b.Output("n", b.Emit(ListLength, Imm{}, tags), RoleFeature)
	b.Output("first", b.Emit(ListAt, Imm{}, tags), RoleKeep)
	twice := b.Emit(Mul, Imm{}, prices, b.ConstFloat(2))
	mean := b.Emit(ListMean, Imm{}, twice)
	b.Output("mean", b.Emit(Mul, Imm{}, mean, b.Load(2)), RoleFeature)
	spread := b.Emit(Sub, Imm{}, b.Emit(ListMax, Imm{}, prices), b.Emit(ListMin, Imm{}, prices))
	b.Output("spread", spread, RoleFeature)
	b.Output("sum", b.Emit(ListSum, Imm{}, ids), RoleFeature)
	b.Observe(0, ids)
	b.Observe(1, twice, b.Emit(IsNull, Imm{}, prices))
	return b.Finish()
}

// The golden file shows lists in the text form; it reads back to the same program.
func TestListTextGolden(t *testing.T) {
	p := listProgram()
	golden(t, "testdata/lists.txt", p.Text())
	q, err := Parse(p.Text(), testTables()...)
	if err != nil || Verify(q) != nil || q.Text() != p.Text() {
		t.Errorf("read back (%v, %v) as\n%s", err, Verify(q), q)
	}
	for i, d := range p.Domains() {
		if p.Code[i].Op.Whole() != (d.Maker() == Register(i)) {
			t.Errorf("%%%d %s has domain %d", i, p.Code[i].Op, d)
		}
	}
	e, err := p.Evaluator()
	if err != nil {
		t.Fatal(err)
	}
	text := func(s string) Value { return Value{Str: []byte(s)} }
	row := []Value{{List: []Value{text("b"), NullValue(), text("z"), text("a")}}, {List: []Value{{Float: 1}, NullValue(), {Float: 4}}}, {Float: 10}}
	registers, err := e.Row(row)
	if err != nil {
		t.Fatal(err)
	}
	want := []Value{{List: []Value{{}, {Int: 2}, {Int: 1}}}, {Int: 4}, text("b"), {Float: 50}, {Float: 3}, {Int: 5}}
	for i, o := range p.Outputs {
		if typ := p.Code[o.Register].Type; !EqualValues(typ, registers[o.Register], want[i]) {
			t.Errorf("%s is %v, not %v", o.Name, registers[o.Register], want[i])
		}
	}
}

// lines makes a program's text of its instructions over some columns.
func lines(code ...string) string {
	text := header + "\ninput \"a\" list<int64>\ninput \"b\" list<int64>\ninput \"x\" int64\n"
	for i, c := range code {
		if !strings.HasPrefix(c, "o") {
			c = fmt.Sprintf("%%%d %s", i, c)
		}
		text += c + "\n"
	}
	return text
}

func TestVerifyLists(t *testing.T) {
	const a, b, x = `list<int64> = load "a"`, `list<int64> = load "b"`, `int64 = load "x"`
	for _, c := range []struct{ text, want string }{
		{lines(a, x, `list<int64> = add %0 %1`, `output "y" %2 keep`), "%2: add: elements of lists together with values of rows"},
		{lines(a, b, `list<int64> = add %0 %1`, `output "y" %2 keep`), "%2: add: lists of different shapes"},
		{lines(a, `list<int64> = list_slice %0 start=0 end=2`, `list<int64> = add %0 %1`, `output "y" %2 keep`), "lists of different shapes"},
		{lines(a, `list<int64> = list_slice %0 start=0 end=2`, `list<int64> = list_slice %0 start=0 end=3`, `list<int64> = add %1 %2`, `output "y" %3 keep`), "lists of different shapes"},
		{lines(a, x, `list<int64> = list_pad %0 %1 length=3 before=0`, `output "y" %2 keep`), "the fill value is not constant"},
		{lines(a, `int64 = const 1`, `list<int64> = list_pad %0 %1 length=65537 before=0`, `output "y" %2 keep`), "length is 65537"},
		{lines(a, `int64 = const 1`, `list<int64> = list_pad %0 %1 length=-1 before=0`, `output "y" %2 keep`), "length is -1"},
		{lines(a, `int64 = const 1`, `list<int64> = list_pad %0 %1 length=1 before=2`, `output "y" %2 keep`), "before is 2"},
		{lines(a, `int32 = const 1`, `list<int64> = list_pad %0 %1 length=1 before=0`, `output "y" %2 keep`), "list_pad(list<int64>, int32): not defined"},
		{lines(a, `list<int64> = const null`, `list<int64> = add %0 %1`, `output "y" %2 keep`), "no constant lists"},
		{lines(x, `int64 = list_sum %0`, `output "y" %1 keep`), "list_sum(int64): not defined"},
		{lines(a, `float64 = list_mean %0`, `output "y" %1 keep`), "list_mean(list<int64>): not defined"},
		{lines(a, `int64 = neg %0`, `output "y" %1 keep`), "gives list<int64>, not int64"},
		{lines(x, `list<int64> = neg %0`, `output "y" %1 keep`), "gives int64, not list<int64>"},
		{lines(a, x, `observe 0 %0 %1`), "observation 0: elements of lists together with values of rows"},
		{lines(a, b, `observe 0 %0 %1`), "observation 0: lists of different shapes"},
		{lines(a, x, `int64 = list_length %0`, `observe 0 %0 %2`, `output "y" %1 keep`), "elements of lists together with values"},
		{lines(a, `int64 = const 1`, `observe 0 %0 %1`), ""},
		{lines(a, `list<int64> = neg %0`, `list<int64> = add %0 %1`, `output "y" %2 keep`), ""},
		{lines(a, x, `int64 = list_sum %0`, `int64 = add %1 %2`, `output "y" %3 keep`), ""},
	} {
		p, err := Parse(c.text)
		if err == nil {
			err = Verify(p)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s%v, not %q", c.text, err, c.want)
		}
	}
	if _, err := Parse(header + "\ninput \"a\" list<list<int64>>"); err == nil || !strings.Contains(err.Error(), "unknown type") {
		t.Errorf("lists of lists: %v", err)
	}
	table := Table{Name: "t", Keys: StoredVector(column.ListOf(column.Int64), Value{List: []Value{}}), Values: RegisterVector(column.Int64, Value{})}
	if err := checkTable(&table); err == nil || !strings.Contains(err.Error(), "lists are not in tables") {
		t.Errorf("a table of lists: %v", err)
	}
}

// What a program makes of every row by padding is bounded, whatever it is made of:
// each of many paddings, or of many operations on one.
func TestVerifyPadding(t *testing.T) {
	b := NewBuilder(column.Schema{{Name: "a", Type: column.ListOf(column.Int64)}})
	r := b.Emit(ListPad, Imm{Int: MaxPad}, b.Load(0), b.ConstInt(0))
	for range maxPadded/MaxPad - 1 {
		r = b.Emit(Neg, Imm{}, r)
	}
	b.Output("fits", r, RoleKeep)
	if err := Verify(b.Finish()); err != nil {
		t.Error(err)
	}
	b.Output("more", b.Emit(Neg, Imm{}, r), RoleKeep)
	if err := Verify(b.Finish()); err == nil || !strings.Contains(err.Error(), "elements per row in all") {
		t.Errorf("one too many: %v", err)
	}
	c := NewBuilder(column.Schema{{Name: "a", Type: column.ListOf(column.Int64)}})
	for i := range int64(maxPadded/MaxPad + 1) {
		pad := c.Emit(ListPad, Imm{Int: MaxPad}, c.Load(0), c.ConstInt(i))
		c.Output(fmt.Sprint(i), c.Emit(ListSum, Imm{}, pad), RoleKeep)
	}
	if err := Verify(c.Finish()); err == nil {
		t.Error("many paddings of one list")
	}
}

// Damaged programs over lists are refused or work, as those over scalars.
func TestVerifyMutatedLists(t *testing.T) {
	accepted := 0
	for seed := range uint64(4000) {
		rng := rand.New(rand.NewPCG(seed, 10))
		p := listProgram()
		for range 1 + rng.IntN(3) {
			mutateLists(rng, p)
		}
		if Verify(p) != nil {
			continue
		}
		accepted++
		q, err := Parse(p.Text(), p.Tables...)
		if err != nil || q.Text() != p.Text() {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
		e, err := p.Evaluator()
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, p)
		}
		for k := range 5 {
			row := make([]Value, len(p.Inputs))
			for i, f := range p.Inputs {
				row[i] = drawn(rng, f.Type, k-1)
			}
			e.Row(row)
		}
	}
	if accepted < 100 {
		t.Errorf("only %d programs were accepted", accepted)
	}
}

// mutateLists damages one thing that lists have.
func mutateLists(rng *rand.Rand, p *Program) {
	in := &p.Code[rng.IntN(len(p.Code))]
	number := []int64{-1, 0, 1, 3, MaxPad, MaxPad + 1, math.MaxInt64, math.MinInt64}[rng.IntN(8)]
	switch rng.IntN(7) {
	case 0:
		in.Imm.Extra = number
	case 1:
		in.Imm.Int = number
	case 2:
		in.Type = column.Type(rng.IntN(256))
	case 3:
		in.Op = Op(rng.IntN(int(numOps) + 2))
	case 4:
		if len(in.Args) > 0 {
			in.Args[rng.IntN(len(in.Args))] = Register(rng.IntN(len(p.Code)))
		}
	case 5:
		p.Inputs[rng.IntN(len(p.Inputs))].Type = column.Type(rng.IntN(256))
	case 6:
		p.Observes[0].Args = append(p.Observes[0].Args, Register(rng.IntN(len(p.Code))))
	}
}
