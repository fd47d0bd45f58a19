package features

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	gonum "gonum.org/v1/gonum/stat"

	"quern/features/column"
)

// correlated makes rows of n columns that share a few causes.
func correlated(seed uint64, rows, n int) (*table, *mat.Dense) {
	random := rand.New(rand.NewPCG(seed, 0))
	in, dense := &table{}, mat.NewDense(rows, n, nil)
	for j := range n {
		in.fields = append(in.fields, column.Field{Name: string(rune('a' + j)), Type: column.Float64})
	}
	for i := range rows {
		common, row := random.NormFloat64(), make([]cell, n)
		for j := range row {
			row[j].Float = 1000*float64(j) + common*float64(j+1) + random.NormFloat64()
			dense.Set(i, j, row[j].Float)
		}
		in.rows = append(in.rows, row)
	}
	return in, dense
}

// TestPCAIsGonums compares with gonum's own principal components, which come from
// a singular value decomposition of the centred rows.
func TestPCAIsGonums(t *testing.T) {
	for _, c := range []struct{ rows, n int }{{2, 2}, {3, 5}, {65, 3}, {257, 8}} {
		in, dense := correlated(uint64(c.rows), c.rows, c.n)
		bound := fitPCA(t, &PCA{Center: true}, in)
		var pc gonum.PC
		if !pc.PrincipalComponents(dense, nil) {
			t.Fatal("gonum finds no components")
		}
		var vectors mat.Dense
		pc.VectorsTo(&vectors)
		for k, want := range pc.VarsTo(nil) {
			if got := bound.variance[k]; math.Abs(got-want) > 1e-9*bound.variance[0] {
				t.Errorf("%v: variance %d is %v, gonum has %v", c, k, got, want)
			}
			if want < 1e-9 {
				continue // any axis will do
			}
			axis := mat.Col(nil, k, &vectors)
			fixSign(axis)
			for j := range axis {
				if math.Abs(axis[j]-bound.axes[k][j]) > 1e-7 {
					t.Errorf("%v: axis %d is %v, gonum has %v", c, k, bound.axes[k], axis)
					break
				}
			}
		}
	}
}

// TestPCAIsScikitLearns compares with what scikit-learn 1.5.2 prints, signs included.
func TestPCAIsScikitLearns(t *testing.T) {
	in := &table{fields: []column.Field{{Name: "a", Type: column.Float64}, {Name: "b", Type: column.Int64}, {Name: "c", Type: column.Float32}}}
	for _, x := range [][]float64{{1, 2, 3}, {4, 5, 7}, {7, 8, 8}, {2, 1, 0.5}} {
		in.rows = append(in.rows, []cell{{Float: x[0]}, {Int: int64(x[1])}, {Float: x[2]}})
	}
	for _, c := range []struct {
		op   *PCA
		want [][]float64
	}{
		{NewPCA(), [][]float64{
			{-3.4317036, -1.01580359, 0.28666792},
			{2.36905548, -1.08968071, -0.30132555},
			{6.23299616, 0.87532777, 0.1555159},
			{-5.17034804, 1.23015653, -0.14085827},
		}},
		{&PCA{Components: 2, Whiten: true, Center: true}, [][]float64{
			{-0.65253718, -0.82951586}, {0.45047503, -0.88984469}, {1.18520194, 0.71480183}, {-0.98313979, 1.00455872},
		}},
	} {
		out, err := runOperator(t, c.op, "p", in, len(in.rows))
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range c.want {
			for j, want := range row {
				if got := out.serving[i][j].Float; math.Abs(got-want) > 1e-8 {
					t.Errorf("%+v: row %d, pc%d is %v, want %v", c.op, i, j, got, want)
				}
			}
		}
	}
}

// fitPCA learns from all rows.
func fitPCA(t *testing.T, op *PCA, in *table) pcaBound {
	t.Helper()
	bound, err := learnRounds(t, op, in, identity(len(in.fields)), len(in.rows))
	if err != nil {
		t.Fatal(err)
	}
	return bound.(pcaBound)
}

// TestPCAOutputs checks what the projection promises: outputs of mean 0 without
// covariance, whose variances are those reported, or 1 when whitened.
func TestPCAOutputs(t *testing.T) {
	in, _ := correlated(1, 129, 4)
	for _, op := range []*PCA{{Center: true}, {Center: true, Whiten: true}} {
		out, err := runOperator(t, op, "p", in, len(in.rows))
		if err != nil {
			t.Fatal(err)
		}
		projected := mat.NewDense(len(in.rows), 4, nil)
		for i, row := range out.serving {
			for j, v := range row {
				projected.Set(i, j, v.Float)
			}
		}
		var covariance mat.SymDense
		gonum.CovarianceMatrix(&covariance, projected, nil)
		variance := fitPCA(t, op, in).variance
		for i := range 4 {
			if m := gonum.Mean(mat.Col(nil, i, projected), nil); math.Abs(m) > 1e-12*variance[0] {
				t.Errorf("%+v: mean of pc%d is %v", op, i, m)
			}
			for j := range 4 {
				want := 0.0
				if i == j {
					want = variance[i]
					if op.Whiten {
						want = 1
					}
				}
				if got := covariance.At(i, j); math.Abs(got-want) > 1e-10*variance[0] {
					t.Errorf("%+v: covariance of pc%d and pc%d is %v, want %v", op, i, j, got, want)
				}
			}
		}
	}
}

// TestPCAForgetsOrder checks that fitted numbers are the same bits whatever the
// order of the rows.
func TestPCAForgetsOrder(t *testing.T) {
	in, _ := correlated(7, 100, 5)
	before := fitPCA(t, NewPCA(), in).Learnt()
	random := rand.New(rand.NewPCG(8, 0))
	for range 3 {
		random.Shuffle(len(in.rows), func(i, j int) { in.rows[i], in.rows[j] = in.rows[j], in.rows[i] })
		if after := fitPCA(t, NewPCA(), in).Learnt(); !slices.Equal(before, after) {
			t.Fatalf("learnt %v, then %v", before, after)
		}
	}
}

// TestFixSign pins the rule, ties included.
func TestFixSign(t *testing.T) {
	for _, c := range []struct{ axis, want []float64 }{
		{[]float64{0.6, -0.8}, []float64{-0.6, 0.8}},
		{[]float64{-0.5, -0.5}, []float64{0.5, 0.5}},
		{[]float64{-0.7071067811865475, 0.7071067811865476}, []float64{0.7071067811865475, -0.7071067811865476}},
		{[]float64{0, -1, 0}, []float64{0, 1, 0}},
		{[]float64{0, 0}, []float64{0, 0}},
	} {
		fixSign(c.axis)
		for i := range c.axis {
			if c.axis[i] != c.want[i] {
				t.Errorf("axis %v, want %v", c.axis, c.want)
			}
		}
	}
}
