package pipeline

import (
	"context"
	"errors"
	"testing"

	"quern/features/column"
	"quern/features/program"
	"quern/pipeline/model"
)

// The model is handed over beside the work, and before it when it is large for the
// budget. A failure of either ends both, and the model's is the one that is told.
func TestFittedBesideWork(t *testing.T) {
	keys := column.Vector{Type: column.Int64, Len: 1000, Int64s: make([]int64, 1000)}
	m := &model.Model{Serving: &program.Program{Tables: []program.Table{{Name: "t", Keys: keys, Values: keys}}}}
	broken, other := errors.New("broken"), errors.New("other")

	started, written := make(chan int), make(chan int)
	o := Options{Fitted: func(*model.Model) error {
		<-started
		close(written)
		return nil
	}}
	err := o.besideFitted(context.Background(), m, func(context.Context) error {
		close(started)
		<-written // both are under way
		return nil
	})
	if err != nil {
		t.Error(err)
	}

	o.Fitted = func(*model.Model) error { return broken }
	err = o.besideFitted(context.Background(), m, func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	})
	if err != broken {
		t.Errorf("the model fails: %v", err)
	}
	o.Memory = modelShare*m.TableBytes() - 1
	err = o.besideFitted(context.Background(), m, func(ctx context.Context) error {
		t.Error("a large model is not written before the work")
		return nil
	})
	if err != broken {
		t.Errorf("a large model fails: %v", err)
	}

	saved := false
	o.Fitted = func(*model.Model) error { saved = true; return nil }
	if err := o.besideFitted(context.Background(), m, func(context.Context) error { return other }); err != other || !saved {
		t.Errorf("the work fails: %v, saved %v", err, saved)
	}
	o.Memory = 0
	o.Fitted = func(*model.Model) error { panic("quern: bug: test") }
	if err := o.besideFitted(context.Background(), m, func(context.Context) error { return nil }); err == nil {
		t.Error("a panic is lost")
	}
}
