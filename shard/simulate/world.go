package simulate

import (
	"fmt"
	"math/rand/v2"

	"quern/shard/core"
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// Times, in simulated microseconds.
const (
	millisecond = 1_000
	second      = 1_000_000

	epoch = 1_700_000_000 * second // when every simulation begins
)

// world is one simulated cluster. Everything happens in events, one after the other, in
// an order that follows from the seed alone.
type world struct {
	Setting
	bug      museum.Bug
	random   *rand.Rand
	now      int64
	queue    queue
	events   int
	trace    *[]string // nil: not wanted
	store    *store
	judge    *judge
	procs    []*process
	calm     bool // faults have stopped
	happened Chances
	deaths   int // workers that died with their coordinator
	plan     record.Plan
	job      record.Job
	names    record.Names
	engine   *engine
	calls    map[uint64]call
	history  *[]Operation // nil: not wanted
	broken   string       // the first violation
}

// call is where a reply goes to.
type call struct {
	from *process
	op   core.Op
}

// after lets f happen in d microseconds.
func (w *world) after(d int64, f func()) {
	w.queue.push(event{at: w.now + d, do: f})
}

// fault draws whether something goes wrong; nothing does once the faults have stopped.
func (w *world) fault(f Fault) bool {
	if n := w.Chances[f]; n == 0 || w.calm || w.random.IntN(1000) >= n {
		return false
	}
	w.happened[f]++
	return true
}

// delay draws how long a message or the store takes.
func (w *world) delay() int64 {
	if w.fault(Slow) {
		return w.random.Int64N(4 * second)
	}
	return millisecond + w.random.Int64N(20*millisecond)
}

// violated notes a violation, the first of which counts.
func (w *world) violated(format string, args ...any) {
	if w.broken == "" {
		w.broken = fmt.Sprintf(format, args...)
		w.log("VIOLATION: %s", w.broken)
	}
}

// log adds a line to the trace.
func (w *world) log(format string, args ...any) {
	if w.trace != nil {
		*w.trace = append(*w.trace, fmt.Sprintf("%10.6f  ", float64(w.now-epoch)/second)+fmt.Sprintf(format, args...))
	}
}

// run lets events happen until there are none, until the time is up, or until stop.
func (w *world) run(until int64, stop func() bool) {
	for w.queue.len() > 0 && w.queue.first().at <= until && w.broken == "" && !stop() {
		e := w.queue.pop()
		w.now = e.at
		w.events++
		e.do()
	}
}

// event is something that will happen. Events of the same time happen in the order in
// which they were made.
type event struct {
	at  int64
	seq int
	do  func()
}

func (e event) before(other event) bool {
	return e.at < other.at || e.at == other.at && e.seq < other.seq
}

// queue is a heap of events.
type queue struct {
	heap   []event
	pushed int
}

func (q *queue) len() int      { return len(q.heap) }
func (q *queue) first() *event { return &q.heap[0] }

func (q *queue) push(e event) {
	q.pushed++
	e.seq = q.pushed
	q.heap = append(q.heap, e)
	for i := len(q.heap) - 1; i > 0; {
		up := (i - 1) / 2
		if !q.heap[i].before(q.heap[up]) {
			break
		}
		q.heap[i], q.heap[up] = q.heap[up], q.heap[i]
		i = up
	}
}

func (q *queue) pop() event {
	top, n := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[n]
	q.heap[n] = event{}
	q.heap = q.heap[:n]
	for i := 0; ; {
		least := i
		for _, down := range []int{2*i + 1, 2*i + 2} {
			if down < n && q.heap[down].before(q.heap[least]) {
				least = down
			}
		}
		if least == i {
			return top
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}
