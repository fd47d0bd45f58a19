// Package simd holds the loops that are worth assembly: AVX-512 and AVX2 variants
// made by the generator in gen, and a twin of each in plain Go, for other
// processors and for builds with the tag purego. All variants of a kernel give the
// same bits for all arguments; the tests hold them against each other.
//
// Best chooses once, by the processor; callers keep what it returns. The variables
// GODEBUG=cpu.avx512f=off and cpu.avx2=off make it choose less, for whole programs.
//
// # Shapes
//
// The first slice is the destination and its length is the number of values;
// arguments are at least that long. A destination may be the same slice as an
// argument of its own type, but may not overlap it otherwise. Bitmaps have a bit
// per value, least significant first, set if the value is there; nil has all set,
// and bits past the last value are ignored. What lies under a null is garbage.
//
// Go cannot interrupt assembly, so one call of it does at most 64 Ki values.
package simd

//go:generate sh -c "cd gen && go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg simd"
//go:generate go test -run Fresh -rewrite .
