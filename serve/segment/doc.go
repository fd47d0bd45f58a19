// Package segment keeps the rows of one shard of a view in an immutable file, which is
// mapped into memory and looked up without locks, allocation or decoding.
//
// # The file, format version 1
//
// All numbers are little endian. The body is made in one pass, so the sizes, which are
// known last, are at the end:
//
//	body      header    64 bytes: "quernseg", version uint32, zeros
//	          rows      row i is the stride bytes at 64 + i*stride (package row), ascending
//	                    by the hash of the key, then by the key; then zeros up to a
//	                    multiple of 64
//	          heap      the rows' heaps, one behind the other, in the order of the rows;
//	                    zeros up to a multiple of 64
//	          slots     uint64 each
//	tail      counts, sections, names, digests, schema, nulls, and the CRC-32C of each
//	          64 KiB block of the body: see tail.go
//	trailer   64 bytes: length of the body uint64, length of the tail uint64, version uint32,
//	          zeros uint32, "quernend", and the seal: the SHA-256 of header, tail, and the
//	          trailer's first 32 bytes
//
// The same rows with the same options give the same bytes, in whatever order, by however
// many goroutines and with whatever memory they were added. So the seal names the contents.
//
// # Slots
//
// A key has a home: Hi(hash) * capacity / 2^64, where Hi is the upper half of XXH3-128 of
// the key with the file's seed, and capacity is at least 1.5 times the rows. Rows are in the
// order of their homes, so each gets the first slot from its home on that is behind the
// row before: linear probing, written in one pass, and without a wrap at the end, where
// there are some more slots instead. A slot is 0 if it is empty, and else
//
//	low RowBits bits (32, or 40 for 2^32-1 rows and more)   the row + 1
//	the rest, the tag                                       the low bits of Lo(hash)
//
// Probe is the longest way from a home to a slot, in slots including both. A look-up ends at
// an empty slot or after Probe slots. A tag says which rows to look at; the whole key decides.
//
// # Look-ups
//
// A batch is looked up in passes, so that the cache misses of different keys overlap: touch
// the home slots, find the tags, touch the rows, compare the keys. Rows are handed out as
// they lie in the mapping; row.Gatherer turns them into columns.
//
// # Trust
//
// Open checks the trailer, the seal, and that all sections are within the file; it does not
// read the body. What lies in the body is checked where it is used, so that a damaged or
// hostile file can make a look-up fail (ErrCorrupt) or find nothing, but never read out of
// bounds or run for long. Verify reads everything: after it a file is what its writer wrote,
// every row is found by its key, and no answer takes more memory than the file has bytes of
// the rows that are asked for.
//
// A file that is cut short while it is mapped, or a disk that fails, raises SIGBUS at some
// look-up. Whoever owns the files never truncates them (they are replaced by name, and a
// mapping keeps the old file alive), but disks fail: run what touches rows within Guard,
// which turns the signal into ErrFault for that request.
package segment
