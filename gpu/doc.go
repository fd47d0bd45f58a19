// Package gpu will be the CUDA back end: features/backend on a device, with the bits
// of the CPU's. It is not written yet; runs use package cpu.
package gpu
