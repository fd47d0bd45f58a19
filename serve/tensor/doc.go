// Package tensor is application/x-quern-tensor: tables as packed tensors in one piece of
// memory, for requests and replies that cost nothing to parse. A reader needs the header,
// the table of blocks, and a view of each block.
//
// # The message
//
// All numbers are little endian. A message starts with a header of 64 bytes:
//
//	offset  type   what
//	 0      8 B    "QTENSOR" and a byte 1, the version of the format
//	 8      u16    kind: 1 answer of a look-up, 2 features, 3 keys, 4 raw rows
//	10      u16    layout: 0 columns, 1 rows
//	12      u32    rows
//	16      u64    length of the message in bytes; a multiple of 64
//	24      u32    columns
//	28      u32    views
//	32      u32    blocks
//	36      u32    length of the schema in bytes
//	40      20 B   zero
//	60      u32    CRC-32 (IEEE, zlib's) of all other bytes, in their order
//
// Then come the table of blocks, 32 bytes each, and the schema, which is JSON:
//
//	offset  type   what
//	 0      u8     role, see below
//	 1      u8     type, see below: of the values, or of the column whose offsets these are; else 0
//	 2      u16    zero
//	 4      u32    number of the first column that the block has values of (of the first view)
//	 8      u32    how many columns (views), one after the other
//	12      u32    zero
//	16      u64    offset of the block in the message; a multiple of 64
//	24      u64    length of the block in bytes, without the zeros up to the next multiple of 64
//
// Then come the blocks, in the order of the table.
//
// # Blocks
//
// Neighbouring columns of one fixed-size type may share a block, and do in replies; a column
// of strings or of lists has blocks of its own. For each such group, in the order of columns,
// there are
//
//	role                 length of the block          what
//	 1 valid             columns * ceil(rows/64) * 8  a bit for each value, from the lowest of each u64 on: 1, it is
//	                                                  there. Columns one after the other. Left out where all are there.
//	 2 values            columns * rows * size        [columns][rows], or [rows][columns] where the layout is 1
//
// or for strings, in place of values,
//
//	3 offsets           (rows+1) * 4                 u32: string i is the bytes from offset i to offset i+1
//	4 bytes             the last offset
//
// or for lists
//
//	3 offsets           (rows+1) * 4                 u32: list i has the elements from offset i to offset i+1
//	5 element valid     ceil(n/64) * 8               of all n elements, n being the last offset; as above
//	6 element values    n * size                     or, of lists of strings, the next two
//	7 element offsets   (n+1) * 4
//	8 element bytes     the last offset
//
// and behind all columns, in answers of look-ups,
//
//	 9 status            views * rows                 u8, [views][rows]: 1 PRESENT, 3 NOT_FOUND, 4 OUTSIDE_MAX_AGE
//	10 event             views * rows * 8             i64: event time in microseconds since 1970 UTC; the least i64: none
//
// The types and their sizes:
//
//	1 bool 1 (0, 1)   2 int32 4   3 int64 8   4 float32 4   5 float64 8   6 string
//	7 timestamp 8 (microseconds since 1970 UTC)   8 datetime 8 (the same without a zone)   9 date 4 (days since 1970)
//	129 to 137: lists of them
//
// A value that is not there is NaN in floats and zero in all else, and an empty string or
// list. So a matrix of floats can be used as it is. In an answer a value is there when its
// status, by the server's rules, shows one; a value of a row that is PRESENT and not there
// is null. NaN is the quiet one (0x7FC00000, 0x7FF8000000000000).
//
// # Schema
//
// The schema is an object: "columns", the names in order, and
//
//	answers     "views": [{"view": NAME, "version": VERSION}], and "of": [the number of each column's view]
//	features    "model": {"name": NAME, "version": VERSION, "digest": DIGEST}
//	keys        one of "features": [REFERENCE], "view": NAME and "service": NAME; "full_feature_names": true
//
// Replies to equal questions have equal bytes up to the first block, but for the checksum,
// while the version, the number of rows and which columns have nulls stay the same: a reader
// may keep what it made of them.
//
// # A reader
//
// All of a reader in Python (testdata/tensor.py, which the tests run):
//
//	import json, struct, zlib, numpy as np
//	TYPES = {1: "?", 2: "<i4", 3: "<i8", 4: "<f4", 5: "<f8", 7: "<i8", 8: "<i8", 9: "<i4"}
//
//	def read(b):
//	    magic, kind, layout, rows, length, columns, views, blocks, size = struct.unpack_from("<8sHHIQIIII", b)
//	    crc, = struct.unpack_from("<I", b, 60)
//	    if magic != b"QTENSOR\x01" or length != len(b) or crc != zlib.crc32(b[64:], zlib.crc32(b[:60])):
//	        raise ValueError("no tensor message")
//	    schema, out = json.loads(b[64 + 32*blocks:][:size]), []
//	    for i in range(blocks):
//	        role, typ, _, first, count, _, at, size = struct.unpack_from("<BBHIIIQQ", b, 64 + 32*i)
//	        dtype = {1: "<u8", 2: TYPES.get(typ), 3: "<u4", 5: "<u8", 6: TYPES.get(typ), 7: "<u4", 10: "<i8"}.get(role, "u1")
//	        block = np.frombuffer(b, dtype, size // np.dtype(dtype).itemsize, at)  # a view: nothing is copied
//	        if role == 2:
//	            block = block.reshape(count, rows) if layout == 0 else block.reshape(rows, count).T
//	        out.append((role, typ, first, count, block))
//	    return kind, rows, schema, out
package tensor
