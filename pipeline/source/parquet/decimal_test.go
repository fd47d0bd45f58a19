package parquet

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	pqencoding "github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/format"

	"quern/features/column"
	"quern/features/diag"
	"quern/pipeline/source"
)

// openAs opens one file with all of its columns read as typ.
func openAs(data []byte, typ column.Type, names ...string) (source.Source, error) {
	o := Options{Files: []source.File{inMemory("test.parquet", data)}}
	for _, n := range names {
		o.Types = append(o.Types, column.Field{Name: n, Type: typ})
	}
	return Open(context.Background(), o)
}

// readAs reads columns as typ and renders them.
func readAs(t *testing.T, data []byte, typ column.Type, names ...string) map[string][]string {
	t.Helper()
	s, err := openAs(data, typ, names...)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader(names)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := map[string][]string{}
	for _, c := range s.Chunks() {
		b, err := r.Read(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			checkColumn(t, column.Field{Name: name, Type: typ}, &b.Columns[i])
			for row := range b.Rows {
				all[name] = append(all[name], render(&b.Columns[i], row))
			}
		}
	}
	return all
}

// twosComplement returns n in width bytes, big-endian; 0: in as few as hold it.
func twosComplement(n *big.Int, width int) []byte {
	if width == 0 {
		width = n.BitLen()/8 + 1
	}
	if n.Sign() < 0 {
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*width)))
	}
	return n.FillBytes(make([]byte, width))
}

// decimalValue returns n as a column of type typ stores it.
func decimalValue(n *big.Int, typ pq.Type) pq.Value {
	switch typ.Kind() {
	case pq.Int32:
		return pq.Int32Value(int32(n.Int64()))
	case pq.Int64:
		return pq.Int64Value(n.Int64())
	case pq.FixedLenByteArray:
		return pq.FixedLenByteArrayValue(twosComplement(n, typ.Length()))
	}
	return pq.ByteArrayValue(twosComplement(n, 0))
}

// expectDecimal returns what render must give for n/10^scale: by rationals, which know
// nothing of our conversion.
func expectDecimal(n *big.Int, scale int, typ column.Type) string {
	r := new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
	switch typ {
	case column.Float64:
		f, _ := r.Float64()
		return fmt.Sprintf("%x", math.Float64bits(f))
	case column.Float32:
		f, _ := r.Float32()
		return fmt.Sprintf("%x", math.Float64bits(float64(f)))
	case column.Int64:
		return r.Num().String()
	}
	text := r.FloatString(scale)
	if scale > 0 {
		text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	}
	return strconv.Quote(text)
}

// decimalCase is a column of decimals.
type decimalCase struct {
	node             pq.Node
	scale, precision int
}

// decimalCases returns a column for every physical type, encoding and some scales of
// decimals, required and optional.
func decimalCases(r *rand.Rand) map[string]decimalCase {
	cases := map[string]decimalCase{}
	add := func(typ pq.Type, precision int, encodings ...pqencoding.Encoding) {
		for _, e := range encodings {
			for _, scale := range []int{0, r.IntN(precision + 1), precision} {
				node := pq.Encoded(pq.Decimal(scale, precision, typ), e)
				name := fmt.Sprintf("%s_%s_%d_%d", typ, e, precision, scale)
				cases[name] = decimalCase{node, scale, precision}
				cases[name+"_opt"] = decimalCase{pq.Optional(node), scale, precision}
			}
		}
	}
	add(pq.Int32Type, 9, &pq.Plain, &pq.RLEDictionary, &pq.DeltaBinaryPacked)
	add(pq.Int64Type, 18, &pq.Plain, &pq.RLEDictionary, &pq.DeltaBinaryPacked)
	for _, precision := range []int{2, 19, 38} {
		add(pq.FixedLenByteArrayType(16), precision, &pq.Plain, &pq.RLEDictionary, &pq.DeltaByteArray)
	}
	add(pq.FixedLenByteArrayType(3), 6, &pq.Plain)
	add(pq.FixedLenByteArrayType(40), 76, &pq.Plain)
	add(pq.ByteArrayType, 38, &pq.Plain, &pq.RLEDictionary, &pq.DeltaLengthByteArray)
	return cases
}

// randomDecimal returns an integer of at most precision digits, either sign.
func randomDecimal(r *rand.Rand, precision int) *big.Int {
	digits := make([]byte, 1+r.IntN(precision))
	for i := range digits {
		digits[i] = "0123456789"[r.IntN(10)]
	}
	switch r.IntN(8) {
	case 0:
		digits = bytes.Repeat([]byte("9"), precision)
	case 1:
		digits = []byte("0")
	}
	n, _ := new(big.Int).SetString(string(digits), 10)
	if r.IntN(2) == 0 {
		n.Neg(n)
	}
	return n
}

// writeDecimals writes n rows of cases; nil stands for null. Every multiple of its
// column's 10^scale if whole.
func writeDecimals(t *testing.T, r *rand.Rand, cases map[string]decimalCase, n int, whole bool, options ...pq.WriterOption) ([]byte, map[string][]*big.Int) {
	t.Helper()
	group, written := pq.Group{}, map[string][]*big.Int{}
	for name, c := range cases {
		group[name] = c.node
	}
	schema := pq.NewSchema("table", group)
	var out bytes.Buffer
	w := pq.NewWriter(&out, append(options, schema)...)
	for range n {
		var row pq.Row
		for i, f := range schema.Fields() {
			c := cases[f.Name()]
			x, defined := randomDecimal(r, c.precision), 0
			if whole {
				x = new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.scale)), nil)
				x.Mul(x, randomDecimal(r, max(1, min(18, c.precision-c.scale))))
				if c.precision == c.scale {
					x.SetInt64(0)
				}
			}
			v := decimalValue(x, f.Type())
			if f.Optional() {
				if defined = min(1, r.IntN(4)); defined == 0 {
					v, x = pq.NullValue(), nil
				}
			}
			row = append(row, v.Level(0, defined, i))
			written[f.Name()] = append(written[f.Name()], x)
		}
		if _, err := w.WriteRows([]pq.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), written
}

func TestDecimals(t *testing.T) {
	compared := 0
	for i, n := range []int{0, 1, 2, 33, 65, 127, 257} {
		if raceEnabled && n > 100 {
			break // parquet-go writes slowly under the race detector
		}
		r := rand.New(rand.NewPCG(uint64(i), 12))
		cases := decimalCases(r)
		for _, typ := range []column.Type{column.Float64, column.Float32, column.String, column.Int64} {
			data, written := writeDecimals(t, r, cases, n, typ == column.Int64, pq.DataPageVersion(1+i%2),
				pq.PageBufferSize(64<<(i%5)), pq.DictionaryMaxBytes(int64(300*(1+i%3))), pq.MaxRowsPerRowGroup(int64(1+n*(1+i%3)/2)))
			if typ == column.Float32 {
				maps.DeleteFunc(written, func(name string, _ []*big.Int) bool { return cases[name].precision > 38 }) // beyond float32
			}
			got := readAs(t, data, typ, slices.Sorted(maps.Keys(written))...)
			for name, values := range written {
				if len(got[name]) != n {
					t.Fatalf("%s: %d rows", name, len(got[name]))
				}
				for row, x := range values {
					want := "null"
					if x != nil {
						want = expectDecimal(x, cases[name].scale, typ)
					}
					if got[name][row] != want {
						t.Fatalf("%s as %s, row %d: %v / 10^%d is %s, want %s", name, typ, row, x, cases[name].scale, got[name][row], want)
					}
					compared++
				}
			}
		}
	}
	if compared < 20_000 {
		t.Errorf("only %d values were compared", compared)
	}
}

// Every scale from 0 to 76, at the edges of limbs and of what is converted fast.
func TestDecimalEdges(t *testing.T) {
	var edges []*big.Int
	for _, bit := range []uint{0, 1, 24, 31, 53, 54, 62, 63, 64, 65, 127, 128, 191, 192, 254, 255} {
		for _, d := range []int64{-1, 0, 1} {
			n := new(big.Int).Lsh(big.NewInt(1), bit)
			n.Add(n, big.NewInt(d))
			if n.BitLen() < 256 {
				edges = append(edges, n, new(big.Int).Neg(n))
			}
		}
	}
	for digits := range int64(77) {
		edges = append(edges, new(big.Int).Exp(big.NewInt(10), big.NewInt(digits), nil))
	}
	edges = append(edges, new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 255)))
	for scale := range maxDigits + 1 {
		var x exact
		x.set(scale)
		for _, n := range edges {
			var w wide
			if !w.bytes(twosComplement(n, []int{0, 32, 50}[scale%3])) {
				t.Fatalf("%v was not read", n)
			}
			for _, typ := range []column.Type{column.Float64, column.Float32, column.String, column.Int64} {
				var v column.Vector
				resetVector(&v, typ, 1)
				want, r := expectDecimal(n, scale, typ), new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil))
				f, _ := r.Float32()
				impossible := typ == column.Int64 && !(r.IsInt() && r.Num().IsInt64()) || typ == column.Float32 && math.IsInf(float64(f), 0)
				why := x.put(&w, &v, 0)
				c := column.Column{Len: 1, Values: v}
				if (why != "") != impossible || why == "" && render(&c, 0) != want {
					t.Fatalf("%v / 10^%d as %s: %s %q, want %s", n, scale, typ, render(&c, 0), why, want)
				}
			}
		}
	}
	var w wide
	if w.bytes(nil) || w.bytes(append([]byte{1}, make([]byte, 32)...)) || w.bytes(append([]byte{0, 0x80}, make([]byte, 31)...)) {
		t.Error("bytes that are no 256-bit integer were read")
	}
}

// forgedDecimals is a file of 8 rows of INT64 decimals with 1 digit after the point,
// or of unsigned integers.
func forgedDecimals(t *testing.T, unsigned, optional bool, pages func(f *forged)) []byte {
	t.Helper()
	f := forged{rows: 8}
	f.schema(format.Int64, format.Required)
	if optional {
		f.schema(format.Int64, format.Optional)
	}
	f.element.LogicalType = format.LogicalType{Value: &format.DecimalType{Scale: 1, Precision: 18}}
	if unsigned {
		f.element.LogicalType = format.LogicalType{Value: &format.IntType{BitWidth: 64}}
	}
	pages(&f)
	return f.bytes(t)
}

func plainLongs(all ...uint64) (b []byte) {
	for _, x := range all {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

// An error names the row, whether the value stands in the page or in a dictionary; an
// entry of a dictionary that no row uses is no error.
func TestValuesThatDoNotFit(t *testing.T) {
	const big = 1 << 63
	for name, c := range map[string]struct {
		unsigned, optional bool
		pages              func(f *forged)
		says               string
		row                int64
	}{
		"fraction": {false, false, func(f *forged) { f.data(8, format.Plain, plainLongs(0, 10, 20, 15, 30, 25, 0, 0)) }, "1.5 is not whole", 3},
		"range":    {true, false, func(f *forged) { f.data(8, format.Plain, plainLongs(0, 1, big, 3, 4, 5, 6, 7)) }, "9223372036854775808 is out of", 2},
		"nulls": {true, true, func(f *forged) {
			f.data(8, format.Plain, append(levels(3, 0b10101010), plainLongs(1, 2, big, 4)...))
		}, "9223372036854775808 is out of", 5},
		"dictionary": {true, true, func(f *forged) {
			f.dictionary(4, plainLongs(big+1, 5, big, 7))
			f.data(4, format.RLEDictionary, append(levels(8, 1), 2, 6, 1, 2, 3))
			f.data(4, format.RLEDictionary, append(levels(3, 0b1010), 2, 4, 2))
		}, "9223372036854775808 is out of", 5},
		"second page": {false, false, func(f *forged) {
			f.dictionary(2, plainLongs(10, 25))
			f.data(4, format.RLEDictionary, []byte{1, 8, 0})
			f.data(4, format.RLEDictionary, []byte{1, 4, 0, 4, 1})
		}, "2.5 is not whole", 6},
		"dictionary given up": {false, false, func(f *forged) {
			f.dictionary(2, plainLongs(25, 10))
			f.data(4, format.RLEDictionary, []byte{1, 8, 1})
			f.data(4, format.Plain, plainLongs(10, 20, 35, 40))
		}, "3.5 is not whole", 6},
		"unused": {false, false, func(f *forged) {
			f.dictionary(3, plainLongs(25, 10, 35))
			f.data(8, format.RLEDictionary, []byte{2, 16, 1})
		}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := openAs(forgedDecimals(t, c.unsigned, c.optional, c.pages), column.Int64, "c")
			if err != nil {
				t.Fatal(err)
			}
			err = readColumns(s, "c")
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *diag.Error
			if !errors.As(err, &e) || e.Code != "Q215" || !strings.Contains(e.Message, c.says) {
				t.Fatalf("got %v", err)
			}
			if want := (diag.Data{File: "test.parquet", RowGroup: 0, Row: c.row, Column: "c"}); *e.Data != want {
				t.Errorf("at %v instead of row %d", e.Data, c.row)
			}
		})
	}
}

func TestUnsigned64(t *testing.T) {
	all := []uint64{0, 1, 1<<53 - 1, 1<<53 + 1, 1<<63 - 1, 1<<63 + 1025, math.MaxUint64 - 1024, math.MaxUint64}
	data := forgedDecimals(t, true, false, func(f *forged) { f.data(8, format.Plain, plainLongs(all...)) })
	for _, typ := range []column.Type{column.Float64, column.String} {
		for row, got := range readAs(t, data, typ, "c")["c"] {
			if want := expectDecimal(new(big.Int).SetUint64(all[row]), 0, typ); got != want {
				t.Errorf("%d as %s: %s, want %s", all[row], typ, got, want)
			}
		}
	}
	data = forgedDecimals(t, true, false, func(f *forged) { f.data(8, format.Plain, plainLongs(7, 1<<63-1, 0, 0, 0, 0, 0, 0)) })
	if got := readAs(t, data, column.Int64, "c")["c"]; got[0] != "7" || got[1] != "9223372036854775807" {
		t.Errorf("got %v", got)
	}
}

// The files of other writers say 1 to 24.
func TestDecimalsOfOtherWriters(t *testing.T) {
	for _, name := range []string{"byte_array_decimal", "fixed_length_decimal", "fixed_length_decimal_legacy", "int32_decimal", "int64_decimal"} {
		data, err := os.ReadFile("testdata/corpora/data/" + name + ".parquet")
		if err != nil {
			t.Fatal(err)
		}
		got := readAs(t, data, column.Float64, "value")["value"]
		if len(got) != 24 {
			t.Fatalf("%s: %d rows", name, len(got))
		}
		for i := range got {
			if want := fmt.Sprintf("%x", math.Float64bits(float64(i+1))); got[i] != want {
				t.Errorf("%s, row %d: %s", name, i, got[i])
			}
		}
	}
}

// Types may repeat what a file says, or widen it exactly.
func TestTypes(t *testing.T) {
	types := map[string]pq.Node{"bool": pq.Leaf(pq.BooleanType), "int32": pq.Int(32), "int64": pq.Int(64), "float32": pq.Leaf(pq.FloatType),
		"float64": pq.Leaf(pq.DoubleType), "string": pq.String(), "timestamp": pq.Timestamp(pq.Microsecond), "datetime": pq.TimestampAdjusted(pq.Microsecond, false), "date": pq.Date()}
	wider := map[string]string{"int32": "int64 float64", "float32": "float64", "uint64": "int64 float64 string", "decimal": "int64 float64 float32 string"}
	for name := range types {
		wider[name] += " " + name
	}
	types["uint64"], types["decimal"], types["list"] = pq.Uint(64), pq.Decimal(2, 9, pq.Int32Type), pq.List(pq.String())
	types["map"] = pq.Map(pq.String(), pq.String())
	data, _ := writeTable(t, rand.New(rand.NewPCG(4, 4)), map[string]pq.Node{"int32": types["int32"], "float32": types["float32"]}, 40)
	asDoubles := readAs(t, data, column.Float64, "int32", "float32")
	for i, v := range readAs(t, data, column.Int64, "int32")["int32"] {
		n, _ := strconv.Atoi(v)
		if want := fmt.Sprintf("%x", math.Float64bits(float64(n))); asDoubles["int32"][i] != want {
			t.Errorf("int32 %s as float64: %s", v, asDoubles["int32"][i])
		}
	}
	var out bytes.Buffer
	if err := pq.NewWriter(&out, pq.NewSchema("t", pq.Group(types))).Close(); err != nil {
		t.Fatal(err)
	}
	for name := range types {
		for _, to := range column.Types() {
			want := "Q041"
			if slices.Contains(strings.Fields(wider[name]), to.String()) {
				want = ""
			} else if name == "map" {
				want = "Q211"
			}
			s, err := openAs(out.Bytes(), to, name)
			if errorCode(err) != want {
				t.Errorf("%s as %s: %v", name, to, err)
			}
			if err == nil && s.Schema()[s.Schema().Find(name)].Type != to {
				t.Errorf("%s is not %s", name, to)
			}
		}
	}
	_, err := openAs(out.Bytes(), column.Int64, "uint46", "int32", "bool")
	var all diag.List
	if !errors.As(err, &all) || len(all) != 2 || all[0].Code != "Q212" || !strings.Contains(all[0].Hint, `"uint64"`) || all[1].Data.Column != "bool" {
		t.Errorf("got %v", err)
	}
}

// Files that disagree are one column where each can be read as the type; keys have
// the type of the folders' names.
func TestTypesOfSeveralFiles(t *testing.T) {
	files := []source.File{
		makeFile(t, "day=2001-01-01/a", 3, map[string]pq.Node{"x": pq.Decimal(2, 9, pq.Int32Type)}),
		makeFile(t, "day=2001-01-02/b", 2, map[string]pq.Node{"x": pq.Leaf(pq.FloatType)}),
		makeFile(t, "day=2001-01-03/c", 1, map[string]pq.Node{"y": pq.Int(32)}),
	}
	open := func(types ...column.Field) (source.Source, error) {
		return Open(context.Background(), Options{Files: files, Types: types})
	}
	s, err := open(column.Field{Name: "x", Type: column.Float64}, column.Field{Name: "day", Type: column.Date})
	if err != nil {
		t.Fatal(err)
	}
	if at := s.Schema().Find("x"); at < 0 || s.Schema()[at].Type != column.Float64 || readColumns(s, "x", "y", "day") != nil {
		t.Errorf("schema %v", s.Schema())
	}
	if _, err := open(column.Field{Name: "x", Type: column.Int64}); errorCode(err) != "Q041" || !strings.Contains(err.Error(), "/b") {
		t.Errorf("got %v", err)
	}
	if _, err := open(column.Field{Name: "day", Type: column.String}); errorCode(err) != "Q041" {
		t.Errorf("got %v", err)
	}
}
