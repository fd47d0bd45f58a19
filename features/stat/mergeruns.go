package stat

import "bytes"

// cursor walks entries in ascending order of their keys.
type cursor interface {
	// next moves to the next entry; false: there is none.
	next() (bool, error)
	// entry returns the current one, until next.
	entry() (key, body []byte)
}

// memory returns a cursor over the table.
func (k *keyed) memory() cursor { return &memoryCursor{of: k, ids: k.sorted()} }

type memoryCursor struct {
	of   *keyed
	ids  []ranked
	key  []byte
	body []byte
}

func (c *memoryCursor) next() (bool, error) {
	for len(c.ids) > 0 {
		id := c.ids[0].id
		c.ids = c.ids[1:]
		if c.of.load.present(id) {
			c.key, c.body = c.of.key(id), c.of.load.appendBody(c.body[:0], id)
			return true, nil
		}
	}
	return false, nil
}

func (c *memoryCursor) entry() (key, body []byte) { return c.key, c.body }

// merge calls f with the sums of the entries of cursors, the last taken of them
// subtracted, in ascending order of the keys, until f returns false.
func (k *keyed) merge(cursors []cursor, taken int, f func(key, body []byte) (bool, error)) error {
	h := heap{cursors: cursors}
	for i := range cursors {
		if err := h.advance(i); err != nil {
			return err
		}
	}
	var add, take [][]byte
	var equal []int
	var sum []byte
	for len(h.order) > 0 {
		add, take, equal = add[:0], take[:0], equal[:0]
		first := h.pop()
		key, body := cursors[first].entry()
		equal = append(equal, first)
		for len(h.order) > 0 && bytes.Equal(h.key(0), key) {
			equal = append(equal, h.pop())
		}
		for _, i := range equal {
			_, part := cursors[i].entry()
			if i < len(cursors)-taken {
				add = append(add, part)
			} else {
				take = append(take, part)
			}
		}
		if len(add) != 1 || len(take) != 0 {
			var err error
			if sum, err = k.load.combine(sum[:0], add, take); err != nil {
				return err
			}
			body = sum
		}
		if len(body) > 0 {
			if more, err := f(key, body); err != nil || !more {
				return err
			}
		}
		for _, i := range equal {
			if err := h.advance(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// heap orders cursors by their current keys: order[0] has the least.
type heap struct {
	cursors []cursor
	order   []int
}

func (h *heap) key(i int) []byte {
	key, _ := h.cursors[h.order[i]].entry()
	return key
}

// advance moves cursor i, which is not in the heap, and puts it in unless it is over.
func (h *heap) advance(i int) error {
	ok, err := h.cursors[i].next()
	if err != nil || !ok {
		return err
	}
	h.order = append(h.order, i)
	for at := len(h.order) - 1; at > 0; {
		up := (at - 1) / 2
		if bytes.Compare(h.key(up), h.key(at)) <= 0 {
			break
		}
		h.order[up], h.order[at] = h.order[at], h.order[up]
		at = up
	}
	return nil
}

// pop takes the cursor with the least key out.
func (h *heap) pop() int {
	least := h.order[0]
	last := len(h.order) - 1
	h.order[0] = h.order[last]
	h.order = h.order[:last]
	for at := 0; ; {
		child := 2*at + 1
		if child >= last {
			return least
		}
		if child+1 < last && bytes.Compare(h.key(child+1), h.key(child)) < 0 {
			child++
		}
		if bytes.Compare(h.key(at), h.key(child)) <= 0 {
			return least
		}
		h.order[at], h.order[child] = h.order[child], h.order[at]
		at = child
	}
}
