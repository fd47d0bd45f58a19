package simulate

import (
	"fmt"
	"math/rand/v2"
)

// Fault is a kind of thing that goes wrong.
type Fault int

// The faults.
const (
	Crash   Fault = iota // a process dies between two of its actions
	Pause                // a process sleeps for up to 12 s, and is taken for dead
	Twin                 // a task is started twice
	Early                // a task is started before the phases before its own are done
	Rival                // another coordinator is started
	Lost                 // a message is lost
	Doubled              // a message comes two or three times
	Astray               // a message goes to a coordinator that was replaced
	Slow                 // a message, a store operation or work takes seconds
	Refused              // the store fails for sure
	Unsent               // the store never does it, and does not say so
	Unheard              // the store does it, and does not say so
	Late                 // the store does it long after the writer gave up
	Stale                // a listing lacks what is new
	Flipped              // a file is read with a wrong byte
	Flaky                // one attempt takes its shard for poison, others do not
	Power                // all stops, and what is not durable may be lost
	Collect              // a collection of garbage starts
	Decease              // the coordinator dies
	faults
)

// String returns the fault's name.
func (f Fault) String() string {
	return [...]string{"crash", "pause", "twin", "early", "rival", "lost", "doubled", "astray", "slow", "refused", "unsent",
		"unheard", "late", "stale", "flipped", "flaky", "power", "collect", "decease"}[f]
}

// Chances is how often each fault happens, per thousand occasions.
type Chances [faults]int

// String lists the faults that happen.
func (c Chances) String() string {
	text := ""
	for f, n := range c {
		if n > 0 {
			text += fmt.Sprintf(" %v %d", Fault(f), n)
		}
	}
	return text
}

// Setting is what a cluster is and what goes wrong in it. Times are microseconds.
type Setting struct {
	Shards      int
	Learning    int  // phases that learn
	Coordinated bool // there is a coordinator
	Owned       bool // its workers carry its epoch, and most die with it
	Workers     int  // tasks at the same time
	AllowFailed uint32
	PoisonShard int   // of the last phase; -1: none
	LinkedStore bool  // objects can be seen a little before they are durable, as on a disk
	Blind       bool  // listings show nothing, ever
	Skew        int64 // clocks differ by up to this
	Chances     Chances
	Faulty      int64 // how long things go wrong
	Tick        int64 // of a coordinator
	Patience    int64 // of a worker
	Timeout     int64 // of messages and store operations
}

// draw draws a setting: each kind of fault is absent in half of them.
func draw(r *rand.Rand) Setting {
	s := Setting{
		Shards: 1 + r.IntN(5), Learning: r.IntN(3), Coordinated: r.IntN(2) == 0, Workers: 1 + r.IntN(4),
		AllowFailed: uint32(r.IntN(3)), PoisonShard: -1, LinkedStore: r.IntN(2) == 0, Skew: r.Int64N(2) * 100 * second,
		Faulty: 5*second + r.Int64N(15*second), Tick: second, Patience: 30 * second, Timeout: 3 * second,
	}
	s.Owned = s.Coordinated && r.IntN(2) == 0
	s.Blind = r.IntN(10) == 0
	if r.IntN(8) == 0 {
		s.PoisonShard = r.IntN(s.Shards)
	}
	most := Chances{Crash: 30, Pause: 30, Twin: 300, Early: 60, Rival: 60, Lost: 250, Doubled: 300, Astray: 300, Slow: 60,
		Refused: 60, Unsent: 60, Unheard: 150, Late: 60, Stale: 500, Flipped: 200, Flaky: 20, Power: 20, Collect: 40}
	for f, n := range most {
		if n > 0 && r.IntN(2) == 0 {
			s.Chances[f] = r.IntN(n + 1)
		}
	}
	return s
}

// CoordinatorDeaths returns a setting in which nothing goes wrong but that the
// coordinator dies now and then, and its workers with it.
func CoordinatorDeaths(seed uint64) Setting {
	r := rand.New(rand.NewPCG(seed, 0xdead))
	return Setting{Shards: 2 + r.IntN(12), Learning: r.IntN(3), Coordinated: true, Owned: true, Workers: 1 + r.IntN(4), PoisonShard: -1,
		Chances: Chances{Decease: 100}, Faulty: 20 * second, Tick: second, Patience: 30 * second, Timeout: 3 * second}
}
