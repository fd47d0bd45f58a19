package stat

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// manyEntries are worth several workers.
const manyEntries = 1 << 16

// workersFor returns how many workers n entries are worth.
func workersFor(n int) int {
	if n < manyEntries {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}

// beside does n jobs, the first ones first, with several workers.
func beside(workers, n int, do func(worker, job int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for w := range min(workers, n) {
		group.Go(func() {
			for job := int(next.Add(1)) - 1; job < n; job = int(next.Add(1)) - 1 {
				do(w, job)
			}
		})
	}
	group.Wait()
}
