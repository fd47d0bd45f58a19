package work

import (
	"context"
	"encoding/binary"
	"sync"

	"quern/features/diag"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/shard/core"
	"quern/shard/record"
)

// What a phase taught is, as long as another one learns, the merged partials of all
// phases so far: whoever learns from the same partials stands where everybody stands.
// After the last one that learns it is the model's file.

// magic begins a state of partials.
const magic = "quern learnt 1\n"

// encodeState returns the state of merged partials.
func encodeState(partials [][]byte) []byte {
	data := []byte(magic)
	for _, p := range partials {
		data = binary.AppendUvarint(data, uint64(len(p)))
		data = append(data, p...)
	}
	return data
}

// decodeState reads what encodeState wrote. The partials share data.
func decodeState(data []byte) (partials [][]byte, ok bool) {
	if len(data) < len(magic) || string(data[:len(magic)]) != magic {
		return nil, false
	}
	for data = data[len(magic):]; len(data) > 0; {
		size, n := binary.Uvarint(data)
		if n <= 0 || size > uint64(len(data)-n) {
			return nil, false
		}
		partials = append(partials, data[n:n+int(size)])
		data = data[n+int(size):]
	}
	return partials, true
}

// loaded is a phase as a process works on it: bound to what was learnt before.
type loaded struct {
	state    record.File
	once     sync.Once
	err      error
	plan     *pipeline.Plan
	phase    *pipeline.Phase // of one that learns
	partials [][]byte        // that were learnt from
	learner  *pipeline.Learner
	model    *model.Model // of the last phase
}

// load returns the phase after a state. A process works on the shards of one phase at a
// time, so the last one is kept.
func (j *Job) load(ctx context.Context, state record.File, learns bool) (*loaded, error) {
	j.mu.Lock()
	l := j.loaded
	if l == nil || l.state != state {
		l = &loaded{state: state}
		j.loaded = l
	}
	j.mu.Unlock()
	l.once.Do(func() { l.err = j.fill(ctx, l, learns) })
	if l.err != nil {
		j.forget(l)
		return nil, l.err
	}
	return l, nil
}

// forget has the next load begin anew.
func (j *Job) forget(l *loaded) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.loaded == l {
		j.loaded = nil
	}
}

func (j *Job) fill(ctx context.Context, l *loaded, learns bool) error {
	if l.state.Name != "" && !learns {
		if l.model = j.modelAtHand(l.state); l.model != nil {
			return nil
		}
	}
	var data []byte
	var err error
	if l.state.Name != "" {
		if data, err = j.read(ctx, l.state); err != nil {
			return err
		}
	}
	if !learns {
		l.model, err = j.readModel(ctx, data)
		return err
	}
	return j.learn(ctx, l, data)
}

// readModel returns the model of the last phase's state; of a job that learns nothing,
// whose state is empty, the one that its recipe alone gives.
func (j *Job) readModel(ctx context.Context, data []byte) (*model.Model, error) {
	if data != nil {
		return model.ReadVouched(data) // whoever read the data knew its digest from the log
	}
	l := &loaded{}
	if err := j.learn(ctx, l, nil); err != nil {
		return nil, err
	}
	if l.phase != nil {
		return nil, diag.New("Q454", "the job's plan learns nothing, and its recipe has to learn")
	}
	return l.learner.Model()
}

// modelAtHand returns the model of a state if there is no need to read that: this process, or
// another one of this machine, has made it. Nil: there is.
func (j *Job) modelAtHand(state record.File) *model.Model {
	if f, ok := j.madeHere(func(f *frozen) bool { return f.sum == state.SHA256 }); ok {
		return f.model
	}
	return j.shared(state)
}

// madeHere returns the phase that this process has frozen to the model in question, if it
// has.
func (j *Job) madeHere(is func(*frozen) bool) (f frozen, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, f := range j.frozen {
		if f.model != nil && is(&f) {
			return f, true
		}
	}
	return frozen{}, false
}

// modelBytes returns the bytes of the last phase's model. They are read once more rather
// than kept: of all who work on shards, one writes the model.
func (j *Job) modelBytes(ctx context.Context, at *loaded) ([]byte, error) {
	if f, ok := j.madeHere(func(f *frozen) bool { return f.model == at.model }); ok {
		return f.state, nil
	}
	if at.state.Name != "" {
		return j.read(ctx, at.state)
	}
	return at.model.Bytes() // of a job that learns nothing
}

// learn binds the recipe and learns from the partials of a state.
func (j *Job) learn(ctx context.Context, l *loaded, data []byte) (err error) {
	if data != nil {
		var ok bool
		if l.partials, ok = decodeState(data); !ok {
			return damaged(l.state.Name)
		}
	}
	if l.plan, err = pipeline.Bind(j.recipe, j.layout.Schema, j.layout.Unusable); err != nil {
		return err
	}
	l.learner = pipeline.NewLearner(l.plan, j.options.Options)
	for _, p := range l.partials {
		if l.phase, err = l.learner.Next(ctx); err != nil {
			return err
		}
		if l.phase == nil {
			return damaged(l.state.Name)
		}
		partial, err := j.decode(pipeline.InOnePiece(p))
		if err != nil {
			return err
		}
		if err := l.learner.Learn(ctx, partial); err != nil {
			return err
		}
	}
	l.phase, err = l.learner.Next(ctx)
	return err
}

// statistic is a partial as the protocol sees it.
type statistic struct{ *pipeline.Partial }

// Merge implements core.Statistic.
func (s statistic) Merge(other core.Statistic) error {
	o := other.(statistic)
	if err := s.Partial.Merge(o.Partial); err != nil {
		return err
	}
	return o.Close()
}

// Decode implements drive.Work.
func (j *Job) Decode(_ context.Context, next func() ([]byte, error)) (core.Statistic, error) {
	p, err := j.decode(next)
	if err != nil {
		return nil, err
	}
	return statistic{p}, nil
}
