package program

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
)

var rewrite = flag.Bool("rewrite", false, "rewrite golden files")

// immsOf returns immediates for an operation, one of which fits each legal tuple.
func immsOf(op Op, args int) []Imm {
	switch op {
	case Load, Lookup:
		return []Imm{{Int: 0}, {Int: 1}}
	case Const:
		return []Imm{{}, {Value: NullValue()}}
	case Dot:
		return []Imm{{Floats: make([]float64, args+1)}}
	case DatePart:
		return []Imm{{Part: Year}, {Part: Year, Text: "UTC"}, {Part: Hour}, {Part: Hour, Text: "Asia/Tokyo"}}
	case ToDate, ToTimestamp, ToDatetime:
		return []Imm{{}, {Text: "UTC"}}
	case Bucketize:
		return []Imm{{Floats: []float64{0, 1}, NaN: 2}}
	case Hash:
		return []Imm{{Text: "xxh3"}}
	case Bucket:
		return []Imm{{Int: 3}}
	case ParseInt, ParseFloat, ParseBool, ParseTime:
		return []Imm{{}, {Int: 1}}
	case ListSlice:
		return []Imm{{Int: 1, Extra: -1}, {Int: -1, Extra: math.MaxInt64}, {Int: math.MinInt64, Extra: 1}}
	case ListPad:
		return []Imm{{Int: 3}, {Int: 2, Extra: 1}, {}}
	case ListAt:
		return []Imm{{}, {Int: -1}, {Int: math.MaxInt64}, {Int: math.MinInt64}}
	}
	return []Imm{{}}
}

// typesOf returns the types that the arguments of op are drawn from: lists of them
// too, where it sees lists whole.
func typesOf(op Op) []column.Type {
	types := column.Types()
	if op.Whole() {
		for _, t := range column.Types() {
			types = append(types, column.ListOf(t))
		}
	}
	return types
}

// eachTuple calls f with every tuple of n of the types.
func eachTuple(types []column.Type, n int, f func([]column.Type)) {
	tuple := make([]column.Type, n)
	var fill func(int)
	fill = func(i int) {
		if i == n {
			f(tuple)
			return
		}
		for _, t := range types {
			tuple[i] = t
			fill(i + 1)
		}
	}
	fill(0)
}

// eachTyped calls f with every well-typed instruction of up to three arguments,
// for every immediate of immsOf.
func eachTyped(f func(op Op, t column.Type, imm Imm, args []column.Type)) {
	for _, op := range Ops() {
		low, high := arity(op)
		for n := low; n <= min(high, 3); n++ {
			eachTuple(typesOf(op), n, func(args []column.Type) {
				for _, imm := range immsOf(op, n) {
					for _, want := range append(typesOf(op), column.Invalid) {
						if t, err := Infer(op, imm, args, want); err == nil && (want == t) {
							f(op, t, imm, args)
						}
					}
				}
			})
		}
	}
}

// TestTypeRule compares all legal tuples of types with testdata/types.txt.
func TestTypeRule(t *testing.T) {
	rules := map[string][]string{}
	var order []string
	eachTyped(func(op Op, to column.Type, imm Imm, args []column.Type) {
		key := fmt.Sprintf("%s -> %s", op, to)
		if imm.Text != "" && op != Hash {
			key += " with a zone"
		}
		if imm.Part.Clock() {
			key += ", of the clock"
		}
		if !slices.Contains(order, key) {
			order = append(order, key)
		}
		if s := typeList(args); !slices.Contains(rules[key], s) {
			rules[key] = append(rules[key], s)
		}
	})
	var b strings.Builder
	b.WriteString("# Every legal tuple of up to three argument types.\n")
	for _, key := range order {
		fmt.Fprintf(&b, "%s\n  %s\n", key, strings.Join(rules[key], "\n  "))
	}
	golden(t, "testdata/types.txt", b.String())
}

// golden compares got with a file, or rewrites it.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (-rewrite, then read the diff); got\n%s", path, got)
	}
}

// edgeValues are null and the edges of a type.
func edgeValues(t column.Type) []Value {
	values := []Value{NullValue()}
	switch {
	case t.IsList():
		elements := edgeValues(t.Elem())
		return append(values, Value{List: []Value{}}, Value{List: elements[:1]}, Value{List: elements[1:2]}, Value{List: elements})
	case t == column.Bool:
		return append(values, Value{}, Value{Bool: true})
	case t == column.Int32 || t == column.Date:
		for _, x := range []int64{-1 << 31, -1, 0, 3, 1<<31 - 1} {
			values = append(values, Value{Int: x})
		}
	case t.Kind() == column.Ints:
		for _, x := range []int64{-1 << 63, -1, 0, 3, 1<<63 - 1} {
			values = append(values, Value{Int: x})
		}
	case t.Kind() == column.Floats:
		for _, s := range []string{"nan", "-inf", "-0", "0", "inf", "1e300", "0.5"} {
			x, _ := parseFloat(s)
			if t == column.Float32 {
				x = RoundTo32(x)
			}
			values = append(values, Value{Float: x})
		}
	default:
		for _, s := range []string{"", "12", "a,b", "\xff", "2001-06-01"} {
			values = append(values, Value{Str: []byte(s)})
		}
	}
	return values
}

// Every well-typed instruction has a meaning on all edge values: in canonical
// form, that fits its type, null and faulty only where the properties of its
// operation allow.
func TestMeaningIsTotal(t *testing.T) {
	checked := 0
	eachTyped(func(op Op, to column.Type, imm Imm, args []column.Type) {
		if op == Load || op == Lookup && !lookupFits(imm, args, to) {
			return
		}
		f, err := prepare(op, to, imm, args, testTables())
		if err != nil {
			t.Fatalf("%s%s: %v", op, typeList(args), err)
		}
		eachRow(args, func(row []Value) {
			checked++
			got, fault := apply(op, to, f, row)
			if err := plausible(op, to, imm, args, row, got, fault); err != nil {
				t.Fatalf("%s%s of %v: %v, %v: %v", op, typeList(args), row, got, fault, err)
			}
		})
	})
	if checked < 10_000 {
		t.Errorf("only %d rows", checked)
	}
}

func lookupFits(imm Imm, args []column.Type, to column.Type) bool {
	table := testTables()[imm.Int]
	return Comparable(table.Keys.Type, args[0]) && table.Values.Type == to
}

// eachRow calls f with every tuple of edge values.
func eachRow(args []column.Type, f func([]Value)) {
	row := make([]Value, len(args))
	var fill func(int)
	fill = func(i int) {
		if i == len(args) {
			f(row)
			return
		}
		for _, v := range edgeValues(args[i]) {
			row[i] = v
			fill(i + 1)
		}
	}
	fill(0)
}

func plausible(op Op, to column.Type, imm Imm, args []column.Type, row []Value, got Value, fault error) error {
	null := slices.ContainsFunc(row, func(v Value) bool { return v.Null })
	switch {
	case fault != nil && !CanFault(op, imm, args):
		return fmt.Errorf("CanFault says no")
	case fault != nil && op.Strict() && null:
		return fmt.Errorf("a strict operation saw a null")
	case fault != nil:
		return nil
	case op.Strict() && null && !got.Null:
		return fmt.Errorf("a strict operation lost a null")
	case !null && got.Null && !CanNull(op, imm):
		return fmt.Errorf("CanNull says no")
	case !normalize(to, got).same(got):
		return fmt.Errorf("not canonical")
	}
	return checkFits(to, got)
}
