//go:build !linux

package bench

import "runtime"

// peakMemory returns the memory that this process has from the system, in bytes: the
// nearest that is known everywhere.
func peakMemory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
