// Package row is the layout of one entity's row as it is served: the key, when it was
// true, and a cell for each feature. Segments on disk, overlays in memory and rows in
// flight hold the same bytes, so a lookup copies nothing and needs no decoding.
//
// # A row, layout version 1
//
// A Row is two runs of bytes: Fixed, which has the same length (the stride) for all rows
// of a layout, and Heap, the row's own bytes of variable length. All numbers are little
// endian. In Fixed:
//
//	 0  event    int64   when the values became true: microseconds since 1970-01-01 UTC;
//	                     NoTime (the least int64): not known
//	 8  created  int64   when they were written, the same; decides between equal events
//	16  seq      uint64  order of arrival at the one writer of a view; decides after created
//	24  key      int64   only where the key is one column that is no string: its value;
//	                     bool as 0 and 1, dates as days, times as microseconds
//	 +  base     uint64  only where the layout has a heap: where the row's Heap starts in the
//	                     heap of what contains the row. It belongs to the container
//	 +  length   uint32  bytes of the row's Heap
//	 +  key      uint32  how many of them, at the start, are the key; 0 if it is in Fixed
//	 +  nulls    8 bytes for every 64 fields: bit f%64 of word f/64 is set where field f is null
//	 +  cells    one for each field, in the order of the schema, without gaps
//	 +  zeros    up to the next multiple of 8
//
// A layout has a heap where the key is not in Fixed, or a field is a string or a list.
// Cells: bool 1 byte (0 or 1); int32, float32 and date 4; int64, float64, timestamp and
// datetime 8; strings and lists 8: a uint32 offset into the row's Heap and a uint32 length.
// The cell of a null is zero. NaN is a value and keeps its bits.
//
// In Heap: the key, then the values of the string and list fields that are not null, in
// the order of the schema. A list is
//
//	head      uint32   elements*2, plus 1 if any element is null
//	nulls     (elements+7)/8 bytes, only with that bit: bit i%8 of byte i/8 is set where i is null
//	values    as cells without offsets: 1, 4 or 8 bytes each, zero under a null;
//	          for strings, the end of each as uint32, counted from the first byte, then the bytes
//
// Equal contents are equal bytes but for base, so rows are compared, hashed and ordered as
// bytes (Layout.Compare).
//
// # A key
//
// The canonical bytes of a key: of one column that is no string, its value as int64, 8
// bytes; of one string column, the string; of several columns, for each in order the byte
// 1 and 8 bytes, or for a string the byte 2, its length as uint32 and the string. An int32
// key and an int64 key of the same value are the same bytes. No part of a key is null.
//
// # Trust
//
// Cells, lists and spans read from bytes that came from elsewhere are checked where they
// are read: wrong offsets are ErrCorrupt, never a panic and never a read beyond the row.
package row
