package simulate

import (
	"slices"
	"strings"

	"quern/shard/core"
)

// Operation is something that a process did to a slot, for a check of linearizability.
type Operation struct {
	Process int
	Put     bool // else it was read
	Name    string
	Call    int64 // when it was asked for
	Return  int64 // when the answer came; -1: never
	Found   bool  // a read: something was there; a put: it won
	Value   string
}

// note adds an operation to the history, at the instant at which the store does it, and
// returns what to tell when the answer will come. A writer may never hear one.
func (s *store) note(p *process, what, name string, call int64, a core.Answer) (heard func(back int64)) {
	if s.history == nil || !s.slot(name) || what != "put" && what != "get" {
		return func(int64) {}
	}
	op := Operation{Process: p.number, Put: what == "put", Name: name, Call: call, Return: -1, Found: a.Outcome == core.Done}
	if op.Found && !op.Put {
		op.Value = string(a.Data)
	}
	if o := s.objects[name]; op.Put && op.Found && o != nil {
		op.Value = string(o.data)
	}
	i := len(*s.history)
	*s.history = append(*s.history, op)
	return func(back int64) { (*s.history)[i].Return = back }
}

// Slots returns the names in a history.
func Slots(history []Operation) []string {
	var names []string
	for _, op := range history {
		names = append(names, op.Name)
	}
	slices.SortFunc(names, strings.Compare)
	return slices.Compact(names)
}
