//go:build linux

package main

import "time"

// protocols are the ways that quern is asked.
func protocols() []*protocol {
	return []*protocol{feastJSON(), feastGRPC(), packed()}
}

// questions is how many there are of one size: so many that they are not in a cache by
// themselves.
func questions(rows int, lax bool) int {
	if lax {
		return 200 // a slow server needs seconds for these
	}
	return max(500, min(5000, 50_000/rows))
}

// plan adds the loads of one server: closed loops of 100, 10 and 1 rows, of 100 at eight
// connections, and half of what those reached at times of its own.
func (r *report) plan(to *target) {
	pools := map[int]*pool{}
	for _, l := range []load{{Rows: 100, Connections: 1}, {Rows: 100, Connections: 8}, {Rows: 10, Connections: 1}, {Rows: 1, Connections: 1},
		{Rows: 100, Connections: 32, Rate: half}} {
		if pools[l.Rows] == nil {
			pools[l.Rows] = newPool(to, l.Rows, questions(l.Rows, to.lax))
		}
		r.Cells = append(r.Cells, &measured{Server: to.server, Protocol: to.by.name, load: l, target: to, pool: pools[l.Rows]})
	}
}

// half stands for half of the rate that the server had at eight connections, until that is
// known.
const half = -1

// round measures one round of a load.
func (m *measured) round(r *report, d time.Duration) error {
	if m.load.Rate == half {
		for _, other := range r.Cells {
			if other.target == m.target && other.Connections == 8 {
				m.load.Rate = float64(int(other.Rounds[0].Rate / 2))
			}
		}
	}
	if m.target.lax {
		d *= 2 // a slow server answers few requests
	}
	one, err := m.target.punctual(m.pool, m.load, d, nil)
	m.Rounds = append(m.Rounds, one)
	return err
}

// tardy is how late half of the requests may be before they are sent, in milliseconds.
const tardy = 1

// punctual is measure; a round in which the client itself could not keep its times, because
// others had the processors, is measured again, a few times.
func (t *target) punctual(p *pool, l load, d time.Duration, look inspect) (one *round, err error) {
	for range 4 {
		if one, err = t.measure(p, l, d, look); err != nil || one.Late <= tardy {
			break
		}
	}
	return one, err
}

// check compares the answers to a pool of questions with the data.
func (r *report) check(to *target, p *pool) error {
	if p.checked {
		return nil
	}
	p.checked = true
	if err := to.checkAll(p, 2); err != nil {
		return err
	}
	for i := range r.Checked {
		if c := &r.Checked[i]; c.Server == to.server && c.Protocol == to.by.name {
			c.Answers += len(p.ids)
			return nil
		}
	}
	r.Checked = append(r.Checked, checked{to.server, to.by.name, len(p.ids), to.table.entities})
	return nil
}
