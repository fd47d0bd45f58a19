package pipeline

import "sync"

// merger collects the partials of workers. Merging is exact, so whoever comes
// first may go first.
type merger struct {
	mu    sync.Mutex
	total *Partial
}

func newMerger(total *Partial) *merger { return &merger{total: total} }

func (m *merger) merge(p *Partial) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total.Merge(p)
}
