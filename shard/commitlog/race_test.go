package commitlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"quern/pipeline/store"
	"quern/shard/core"
)

// seen is what a writer saw of a slot: how its put went, or what it read.
type seen struct {
	put     bool
	outcome core.Outcome
	value   string
}

// slotModel is a slot: the first put wins. One whose outcome is unknown may have won.
func slotModel() porcupine.Model {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{""} },
		Step: func(state, _, output any) []any {
			s, o := state.(string), output.(seen)
			free := s == ""
			switch {
			case o.put && o.outcome == core.Done && free:
				return []any{o.value}
			case o.put && o.outcome == core.Unknown && free:
				return []any{"", o.value}
			case o.put && (o.outcome == core.Unknown || o.outcome == core.Failed || o.outcome == core.Exists && !free):
				return []any{s}
			case !o.put && (o.outcome == core.Done && s == o.value || o.outcome == core.Missing && free):
				return []any{s}
			}
			return nil
		},
	}
	return model.ToModel()
}

// race lets writers race for slots and reports whether an order of all that they did
// explains all that they saw.
func race(log *Log) error {
	const writers, slots = 8, 40
	ctx := context.Background()
	started := time.Now()
	histories := make([][][]porcupine.Operation, writers)
	var group sync.WaitGroup
	for w := range writers {
		histories[w] = make([][]porcupine.Operation, slots)
		group.Go(func() {
			for slot := range slots {
				name, mine := fmt.Sprintf("_quern/jobs/%d", slot), fmt.Sprint(w)
				call := time.Since(started)
				o, _ := log.Put(ctx, name, []byte(mine))
				end := time.Since(started)
				if o == core.Unknown {
					end = time.Hour // it may happen at any time
				}
				read := time.Since(started)
				data, found, _ := log.Get(ctx, name, false)
				histories[w][slot] = []porcupine.Operation{
					{ClientId: w, Call: int64(call), Output: seen{true, o, mine}, Return: int64(end)},
					{ClientId: w, Call: int64(read), Output: seen{false, found, string(data)}, Return: int64(time.Since(started))},
				}
			}
		})
	}
	group.Wait()
	for slot := range slots {
		var ops []porcupine.Operation
		for w := range writers {
			ops = append(ops, histories[w][slot]...)
		}
		if !porcupine.CheckOperations(slotModel(), ops) {
			return fmt.Errorf("slot %d: no order explains %+v", slot, ops)
		}
	}
	return nil
}

// TestRacingWritersAreLinearizable races on a local disk whose answers are lost now and
// then.
func TestRacingWritersAreLinearizable(t *testing.T) {
	var count atomic.Int64
	log := New(&faulty{local(t), func(step string) error {
		if (step == "committed" || step == "durable" || step == "commit") && count.Add(1)%7 == 0 {
			return errFault
		}
		return nil
	}})
	if err := race(log); err != nil {
		t.Fatal(err)
	}
}

// careless is a store whose put-if-absent looks, and writes later.
type careless struct{ *store.Local }

func (c careless) Create(ctx context.Context, name string) (store.Writer, error) {
	w, err := c.Local.Create(ctx, name)
	return &carelessWriter{w, c.Local, name}, err
}

type carelessWriter struct {
	store.Writer
	at   *store.Local
	name string
}

func (w *carelessWriter) Commit() error {
	if r, err := w.at.Open(context.Background(), w.name); err == nil {
		return errors.Join(store.ErrExists, r.Close())
	}
	time.Sleep(time.Millisecond)
	return errors.Join(w.at.Remove(context.Background(), w.name), w.Writer.Commit())
}

func TestRaceSeesACarelessStore(t *testing.T) {
	for range 5 {
		if race(New(careless{local(t)})) != nil {
			return
		}
	}
	t.Error("a store that lets two win was not noticed")
}
