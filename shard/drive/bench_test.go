package drive

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"quern/shard/core"
)

// cpu returns the CPU time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkTask does tasks that compute nothing, eight at a time, with a coordinator, on
// a local disk. The CPU time of one is the protocol's, its driver's and the store's.
func BenchmarkTask(b *testing.B) {
	o := newOffice(b, uint32(b.N), 0)
	var group sync.WaitGroup
	began := cpu()
	group.Go(func() { o.drive(b.Context(), o.coordinator(), o.options()) })
	for o.ready() == nil {
		time.Sleep(time.Millisecond)
	}
	slots := make(chan struct{}, 8)
	for phase := range uint32(2) {
		for shard := range uint32(b.N) {
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				if exit := o.drive(b.Context(), o.worker(phase, shard, true), o.options()); exit.Code != core.Committed {
					b.Errorf("%+v", exit)
				}
			})
		}
	}
	group.Wait()
	b.ReportMetric(float64((cpu()-began).Microseconds())/float64(2*b.N), "cpu-µs/task")
}
