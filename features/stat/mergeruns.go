package stat

import (
	"bytes"
	"slices"
)

// item is an entry on its way through a merge. Its bytes are valid until its
// cursor moves.
type item struct {
	packed        // of the whole key, tag included
	key    []byte // as in key.go
	body   []byte
	over   bool // there is none
}

func (i *item) set(key []byte) { i.key, i.packed = key, pack(key) }

// before reports whether i comes before j. What is over comes last.
func (i *item) before(j *item) bool {
	switch {
	case i.over || j.over:
		return j.over && !i.over
	case i.w0 != j.w0:
		return i.w0 < j.w0
	case i.w1 == newLong || j.w1 == newLong:
		return bytes.Compare(i.key, j.key) < 0
	}
	return i.w1 < j.w1
}

// cursor walks entries in ascending order of their keys.
type cursor interface {
	// next moves to the next entry and describes it; false: there is none.
	next(i *item) (bool, error)
	// stays reports whether what next describes stays as it is when the cursor moves on.
	stays() bool
}

// memory returns a cursor over the table, which it sorts.
func (k *keyed) memory() cursor {
	k.sortByKey()
	return &memoryCursor{of: k}
}

type memoryCursor struct {
	of    *keyed
	place int
	key   []byte
	body  []byte
}

func (c *memoryCursor) stays() bool { return false }

func (c *memoryCursor) next(i *item) (bool, error) {
	for c.place < c.of.n {
		e := c.of.at(uint32(c.place))
		c.place++
		if held := int(e.held); c.of.load.present(held) {
			c.key = c.of.appendKey(c.key[:0], e)
			c.body = c.of.load.appendBody(c.body[:0], held)
			i.set(c.key)
			i.body = c.body
			return true, nil
		}
	}
	return false, nil
}

// merge calls f with the sums of the entries of cursors, the last taken of them
// subtracted, in ascending order of the keys, until f returns false.
func (k *keyed) merge(cursors []cursor, taken int, f func(key, body []byte) (bool, error)) error {
	if len(cursors) == 1 && taken == 0 {
		return walk(cursors[0], f)
	}
	if len(cursors) == 2 && taken == 0 {
		return k.mergeTwo(cursors[0], cursors[1], f)
	}
	t, err := newTournament(cursors)
	if err != nil {
		return err
	}
	if taken == 0 && !slices.ContainsFunc(cursors, func(c cursor) bool { return !c.stays() }) {
		return k.mergeStays(t, f)
	}
	sum := summer{load: k.load}
	for len(cursors) > 0 && !t.items[t.winner].over {
		first := &t.items[t.winner]
		sum.begin(first)
		for {
			sum.add(t.items[t.winner].body, t.winner >= len(cursors)-taken)
			if err := t.advance(); err != nil {
				return err
			}
			if next := &t.items[t.winner]; next.over || next.packed != sum.packed || next.w1 == newLong && !bytes.Equal(next.key, sum.key) {
				break
			}
		}
		body, err := sum.total()
		if err != nil {
			return err
		}
		if len(body) > 0 {
			if more, err := f(sum.key, body); err != nil || !more {
				return err
			}
		}
	}
	return nil
}

// mergeStays is merge of entries whose bytes stay, which need not be copied.
func (k *keyed) mergeStays(t *tournament, f func(key, body []byte) (bool, error)) error {
	var bodies [][]byte
	var sum []byte
	for !t.items[t.winner].over {
		first := t.items[t.winner]
		bodies = append(bodies[:0], first.body)
		for {
			if err := t.advance(); err != nil {
				return err
			}
			next := &t.items[t.winner]
			if next.over || next.packed != first.packed || next.w1 == newLong && !bytes.Equal(next.key, first.key) {
				break
			}
			bodies = append(bodies, next.body)
		}
		body := first.body
		if len(bodies) > 1 {
			var err error
			if sum, err = k.load.combine(sum[:0], bodies, nil); err != nil {
				return err
			}
			body = sum
		}
		if more, err := f(first.key, body); err != nil || !more {
			return err
		}
	}
	return nil
}

// mergeTwo is merge of two cursors. Nothing is copied: neither moves on before f has seen
// the entry.
func (k *keyed) mergeTwo(a, b cursor, f func(key, body []byte) (bool, error)) error {
	var items [2]item
	var both [2][]byte
	var sum []byte
	moveA, moveB := true, true
	for more := true; more; {
		if moveA {
			ok, err := a.next(&items[0])
			if items[0].over = !ok; err != nil {
				return err
			}
		}
		if moveB {
			ok, err := b.next(&items[1])
			if items[1].over = !ok; err != nil {
				return err
			}
		}
		first := &items[0]
		moveA, moveB = !items[1].before(first), !first.before(&items[1])
		var err error
		switch {
		case first.over && items[1].over:
			return nil
		case moveA && moveB:
			both = [2][]byte{first.body, items[1].body}
			if sum, err = k.load.combine(sum[:0], both[:], nil); err != nil {
				return err
			}
			more, err = f(first.key, sum)
		case moveA:
			more, err = f(first.key, first.body)
		default:
			more, err = f(items[1].key, items[1].body)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// walk calls f with the entries of one cursor.
func walk(c cursor, f func(key, body []byte) (bool, error)) error {
	var i item
	for {
		if ok, err := c.next(&i); err != nil || !ok {
			return err
		}
		if more, err := f(i.key, i.body); err != nil || !more {
			return err
		}
	}
}

// summer adds up the bodies of one key. It copies them: their cursors move on.
type summer struct {
	packed
	load   payload
	key    []byte
	bytes  []byte // the bodies
	ends   []int  // of each in bytes
	minus  []bool // which are subtracted
	result []byte
	parts  [2][][]byte
}

func (s *summer) begin(i *item) {
	s.packed, s.key = i.packed, append(s.key[:0], i.key...)
	s.bytes, s.ends, s.minus = s.bytes[:0], s.ends[:0], s.minus[:0]
}

func (s *summer) add(body []byte, minus bool) {
	s.bytes = append(s.bytes, body...)
	s.ends, s.minus = append(s.ends, len(s.bytes)), append(s.minus, minus)
}

// total returns the sum's body, which is empty if nothing is left.
func (s *summer) total() (body []byte, err error) {
	if len(s.ends) == 1 && !s.minus[0] {
		return s.bytes, nil
	}
	add, take := s.parts[0][:0], s.parts[1][:0]
	from := 0
	for i, to := range s.ends {
		if s.minus[i] {
			take = append(take, s.bytes[from:to])
		} else {
			add = append(add, s.bytes[from:to])
		}
		from = to
	}
	s.parts = [2][][]byte{add, take}
	s.result, err = s.load.combine(s.result[:0], add, take)
	return s.result, err
}

// tournament finds the cursor with the least key: a tree of matches, in which each
// inner node remembers who lost there.
type tournament struct {
	cursors []cursor
	items   []item
	losers  []int // node i has the children 2i and 2i+1; cursor c is node len(cursors)+c
	winner  int
}

func newTournament(cursors []cursor) (*tournament, error) {
	n := len(cursors)
	t := &tournament{cursors: cursors, items: make([]item, n), losers: make([]int, n)}
	winners := make([]int, 2*n)
	for c := range cursors {
		if err := t.move(c); err != nil {
			return nil, err
		}
		winners[n+c] = c
	}
	for node := n - 1; node > 0; node-- {
		a, b := winners[2*node], winners[2*node+1]
		if t.items[b].before(&t.items[a]) {
			a, b = b, a
		}
		winners[node], t.losers[node] = a, b
	}
	if n > 1 {
		t.winner = winners[1]
	}
	return t, nil
}

func (t *tournament) move(c int) error {
	ok, err := t.cursors[c].next(&t.items[c])
	t.items[c].over = !ok
	return err
}

// advance moves the winner's cursor and lets its next entry climb.
func (t *tournament) advance() error {
	w := t.winner
	if err := t.move(w); err != nil {
		return err
	}
	for node := (len(t.cursors) + w) / 2; node > 0; node /= 2 {
		if l := t.losers[node]; t.items[l].before(&t.items[w]) {
			w, t.losers[node] = l, w
		}
	}
	t.winner = w
	return nil
}
