// Package cpu runs programs on the processor: the back end that is always
// compiled in and always right.
//
// # Where a register is evaluated
//
// A register that depends on constants only is evaluated once, at Compile. One
// that depends on a single input column is evaluated once per slot of that
// column's dictionary when the batch brings the column dictionary-coded, and once
// per row when it is plain. All others are evaluated once per row. A dictionary
// that has many more slots than the batch has rows is read through its index, as
// if the column were plain.
//
// # Sources
//
// What was just said of input columns holds of sources. A source is a column of the
// batch: an input; for an input of lists, its column of elements; and whatever an
// instruction makes that sees lists whole. Instructions on elements are thus
// instructions on a column, and no kernel but those of the last kind knows of lists:
//
//	ListSlice, ListPad   a column of elements: a new index into the slots of the
//	                     elements they are given; padding appends a slot
//	ListAt               a column of rows: likewise, with a null slot appended
//	ListLength ... Max   a column of rows: plain numbers
//
// A new index into plain elements is read through, so that elements which come plain
// leave plain. Lengths and indexes depend on no value and are made first; then the
// encoding of every source is known.
//
// # Passes and blocks
//
// A Run makes one pass per source that is a dictionary or of elements, over its slots,
// and one pass over the rows:
//
//	slots of column 0    load -> log1p -> lookup          (kept whole: used by rows)
//	slots of column 3    load -> hash                     (kept whole: an output)
//	elements of column 5 load -> lookup                   (kept whole: padded)
//	what is padded       load -> add                      (kept whole: an output)
//	rows                 gather(lookup), load(1) -> add -> round32
//
// A source comes after the one that it is made of. A pass goes block by block (a few
// thousand slots): every instruction of the pass runs over one block before the next
// block starts, so what flows between them stays in the cache. Buffers of a block are
// shared by registers that are not alive at the same time. Registers that leave the
// pass (outputs, observed registers, what instructions that see lists whole take, and
// those of a dictionary that a row instruction needs) are written to buffers as long
// as the pass.
//
// What needs no work is not done: a change of type alone is the argument's memory; a
// register of a 32-bit type that only leaves is never held in register form; and the
// filling of NaNs and nulls, three instructions, is one kernel (see fuse.go).
//
// # Memory
//
// The buffers of a session are its own until Close, which gives them back to the back
// end: the next session, of whatever program, takes them from there. What is kept is
// bounded, and the garbage collector may have it. Prepared tables belong to the back
// end too, as long as an executable uses them: programs cut from one another share
// theirs.
//
// # What leaves
//
// Outputs are in storage form. A register of a dictionary leaves as a dictionary that
// shares the source's index; a constant as a dictionary of one slot; every other as a
// plain column. Lists leave with the shape of their source (that of an input is the
// input's memory) around elements to which the same applies. Inputs that an output
// merely loads are the input's own memory, unless they are floats. A float NaN is the
// canonical one.
//
// # Faults
//
// Kernels compute under nulls and in slots that no row uses, and report the slots
// where they failed. When one of those is a value that a row or a list uses, the scalar
// meaning (program.Evaluator) is asked row by row, so the error is the first
// faulting row's, and its first faulting instruction's, in either encoding.
package cpu
