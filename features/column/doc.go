// Package column holds the data that flows through quern: typed vectors,
// columns that may be dictionary-coded, batches and schemas.
//
// A Vector is a run of slots. Each slot holds a value or is null; what lies
// under a null is garbage and is never read. A Column gives every row of a
// batch a slot:
//
//	plain       Index == nil: row i has slot i
//	dictionary  row i has slot Index[i]; rows with equal values usually share one
//
// By convention sources append one null slot to each dictionary, so a null row
// needs no bitmap: its index points there. A program that maps slots to slots
// therefore costs per dictionary entry, nulls included, and never per row.
//
// A list column's vector has offsets into a column of elements. What is computed
// element by element costs per slot of that column, so per dictionary entry where
// the elements are dictionary-coded. There are no lists of lists.
//
// Null (no value), NaN and infinity are three different things. Types say what a
// value means (Timestamp, Date ...), kinds say how a register holds it.
//
// Ownership: whoever fills a vector owns its memory. A consumer may read it until
// the producer's next call (sources and back ends reuse buffers) and never writes
// to it.
package column
