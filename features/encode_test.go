package features

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/features/stat"
)

// The oracles of this file are maps over texts: every value is written out
// (spelling), counted in a map, and looked up again, row by row.

// spelling writes a value so that two values of one type are the same key if
// their spellings are equal.
func spelling(t column.Type, v cell) string {
	if !v.Null && v.Float == 0 {
		v.Float = 0 // -0 is the key 0
	}
	return formatCell(t, v)
}

// spellings writes the values of a row in some columns.
func spellings(in *table, row []cell, columns []int) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = spelling(in.fields[c].Type, row[c])
	}
	return strings.Join(parts, "\x00")
}

// anyCell draws one of few values of type t, null and odd ones among them.
func anyCell(r *rapid.T, t column.Type) cell {
	n := rapid.IntRange(-1, 6).Draw(r, "value")
	if n < 0 {
		return cell{Null: true}
	}
	switch t.Kind() {
	case column.Bools:
		return cell{Bool: n%2 == 0}
	case column.Ints:
		return cell{Int: []int64{0, 1, -1, 7, math.MaxInt32, math.MinInt32, 1 << 20}[n]}
	case column.Floats:
		return cell{Float: []float64{0, math.Copysign(0, -1), math.NaN(), 0.5, -3, math.Inf(1), math.Inf(-1)}[n]}
	}
	return cell{Str: []byte([]string{"", "a", "b", "a\x00", "\x00", "\xff", "null"}[n])}
}

// anyTable draws up to 40 rows.
func anyTable(r *rapid.T, types ...column.Type) *table {
	in := &table{}
	for i, t := range types {
		in.fields = append(in.fields, column.Field{Name: fmt.Sprintf("c%d", i), Type: t})
	}
	for range rapid.IntRange(0, 40).Draw(r, "rows") {
		row := make([]cell, len(types))
		for j, t := range types {
			row[j] = anyCell(r, t)
		}
		in.rows = append(in.rows, row)
	}
	return in
}

// anyType draws a type.
func anyType(r *rapid.T) column.Type { return rapid.SampledFrom(column.Types()).Draw(r, "type") }

// mustRun runs op, which must not fail.
func mustRun(t *testing.T, r *rapid.T, op Operator, in *table, fitted int) *stepResult {
	t.Helper()
	out, err := runOperator(t, op, "", in, fitted)
	if err != nil {
		r.Fatalf("%+v: %v", op, err)
	}
	return out
}

// canonicalHash is the seedless xxh3_64 of a value, from the definition of its bytes.
func canonicalHash(t column.Type, v cell) uint64 {
	if v.Null {
		return 0x6e756c6c
	}
	switch t.Kind() {
	case column.Bools:
		return xxh3.Hash([]byte{byte(boolRank(v.Bool))})
	case column.Ints:
		return xxh3.Hash(binary.BigEndian.AppendUint64(nil, uint64(v.Int)+1<<63))
	case column.Floats:
		bits := math.Float64bits(v.Float)
		switch {
		case v.Float != v.Float:
			bits = 0x7ff8000000000000 | 1<<63
		case v.Float == 0:
			bits = 1 << 63
		case bits>>63 == 1:
			bits = ^bits
		default:
			bits |= 1 << 63
		}
		return xxh3.Hash(binary.BigEndian.AppendUint64(nil, bits))
	}
	return xxh3.Hash(v.Str)
}

// TestCategorifyCounts checks ids against counting and sorting in a map.
func TestCategorifyCounts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		typ := anyType(r)
		in := anyTable(r, typ)
		op := &Categorify{
			MinCount:   rapid.IntRange(0, 3).Draw(r, "min_count"),
			MaxSize:    rapid.IntRange(0, 3).Draw(r, "max_size"),
			OOVBuckets: rapid.IntRange(0, 3).Draw(r, "oov"),
			Padding:    rapid.Bool().Draw(r, "padding"),
			NullID:     rapid.Bool().Draw(r, "null_id"),
		}
		fitted := rapid.IntRange(0, len(in.rows)).Draw(r, "fitted")
		out := mustRun(t, r, op, in, fitted)

		counts, example := map[string]int{}, map[string]cell{}
		for _, row := range in.rows[:fitted] {
			if !row[0].Null {
				counts[spelling(typ, row[0])]++
				example[spelling(typ, row[0])] = row[0]
			}
		}
		var words []string
		for w, n := range counts {
			if n >= op.MinCount {
				words = append(words, w)
			}
		}
		slices.SortFunc(words, func(a, b string) int {
			return cmp.Or(cmp.Compare(counts[b], counts[a]), compareCells(typ, example[a], example[b]))
		})
		if op.MaxSize > 0 {
			words = words[:min(op.MaxSize, len(words))]
		}
		first := boolRank(op.Padding) + boolRank(op.NullID)
		for i, row := range in.rows {
			want := cell{Null: true}
			known := slices.Index(words, spelling(typ, row[0]))
			switch {
			case row[0].Null && op.NullID, known < 0 && op.OOVBuckets == 0 && op.NullID:
				want = cell{Int: int64(boolRank(op.Padding))}
			case row[0].Null:
			case known >= 0:
				want = cell{Int: int64(first + op.OOVBuckets + known)}
			case op.OOVBuckets > 0:
				want = cell{Int: int64(first) + int64(canonicalHash(typ, row[0])%uint64(op.OOVBuckets))}
			}
			if got := out.serving[i][0]; !program.EqualValues(column.Int64, got, want) {
				r.Fatalf("%s has id %v, want %v", spelling(typ, row[0]), got, want)
			}
		}
		if size := fmt.Sprint(first + op.OOVBuckets + len(words)); out.learnt[0].Text != size {
			r.Fatalf("size %s, want %s", out.learnt[0].Text, size)
		}
	})
}

// compareCells orders two values that are not null.
func compareCells(t column.Type, a, b cell) int {
	switch t.Kind() {
	case column.Bools:
		return boolRank(a.Bool) - boolRank(b.Bool)
	case column.Ints:
		return cmp.Compare(a.Int, b.Int)
	case column.Floats:
		switch {
		case a.Float != a.Float:
			return 1
		case b.Float != b.Float:
			return -1
		}
		return cmp.Compare(a.Float, b.Float)
	}
	return cmp.Compare(string(a.Str), string(b.Str))
}

// TestJointIsOneVocabulary checks that a value has the same id in every lane, the
// one that it has when the lanes are put one below the other.
func TestJointIsOneVocabulary(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		typ := anyType(r)
		in := anyTable(r, typ, typ)
		stacked := &table{fields: in.fields[:1]}
		for lane := range 2 {
			for _, row := range in.rows {
				stacked.rows = append(stacked.rows, []cell{row[lane]})
			}
		}
		joint := mustRun(t, r, &Categorify{OOVBuckets: 1, NullID: true, Joint: true}, in, len(in.rows))
		single := mustRun(t, r, &Categorify{OOVBuckets: 1, NullID: true}, stacked, len(stacked.rows))
		for i := range stacked.rows {
			lane, row := i/max(1, len(in.rows)), i%max(1, len(in.rows))
			if joint.serving[row][lane].Int != single.serving[i][0].Int {
				r.Fatalf("row %d lane %d: %v, want %v", row, lane, joint.serving[row][lane], single.serving[i][0])
			}
		}
	})
}

// TestOneHotIsOneHot checks that a learnt value is true in exactly the column that
// all rows with this value share, and null in none.
func TestOneHotIsOneHot(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		typ := anyType(r)
		in := anyTable(r, typ)
		out := mustRun(t, r, &OneHot{}, in, len(in.rows))
		column, names := map[string]int{}, map[string]bool{}
		for _, f := range out.fields {
			names[f.Name] = true
		}
		for i, row := range in.rows {
			var hot []int
			for j, v := range out.serving[i] {
				if v.Null {
					r.Fatal("null in a one-hot column")
				}
				if v.Bool {
					hot = append(hot, j)
				}
			}
			if row[0].Null != (len(hot) == 0) || len(hot) > 1 {
				r.Fatalf("%v is true in columns %v", row[0], hot)
			}
			if !row[0].Null {
				before, seen := column[spelling(typ, row[0])]
				if column[spelling(typ, row[0])] = hot[0]; seen && before != hot[0] {
					r.Fatalf("%v is in columns %d and %d", row[0], before, hot[0])
				}
			}
		}
		if len(column) != len(out.fields) || len(names) != len(out.fields) {
			r.Fatalf("%d values, %d columns, %d names", len(column), len(out.fields), len(names))
		}
	})
}

// TestOneHotRefusesThousands checks the guard, and that max_size lifts it.
func TestOneHotRefusesThousands(t *testing.T) {
	in := &table{fields: []column.Field{{Name: "id", Type: column.Int64}}}
	for i := range mostOneHot + 1 {
		in.rows = append(in.rows, []cell{{Int: int64(i)}})
	}
	var fault *diag.Error
	if _, err := learnRounds(t, NewOneHot(), in, []int{0}, len(in.rows)); !errors.As(err, &fault) || fault.Code != "Q265" {
		t.Errorf("%d values: %v", len(in.rows), err)
	}
	in.rows = in.rows[:mostOneHot]
	if bound, err := learnRounds(t, NewOneHot(), in, []int{0}, len(in.rows)); err != nil || len(bound.Out()) != mostOneHot {
		t.Errorf("%d values: %v", len(in.rows), err)
	}
	in.rows = append(in.rows, []cell{{Int: -1}}, []cell{{Int: -1}})
	bound, err := learnRounds(t, &OneHot{MaxSize: 2}, in, []int{0}, len(in.rows))
	if err != nil || len(bound.Out()) != 2 || bound.Out()[0].Name != "-1" || bound.Out()[1].Name != "0" {
		t.Errorf("max_size 2: %v, %v", bound, err)
	}
}

// TestCountEncodeCounts checks counts and shares of tuples against a map.
func TestCountEncodeCounts(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := anyTable(r, anyType(r), anyType(r), anyType(r))
		fitted := rapid.IntRange(0, len(in.rows)).Draw(r, "fitted")
		counts := mustRun(t, r, &CountEncode{Joint: true}, in, fitted)
		shares := mustRun(t, r, &CountEncode{Joint: true, Normalize: true}, in, fitted)
		want := map[string]int64{}
		for _, row := range in.rows[:fitted] {
			want[spellings(in, row, []int{0, 1, 2})]++
		}
		for i, row := range in.rows {
			n := want[spellings(in, row, []int{0, 1, 2})]
			share := 0.0
			if n > 0 {
				share, _ = big.NewRat(n, int64(fitted)).Float64()
			}
			if counts.serving[i][0].Int != n || shares.serving[i][0].Float != share {
				r.Fatalf("row %d: %v and %v, want %d and %v", i, counts.serving[i][0], shares.serving[i][0], n, share)
			}
		}
	})
}

// TestShareIsRoundedOnce: beyond 2^53 counts are no floats, but their quotient is.
func TestShareIsRoundedOnce(t *testing.T) {
	for _, c := range []struct {
		part, whole uint64
		want        float64
	}{
		{1, 3, 1.0 / 3}, {3, 3, 1}, {1<<53 + 1, 1<<53 + 1, 1},
		{1<<62 - 1, 1 << 62, 1}, {1<<54 + 2, 1 << 60, 0x1.00000000000008p-6}, {3 * (1<<55 + 1), 1<<55 + 1, 3},
	} {
		if got := share(c.part, c.whole); got != c.want {
			t.Errorf("%d/%d is %v, want %v", c.part, c.whole, got, c.want)
		}
	}
}

// TestCrossIsTheHashOfHashes checks ids against their definition.
func TestCrossIsTheHashOfHashes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := anyTable(r, anyType(r), anyType(r))
		seed := rapid.Int64().Draw(r, "seed")
		out := mustRun(t, r, &Cross{Buckets: 1000, Seed: seed, Padding: true, NullID: true}, in, 0)
		for i, row := range in.rows {
			var bytes []byte
			for j, v := range row {
				bytes = binary.LittleEndian.AppendUint64(bytes, canonicalHash(in.fields[j].Type, v))
			}
			want := 2 + int64(xxh3.HashSeed(bytes, uint64(seed))%1000)
			if row[0].Null && row[1].Null {
				want = 1
			}
			if got := out.serving[i][0]; got.Null || got.Int != want {
				r.Fatalf("row %d has id %v, want %d", i, got, want)
			}
		}
	})
}

// identity returns 0, 1 ... n-1.
func identity(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// TestTupleIndexStaysInRange checks that codes that would leave the integers are
// renumbered on the way, and that tuples are found all the same.
func TestTupleIndexStaysInRange(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := anyTable(r, anyType(r), anyType(r), anyType(r))
		lanes := []int{0, 1, 2}
		index := newTupleIndex(typesOf(in.fields))
		index.limit = int64(rapid.IntRange(50, 60).Draw(r, "limit"))
		known, values := map[string]int64{}, column.Vector{Type: column.Int64}
		for _, row := range in.rows[:len(in.rows)/2] {
			key := spellings(in, row, lanes)
			if _, ok := known[key]; ok {
				continue
			}
			known[key] = int64(len(known))
			index.add([]stat.Cell{cellOf(row[0]), cellOf(row[1]), cellOf(row[2])})
			program.AppendRegister(&values, cell{Int: known[key]})
		}
		index.finish()
		b := program.NewBuilder(in.fields)
		b.Output("id", index.find(b, loadColumns(b, lanes), values), program.RoleFeature)
		rows, err := evaluate(b.Finish(), in.fields, in.rows)
		if err != nil {
			r.Fatal(err)
		}
		for _, c := range index.codes {
			if c >= 60*7 {
				r.Fatalf("code %d", c)
			}
		}
		for i, row := range in.rows {
			want, ok := known[spellings(in, row, lanes)]
			if got := rows[i][0]; got.Null == ok || ok && got.Int != want {
				r.Fatalf("row %d: %v, want %d, %v", i, got, want, ok)
			}
		}
	})
}

// TestSizes checks that ids stay below the promised number of ids.
func TestSizes(t *testing.T) {
	text := column.Field{Name: "a", Type: column.String}
	words := Categorify{OOVBuckets: 3, Padding: true, Vocabulary: Vocabulary{"x", "y"}}
	joint := words
	joint.Joint = true
	for _, c := range []struct {
		op   Operator
		want []int64
	}{
		{HashBucket{Buckets: 10, Padding: true, NullID: true}, []int64{12}},
		{HashBucket{Buckets: 10}, []int64{10}},
		{Cross{Buckets: 10, NullID: true}, []int64{11}},
		{words, []int64{6}},
		{joint, []int64{6, 6}},
	} {
		in := []column.Field{text, text}
		if combiner, ok := c.op.(Combiner); !ok || combiner.Arity() == Each {
			in = in[:1]
		}
		bound, err := c.op.Bind(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := bound.(Sized).Sizes(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: sizes %v, want %v", c.op, got, c.want)
		}
	}
}

// TestNamesOfValues pins how a value becomes part of a column's name.
func TestNamesOfValues(t *testing.T) {
	taken := map[string]bool{}
	var got []string
	for _, s := range []string{"a b", "a_b", "a/b", "a_b_2", "", "empty", "é", strings.Repeat("x", 99)} {
		got = append(got, freeName(taken, suffixOf(column.String, cell{Str: []byte(s)})))
	}
	want := []string{"a_b", "a_b_2", "a_b_3", "a_b_2_2", "empty", "empty_2", "é", strings.Repeat("x", 60)}
	if !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
}

// cellOf returns a value as a part of a key.
func cellOf(v program.Value) stat.Cell {
	return stat.Cell{Null: v.Null, Bool: v.Bool, Int: v.Int, Float: v.Float, Str: v.Str}
}
