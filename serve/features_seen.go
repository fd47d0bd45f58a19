package serve

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"quern/serve/fieldstatus"
	"quern/serve/lookup"
)

const (
	// sampleEvery is of how many answers one is counted feature by feature.
	sampleEvery = 16
	// shownFeatures is how many features have series of their own: too many series are what
	// a Prometheus dies of, so the rest share one for each status.
	shownFeatures = 500
)

// featureName is a feature of a view; the zero value is all that have no series.
type featureName struct{ view, feature string }

// featureCounts counts the values of one feature in sampled answers, by fieldstatus.Status.
type featureCounts [fieldstatus.OutsideMaxAge + 1]atomic.Int64

// featuresSeen counts what was served, feature by feature, in one answer of sampleEvery.
type featuresSeen struct {
	answers atomic.Uint64
	mu      sync.RWMutex
	all     map[featureName]*featureCounts
}

// add counts an answer, if it is sampled.
func (s *featuresSeen) add(b *lookup.Block) {
	if s.answers.Add(1)%sampleEvery != 1 {
		return
	}
	for i := range b.Query.Parts {
		p := &b.Query.Parts[i]
		for k, field := range p.Into { // the view's own names: full names and aliases are the request's
			s.of(featureName{p.View.Name, p.View.Fields[p.From[k]].Name}).add(b, field)
		}
	}
}

// add counts the values of a field of a block.
func (c *featureCounts) add(b *lookup.Block, field int) {
	if b.Plain(field) {
		c[fieldstatus.Present].Add(int64(b.Rows))
		return
	}
	var by [fieldstatus.OutsideMaxAge + 1]int64
	for r := range b.Rows {
		status, _ := b.Status(field, r)
		by[status]++
	}
	for status, n := range by {
		c[status].Add(n)
	}
}

// of returns the counts of a feature.
func (s *featuresSeen) of(name featureName) *featureCounts {
	s.mu.RLock()
	c := s.all[name]
	s.mu.RUnlock()
	if c != nil {
		return c
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[featureName]*featureCounts{}
	}
	if len(s.all) >= shownFeatures {
		name = featureName{}
	}
	if c = s.all[name]; c == nil {
		c = &featureCounts{}
		s.all[name] = c
	}
	return c
}

func (s *featuresSeen) write(p page) {
	p.head("quern_feature_values_total", "counter", fmt.Sprintf("Values of each feature in one answer of %d, by status; without names those of features beyond the first %d.", sampleEvery, shownFeatures))
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := slices.SortedFunc(maps.Keys(s.all), func(a, b featureName) int {
		return cmp.Or(cmp.Compare(a.view, b.view), cmp.Compare(a.feature, b.feature))
	})
	for _, name := range names {
		for status := fieldstatus.Present; status <= fieldstatus.OutsideMaxAge; status++ {
			fmt.Fprintf(p, "quern_feature_values_total{view=%s,feature=%s,status=%q} %d\n",
				label(name.view), label(name.feature), status, s.all[name][status].Load())
		}
	}
}
