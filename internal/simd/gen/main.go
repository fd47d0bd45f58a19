// Command gen writes the assembly of package simd: every kernel twice, for AVX-512
// and for AVX2, from one description. It is a module of its own, so that nobody who
// imports quern needs avo.
package main

import (
	"github.com/mmcloughlin/avo/build"
)

func main() {
	build.ConstraintExpr("amd64,!purego")
	for _, lanes := range []int{8, 4} {
		g := newGen(lanes)
		sums(g)
		reals(g)
		elements(g)
		minmaxes(g)
		ladders(g)
		packs(g)
		intSums(g)
		bools(g)
		codes(g)
	}
	build.Generate()
}
