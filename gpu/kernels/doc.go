// Package kernels holds the CUDA kernels (*.cu, *.cuh) and what NVRTC makes of them:
// PTX for the oldest architecture that is supported, which drivers translate for the
// device at hand. The PTX is committed, so that building quern needs no CUDA. `make ptx`
// makes it anew, with compilers from PyPI and without a GPU; `make ptx-check` proves
// that it is what the sources give.
//
// common.cuh says how columns lie in device memory and what rules kernels follow. Real
// arithmetic is float64 with every operation rounded by itself; the tests refuse any PTX
// with a fused, an approximate or an un-rounded instruction, which the driver's
// compiler would be free to fuse.
package kernels
