// Package memory tells how much memory this process takes.
package memory

import "runtime"

// Held returns the memory that the process has from the system, in bytes.
func Held() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys)
}
