package overlay

import (
	"quern/serve/row"
)

// put is a call of Put that waits.
type put struct {
	entries []entry
	bytes   int64 // of the rows in the log
	cost    int64 // of the rows in memory
	done    chan struct{}
	last    uint64
	err     error
}

const (
	maxPut   = 512 << 20 // bytes of rows of one Put
	maxGroup = 16 << 20  // from which on a frame gets no further Put
)

// enqueue copies rows and puts them into the queue.
func (v *Overlay) enqueue(rows *row.Rows) (*put, error) {
	p := &put{entries: make([]entry, rows.Len()), done: make(chan struct{})}
	for i := range p.entries {
		r := rows.At(i)
		if p.bytes += int64(rowHead + len(r.Fixed) + len(r.Heap)); p.bytes > maxPut {
			return nil, tooMany("more than %d MiB of rows at once", maxPut>>20)
		}
		r = copyRow(r)
		v.layout.SetBase(r.Fixed, 0)
		p.entries[i] = *v.entry(r)
		p.cost += cost(r)
	}
	v.queueing.Lock()
	defer v.queueing.Unlock()
	if v.closed {
		return nil, ErrClosed
	}
	if held := v.table.bytes.Load() + v.waiting; held+p.cost > v.o.Memory {
		return nil, tooMany("%d MiB of pushed rows are in memory, of %d at most", held>>20, v.o.Memory>>20)
	}
	v.waiting += p.cost
	v.queue = append(v.queue, p)
	v.nudge()
	return p, nil
}

// nudge wakes the goroutine that commits, or has it look again.
func (v *Overlay) nudge() {
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

// commitAll commits what comes until the overlay is closed and the queue empty. While it
// waits for the disk others get into the queue; they go together into the next frame.
func (v *Overlay) commitAll() {
	defer close(v.ended)
	for range v.wake {
		for v.step() {
		}
		v.queueing.Lock()
		end := v.closed && len(v.queue) == 0
		v.queueing.Unlock()
		if end {
			return
		}
	}
}

// step commits what is in the queue, as one frame; false if there was nothing.
func (v *Overlay) step() bool {
	group, cost := v.take()
	if len(group) == 0 {
		return false
	}
	v.commit(group)
	v.queueing.Lock()
	v.waiting -= cost
	v.queueing.Unlock()
	for _, p := range group {
		close(p.done)
	}
	return true
}

// take takes a group from the queue, at most maxGroup bytes, but at least one Put.
func (v *Overlay) take() (group []*put, cost int64) {
	v.queueing.Lock()
	defer v.queueing.Unlock()
	n, bytes := 0, int64(0)
	for n < len(v.queue) && (n == 0 || bytes+v.queue[n].bytes <= maxGroup) {
		bytes += v.queue[n].bytes
		cost += v.queue[n].cost
		n++
	}
	group = v.queue[:n:n]
	if v.queue = v.queue[n:]; len(v.queue) == 0 {
		v.queue = nil
	}
	return group, cost
}

// commit numbers the rows of a group, makes them durable, and then lets look-ups see them.
func (v *Overlay) commit(group []*put) {
	v.mu.Lock()
	defer v.mu.Unlock()
	rows := 0
	for _, p := range group {
		rows += len(p.entries)
	}
	err := v.log.append(uint32(rows), func(b []byte, seq uint64) []byte {
		for _, p := range group {
			for i := range p.entries {
				v.layout.SetSeq(p.entries[i].row, seq)
				b = appendRow(b, p.entries[i].row)
				seq++
			}
			p.last = seq - 1
		}
		return b
	})
	if err != nil {
		for _, p := range group {
			p.last, p.err = 0, err
		}
		return
	}
	for _, p := range group {
		for i := range p.entries {
			v.table.put(&p.entries[i])
		}
	}
	v.durable.Store(v.log.next - 1)
}
