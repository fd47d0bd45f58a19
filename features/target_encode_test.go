package features

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/zeebo/xxh3"
	"pgregory.net/rapid"

	"quern/features/column"
	"quern/features/program"
)

// naiveTarget is target encoding from the rows, with no other state: it filters
// them anew for every row that it encodes.
type naiveTarget struct {
	in        *table
	fitted    int
	keys      []int
	target    int
	by        []int
	folds     int
	m         *big.Rat // nil: empirical Bayes
	foldOfRow []int
	keyOfRow  []string
	targetOf  []*big.Rat // nil: null
}

// fold hashes a row's folds_by columns from the definition.
func (n *naiveTarget) fold(row []cell) int {
	if len(n.by) == 1 {
		return int(canonicalHash(n.in.fields[n.by[0]].Type, row[n.by[0]]) % uint64(n.folds))
	}
	var bytes []byte
	for _, c := range n.by {
		bytes = binary.LittleEndian.AppendUint64(bytes, canonicalHash(n.in.fields[c].Type, row[c]))
	}
	return int(xxh3.Hash(bytes) % uint64(n.folds))
}

// prepare computes what is the same for every encoded row.
func (n *naiveTarget) prepare() {
	for _, row := range n.in.rows {
		n.foldOfRow = append(n.foldOfRow, n.fold(row))
		n.keyOfRow = append(n.keyOfRow, spellings(n.in, row, n.keys))
		var y *big.Rat
		if v := row[n.target]; !v.Null {
			switch n.in.fields[n.target].Type.Kind() {
			case column.Bools:
				y = big.NewRat(int64(boolRank(v.Bool)), 1)
			case column.Ints:
				y = big.NewRat(v.Int, 1)
			default:
				y = new(big.Rat).SetFloat64(v.Float)
			}
		}
		n.targetOf = append(n.targetOf, y)
	}
}

// targets returns the targets of the learnt rows that keep holds for.
func (n *naiveTarget) targets(keep func(i int) bool) []*big.Rat {
	var ys []*big.Rat
	for i := range n.fitted {
		if n.targetOf[i] != nil && keep(i) {
			ys = append(ys, n.targetOf[i])
		}
	}
	return ys
}

// encode returns the value of row i, or null.
func (n *naiveTarget) encode(i int, training bool) cell {
	outside := func(j int) bool { return !training || n.foldOfRow[j] != n.foldOfRow[i] }
	all := n.targets(outside)
	own := n.targets(func(j int) bool { return outside(j) && n.keyOfRow[j] == n.keyOfRow[i] })
	if len(all) == 0 {
		return cell{Null: true}
	}
	prior, spreadAll := meanAndVariance(all)
	value := prior
	if len(own) > 0 {
		mean, spreadOwn := meanAndVariance(own)
		count := big.NewRat(int64(len(own)), 1)
		weight := new(big.Rat)
		if n.m != nil {
			weight.Quo(count, new(big.Rat).Add(count, n.m))
		} else if vn := new(big.Rat).Mul(spreadAll, count); vn.Sign() != 0 || spreadOwn.Sign() != 0 {
			weight.Quo(vn, new(big.Rat).Add(vn, spreadOwn))
		}
		value = new(big.Rat).Mul(weight, mean)
		weight.Sub(big.NewRat(1, 1), weight)
		value.Add(value, weight.Mul(weight, prior))
	}
	f, _ := value.Float64()
	return cell{Float: f}
}

// meanAndVariance is the two-pass definition.
func meanAndVariance(ys []*big.Rat) (mean, variance *big.Rat) {
	count := big.NewRat(int64(len(ys)), 1)
	mean, variance = new(big.Rat), new(big.Rat)
	for _, y := range ys {
		mean.Add(mean, y)
	}
	mean.Quo(mean, count)
	for _, y := range ys {
		d := new(big.Rat).Sub(y, mean)
		variance.Add(variance, d.Mul(d, d))
	}
	return mean, variance.Quo(variance, count)
}

// TestTargetEncodeIsTheDefinition checks both modes against naiveTarget.
func TestTargetEncodeIsTheDefinition(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		targetType := rapid.SampledFrom([]column.Type{column.Bool, column.Int64, column.Float32, column.Float64}).Draw(r, "target")
		in := anyTable(r, anyType(r), anyType(r), targetType, column.Date, column.Int32)
		for _, row := range in.rows {
			switch wide := targetType == column.Float64; {
			case math.IsNaN(row[2].Float):
				row[2].Float = float64(float32(0.1))
			case math.IsInf(row[2].Float, 1) && wide:
				row[2].Float = math.MaxFloat64
			case math.IsInf(row[2].Float, -1) && wide:
				row[2].Float = 5e-324
			case math.IsInf(row[2].Float, 0):
				row[2].Float = math.SmallestNonzeroFloat32
			}
		}
		op := &TargetEncode{Target: "c2", FoldsBy: []ColumnName{"c3", "c4"}}
		op.Folds = rapid.IntRange(2, 4).Draw(r, "folds")
		op.Smoothing = rapid.SampledFrom([]Smoothing{SmoothingAuto, "0", "20", "0.3", "1e-3"}).Draw(r, "smoothing")
		keys := [][]int{{0}, {0, 1}}[rapid.IntRange(0, 1).Draw(r, "keys")]
		if len(keys) == 1 {
			in = dropColumn(in, 1)
			keys = []int{0}
		}
		naive := &naiveTarget{in: in, fitted: len(in.rows), keys: keys, target: len(keys), by: []int{len(keys) + 1, len(keys) + 2}, folds: op.Folds}
		if op.Smoothing != SmoothingAuto {
			naive.m, _ = Literal(op.Smoothing).Rat()
		}
		naive.prepare()
		if len(naive.targets(func(int) bool { return true })) == 0 {
			r.Skip("no targets")
		}
		out := mustRun(t, r, op, in, len(in.rows))
		for i := range in.rows {
			for _, training := range []bool{false, true} {
				got, want := out.serving[i][0], naive.encode(i, training)
				if training {
					got = out.training[i][0]
				}
				if !program.EqualValues(column.Float64, got, want) {
					r.Fatalf("row %d (training %v): %v, want %v", i, training, got, want)
				}
			}
		}
	})
}

// dropColumn returns in without one column.
func dropColumn(in *table, at int) *table {
	out := &table{fields: slices.Delete(slices.Clone(in.fields), at, at+1)}
	for _, row := range in.rows {
		out.rows = append(out.rows, slices.Delete(slices.Clone(row), at, at+1))
	}
	return out
}

// TestTargetEncodeForgetsOrder checks that a row's values do not depend on where
// it stands.
func TestTargetEncodeForgetsOrder(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		in := anyTable(r, column.String, column.Int64, column.Date)
		in.rows = append(in.rows, []cell{{Str: []byte("a")}, {Int: 1}, {Int: 1}})
		op := &TargetEncode{Target: "c1", Folds: 3, Smoothing: "20", FoldsBy: []ColumnName{"c2"}}
		before := mustRun(t, r, op, in, len(in.rows))
		order := rapid.Permutation(identity(len(in.rows))).Draw(r, "order")
		shuffled := &table{fields: in.fields}
		for _, i := range order {
			shuffled.rows = append(shuffled.rows, in.rows[i])
		}
		after := mustRun(t, r, op, shuffled, len(in.rows))
		if !slices.Equal(before.learnt, after.learnt) {
			r.Fatalf("learnt %v, then %v", before.learnt, after.learnt)
		}
		for to, from := range order {
			if !program.EqualValues(column.Float64, before.training[from][0], after.training[to][0]) {
				r.Fatalf("row %d: %v, then %v", from, before.training[from][0], after.training[to][0])
			}
		}
	})
}

// TestTargetEncodeRefusesFoldsByKeys checks the one mistake that a script cannot
// show, as there a column is either a lane or named by an option.
func TestTargetEncodeRefusesFoldsByKeys(t *testing.T) {
	key, target, day := column.Field{Name: "k", Type: column.String}, column.Field{Name: "y", Type: column.Bool}, column.Field{Name: "d", Type: column.Date}
	op := NewTargetEncode()
	op.Target, op.FoldsBy = "y", []ColumnName{"k"}
	if _, err := op.Bind([]column.Field{key, target, key}); err == nil || !strings.Contains(err.Error(), "only key columns") {
		t.Errorf("folds by the key: %v", err)
	}
	op.FoldsBy = []ColumnName{"k", "d"}
	if _, err := op.Bind([]column.Field{key, target, key, day}); err != nil {
		t.Errorf("folds by the key and more: %v", err)
	}
}
