package core

import (
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// Grace is how long files of attempts stay after the job is done, in microseconds:
// three days, longer than any writer can be asleep.
const Grace = 72 * 3600 * 1_000_000

// CollectorOptions say what is to be collected.
type CollectorOptions struct {
	Options
	Grace int64 // microseconds; 0: Grace
}

// Collector removes what attempts at the shards of a finished job wrote. Slots stay for
// as long as the job's folder does: a writer that wakes up after years must find its
// slot taken. It shows readers nothing: what they see now may be another job's.
type Collector struct {
	*machine
	o CollectorOptions
}

// NewCollector returns the machine of a garbage collection.
func NewCollector(o CollectorOptions) *Collector {
	if o.Grace == 0 {
		o.Grace = Grace
	}
	return &Collector{newMachine(o.Options), o}
}

// Start implements Machine.
func (c *Collector) Start(now int64) []Action {
	return c.run(now, func() {
		c.read(c.names.Manifest(), func(data []byte, found bool) {
			if c.Bug.Is(museum.CollectEarly) {
				c.collect()
				return
			}
			if !found {
				c.exit(Committed, "the job is not done: nothing is garbage")
				return
			}
			m, err := record.ParseManifest(data, c.Job)
			switch {
			case err != nil:
				c.damaged(c.names.Manifest(), err)
			case !c.old(m.Attempt):
				c.exit(Committed, "the job was done too lately")
			default: // all parts have had their names since before it was put
				c.collect()
			}
		})
	})
}

// Step implements Machine.
func (c *Collector) Step(now int64, e Event) []Action {
	return c.run(now, func() {
		switch e := e.(type) {
		case Answer:
			c.answer(e)
		case Stop:
			c.exit(Retry, "stopped")
		}
	})
}

// old reports whether an attempt began before the grace period.
func (c *Collector) old(a record.Attempt) bool { return c.now-a.Micros() > c.o.Grace }

func (c *Collector) collect() {
	c.list(c.names.Prefix(), func(names []string) {
		var garbage []string
		for _, name := range names {
			a, ok := c.names.AttemptOf(name)
			if ok && c.old(a) || c.Bug.Is(museum.FreeSlots) && c.claimed(name) {
				garbage = append(garbage, name)
			}
		}
		c.each(len(garbage), width, func(i int, done func(bool)) {
			c.do(Remove{c.on(func(Answer) { done(false) }), garbage[i]})
		}, func() { c.exit(Committed, "%d files removed", len(garbage)) })
	})
}

// claimed reports whether name is a claim of the first phases, for a planted bug.
func (c *Collector) claimed(name string) bool {
	for phase := range uint32(4) {
		if _, ok := c.names.ShardOf(name, phase); ok {
			return true
		}
	}
	return false
}
