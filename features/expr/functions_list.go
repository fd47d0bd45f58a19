package expr

import "quern/features/program"

func listFunctions() []function {
	const group = "lists"
	fn := func(signature, doc, null string, build func(*checker, *node, []*term) *term, needs ...need) function {
		return function{Function: Function{Signature: signature, Group: group, Doc: doc, Null: null}, needs: needs, build: build}
	}
	const none = "null elements are left out; null if there is no other"
	return []function{
		fn("list_at(l list, position int) -> T", "The element at a position, counted from 0, or from the end if it is negative; position is a literal.",
			"null if the list is null or has no such element, or if that is null", listAt, listOf, fixedPlace),
		fn("list_slice(l list, start int, end int) -> list", "The elements from start up to but without end, as Python's l[start:end]: negative positions count from the end; both are literals. Its shape is its own.",
			"null if the list is null; null elements stay", listSlice, listOf, fixedPlace, fixedPlace),
		fn("list_sum(l list of numbers) -> number", "The sum, added from the left, in int64 or float64. Overflow of integers is a fault.", none, reduced(program.ListSum), numberList),
		fn("list_mean(l list of numbers) -> float64", "The sum, added from the left as reals, divided by the number of elements.", none, listMean, numberList),
		fn("list_min(l list of numbers) -> number", "The smallest element; NaN if any is NaN.", none, reduced(program.ListMin), numberList),
		fn("list_max(l list of numbers) -> number", "The largest element; NaN if any is NaN.", none, reduced(program.ListMax), numberList),
	}
}

// reduced builds a number of a list.
func reduced(code program.Op) func(*checker, *node, []*term) *term {
	return func(_ *checker, _ *node, args []*term) *term { return whole(code, program.Imm{}, "", args[0]) }
}

func listMean(_ *checker, _ *node, args []*term) *term {
	return whole(program.ListMean, program.Imm{}, "", args[0].real())
}

func listAt(_ *checker, n *node, args []*term) *term {
	return whole(program.ListAt, program.Imm{Int: n.args[1].value.Int}, "", args[0])
}

// listSlice gives a list of a new shape. Equal texts are equal instructions, so
// they have one shape.
func listSlice(_ *checker, n *node, args []*term) *term {
	imm := program.Imm{Int: n.args[1].value.Int, Extra: n.args[2].value.Int}
	return whole(program.ListSlice, imm, string(n.append(nil, loosest)), args[0])
}

// lengthOf builds length: of a list the elements are counted, else the characters.
func lengthOf(_ *checker, _ *node, args []*term) *term {
	if args[0].shape != "" {
		return whole(program.ListLength, program.Imm{}, "", args[0])
	}
	return plain(program.Length, args[0])
}

// inStep reports whether the elements of terms can be taken together: the lists
// among them have one shape, and what is no list is the same for all rows. It
// reports the first that is not in step.
func (c *checker) inStep(who string, nodes []*node, terms []*term) bool {
	list := -1
	for i, t := range terms {
		if t.shape != "" {
			list = i
			break
		}
	}
	if list < 0 {
		return true
	}
	for i, t := range terms {
		if t.fixed || t.shape == terms[list].shape {
			continue
		}
		e := c.report(nodes[i].span, "Q121", "%s takes lists element by element, but %s and %s are not of one shape", who, c.source(nodes[list]), c.source(nodes[i]))
		switch a, b := c.source(nodes[list]), c.source(nodes[i]); {
		case t.shape != "":
			e.Hint = "make one value of each list, as list_mean and list_at do; elements of different lists do not belong to each other"
		case terms[list].typ.Numeric():
			e.Hint = a + " is a list, " + b + " one value per row: make one value of the list, as list_mean(" + a + ") or list_at(" + a + ", 0) do"
		default:
			e.Hint = a + " is a list, " + b + " one value per row: make one value of the list, as list_at(" + a + ", 0) or length(" + a + ") do"
		}
		return false
	}
	return true
}
