package bench

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// sliceRows is how many rows of plain columns a processor computes at a time, as in
// package pipeline.
const sliceRows = 1 << 15

// applier runs a program over batches as pipeline does where outputs take columns apart:
// component by component and slice by slice, or whole, if the back end wants that.
type applier struct {
	parts   []applied
	batches []column.Batch
	cut     bool
}

// applied is a component, compiled.
type applied struct {
	exe    backend.Executable
	inputs []int // of the batch's columns
}

// newApplier compiles p for batches whose columns are named by schema.
func newApplier(be backend.Backend, p *program.Program, schema column.Schema, batches []column.Batch) (*applier, error) {
	a := &applier{batches: batches, cut: !backend.Wholesale(be)}
	components := []program.Component{p.Whole()}
	if a.cut {
		if c := p.Split(); len(c) > 0 {
			components = c
		}
	}
	for _, c := range components {
		exe, err := be.Compile(c.Program)
		if err != nil {
			return nil, err
		}
		part := applied{exe: exe}
		for _, f := range c.Program.Inputs {
			part.inputs = append(part.inputs, schema.Find(f.Name))
		}
		a.parts = append(a.parts, part)
	}
	return a, nil
}

// run computes everything once, with so many workers, and drops it.
func (a *applier) run(workers int) error { return together(workers, a.work) }

// together runs workers that take tasks by counting on, and joins their errors.
func together(workers int, work func(next *atomic.Int64) error) error {
	var next atomic.Int64
	errs := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() { errs[w] = work(&next) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// work is one worker: it takes a component of a batch at a time, and stays with a
// component's session as long as it can.
func (a *applier) work(next *atomic.Int64) error {
	at := -1
	var session backend.Session
	defer func() {
		if session != nil {
			session.Close()
		}
	}()
	for {
		task := int(next.Add(1)) - 1
		if task >= len(a.parts)*len(a.batches) {
			return nil
		}
		if part := task / len(a.batches); part != at {
			if session != nil {
				session.Close()
			}
			at, session = part, a.parts[part].exe.NewSession()
		}
		if err := a.batch(session, &a.parts[at], &a.batches[task%len(a.batches)]); err != nil {
			return err
		}
	}
}

// batch runs a component over a batch.
func (a *applier) batch(session backend.Session, part *applied, b *column.Batch) error {
	step := b.Rows
	if a.cut && !anyCoded(b, part.inputs) {
		step = sliceRows
	}
	args := make([]column.Column, len(part.inputs))
	for from := 0; from < b.Rows; from += step {
		to := min(b.Rows, from+step)
		for i, at := range part.inputs {
			args[i] = column.Cut(&b.Columns[at], from, to)
		}
		if _, err := session.Run(column.Batch{Rows: to - from, Columns: args}, nil); err != nil {
			return err
		}
	}
	return nil
}

// anyCoded reports whether a column is dictionary-coded or of lists: those are not cut.
func anyCoded(b *column.Batch, inputs []int) bool {
	for _, at := range inputs {
		if c := &b.Columns[at]; c.Dict() || c.Type().IsList() {
			return true
		}
	}
	return false
}

// metered is a back end that adds up the stages of its sessions.
type metered struct {
	backend.Backend
	mu     sync.Mutex
	stages map[string]float64
}

// Wholesale passes on what the back end wants.
func (m *metered) Wholesale() bool { return backend.Wholesale(m.Backend) }

// Compile implements backend.Backend.
func (m *metered) Compile(p *program.Program) (backend.Executable, error) {
	exe, err := m.Backend.Compile(p)
	return &meteredExecutable{exe, m}, err
}

// add adds the stages of a session that is done.
func (m *metered) add(stages map[string]time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stages == nil {
		m.stages = map[string]float64{}
	}
	for name, t := range stages {
		m.stages[name] += t.Seconds()
	}
}

// take returns what was added since the last call.
func (m *metered) take() map[string]float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stages
	m.stages = nil
	return s
}

type meteredExecutable struct {
	backend.Executable
	by *metered
}

// NewSession implements backend.Executable.
func (e *meteredExecutable) NewSession() backend.Session {
	return &meteredSession{e.Executable.NewSession(), e.by}
}

type meteredSession struct {
	backend.Session
	by *metered
}

// Run implements backend.Session.
func (s *meteredSession) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	return s.Session.Run(in, into)
}

// Close notes the stages first.
func (s *meteredSession) Close() {
	if staged, ok := s.Session.(backend.Staged); ok {
		s.by.add(staged.Stages())
	}
	s.Session.Close()
}
