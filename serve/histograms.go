package serve

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// shownViews is how many views have series of their own, in each family that has a series
// for every view: what is more is counted as "other".
const shownViews = 100

// histograms are those of one endpoint, by view; "" is a request that looked nothing up.
type histograms struct {
	mu  sync.RWMutex
	all map[string]*histogram
}

// of returns the histogram of a view.
func (h *histograms) of(view string) *histogram {
	h.mu.RLock()
	one := h.all[view]
	h.mu.RUnlock()
	if one != nil {
		return one
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.all) >= shownViews && h.all[view] == nil {
		view = "other"
	}
	if one = h.all[view]; one == nil {
		if h.all == nil {
			h.all = map[string]*histogram{}
		}
		one = &histogram{}
		h.all[view] = one
	}
	return one
}

// write writes them; an endpoint that nobody called has one of zeros.
func (h *histograms) write(p page, endpoint string) {
	h.of("")
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, view := range slices.Sorted(maps.Keys(h.all)) {
		h.all[view].write(p, fmt.Sprintf("endpoint=%q,view=%q", endpoint, view))
	}
}
