package work

import (
	"context"
	"crypto/sha256"

	"quern/pipeline"
	"quern/pipeline/model"
	"quern/shard/core"
	"quern/shard/record"
)

// frozen is what a phase came to.
type frozen struct {
	state []byte
	sum   [sha256.Size]byte // of state; only with model
	next  record.Phase
	model *model.Model // whose file state is; nil: another phase learns
}

// Freeze implements drive.Work. It consumes the statistics of total and keeps what came
// of them, so that it can be asked again.
func (j *Job) Freeze(ctx context.Context, phase record.Phase, total core.Statistic, _ []uint32) ([]byte, record.Phase, error) {
	j.mu.Lock()
	f, done := j.frozen[phase.Number]
	j.mu.Unlock()
	if !done {
		var err error
		if f, err = j.freeze(ctx, phase, total); err != nil {
			return nil, record.Phase{}, poison(ctx, err)
		}
		j.mu.Lock()
		clear(j.frozen) // an earlier phase is closed
		j.frozen[phase.Number] = f
		j.mu.Unlock()
	}
	return f.state, f.next, nil
}

func (j *Job) freeze(ctx context.Context, phase record.Phase, total core.Statistic) (f frozen, err error) {
	l := &loaded{}
	if phase.Number > 0 {
		before, err := j.fitted(ctx, phase.Number-1)
		if err != nil {
			return f, err
		}
		l.state = before.State
	}
	if err := j.fill(ctx, l, true); err != nil {
		return f, err
	}
	if l.phase == nil {
		return f, damaged(l.state.Name)
	}
	partial, err := l.merged(total, j)
	if err != nil {
		return f, err
	}
	if l.learner.Rounds() > 1 { // another phase may need it
		data, err := partial.AppendBinary(nil)
		if err != nil {
			return f, err
		}
		l.partials = append(l.partials, data)
	}
	if err := l.learner.Learn(ctx, partial); err != nil {
		return f, err
	}
	next, err := l.learner.Next(ctx)
	if err != nil {
		return f, err
	}
	if next != nil {
		return frozen{state: encodeState(l.partials), next: j.spec.phase(phase.Number+1, true)}, nil
	}
	if f.model, err = l.learner.Model(); err != nil {
		return f, err
	}
	f.next = j.spec.phase(phase.Number+1, false)
	if f.state, err = f.model.Bytes(); err != nil {
		return f, err
	}
	f.sum = sha256.Sum256(f.state)
	j.share(&f)
	return f, nil
}

// share leaves the model for other processes of this machine. Whatever goes wrong, they
// have its file.
func (j *Job) share(f *frozen) {
	if s := j.options.Shared; s != nil && f.model.WriteImage(s, f.sum) == nil {
		s.Seal()
	}
}

// shared returns the model of a state that another process of this machine has left; nil if
// none has.
func (j *Job) shared(state record.File) *model.Model {
	if j.options.Shared == nil {
		return nil
	}
	data := j.options.Shared.Sealed()
	if data == nil {
		return nil
	}
	m, err := model.ReadImage(data, state.SHA256)
	if err != nil {
		return nil
	}
	return m
}

// merged returns the statistics of all shards; those of none are empty.
func (l *loaded) merged(total core.Statistic, j *Job) (*pipeline.Partial, error) {
	if total == nil {
		return j.options.Empty(l.phase)
	}
	return total.(statistic).Partial, nil
}
