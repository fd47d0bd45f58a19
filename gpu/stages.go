package gpu

import (
	"errors"
	"time"

	"quern/features/backend"
	"quern/gpu/cuda"
)

// clock adds up where a session's time goes. Marks that are timed cost the device
// something, so that it asks only if Options.Timed says so.
type clock struct {
	device bool
	spent  map[string]time.Duration
}

// since adds the time from start to a stage of the host.
func (c *clock) since(stage string, start time.Time) { c.add(stage, time.Since(start)) }

func (c *clock) add(stage string, t time.Duration) {
	if c.spent == nil {
		c.spent = map[string]time.Duration{}
	}
	c.spent[stage] += t
}

// Stages returns the time of each stage; see backend.Staged. Those of the device are
// there if Options.Timed was set.
func (s *session) Stages() map[string]time.Duration { return s.clock.spent }

// interval is a stage of the device: from one mark to another.
type interval struct {
	stage    string
	from, to cuda.Mark
}

// timed enqueues a stage of a slice, between marks if anybody asks.
func (s *slice) timed(q *cuda.Queue, stage string, enqueue func()) {
	if !s.timing {
		enqueue()
		return
	}
	from := q.Time(s.slot.stream)
	enqueue()
	s.intervals = append(s.intervals, interval{stage, from, q.Time(s.slot.stream)})
}

// elapsed adds the stages of the device. Their marks must be claimed whatever happened.
func (s *slice) elapsed(d *cuda.Device, c *clock) error {
	var errs []error
	for _, i := range s.intervals {
		t, err := d.Elapsed(i.from, i.to)
		c.add(i.stage, t)
		errs = append(errs, err)
	}
	s.intervals = nil
	return errors.Join(errs...)
}

// Again computes the device's share of the last batch once more; see backend.Resident. It
// needs Options.Resident, without which sessions give their slots back at once.
func (s *session) Again() (took time.Duration, ok bool, err error) {
	if len(s.kept) == 0 {
		return 0, false, nil
	}
	for _, k := range s.kept {
		t, err := k.runner.again(k.slice)
		if err != nil {
			return 0, false, err
		}
		took += t
	}
	return took, true, nil
}

// stayed is a slice whose slot the session has not given back.
type stayed struct {
	*runner
	*slice
}

// again computes a slice once more from what is on the device.
func (r *runner) again(s *slice) (took time.Duration, err error) {
	device := r.s.b.device
	var from, to, end cuda.Mark
	err = device.Do(func(q *cuda.Queue) error {
		// Tables among the parameters are written to.
		q.Upload(s.slot.stream, s.slot.in.device, 0, s.slot.in.host, 0, len(s.params.bytes))
		from = q.Time(s.slot.stream)
		r.compute(q, s)
		to, end = q.Time(s.slot.stream), q.Record(s.slot.stream)
		return nil
	})
	if err != nil {
		return 0, err
	}
	took, err = device.Elapsed(from, to)
	return took, errors.Join(err, device.Wait(end))
}

// release gives the slots back that the session kept.
func (s *session) release() {
	for _, k := range s.kept {
		s.b.slots.put(k.slot)
		k.slot = nil
	}
	s.kept = nil
}

var (
	_ backend.Staged     = (*session)(nil)
	_ backend.Resident   = (*session)(nil)
	_ backend.Wholesaler = (*Backend)(nil)
)
