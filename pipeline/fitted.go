package pipeline

import (
	"context"

	"quern/pipeline/model"
)

// fitted hands the model to whoever wants it.
func (o *Options) fitted(m *model.Model) error {
	if o.Fitted == nil {
		return nil
	}
	return o.Fitted(m)
}

// besideFitted hands the model over while work goes on, and returns when both are
// done. When one of them fails, what the other has left behind is as after an
// interruption: a model without outputs, or parts of outputs that nobody has finished.
// The error of Fitted comes first: work that was cancelled for its sake has nothing to
// tell. A model that would take too much of the memory budget beside the work is handed
// over before it.
func (o *Options) besideFitted(ctx context.Context, m *model.Model, work func(context.Context) error) error {
	if o.Fitted == nil {
		return work(ctx)
	}
	if o.Memory > 0 && m.TableBytes() > o.Memory/modelShare {
		if err := o.fitted(m); err != nil {
			return err
		}
		return work(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		err := guarded(func() error { return o.fitted(m) })
		if err != nil {
			cancel()
		}
		done <- err
	}()
	err := work(ctx)
	if e := <-done; e != nil {
		return e
	}
	return err
}

// modelShare is which part of the memory budget the tables of a model may be for the
// model to be written beside the outputs: its file is made in memory, from a copy.
const modelShare = 16
