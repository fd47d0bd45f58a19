//go:build !linux

package memory

// Peak returns the memory that the process holds, in bytes: the nearest that is known
// everywhere.
func Peak() int64 { return Held() }
