package report

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"
)

// bar is a settled shard in a chart. One whose end is not known is an instant.
type bar struct {
	*Task
	phase    *Phase
	from, to int64
}

// lane is what one worker did, one shard after the other; or several workers where there
// are too many for a line each.
type lane struct {
	name    string
	workers int
	bars    []bar
}

// lanes returns what each worker did, by name. One that did several shards at a time, or
// whose name several have, gets several lanes.
func (r *Report) lanes() []lane {
	bars := r.bars()
	var all []lane
	for len(bars) > 0 {
		n := 1
		for n < len(bars) && bars[n].Worker == bars[0].Worker {
			n++
		}
		all = append(all, apart(bars[:n])...)
		bars = bars[n:]
	}
	return all
}

// bars returns the shards whose start is known, by worker and time.
func (r *Report) bars() []bar {
	var bars []bar
	for i := range r.Phases {
		p := &r.Phases[i]
		for j := range p.Tasks {
			if t := &p.Tasks[j]; t.Started > 0 {
				bars = append(bars, bar{t, p, t.Started, max(t.Started, t.Ended)})
			}
		}
	}
	slices.SortFunc(bars, func(a, b bar) int {
		return cmp.Or(compareNames(a.Worker, b.Worker), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to),
			cmp.Compare(a.phase.Number, b.phase.Number), cmp.Compare(a.Shard, b.Shard))
	})
	return bars
}

// compareNames orders names so that numbers in them ascend: host/9 before host/10.
func compareNames(a, b string) int {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	digits := func(s string, from int) int {
		n := 0
		for from+n < len(s) && s[from+n] >= '0' && s[from+n] <= '9' {
			n++
		}
		return n
	}
	for i > 0 && digits(a, i-1) > 0 && digits(b, i-1) > 0 { // back to where the number starts
		i--
	}
	if n, m := digits(a, i), digits(b, i); n > 0 && m > 0 && n != m {
		return cmp.Compare(n, m)
	}
	return strings.Compare(a[i:], b[i:])
}

// ends is a heap of lanes by when they are free.
type ends []*struct {
	at, lane int64
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (e ends) Len() int { return len(e) }

// Less is by time, then by lane.
func (e ends) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].lane < e[j].lane
}

// Swap swaps.
func (e ends) Swap(i, j int) { e[i], e[j] = e[j], e[i] }

// Push adds one.
func (e *ends) Push(x any) { *e = append(*e, x.(*struct{ at, lane int64 })) }

// Pop removes the last.
func (e *ends) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// apart spreads the bars of one worker, which ascend by time, so that none lie on others.
func apart(bars []bar) []lane {
	name := bars[0].Worker
	if name == "" {
		name = "unnamed"
	}
	var all []lane
	var free ends
	for _, b := range bars {
		if len(free) > 0 && free[0].at <= b.from {
			all[free[0].lane].bars = append(all[free[0].lane].bars, b)
			free[0].at = b.to
			heap.Fix(&free, 0)
			continue
		}
		l := lane{name: name, workers: 1, bars: []bar{b}}
		if len(all) > 0 {
			l.name = fmt.Sprintf("%s (%d)", name, len(all)+1)
		}
		heap.Push(&free, &struct{ at, lane int64 }{b.to, int64(len(all))})
		all = append(all, l)
	}
	return all
}

// grouped puts neighbours together until there are at most so many lanes.
func grouped(lanes []lane, most int) []lane {
	if len(lanes) <= most {
		return lanes
	}
	size := (len(lanes) + most - 1) / most
	var all []lane
	for group := range slices.Chunk(lanes, size) {
		l := lane{name: group[0].name, workers: len(group)}
		if len(group) > 1 {
			l.name = fmt.Sprintf("%s +%d", group[0].name, len(group)-1)
		}
		for _, g := range group {
			l.bars = append(l.bars, g.bars...)
		}
		all = append(all, l)
	}
	return all
}

// cell is a piece of a lane, as wide as a column of a chart.
type cell struct {
	busy     float64 // share of its time that shards took, from 0 to 1
	most     float64 // share of the shard that took the most of it
	odd      bool    // that shard is the second, the fourth, ... of its lane
	straggle bool    // the most was a straggler's
	failed   bool    // a shard failed in it
	within   bool    // between the first and the last shard of the lane
}

// speck is what a shard takes of a cell at least, so that it is seen: one whose end is
// not known takes no time.
const speck = 1e-9

// cells cuts a lane into columns between two instants.
func (l *lane) cells(from, to int64, columns int) []cell {
	all := make([]cell, columns)
	width := max(1, float64(to-from)) / float64(columns)
	first, last := columns, -1
	for i, b := range l.bars {
		start, end := float64(b.from-from)/width, float64(b.to-from)/width
		at := min(columns-1, int(start))
		first = min(first, at)
		for ; at < columns && (float64(at) < end || at == int(start)); at++ {
			last = max(last, at)
			c := &all[at]
			share := max(speck, min(end, float64(at+1))-max(start, float64(at)))
			c.busy += share / float64(l.workers)
			if share >= c.most {
				c.most, c.odd, c.straggle = share, i%2 == 1, b.straggles() && !b.Failed
			}
			if b.Failed && at == min(columns-1, int(start)) {
				c.failed = true
			}
		}
	}
	for at := first; at <= last; at++ {
		all[at].within = true
	}
	return all
}
