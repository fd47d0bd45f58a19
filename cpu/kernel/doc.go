// Package kernel holds the loops of the CPU back end: one file per family, plain
// slices in, plain slices out, no receivers and no state. The first slice is the
// destination and its length is the number of slots; arguments are at least that
// long. A destination may be the same slice as an argument of its own type.
//
// Loops that are worth assembly are methods of a Set instead, which is package simd's:
// a back end keeps the best one.
//
// # Nulls
//
// Numeric kernels compute every slot, present or null, and never look at validity:
// what lies under a null is garbage before and after. No garbage makes them panic.
// Validity is computed apart, by the bitmap kernels, 64 slots at a time. A bitmap
// argument of nil means that every slot is present; bits past the last slot are
// ignored in arguments and zero in results. Kernels over strings do skip null
// slots, because a string that is not there has no bounds to trust.
//
// # Lists
//
// Kernels that see lists whole take the offsets of a column of lists: list i has the
// elements from offsets[i] up to but without offsets[i+1]. Element e has slot slots[e]
// of the elements' values or, if slots is nil, slot e. A null list has no elements.
//
// # Faults
//
// A kernel that can fault reports whether any slot did, in one result that costs
// no branch per value; its twin in fault.go lists the slots. The caller sets aside
// those that are null or unused.
//
// # Meaning
//
// Slow operations loop over the scalar functions of package program. The tight
// loops below are a second way to compute the same bits, checked against those
// functions slot by slot. NaNs may carry any payload inside a program; Canonical
// gives the one that leaves.
package kernel
