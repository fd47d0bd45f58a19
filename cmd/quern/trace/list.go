package trace

import (
	"fmt"

	"quern/cmd/quern/phrase"
	"quern/features/program"
)

// toEnd is an end behind every list.
const toEnd = 1<<63 - 1

// listImmediate writes what an operation on whole lists has beside its arguments.
func listImmediate(in *program.Instr) string {
	switch in.Op {
	case program.ListSlice:
		if in.Imm.Extra == toEnd {
			return fmt.Sprintf("from %d to the end", in.Imm.Int)
		}
		return fmt.Sprintf("from %d up to %d", in.Imm.Int, in.Imm.Extra)
	case program.ListPad:
		if in.Imm.Extra == 1 {
			return fmt.Sprintf("to %d, in front", in.Imm.Int)
		}
		return fmt.Sprintf("to %d", in.Imm.Int)
	case program.ListAt:
		switch in.Imm.Int {
		case 0:
			return "the first"
		case -1:
			return "the last"
		}
		return fmt.Sprintf("at %d", in.Imm.Int)
	}
	return ""
}

// whyList explains the result of an operation on whole lists whose list is not null,
// or is padded.
func (t *Trace) whyList(i int) string {
	in, v := &t.Program.Code[i], t.Values[i]
	from := t.Values[in.Args[0]]
	switch before := len(from.List); in.Op {
	case program.ListSlice:
		if len(v.List) == before {
			return "all elements are kept"
		}
		return fmt.Sprintf("%d of %s kept", len(v.List), phrase.Counted(before, "element"))
	case program.ListPad:
		why := "long enough"
		if n := len(v.List) - before; n > 0 {
			why = phrase.Counted(n, "element") + " added"
		}
		if from.Null {
			why = "a null list counts as an empty one: " + why
		}
		return why
	case program.ListAt:
		if v.Null && program.ElementAt(before, in.Imm.Int) < 0 {
			return "there is no such element"
		}
	case program.ListSum, program.ListMean, program.ListMin, program.ListMax:
		nulls := count(from.List, func(e program.Value) bool { return e.Null })
		switch {
		case before == 0:
			return "the list is empty"
		case nulls == before:
			return "all elements are null"
		case nulls > 0:
			return phrase.Counted(nulls, "null") + " left out"
		}
	}
	return ""
}

// whyElements explains the result of an operation that took a list element by
// element, where that is not plain from the arguments.
func (t *Trace) whyElements(i int) string {
	in, v := &t.Program.Code[i], t.Values[i]
	if v.Null {
		return "null, as the list is"
	}
	share := func(what string, holds func(k int) bool) string {
		n := 0
		for k := range v.List {
			if holds(k) {
				n++
			}
		}
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("%s %d of %s", what, n, phrase.Counted(len(v.List), "element"))
	}
	element := func(j, k int) program.Value {
		if a := in.Args[j]; t.Program.Code[a].Type.IsList() {
			return t.Values[a].List[k]
		}
		return t.Values[in.Args[j]]
	}
	switch in.Op {
	case program.Lookup:
		return share("not in the table:", func(k int) bool { return v.List[k].Null })
	case program.Coalesce:
		return share("the second is taken for", func(k int) bool { return element(0, k).Null })
	case program.Select:
		return share("the condition holds for", func(k int) bool { c := element(0, k); return c.Bool && !c.Null })
	case program.Clamp:
		return share("moved to the bound:", func(k int) bool {
			return !v.List[k].Null && !program.EqualValues(in.Type.Elem(), v.List[k], element(0, k))
		})
	}
	return ""
}

// count returns how many elements hold.
func count(list []program.Value, holds func(program.Value) bool) int {
	n := 0
	for _, e := range list {
		if holds(e) {
			n++
		}
	}
	return n
}
