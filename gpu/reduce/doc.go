// Package reduce says how the statistics kernels of gpu/kernels are launched, and turns
// what they leave in device memory into statistics, which then have the bytes that
// Observe of the same rows gives. It is pure Go: it gets and makes bytes.
//
// # Launches
//
// Most kernels take (tasks, count, fault): the device address of an array of Task (see
// Task.Append), how many there are, and the address of the batch's fault word, 4 bytes, or
// 0. The blocks of the grid are dealt out to the tasks, so that many columns cost one
// launch. Any grid is right, also one with fewer blocks than tasks; a good one has as
// many blocks as the device holds at a time. A block has a multiple of 32 threads, from 32
// to 256; 256 is meant.
//
// Task.X is a column, plain or coded; a plain one has as many Slots as Rows, and arrays at
// multiples of 16 bytes. Rows are at most 2^32. Nothing is read past the last row, or past
// the word of a bitmap that has its bit. A row whose code has no slot is left out: codes
// are checked before they are uploaded (Counts notices, and quern_keyed_span).
//
// If the fault word is not 0 when a kernel that adds to a state starts, it does nothing.
// Such kernels raise no fault, so a state has all of a batch or nothing of it, if this order
// is kept: the program; quern_keyed_span, quern_keyed_check; then all others. A batch with a
// fault goes to the reference back end, statistics included.
//
// A state is added to, launch after launch, until the host reads it, gives it to the
// statistic, and fills it again with its first content. All states are integers: they do
// not depend on the grid, on the block or on any order.
//
// # Kernels
//
// quern_tally (tally.ptx): X of any type, also Int32 and Float32. State: TallyBytes,
// at first 0. Read by Tally and Extremes.
//
// quern_sums_real, of Float32 and Float64, and quern_sums_integer, of Int32 and Int64
// (sums.ptx): State: SumsBytes, at first 0, for at most SumsRows rows between two reads.
// Read by Sums. The window of exponents in which sums are fast is chosen by the kernel,
// from a sample; it cannot change them.
//
// quern_histogram (histogram.ptx): X of any type but Bool. State: HistogramBytes, at first
// 0, for at most HistogramRows rows. Read by Histogram.
//
// quern_codes (codes.ptx): X coded; only Index, Width and Slots are used. State: 4 bytes
// per slot, at first 0, for at most HistogramRows rows; codes belong to one dictionary, so
// mostly it is read after each batch. Read by Counts, which returns the weights for Observe
// of the slots: any statistic of one coded column, on values of any type.
//
// quern_tuples (codes.ptx): P[0], P[1]: address and number of coded Columns; P[2] how many
// tuples they have (see Tuples). State: 4 bytes per tuple, at first 0. X is not used. Read
// by TupleCounts. Where tuples are too many for a state, quern_table_insert counts them.
// Tuples with a plain column are for the reference back end.
//
// quern_table_insert (table.ptx): counts keys in a Table. State: the address of the Table
// (TableBytes, see Table.Append). P[0]: a bitmap of u32 words, (Rows+31)/32 of them, at
// first 0 for each batch: which rows have been taken. P[1]: address of 8 bytes, at first 0
// for each launch: to it is added how many rows found no room. P[2]: 0, or the address of a
// bitmap (65,536 bits in 8-byte words) of the bins that count, for bin_counts; null, NaN
// and other values are then left out. P[3], P[4]: 0, or address and number of coded
// Columns whose tuples are the keys, in place of X; the product of their slots is below
// 2^63. Rows that are not taken wait: the host makes a larger Table (quern_table_move) and
// launches the same task again, with the bitmap as it is, until P[1] stays 0; a row is
// counted once, however often that takes. Tasks of one launch may share a Table. A batch of
// n rows has room in a table with Limit >= Used+n, unless hundreds of its places in a row
// are taken.
//
// quern_table_move (from, to, left): addresses of a Table and of an empty one with more
// places and the same arrays, and of 8 bytes, at first 0: how many keys found no room (then
// to is void: take more places, or the reference back end). The grid is free. from stays as
// it is.
//
// quern_table_find: the numbers of the rows' keys in a Table with IDs, into which they were
// inserted by an earlier launch. X, P[2] to P[4] as for insert, State: the Table, P[0]:
// where to write Rows numbers of 4 bytes. Null has NullID, MaxInt64 has TopID; 0xffffffff is
// a key that is not there.
//
// quern_table_list (table, keys, values, room, length): writes the keys, 8 bytes each, in
// any order, and their counts (8 bytes) or, of a Table without Counts, numbers (4 bytes),
// for at most room of them; adds to 8 bytes at length, at first 0, how many there are:
// Table.Used. The grid is free. Read by KeyCounts (value_counts, bin_counts, entries),
// TupleKeys and KeyedKeys. For entries, a Table with Limit >= Spec.Limit that has left rows
// need not grow: its keys are too many already, and KeyCounts makes the statistic give up.
//
// quern_keyed_span, quern_keyed_check, quern_keyed_sums (keyed.ptx), with the same tasks: X
// the target; P[0] the address of the fold's Column, or 0 for fold 0; P[1], P[2] address and
// number of the coded key Columns, or, if P[2] is 0, the address of a number per row, as
// quern_table_find writes it; P[3] folds; P[4] address of SpanBytes, at first 0; P[5], P[6]
// the Window (Low, Words); P[7] how many cells there are: keys times folds. State: P[7]
// times Window.CellBytes, at first 0, for at most SumsRows rows. The span may be kept from
// batch to batch. The check raises the fault word if some target is not in the window: the
// host then takes Window.Widen of the span for later batches, after reading the state. It
// needs a first window too: launch quern_keyed_span alone and read the span, or begin with
// Window{Words: 1}, which is right for labels and small integers. Read by KeyedTuples,
// KeyedKeys.
//
// quern_pack (pack.ptx): a row-major tensor. State: where to write Rows times P[1]
// elements. P[0], P[1]: address and number of Columns; P[2]: the code.Type of the elements:
// Float32, Float64, Int64 or Bool (bytes). Conversions are those of pipeline/sink/tensor. A
// null is the canonical NaN, and a fault in an Int64 or Bool tensor.
//
// list.ptx: X the elements, Rows the number of lists, P[0] the address of their Rows+1
// offsets (4 bytes each); P[1], P[2] the bounds of ListSlice (0 and MaxInt64: none), P[3]
// the length of ListPad (0: none), P[4] 1 to pad before the elements. quern_list_count, then
// quern_list_offsets with the same grid and tasks: P[5] the address of 8 bytes per block; P[6]
// of 8 bytes for the number of elements, which may be more than offsets hold; State: Rows+1
// new offsets. quern_list_index: P[5] the address of the new offsets, State: where to
// write the slot (4 bytes) of each new element, or P[6] for padding. quern_list_matrix: all
// lists of P[5] elements, State: Rows times P[5] elements of code.Type P[8]; padding is the
// register with the bits P[6], or null if P[7] is 1.
package reduce
