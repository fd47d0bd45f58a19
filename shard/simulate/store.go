package simulate

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"strings"

	"quern/shard/core"
	"quern/shard/internal/museum"
	"quern/shard/record"
)

// store is the output store: what is there, and how it fails.
type store struct {
	*world
	objects map[string]*object
	power   int // losses of power; what was under way before one is gone
}

// object is a stored object.
type object struct {
	data    []byte
	durable bool
	born    int64
}

// operate sends an operation to the store: apply is what it does there, in one instant.
// A write may be done without an answer, or even long after the writer gave up.
func (s *store) operate(p *process, op core.Op, what, name string, write bool, apply func() core.Answer) {
	p.issued[op] = issue{s.now, name}
	gone := core.Failed
	if write {
		gone = core.Unknown
	}
	call, power := s.now, s.power
	answer := func(after int64, a core.Answer) {
		a.Op = op
		s.after(after, func() { p.deliver(a, what, name) })
	}
	act := func() (core.Answer, bool) {
		if power != s.power {
			return core.Answer{}, false
		}
		return apply(), true
	}
	switch {
	case s.fault(Refused):
		answer(s.delay(), core.Answer{Outcome: core.Failed})
	case s.fault(Unsent):
		answer(s.Timeout, core.Answer{Outcome: gone})
	case write && s.fault(Late):
		answer(s.Timeout, core.Answer{Outcome: gone})
		s.after(s.Timeout+s.random.Int64N(15*second), func() {
			if a, ok := act(); ok {
				s.log("store     late %s %s of %s: %v", what, short(name), p.name, a.Outcome)
				s.note(p, what, name, call, a)
			}
		})
	default:
		s.after(s.delay(), func() {
			a, ok := act()
			if !ok {
				return
			}
			heard := s.note(p, what, name, call, a)
			s.harden(p, name, write && a.Outcome == core.Done, func() {
				if s.fault(Unheard) {
					s.log("store     %s %s of %s: %v, and the answer is lost", what, short(name), p.name, a.Outcome)
					answer(s.Timeout, core.Answer{Outcome: gone})
					return
				}
				back := s.delay()
				heard(s.now + back)
				answer(back, a)
			})
		})
	}
}

// harden makes what was written durable before it is acknowledged. On a store that
// links it is the writer who does that, a little after others can see the object, so it
// may die before.
func (s *store) harden(p *process, name string, written bool, then func()) {
	if !written || !s.LinkedStore {
		then()
		return
	}
	if s.bug.Is(museum.PutNotDurable) {
		s.after(5*second, func() { s.durable(name) })
		then()
		return
	}
	power := s.power
	s.after(s.delay(), func() {
		if !p.dead && power == s.power {
			s.durable(name)
			then()
		}
	})
}

func (s *store) durable(name string) {
	if o := s.objects[name]; o != nil {
		o.durable = true
	}
}

// put stores data if nothing has the name. On a store that links, the object can be
// seen at once and is durable when the answer is given.
func (s *store) put(p *process, op core.Op, name string, data []byte) {
	if s.bug.Is(museum.RacyPut) && s.random.IntN(2) == 0 {
		s.racyPut(p, op, name, data)
		return
	}
	s.operate(p, op, "put", name, true, func() core.Answer {
		if s.objects[name] != nil {
			return core.Answer{Outcome: core.Exists}
		}
		s.add(name, data)
		return core.Answer{}
	})
}

// racyPut is a planted bug: it looks, and writes later.
func (s *store) racyPut(p *process, op core.Op, name string, data []byte) {
	call := s.now
	s.after(s.delay(), func() {
		if s.objects[name] != nil {
			s.after(s.delay(), func() { p.deliver(core.Answer{Op: op, Outcome: core.Exists}, "put", name) })
			return
		}
		s.after(s.delay(), func() {
			delete(s.objects, name)
			s.add(name, data)
			s.note(p, "put", name, call, core.Answer{})(s.now)
			s.after(s.delay(), func() { p.deliver(core.Answer{Op: op}, "put", name) })
		})
	})
}

// add makes an object.
func (s *store) add(name string, data []byte) {
	o := &object{data: data, durable: !s.LinkedStore, born: s.now}
	s.objects[name] = o
	if s.bug.Is(museum.TornPut) && s.random.IntN(4) == 0 {
		o.data = data[:len(data)/2]
		s.after(s.delay(), func() { o.data = data })
	}
	s.judge.stored(name, data)
}

// get reads an object; settled has it made durable first.
func (s *store) get(p *process, op core.Op, name string, settled bool) {
	s.operate(p, op, "get", name, false, func() core.Answer {
		o := s.objects[name]
		if o == nil {
			return core.Answer{Outcome: core.Missing}
		}
		o.durable = o.durable || settled
		return core.Answer{Data: bytes.Clone(o.data)}
	})
}

// list lists names; what is new may be absent.
func (s *store) list(p *process, op core.Op, prefix string) {
	s.operate(p, op, "list", prefix, false, func() core.Answer {
		var names []string
		stale := s.fault(Stale)
		for name, o := range s.objects {
			if strings.HasPrefix(name, prefix) && !s.Blind && !(stale && s.now-o.born < 3*second) {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		return core.Answer{Names: names}
	})
}

// remove removes an object.
func (s *store) remove(p *process, op core.Op, name string) {
	s.operate(p, op, "remove", name, true, func() core.Answer {
		s.lose(name, false)
		return core.Answer{}
	})
}

// lose drops an object; power tells that it was never durable.
func (s *store) lose(name string, power bool) {
	if s.objects[name] != nil {
		delete(s.objects, name)
		s.judge.removed(name, power)
	}
}

// publish gives a file its final name.
func (s *store) publish(p *process, op core.Op, f record.File) {
	s.operate(p, op, "publish", f.Final, true, func() core.Answer {
		if o := s.objects[f.Final]; o != nil {
			o.durable = true
			if sha256.Sum256(o.data) != f.SHA256 {
				return core.Answer{Outcome: core.Conflict}
			}
			return core.Answer{}
		}
		from := s.objects[f.Name]
		if from == nil {
			return core.Answer{Outcome: core.Missing}
		}
		s.add(f.Final, from.data)
		return core.Answer{}
	})
}

// whole reports what is there of a file.
func (s *store) whole(f record.File) core.Outcome {
	o := s.objects[f.Name]
	switch {
	case o == nil:
		return core.Missing
	case sha256.Sum256(o.data) != f.SHA256:
		return core.Corrupt
	}
	o.durable = true
	return core.Done
}

// blackOut stops all processes and loses what is not durable.
func (s *store) blackOut() {
	s.log("store     POWER IS LOST")
	s.power++
	for _, p := range s.procs {
		p.die("power")
	}
	var lost []string
	for name, o := range s.objects {
		if !o.durable {
			lost = append(lost, name)
		}
	}
	slices.Sort(lost)
	for _, name := range lost {
		if s.random.IntN(2) == 0 {
			s.log("store     %s is lost", short(name))
			s.lose(name, true)
		}
	}
}

// short is a name without what all names have in front.
func short(name string) string {
	if rest, ok := strings.CutPrefix(name, record.Root); ok {
		_, name, _ = strings.Cut(rest, "/")
	}
	return name
}
