package simulate

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"

	"quern/shard/internal/museum"
)

// slotModel is a slot: the first put wins, and reads see what it put.
func slotModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			s, op := state.(string), output.(Operation)
			switch {
			case op.Put && op.Found:
				return s == "", op.Value
			case op.Put: // nobody relies on it: the slot is read next
				return true, s
			case op.Found:
				return s == op.Value, s
			}
			return s == "", s
		},
		DescribeOperation: func(_, output any) string { return fmt.Sprintf("%+v", output) },
	}
}

// epochModel is all epochs together: a number that only ever grows by one. Reading the
// slot of a number tells whether it was reached.
func epochModel(number func(name string) int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(state, input, output any) (bool, any) {
			highest, op := state.(int), output.(Operation)
			n := number(op.Name)
			switch {
			case op.Put && op.Found:
				return n == highest+1, n
			case op.Put:
				return true, highest
			case op.Found:
				return n <= highest, highest
			}
			return n > highest, highest
		},
	}
}

// linearizable checks the operations whose names take accepts.
func linearizable(history []Operation, model porcupine.Model, take func(name string) bool) bool {
	var ops []porcupine.Operation
	for _, op := range history {
		if !take(op.Name) {
			continue
		}
		end := op.Return
		if end < 0 {
			end = math.MaxInt64
		}
		ops = append(ops, porcupine.Operation{ClientId: op.Process, Call: op.Call, Output: op, Return: end})
	}
	return porcupine.CheckOperations(model, ops)
}

// check checks every slot of a history, and the epochs together.
func check(history []Operation) error {
	for _, name := range Slots(history) {
		if !linearizable(history, slotModel(), func(n string) bool { return n == name }) {
			return fmt.Errorf("the history of %s is not linearizable", name)
		}
	}
	epoch := func(name string) bool { return strings.Contains(name, "/epoch/") }
	number := func(name string) (n int) {
		fmt.Sscan(strings.TrimLeft(name[strings.LastIndex(name, "/")+1:], "0"), &n)
		return n
	}
	if !linearizable(history, epochModel(number), epoch) {
		return fmt.Errorf("the history of the epochs is not linearizable")
	}
	return nil
}

// history simulates a cluster and returns what was done to its slots. Power stays on: a
// put that was never acknowledged may be undone by its loss.
func history(seed uint64, bug museum.Bug) (*Report, Setting) {
	s := settingOf(seed)
	s.Chances[Power] = 0
	return RunSetting(seed, s, bug, Wish{History: true}), s
}

// TestHistoriesAreLinearizable has porcupine look for an order of all operations on a
// slot that explains every answer.
func TestHistoriesAreLinearizable(t *testing.T) {
	ops := 0
	for seed := range clusters(300) {
		r, _ := history(seed, museum.Bug{})
		if err := check(r.History); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		ops += len(r.History)
	}
	t.Logf("%d operations", ops)
	if ops < 1_000 {
		t.Error("too few operations to learn anything")
	}
}

// TestPorcupineSeesTwoWinners plants a store whose put-if-absent can be won twice. The
// judge is not asked.
func TestPorcupineSeesTwoWinners(t *testing.T) {
	for seed := range uint64(2_000) {
		if r, _ := history(seed, museum.Plant(museum.RacyPut)); check(r.History) != nil {
			return
		}
	}
	t.Error("two winners were never seen")
}

// TestPorcupineSeesStaleReads forges a history: a read that finds nothing after a put
// was acknowledged.
func TestPorcupineSeesStaleReads(t *testing.T) {
	put := Operation{Put: true, Name: "x/claim/1", Call: 1, Return: 2, Found: true, Value: "a"}
	for name, late := range map[string]Operation{
		"nothing":       {Name: put.Name, Call: 3, Return: 4},
		"another value": {Name: put.Name, Call: 3, Return: 4, Found: true, Value: "b"},
		"a second win":  {Put: true, Name: put.Name, Call: 3, Return: 4, Found: true, Value: "b"},
	} {
		if check([]Operation{put, late}) == nil {
			t.Errorf("%s after a put is taken for linearizable", name)
		}
	}
	epoch := func(n int, call int64) Operation {
		return Operation{Put: true, Name: fmt.Sprintf("x/epoch/%d", n), Call: call, Return: call + 1, Found: true, Value: fmt.Sprint(n)}
	}
	for _, order := range [][]int{{1, 3}, {2}, {2, 1}} {
		var ops []Operation
		for i, n := range order {
			ops = append(ops, epoch(n, int64(2*i)))
		}
		if check(ops) == nil {
			t.Errorf("epochs in the order %v are taken for linearizable", order)
		}
	}
	if good := []Operation{epoch(1, 0), epoch(2, 2), epoch(3, 4)}; check(slices.Clone(good)) != nil {
		t.Error("epochs in turn are not taken for linearizable")
	}
}
