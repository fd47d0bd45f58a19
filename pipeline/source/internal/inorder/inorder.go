// Package inorder does the same work on many items at once and merges the results in the
// items' order.
package inorder

import "sync"

// Run runs work on n items with several workers, which take the next item from
// a shared counter, and hands the results to merge one by one in the order of the
// items, whatever the timing is. It ends with the first error that merge returns:
// no item is begun after that, and none after one that failed. work is told the
// number of its worker, for state that workers do not share.
func Run[R any](workers, n int, work func(worker, item int) (R, error), merge func(item int, r R, err error) error) error {
	q := &queue[R]{n: n, results: map[int]result[R]{}, merge: merge}
	var group sync.WaitGroup
	for w := range min(workers, n) {
		group.Go(func() {
			for item := q.take(); item >= 0; item = q.take() {
				r, err := work(w, item)
				q.put(item, result[R]{r, err})
			}
		})
	}
	group.Wait()
	return q.err
}

type result[R any] struct {
	value R
	err   error
}

// queue is the state that the workers of Run share.
type queue[R any] struct {
	mu      sync.Mutex
	n       int
	taken   int
	merged  int
	failed  bool              // an item failed, or merge did
	err     error             // of merge
	results map[int]result[R] // waiting for earlier ones
	merge   func(item int, r R, err error) error
}

// take returns the next item, or -1.
func (q *queue[R]) take() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed || q.taken == q.n {
		return -1
	}
	q.taken++
	return q.taken - 1
}

// put merges a result and those that waited for it.
func (q *queue[R]) put(item int, r result[R]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.results[item] = r
	q.failed = q.failed || r.err != nil
	for q.err == nil {
		next, ok := q.results[q.merged]
		if !ok {
			return
		}
		delete(q.results, q.merged)
		q.err = q.merge(q.merged, next.value, next.err)
		q.failed = q.failed || q.err != nil
		q.merged++
	}
}
