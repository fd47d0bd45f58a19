package procs

import (
	"cmp"
	"slices"
	"time"
)

// task is a shard of a phase, with what became of it.
type task struct {
	Descriptor
	size    int64
	tries   int       // that failed
	after   time.Time // not to be tried before
	running int       // children that are at it
	done    bool
}

// shards are the tasks of the phase at hand.
type shards struct {
	phase   uint32
	tasks   map[uint32]*task // by shard
	queue   []*task          // to be handed out, the largest first
	running int              // tasks that children are at, twins counted once
	times   []time.Duration  // that tasks took, ascending
}

// pauses before a task is tried again, or a child that did nothing is replaced.
const (
	shortPause = 200 * time.Millisecond
	longPause  = 5 * time.Second
)

// pause grows with the number of failures before.
func pause(failures int) time.Duration {
	return min(longPause, shortPause<<min(failures, 10))
}

// open takes up a phase with the shards that are not settled.
func (s *shards) open(phase uint32, pending []uint32, size func(phase, shard uint32) int64) {
	*s = shards{phase: phase, tasks: make(map[uint32]*task, len(pending))}
	for _, shard := range pending {
		t := &task{Descriptor: Descriptor{phase, shard}}
		if size != nil {
			t.size = size(phase, shard)
		}
		s.tasks[shard] = t
		s.queue = append(s.queue, t)
	}
	slices.SortStableFunc(s.queue, func(a, b *task) int { return cmp.Compare(b.size, a.size) })
}

// next takes the next task out of the queue; nil: none is ready.
func (s *shards) next(now time.Time) *task {
	for i, t := range s.queue {
		if t.after.After(now) {
			continue
		}
		s.queue = slices.Delete(s.queue, i, i+1)
		if !t.done {
			return t
		}
		return s.next(now)
	}
	return nil
}

// again puts a task back that was not done.
func (s *shards) again(t *task, after time.Time) {
	t.after = after
	s.queue = append(s.queue, t)
}

// took notes how long a task took.
func (s *shards) took(d time.Duration) {
	at, _ := slices.BinarySearch(s.times, d)
	s.times = slices.Insert(s.times, at, d)
}

// median of the times that tasks took; false before enough of them are known.
func (s *shards) median() (time.Duration, bool) {
	if len(s.times) < 3 {
		return 0, false
	}
	return s.times[len(s.times)/2], true
}
