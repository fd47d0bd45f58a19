//go:build unix

package feast

import (
	"syscall"
	"testing"
)

// cpu runs f b.N times and reports the processor time of this process, which other
// processes disturb less than the wall clock.
func cpu(b *testing.B, f func(i int)) {
	b.Helper()
	used := func() int64 {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return u.Utime.Nano() + u.Stime.Nano()
	}
	b.ReportAllocs()
	b.ResetTimer()
	start := used()
	for i := 0; i < b.N; i++ {
		f(i)
	}
	b.ReportMetric(float64(used()-start)/float64(b.N), "cpu-ns/op")
}
