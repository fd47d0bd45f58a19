package gpu

import (
	"errors"
	"slices"
	"time"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/gpu/code"
	"quern/gpu/cuda"
)

// runner takes one pass over one batch.
type runner struct {
	s    *session
	pass *preparedPass
	in   column.Batch
	into []stat.Statistic
	feed []*column.Column // by feed: its rows, or the elements of its lists
	list *column.Vector   // the lists whose elements the pass is over, or nil
	n    int              // rows or elements
	own  *results
	pack *packing // nil: outputs are handed over
}

func (s *session) runner(p *prepared, i int, in, host column.Batch, into []stat.Statistic) *runner {
	if len(s.own) <= i {
		s.own = append(s.own, make([]results, i+1-len(s.own))...)
	}
	r := &runner{s: s, pass: &p.passes[i], in: in, into: into, n: in.Rows, own: &s.own[i]}
	for _, f := range r.pass.feeds {
		c := &in.Columns[max(f.column, 0)]
		if f.column < 0 {
			c = &host.Columns[f.output]
		}
		if r.pass.space != program.Rows {
			r.list, c = &c.Values, c.Values.Elements
			r.n = c.Len
		}
		r.feed = append(r.feed, c)
	}
	return r
}

// run takes slice after slice through the slots.
func (r *runner) run() error {
	if r.pack == nil {
		r.own.open(r.pass.pass, r.types(), r.n)
	}
	var flight []*slice
	defer func() {
		for _, s := range flight { // after an error
			r.abandon(s)
		}
	}()
	for lo := 0; lo < r.n || len(flight) > 0; {
		if lo < r.n {
			s, err := r.start(lo, len(flight) == 0)
			switch {
			case errors.Is(err, errPlain):
				return r.failed(flight, lo)
			case errors.Is(err, errRoom):
				return r.failed(flight, lo)
			case err != nil:
				r.s.b.gone(err)
				return r.failed(flight, lo)
			case s != nil:
				flight, lo = append(flight, s), lo+s.n
				continue
			}
		}
		s := flight[0]
		flight = flight[1:]
		if err := r.finish(s); err != nil {
			return err
		}
	}
	return nil
}

// failed finishes a pass on the reference from row lo on. Slices that are in flight may
// still come down.
func (r *runner) failed(flight []*slice, lo int) error {
	var errs []error
	for _, s := range flight {
		errs = append(errs, r.finish(s))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.reference(lo, r.n)
}

// abandon waits for a slice that nobody wants any more.
func (r *runner) abandon(s *slice) {
	if s.slot == nil {
		return
	}
	_ = errors.Join(r.s.b.device.Wait(s.mark), s.elapsed(r.s.b.device, &r.s.clock))
	r.s.b.slots.put(s.slot)
	s.slot = nil
}

// refuse has those statistics observed by the host in later batches that take the most of
// a slot, until the others fit with the rows of s.
func (r *runner) refuse(s *slice) {
	order := make([]int, len(s.jobs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return s.jobs[b].took.sum() - s.jobs[a].took.sum() })
	for _, i := range order {
		if s.fits() {
			return
		}
		s.give(s.jobs[i].took)
		r.s.refuse(r.pass.tuples[i].stat)
	}
}

// start sends the rows from lo on, as many as fit a slot. Without a free slot it returns
// nil, unless it is to wait for one.
func (r *runner) start(lo int, wait bool) (*slice, error) {
	slot := r.s.b.slots.get(wait)
	if slot == nil {
		return nil, nil
	}
	s, err := r.place(slot, lo)
	if err == nil {
		err = r.send(s)
	}
	if errors.Is(err, errRoom) {
		r.refuse(s)
	}
	if err != nil {
		r.s.b.slots.put(slot)
		return nil, err
	}
	return s, nil
}

// leastSlice is the shortest slice that is worth the launches.
const leastSlice = 1024

// place lays out as many rows as fit the slot. Rows of lists must fit as a whole, because
// a slice of them cannot be computed again by itself. With errRoom it returns what does
// not fit.
func (r *runner) place(slot *slot, lo int) (*slice, error) {
	n := r.n - lo
	if most := r.s.b.most; most > 0 && r.pass.space == program.Rows {
		n = min(n, most)
	}
	for ; ; n = (n/2 + 63) &^ 63 {
		s := &slice{slot: slot, lo: lo, n: n}
		err := r.layOut(s)
		switch {
		case err == nil && s.fits():
			return s, nil
		case err != nil:
			return nil, err
		case n <= leastSlice || r.pass.space != program.Rows:
			return s, errRoom
		}
	}
}

// layOut gives everything that a slice needs its place.
func (r *runner) layOut(s *slice) error {
	columns := len(r.feed) + len(r.pass.leaves)
	room := 1024 + 96*columns
	for _, t := range r.pass.tuples {
		room += 512 + 64*len(t.args)
	}
	s.params = params{base: s.slot.in.device.Addr, room: s.in.take(room).n}
	s.fault = s.down(8)
	for i, c := range r.feed {
		values := i >= len(r.pass.feeds) || r.pass.feeds[i].values // to be packed, or as the cut says
		if !values && !c.Dict() {                                  // the host had no use for the dictionary
			if values = true; c.Type() == column.String {
				return errPlain
			}
		}
		s.feed(c, values)
	}
	for i, t := range r.types() {
		s.leave(t, r.pack == nil && r.pass.leaves[i].output >= 0)
	}
	if p := r.pass.loaded; p != nil {
		s.scratch = s.work.take(p.Scratch * r.s.b.grid(s.n, code.Block) * code.Block)
	}
	for _, t := range r.pass.tuples {
		before, j := s.taken(), newJob(t, r.into[t.stat], s, &r.s.memo)
		err := j.place(s)
		if errors.Is(err, errRoom) { // of all slots
			s.in.size += s.slot.in.device.Size
		} else if err != nil {
			return err
		}
		s.jobs = append(s.jobs, placed{j, s.taken().less(before)})
	}
	if r.pack != nil {
		return r.layOutPack(s)
	}
	return nil
}

// types returns the types of the leaves.
func (r *runner) types() []column.Type {
	types := make([]column.Type, len(r.pass.leaves))
	for i := range types {
		o := r.pass.program.Outputs[i]
		types[i] = r.pass.program.Code[o.Register].Type
	}
	return types
}

// send fills the slot and has the device compute the slice.
func (r *runner) send(s *slice) error {
	b := r.s.b
	for i := range s.groups {
		g := &s.groups[i]
		at, err := s.params.put(func(data []byte) []byte {
			for k := range g.tasks {
				data = g.tasks[k].Append(data)
			}
			return data
		})
		if err != nil {
			return err
		}
		g.address = at
	}
	var err error
	if s.columns, err = s.params.columns(append(slices.Clone(s.feeds[:len(r.pass.feeds)]), s.leaves...)...); err != nil {
		return err
	}
	start := time.Now()
	for _, upload := range s.uploads {
		upload()
	}
	copy(s.slot.in.host.Bytes(), s.params.bytes)
	r.s.clock.since(backend.StageFill, start)
	s.timing = r.s.clock.device
	return b.device.Do(func(q *cuda.Queue) error {
		r.enqueue(q, s)
		return nil
	})
}
