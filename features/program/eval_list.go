package program

import (
	"fmt"

	"quern/features/column"
)

// onElements is the meaning of an operation on scalars for lists: f on each
// element. Arguments that are not lists are constants, the same for all elements.
func onElements(op Op, t column.Type, f scalar, argTypes []column.Type) scalar {
	return func(args []Value) (Value, error) {
		n := 0
		for i, a := range args {
			if !argTypes[i].IsList() {
				continue
			}
			if a.Null {
				return a, nil
			}
			n = len(a.List)
		}
		out := make([]Value, n)
		element := make([]Value, len(args))
		for k := range out {
			for i, a := range args {
				element[i] = a
				if argTypes[i].IsList() {
					element[i] = a.List[k]
				}
			}
			v, err := apply(op, t.Elem(), f, element)
			if err != nil {
				return Value{}, fmt.Errorf("element %d: %w", k, err)
			}
			out[k] = v
		}
		return Value{List: out}, nil
	}
}

// evalList is the meaning of the operations that see lists whole.
func evalList(op Op, imm Imm, elem column.Type) scalar {
	switch op {
	case ListSlice:
		return func(a []Value) (Value, error) {
			lo, hi := SliceBounds(len(a[0].List), imm.Int, imm.Extra)
			return Value{List: a[0].List[lo:hi]}, nil
		}
	case ListPad:
		return func(a []Value) (Value, error) { return padList(a[0].List, a[1], imm), nil }
	case ListLength:
		return func(a []Value) (Value, error) { return intValue(int64(len(a[0].List))) }
	case ListAt:
		return func(a []Value) (Value, error) {
			at := ElementAt(len(a[0].List), imm.Int)
			if at < 0 {
				return NullValue(), nil
			}
			return a[0].List[at], nil
		}
	case ListMean:
		return meanOfList
	}
	pair := map[Op]Op{ListSum: Add, ListMin: Min, ListMax: Max}[op]
	types := []column.Type{arithmetic([]column.Type{elem}), arithmetic([]column.Type{elem})}
	f := evalInts(pair, types)
	if elem.Real() {
		f = evalFloats(pair, Imm{}, types)
	}
	return func(a []Value) (Value, error) {
		v, err := foldList(f, a[0].List)
		if err != nil {
			err = fmt.Errorf("integer overflow in %s", op)
		}
		return v, err
	}
}

// padList returns list with as many of fill as make it length elements long.
func padList(list []Value, fill Value, imm Imm) Value {
	missing := max(0, int(imm.Int)-len(list))
	fills := make([]Value, missing)
	for i := range fills {
		fills[i] = fill
	}
	if imm.Extra == 1 {
		return Value{List: append(fills, list...)}
	}
	return Value{List: append(append([]Value{}, list...), fills...)}
}

// foldList joins the elements that are not null from the left with f; without any,
// the result is null.
func foldList(f scalar, list []Value) (Value, error) {
	result := NullValue()
	for _, v := range list {
		var err error
		switch {
		case v.Null:
		case result.Null:
			result = v
		default:
			if result, err = f([]Value{result, v}); err != nil {
				return Value{}, err
			}
		}
	}
	return result, nil
}

// meanOfList is ListMean.
func meanOfList(a []Value) (Value, error) {
	sum, count := 0.0, 0
	for _, v := range a[0].List {
		if v.Null {
			continue
		}
		if count == 0 {
			sum = v.Float
		} else {
			sum += v.Float
		}
		count++
	}
	if count == 0 {
		return NullValue(), nil
	}
	return floatValue(sum / float64(count))
}
