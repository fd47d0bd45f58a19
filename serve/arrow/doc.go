// Package arrow writes tables as streams of Arrow's IPC (application/vnd.apache.arrow.stream):
// a schema, one record batch, and the end, as format/Columnar.rst of apache/arrow, "IPC
// Streaming Format", has them, metadata of version 5, little endian, without compression.
//
// We write the few tables of FlatBuffers that this takes by hand (flat.go) and link no
// library for it: github.com/apache/arrow-go/v18 18.7.0 makes a program 3.6 MiB larger,
// brings five modules, and would copy every column into builders of its own.
//
//	column               Arrow
//	bool                 Bool
//	int32, int64         Int 32, 64, signed
//	float32, float64     FloatingPoint SINGLE, DOUBLE
//	string               Utf8; what is not UTF-8 becomes U+FFFD. Binary where the view says bytes
//	timestamp            Timestamp MICROSECOND, UTC
//	datetime             Timestamp MICROSECOND without a zone
//	date                 Date DAY
//	lists                List of "item"
//
// Every field is nullable. What lies under a null is zero, or NaN.
package arrow
