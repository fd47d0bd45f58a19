package core

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"quern/shard/internal/museum"
	"quern/shard/record"
)

// Machine is a state machine: it is told what happens and says what to do. It has no
// goroutines, no clock and no I/O, and is not safe for concurrent use.
type Machine interface {
	// Start begins at now, in microseconds since 1970.
	Start(now int64) []Action
	// Step takes one event.
	Step(now int64, e Event) []Action
}

// Options are what every machine is given.
type Options struct {
	Job  record.Job
	Seed [16]byte   // from the system's source of randomness, anew for every life of a process
	Bug  museum.Bug // tests only
}

// Waits and tries. An operation is tried for about a minute before the machine ends
// with Retry and leaves the rest to its engine.
const (
	tries      = 9
	firstPause = 100_000    // microseconds
	longPause  = 10_000_000 // microseconds
	width      = 16         // reads and publications under way at the same time
)

// machine is what all machines are made of. Every answer has a function waiting for
// it, so a protocol reads from top to bottom.
type machine struct {
	Options
	names   record.Names
	now     int64
	random  *rand.Rand
	last    Op
	waiting map[Op]func(Answer)
	out     []Action
	ended   bool
}

func newMachine(o Options) *machine {
	a, b := seeds(o.Seed)
	return &machine{Options: o, names: record.NamesOf(o.Job), random: rand.New(rand.NewPCG(a, b)),
		waiting: map[Op]func(Answer){}}
}

// run does something at now and returns the actions that came of it.
func (m *machine) run(now int64, f func()) []Action {
	if m.ended {
		return nil
	}
	m.now, m.out = now, nil
	f()
	return m.out
}

// answer hands an answer to whoever waits for it.
func (m *machine) answer(a Answer) {
	if f := m.waiting[a.Op]; f != nil {
		delete(m.waiting, a.Op)
		f(a)
	}
}

// on returns an Op whose answer goes to f.
func (m *machine) on(f func(Answer)) Op {
	m.last++
	m.waiting[m.last] = f
	return m.last
}

func (m *machine) do(a Action) {
	if !m.ended {
		m.out = append(m.out, a)
	}
}

// exit ends the machine.
func (m *machine) exit(code Code, reason string, args ...any) {
	if m.ended {
		return
	}
	m.do(Exit{code, fmt.Sprintf(reason, args...)})
	m.ended, m.waiting = true, map[Op]func(Answer){}
}

// after calls f when some microseconds have passed.
func (m *machine) after(micros int64, f func()) {
	m.do(Wake{m.on(func(Answer) { f() }), micros})
}

// again calls f after a pause that grows with the number of tries before; after too
// many the machine ends.
func (m *machine) again(try int, what string, f func()) {
	if try+1 >= tries {
		m.exit(Retry, "%s: no success in %d tries", what, tries)
		return
	}
	pause := int64(min(longPause, firstPause<<try))
	m.after(pause/2+m.random.Int64N(pause), f)
}

// read reads an object; found is false if there is none.
func (m *machine) read(name string, done func(data []byte, found bool)) {
	m.reading(name, 0, done)
}

func (m *machine) reading(name string, try int, done func([]byte, bool)) {
	m.do(Get{m.on(func(a Answer) {
		switch a.Outcome {
		case Done, Missing:
			done(a.Data, a.Outcome == Done)
		default:
			m.again(try, name, func() { m.reading(name, try+1, done) })
		}
	}), name, true})
}

// list lists names; a hint, never the truth.
func (m *machine) list(prefix string, done func(names []string)) { m.listing(prefix, 0, done) }

func (m *machine) listing(prefix string, try int, done func([]string)) {
	m.do(List{m.on(func(a Answer) {
		if a.Outcome == Done {
			done(a.Names)
			return
		}
		m.again(try, prefix, func() { m.listing(prefix, try+1, done) })
	}), prefix})
}

// settle puts data into a slot and finds out whose bytes are in it: data itself, or
// those of whoever was faster. Unless the store says that the put was done, the slot is
// read, because nothing else tells: a put that timed out may have been stored, may be
// stored later, or an earlier try of ours may have won. Every try goes through gate.
func (m *machine) settle(name string, data []byte, gate func(func()), done func(winner []byte)) {
	m.settling(name, data, 0, gate, done)
}

func (m *machine) settling(name string, data []byte, try int, gate func(func()), done func([]byte)) {
	again := func() {
		m.again(try, name, func() { m.settling(name, data, try+1, gate, done) })
	}
	gate(func() {
		m.do(Put{m.on(func(a Answer) {
			switch {
			case a.Outcome == Done:
				done(data)
			case a.Outcome == Unknown && m.Bug.Is(museum.AssumeWon):
				done(data)
			case a.Outcome == Failed:
				again()
			default:
				m.do(Get{m.on(func(a Answer) {
					if a.Outcome == Done {
						done(a.Data)
						return
					}
					again()
				}), name, true})
			}
		}), name, data})
	})
}

// open is the gate that lets everything pass.
func open(pass func()) { pass() }

// mine reports whether the bytes in a slot are those that this machine put.
func mine(winner, put []byte) bool { return bytes.Equal(winner, put) }

// each calls start for 0 to n-1, wide of them at a time, and finished when all have
// called done. start may call done(true) to have no more started.
func (m *machine) each(n, wide int, start func(i int, done func(enough bool)), finished func()) {
	next, running, ending := 0, 0, false
	var more func()
	more = func() {
		for !ending && next < n && running < wide {
			i := next
			next++
			running++
			start(i, func(enough bool) {
				running--
				ending = ending || enough
				more()
			})
		}
		if running == 0 && (ending || next >= n) && finished != nil {
			f := finished
			finished = nil
			f()
		}
	}
	more()
}

// publish gives a file its final name; done gets what became of it in the end.
func (m *machine) publish(f record.File, saved bool, try int, done func(Outcome)) {
	m.do(Publish{m.on(func(a Answer) {
		switch a.Outcome {
		case Failed, Unknown:
			m.again(try, f.Final, func() { m.publish(f, false, try+1, done) })
		default:
			done(a.Outcome)
		}
	}), f, saved})
}

// broken ends the machine because a file that the log vouches for is damaged. It looks
// twice: bytes may be damaged on the way.
func (m *machine) broken(try int, what, cause string, f func()) {
	if try < 2 {
		m.again(try, what, f)
		return
	}
	m.exit(Broken, "%s: %s", what, cause)
}

// damaged ends the machine: a record cannot be believed.
func (m *machine) damaged(name string, err error) {
	m.exit(Broken, "%s: %v", name, err)
}
