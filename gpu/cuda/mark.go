package cuda

import (
	"runtime"
	"sync"
	"time"
)

// Mark is a place in a stream.
type Mark struct {
	e    *event
	turn int // of e: an old mark of a recycled event is void
}

// event is an event of the driver, which marks take turns to use. pool.mu guards it.
type event struct {
	h     handle
	timed bool
	turn  int
	order int  // of recording, over all events
	lent  bool // a mark was handed out and not claimed
}

// pool keeps events for reuse: to make one takes longer than to record it.
type pool struct {
	mu       sync.Mutex
	all      []*event
	idle     []*event
	recorded int
}

// take returns an idle event, or nil.
func (p *pool) take(timed bool) *event {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		if e := p.idle[i]; e.timed == timed {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return e
		}
	}
	return nil
}

// made adds a new event, which is in use.
func (p *pool) made(h handle, timed bool) *event {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := &event{h: h, timed: timed}
	p.all = append(p.all, e)
	return e
}

// mark lends e to a mark.
func (p *pool) mark(e *event) Mark {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recorded++
	e.order, e.lent = p.recorded, true
	return Mark{e, e.turn}
}

// claim ends the life of a mark: its event now belongs to the caller, who puts it back.
func (p *pool) claim(m Mark) *event {
	p.mu.Lock()
	defer p.mu.Unlock()
	if m.e == nil || m.turn != m.e.turn || !m.e.lent {
		bug("a mark that was waited for already, or of a Do that failed")
	}
	m.e.lent = false
	return m.e
}

// put makes an event idle.
func (p *pool) put(e *event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.turn++
	p.idle = append(p.idle, e)
}

// empty returns the driver's events.
func (p *pool) empty() []handle {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []handle
	for _, e := range p.all {
		all = append(all, e.h)
	}
	return all
}

// lent returns how many marks nobody has waited for.
func (p *pool) lent() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.all {
		if e.lent {
			n++
		}
	}
	return n
}

// void takes the marks of a failed Do back.
func (d *Device) void(marks []Mark) {
	for _, m := range marks {
		d.events.put(d.events.claim(m))
	}
}

// waiting is a caller who waits, for run to return.
type waiting struct {
	order int // of the mark
	run   func() error
	done  chan error
}

// Wait returns when its stream has passed m, or with the error that the device died of.
// What was downloaded before m can then be read. It ends the mark. If the driver refuses
// to wait, nothing is in flight any more when Wait returns its error.
func (d *Device) Wait(m Mark) error {
	d.enter()
	defer d.gate.RUnlock()
	e := d.events.claim(m)
	defer d.events.put(e)
	return d.await(e.order, func() error { return d.driver.await(e.h) })
}

// Elapsed returns the time on the device between two marks that Time made, in this
// order, when both are passed. It ends the marks.
func (d *Device) Elapsed(from, to Mark) (t time.Duration, err error) {
	d.enter()
	defer d.gate.RUnlock()
	a, b := d.events.claim(from), d.events.claim(to)
	defer d.events.put(a)
	defer d.events.put(b)
	if !a.timed || !b.timed {
		bug("Elapsed with marks that Record made")
	}
	err = d.await(b.order, func() error {
		for _, e := range []*event{a, b} {
			if err := d.driver.await(e.h); err != nil {
				return err
			}
		}
		t, err = d.driver.elapsed(a.h, b.h)
		return err
	})
	return t, err
}

// await has run called on the goroutine that waits.
func (d *Device) await(order int, run func() error) error {
	w := waiting{order, run, make(chan error, 1)}
	d.waits <- w
	return <-w.done
}

// wait is the goroutine that waits for events. Of the callers who wait it serves the
// one whose mark was recorded first, because the others would mostly have to wait longer.
func (d *Device) wait(ready chan<- error) {
	defer close(d.ended)
	runtime.LockOSThread()
	ready <- d.noted(d.driver.bind())
	var callers []waiting
	for {
		if len(callers) == 0 {
			w, ok := <-d.waits
			if !ok {
				return
			}
			callers = append(callers, w)
		}
		callers = d.arrived(callers)
		first := 0
		for i, w := range callers {
			if w.order < callers[first].order {
				first = i
			}
		}
		w := callers[first]
		callers = append(callers[:first], callers[first+1:]...)
		err := d.dead()
		if err == nil {
			if err = d.noted(w.run()); err != nil && d.dead() == nil {
				d.noted(d.driver.drain()) // the caller will use his memory again
			}
		}
		w.done <- err
	}
}

// arrived adds the callers who have come meanwhile. Close comes only when none is left.
func (d *Device) arrived(callers []waiting) []waiting {
	for {
		select {
		case w, ok := <-d.waits:
			if !ok {
				return callers
			}
			callers = append(callers, w)
		default:
			return callers
		}
	}
}
