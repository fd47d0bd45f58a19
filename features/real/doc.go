// Package real holds quern's own log, log1p, exp, expm1, pow, sin and cos.
//
// Each is a fixed sequence of float64 operations, each rounded once by IEEE 754:
// additions, subtractions, multiplications (and two divisions in Pow), tests and
// integer operations on the bits. Nothing is fused, nothing is left to a library,
// nothing depends on the processor. So whoever repeats the sequence, in assembly
// or on a GPU, gets the same bits; testdata/golden.txt holds values to prove it.
//
// Results are within 1 ulp of the truth for all arguments, where an ulp is the
// distance of the doubles around the true value (2^-1074 below 2^-1022); the tests
// measure it against math/big. Special cases are those of C99 annex F and of
// package math. Every NaN result has the bits 0x7FF8000000000000, whatever NaN
// came in.
//
// # How products are written
//
// The Go compiler may fuse x*y + z on some architectures, but never across an
// explicit conversion. So every product here reads float64(x*y), and a test checks
// the source for it.
//
// # Coefficients
//
// Polynomials interpolate the function (with its leading terms taken off) at the
// Chebyshev nodes of the reduced interval, computed with 300 bits and rounded to
// double. They are evaluated by Estrin's scheme, whose order is part of the
// definition: pairs, then pairs of pairs.
package real
