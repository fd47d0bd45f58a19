package pipeline

import (
	"errors"
	"sync"

	"quern/features/stat"
)

// merger collects the statistics of workers. Merging is exact, so whoever comes
// first may go first: what comes first is kept, the rest is merged into it.
type merger struct {
	mu          sync.Mutex
	read, taken uint64
	locks       []sync.Mutex
	stats       []stat.Statistic // nil: nothing yet
}

func newMerger(n int) *merger {
	return &merger{locks: make([]sync.Mutex, n), stats: make([]stat.Statistic, n)}
}

// rows counts rows that were read, and of those, the rows that were learnt from.
func (m *merger) rows(read, taken int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read += uint64(read)
	m.taken += uint64(taken)
}

// merge takes over statistics, whose numbers are at.
func (m *merger) merge(at []int, stats []stat.Statistic) error {
	var errs []error
	for i, n := range at {
		errs = append(errs, m.mergeOne(n, stats[i]))
	}
	return errors.Join(errs...)
}

func (m *merger) mergeOne(n int, s stat.Statistic) error {
	m.locks[n].Lock()
	defer m.locks[n].Unlock()
	if m.stats[n] == nil {
		m.stats[n] = s
		return nil
	}
	return errors.Join(m.stats[n].Merge(s), s.Close())
}

// finish returns the partial of everything merged. Statistics that nobody has
// observed are empty ones.
func (m *merger) finish(specs []stat.Spec, res stat.Resources) (*Partial, error) {
	for i, s := range m.stats {
		if s != nil {
			continue
		}
		var err error
		if m.stats[i], err = stat.New(specs[i], res); err != nil {
			m.Close()
			return nil, err
		}
	}
	return &Partial{Read: m.read, Taken: m.taken, Stats: m.stats}, nil
}

// Close frees what the statistics hold outside the heap.
func (m *merger) Close() {
	for _, s := range m.stats {
		if s != nil {
			s.Close()
		}
	}
}
