package gpu

import (
	"errors"
	"time"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/gpu/reduce"
)

// finish waits for a slice and takes what came down. What the device could not do, the
// reference does.
func (r *runner) finish(s *slice) error {
	defer r.done(s)
	err := errors.Join(r.s.b.device.Wait(s.mark), s.elapsed(r.s.b.device, &r.s.clock))
	if err != nil {
		r.s.b.gone(err)
		return r.reference(s.lo, s.lo+s.n)
	}
	start := time.Now()
	defer func() { r.s.clock.since(backend.StageFinish, start) }()
	if s.got(s.fault)[0] != 0 {
		return r.reference(s.lo, s.lo+s.n)
	}
	var again []int
	for i, j := range s.jobs {
		err := r.observe(s, j)
		if errors.Is(err, errHost) {
			again = append(again, r.pass.tuples[i].observed)
		} else if err != nil {
			return r.distrust(err)
		}
	}
	for i := range r.pass.leaves {
		if r.pack == nil {
			r.own.take(i, s)
		}
	}
	r.s.b.done.device.Add(1)
	if len(again) == 0 {
		return nil
	}
	r.s.b.done.tuples.Add(int64(len(again)))
	_, err = r.s.remainder(r.cut(s.lo, s.lo+s.n), nil, again, r.into)
	return err
}

// distrust returns the error of a job. A device that returned the impossible may have
// returned anything before, so that the reference cannot go on from here.
func (r *runner) distrust(err error) error {
	if !errors.Is(err, reduce.ErrImpossible) {
		return err
	}
	return diag.New("Q522", "%s cannot be trusted", r.s.b.Name()).Because(err).
		WithHint("--device cpu gives the right bytes; have the device looked at")
}

// done gives the slot of a slice back, unless it is to stay on the device.
func (r *runner) done(s *slice) {
	if r.s.b.resident && s.lo == 0 && s.n == r.n {
		r.s.kept = append(r.s.kept, stayed{r, s})
		return
	}
	r.s.b.slots.put(s.slot)
	s.slot = nil
}

// observe finishes a job. errHost: its statistic has learnt nothing.
func (r *runner) observe(s *slice, j job) error {
	for {
		next, err := j.finish(s)
		if next == nil || err != nil {
			return err
		}
		if err := r.s.b.run(next, s.slot.stream); err != nil {
			r.s.b.gone(err)
			return errHost
		}
	}
}

// reference computes rows of the pass, from lo to hi, without the device.
func (r *runner) reference(lo, hi int) error {
	if r.pack != nil {
		return ErrNotPacked
	}
	r.s.b.done.reference.Add(1)
	var outputs, observed []int
	for _, l := range r.pass.leaves {
		if l.output >= 0 {
			outputs = append(outputs, l.output)
		}
	}
	for _, t := range r.pass.tuples {
		observed = append(observed, t.observed)
	}
	batch, err := r.s.remainder(r.cut(lo, hi), outputs, observed, r.into)
	var fault *program.RowError
	if errors.As(err, &fault) {
		return err // explain finds the row
	}
	if err != nil {
		return err
	}
	n := 0
	for i, l := range r.pass.leaves {
		if l.output < 0 {
			continue
		}
		c := &batch.Columns[n]
		if r.list != nil {
			c = c.Values.Elements
		}
		r.own.copy(i, c, lo)
		n++
	}
	return nil
}

// cut returns rows of the batch: all of them if the pass is over lists.
func (r *runner) cut(lo, hi int) column.Batch {
	if r.list != nil || lo == 0 && hi == r.n {
		return r.in
	}
	part := column.Batch{Rows: hi - lo, Columns: make([]column.Column, len(r.in.Columns))}
	for i := range part.Columns {
		part.Columns[i] = column.Cut(&r.in.Columns[i], lo, hi)
	}
	return part
}
