package program

import (
	"errors"
	"fmt"

	"quern/features/column"
)

// shapeOf returns the list type whose elements op takes one by one, or Invalid: op
// then takes its arguments as they are.
func shapeOf(op Op, args []column.Type) column.Type {
	if op.Whole() {
		return column.Invalid
	}
	for _, t := range args {
		if t.IsList() {
			return t
		}
	}
	return column.Invalid
}

// elements returns the types of args, or those of their elements where shape is a
// list.
func elements(shape column.Type, args []column.Type) []column.Type {
	if shape == column.Invalid {
		return args
	}
	scalars := make([]column.Type, len(args))
	for i, t := range args {
		scalars[i] = t.Elem()
	}
	return scalars
}

// deriveList is the type rule of the operations that see lists whole.
func deriveList(op Op, args []column.Type) column.Type {
	list, elem := args[0], args[0].Elem()
	if !list.IsList() {
		return column.Invalid
	}
	switch op {
	case ListSlice:
		return list
	case ListPad:
		return only(args[1] == elem, list)
	case ListLength:
		return column.Int64
	case ListAt:
		return elem
	case ListSum, ListMin, ListMax:
		return arithmetic([]column.Type{elem})
	case ListMean:
		return only(elem.Real(), column.Float64)
	}
	return column.Invalid
}

// checkShapes checks that every instruction on elements takes lists of one shape
// and constants, that what pads a list is constant, and that the registers that an
// observation sees together are in step.
func (p *Program) checkShapes() error {
	domains := p.Domains()
	for i := range p.Code {
		in := &p.Code[i]
		switch {
		case in.Op == ListPad && domains[in.Args[1]] != Constant:
			return fmt.Errorf("%%%d: list_pad: the fill value is not constant", i)
		case in.Type.IsList() && len(in.Args) > 0 && !in.Op.Whole():
			if err := p.inStep(domains, in.Args); err != nil {
				return fmt.Errorf("%%%d: %s: %w", i, in.Op, err)
			}
		}
	}
	for i, o := range p.Observes {
		if err := p.inStep(domains, o.Args); err != nil {
			return fmt.Errorf("observation %d: %w", i, err)
		}
	}
	return nil
}

// maxPadded bounds the elements that a program makes of every row by ListPad, in all
// registers together: what a row costs whatever the data is (4 million elements of 8
// bytes are 32 MiB). Recipes make some ten registers of a few thousand elements per
// padded feature.
const maxPadded = 1 << 22

// checkPadding checks that the lists of a row that are padded fit together.
func (p *Program) checkPadding() error {
	total := int64(0)
	lengths := make([]length, len(p.Code))
	for i := range p.Code {
		lengths[i] = p.lengthOf(lengths, &p.Code[i])
		if total += lengths[i].least; total > maxPadded {
			return fmt.Errorf("%%%d: lists are padded to more than %d elements per row in all", i, maxPadded)
		}
	}
	return nil
}

// inStep checks that registers are all scalars, or lists of one shape and constants.
func (p *Program) inStep(domains []Domain, registers []Register) error {
	shape := Constant
	for _, r := range registers {
		if !p.Code[r].Type.IsList() {
			continue
		}
		if shape != Constant && shape != domains[r] {
			return errors.New("lists of different shapes")
		}
		shape = domains[r]
	}
	for _, r := range registers {
		if shape != Constant && !p.Code[r].Type.IsList() && domains[r] != Constant {
			return errors.New("elements of lists together with values of rows")
		}
	}
	return nil
}

// SliceBounds returns the elements that ListSlice takes of n: from lo up to but
// without hi, 0 <= lo <= hi <= n.
func SliceBounds(n int, start, end int64) (lo, hi int) {
	bound := func(x int64) int {
		if x < 0 {
			x += int64(n)
		}
		return int(min(max(x, 0), int64(n)))
	}
	lo, hi = bound(start), bound(end)
	return lo, max(lo, hi)
}

// ElementAt returns which of n elements ListAt takes, or -1 if there is none.
func ElementAt(n int, position int64) int {
	if position < 0 {
		position += int64(n)
	}
	if position < 0 || position >= int64(n) {
		return -1
	}
	return int(position)
}
