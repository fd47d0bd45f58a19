package stat

import (
	"encoding/binary"
	"math"
	"math/big"

	"quern/features/column"
)

// Gram holds the exact column sums and products X'X of two or more real columns,
// whose values are first rounded (to nearest, ties to even) to a grid: column j to
// multiples of 2^(Spec.Grid[j]-40), where all its magnitudes lie below
// 2^Spec.Grid[j]. On the grid every number is exact, so blocks, order and
// machine do not matter.
//
// A row with a null, NaN or infinity is skipped and counted (Skipped). A row with
// a value that is not below its bound cannot be represented; it is left out
// and counted apart (Outside): whoever reads the numbers must refuse to go on
// unless that is 0, for the grid came from other data.
type Gram struct {
	header
	n, skipped, outside uint64
	sums                []int128 // per column; nil until a row was seen
	products            []int128 // upper triangle, row by row
	work                *gramWork
}

// Bounds of a grid exponent: every float64 lies below 2^maxGrid, and every one
// that is below 2^minGrid is 0 or the least denormal.
const (
	minGrid = -1073
	maxGrid = 1024
)

// maxGramRows keeps 80-bit products of n rows within 127 bits.
const maxGramRows = 1 << 46

func (g *Gram) columns() int { return len(g.spec.Types) }

// N returns how many rows are in the sums.
func (g *Gram) N() uint64 { return g.n }

// Skipped returns how many rows had a null, a NaN or an infinity.
func (g *Gram) Skipped() uint64 { return g.skipped }

// Outside returns how many other rows had a value beyond the grid. They are in no
// sum: unless it is 0, the means and covariances are not those of the data.
func (g *Gram) Outside() uint64 { return g.outside }

// Mean returns the correctly rounded mean of column j on the grid, or NaN if
// there are no rows.
func (g *Gram) Mean(j int) float64 {
	if g.n == 0 {
		return math.NaN()
	}
	return roundRatio(g.sums[j].big(), new(big.Int).SetUint64(g.n), g.spec.Grid[j]-gridBits)
}

// Covariance returns the d x d matrix, row by row, of the correctly rounded
// covariances (n*sum(xy) - sum(x)*sum(y)) / (n*(n-ddof)) on the grid, or nil unless
// n > ddof and n > 0.
func (g *Gram) Covariance(ddof int) []float64 {
	n := new(big.Int).SetUint64(g.n)
	den := new(big.Int).Sub(n, big.NewInt(int64(ddof)))
	if g.n == 0 || den.Sign() <= 0 {
		return nil
	}
	den.Mul(den, n)
	d := g.columns()
	sums := make([]*big.Int, d)
	for j := range sums {
		sums[j] = g.sums[j].big()
	}
	out := make([]float64, d*d)
	at := 0
	for i := range d {
		for j := i; j < d; j++ {
			num := g.products[at].big()
			num.Mul(num, n)
			num.Sub(num, new(big.Int).Mul(sums[i], sums[j]))
			v := roundRatio(num, den, g.spec.Grid[i]+g.spec.Grid[j]-2*gridBits)
			out[i*d+j], out[j*d+i] = v, v
			at++
		}
	}
	return out
}

// Observe implements Statistic.
func (g *Gram) Observe(args []column.Column, weights []uint64) {
	g.check(args, weights)
	if g.work == nil {
		g.work = newGramWork(g.spec.Grid)
	}
	for from, rows := 0, args[0].Len; from < rows; from += gramBlock {
		to := min(from+gramBlock, rows)
		n, skipped, outside := g.work.block(args, from, to)
		g.skipped, g.outside = addRows(g.skipped, uint64(skipped)), addRows(g.outside, uint64(outside))
		if n == 0 {
			continue
		}
		if g.n += uint64(n); g.n > maxGramRows {
			panic("quern: bug: gram of more than 2^46 rows")
		}
		g.allocate()
		g.work.addTo(g.sums, g.products)
	}
}

func (g *Gram) allocate() {
	if g.sums == nil {
		d := g.columns()
		g.sums, g.products = make([]int128, d), make([]int128, d*(d+1)/2)
	}
}

// Merge implements Statistic.
func (g *Gram) Merge(other Statistic) error {
	o, ok := other.(*Gram)
	if !ok || !g.same(&o.header) {
		return ErrMismatch
	}
	if g.n+o.n > maxGramRows || g.skipped+o.skipped > maxRows || g.outside+o.outside > maxRows {
		return ErrOverflow
	}
	g.n += o.n
	g.skipped += o.skipped
	g.outside += o.outside
	if o.sums == nil {
		return nil
	}
	g.allocate()
	for i, v := range o.sums {
		g.sums[i].add(v)
	}
	for i, v := range o.products {
		g.products[i].add(v)
	}
	return nil
}

// Subtract implements Statistic.
func (g *Gram) Subtract(other Statistic) error {
	o, ok := other.(*Gram)
	if !ok || !g.same(&o.header) {
		return ErrMismatch
	}
	if o.n > g.n || o.skipped > g.skipped || o.outside > g.outside {
		return ErrNotInvertible
	}
	d := &Gram{header: g.header, n: g.n - o.n, work: g.work,
		skipped: g.skipped - o.skipped, outside: g.outside - o.outside}
	if g.sums != nil {
		d.allocate()
		copy(d.sums, g.sums)
		copy(d.products, g.products)
	}
	if o.sums != nil && g.sums != nil {
		for i, v := range o.sums {
			d.sums[i].sub(v)
		}
		for i, v := range o.products {
			d.products[i].sub(v)
		}
	}
	if !d.valid() {
		return ErrNotInvertible
	}
	*g = *d
	return nil
}

// valid reports whether the sums can be those of n rows: all zero if n is 0, and
// no product greater than the squares allow.
func (g *Gram) valid() bool {
	if g.sums == nil {
		return g.n == 0
	}
	d := g.columns()
	n := new(big.Int).SetUint64(g.n)
	most := new(big.Int).Lsh(n, 2*gridBits)
	squares := make([]*big.Int, d)
	for j, at := 0, 0; j < d; at, j = at+d-j, j+1 {
		sum := g.sums[j].big()
		squares[j] = g.products[at].big()
		if squares[j].Sign() < 0 || squares[j].Cmp(most) > 0 ||
			new(big.Int).Mul(n, squares[j]).Cmp(sum.Mul(sum, sum)) < 0 {
			return false
		}
	}
	at := 0
	for i := range d { // Cauchy and Schwarz: sum(xy)^2 <= sum(x^2) sum(y^2)
		for j := i; j < d; j++ {
			p := g.products[at].big()
			if p.Mul(p, p).Cmp(new(big.Int).Mul(squares[i], squares[j])) > 0 {
				return false
			}
			at++
		}
	}
	return true
}

// AppendBinary implements Statistic. The state is uvarints of n, skipped and
// outside and, unless n is 0, the sums and the upper triangle of the products
// (see appendInt128), in units of the grid.
func (g *Gram) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, g.head...)
	for _, c := range []uint64{g.n, g.skipped, g.outside} {
		b = binary.AppendUvarint(b, c)
	}
	if g.n == 0 {
		return b, nil
	}
	for _, v := range g.sums {
		b = appendInt128(b, v)
	}
	for _, v := range g.products {
		b = appendInt128(b, v)
	}
	return b, nil
}

// UnmarshalBinary implements Statistic.
func (g *Gram) UnmarshalBinary(data []byte) error {
	r, err := g.state(data)
	if err != nil {
		return err
	}
	d := &Gram{header: g.header, n: r.uvarint(), skipped: r.counter(), outside: r.counter()}
	k := d.columns()
	if d.n > maxGramRows || d.n > 0 && len(r.data) < k+k*(k+1)/2 {
		return corrupt("state has the wrong length")
	}
	if d.n > 0 {
		d.allocate()
		for i := range d.sums {
			d.sums[i] = readInt128(r)
		}
		for i := range d.products {
			d.products[i] = readInt128(r)
		}
	}
	if err := r.end(); err != nil {
		return err
	}
	if !d.valid() {
		return corrupt("sums that no rows have")
	}
	*g = *d
	return nil
}

// Close implements Statistic.
func (g *Gram) Close() error { return nil }
