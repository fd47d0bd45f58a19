//go:build !amd64 || purego

package simd

// Highest returns the best level of this processor.
func Highest() Level { return Generic }

func (k *Kernels) assemble() {}
