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
// # Passes and blocks
//
// A Run makes one pass per dictionary column, over its slots, and one pass over
// the rows:
//
//	slots of column 0    load -> log1p -> lookup          (kept whole: used by rows)
//	slots of column 3    load -> hash                     (kept whole: an output)
//	rows                 gather(lookup), load(1) -> add -> round32
//
// A pass goes block by block (a few thousand slots): every instruction of the pass
// runs over one block before the next block starts, so what flows between them
// stays in the cache. Buffers of a block are shared by registers that are not
// alive at the same time. Registers that leave the pass (outputs, observed
// registers, and those of a dictionary that a row instruction needs) are written
// to buffers as long as the domain.
//
// # What leaves
//
// Outputs are in storage form. A register of a dictionary column's domain leaves
// as a dictionary column that shares the input's index; a constant as a dictionary
// of one slot; every other as a plain column. Integers, bools and strings that an
// output merely loads are the input's own memory. A float NaN is the canonical one.
//
// # Faults
//
// Kernels compute under nulls and in slots that no row uses, and report the slots
// where they failed. When one of those is a value that a row uses, the scalar
// meaning (program.Evaluator) is asked row by row, so the error is the first
// faulting row's, and its first faulting instruction's, in either encoding.
package cpu
