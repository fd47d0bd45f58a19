// Package packed reads and writes the messages of quern.v1.Features (serve/proto) by
// hand: a look-up whose keys come, and whose answers go, as columns of packed numbers.
//
//	message --Request.Read--> what is asked for --Request.Keys--> lookup.Keys
//	lookup.Block --Encoder.Append--> message
//
// The bytes are those of the generated code, field by field in the order of their
// numbers: protobuf-go reads them, and writes the same ones. There is no object per
// value, and memory is used again from request to request.
//
// # Numbers
//
// Numbers are little endian in the width of their type, so a client takes a column as an
// array, without parsing. A number that is not there is NaN where the type has one and
// otherwise 0: never what another request left there. Bitmaps have bit k in byte k/8 from
// the lowest bit on, 1 for what is there, and are left out where everything is. Types,
// NaN, bitmaps and offsets are those of package tensor, which is the same answer over HTTP.
//
// # Keys
//
// A key has its type by the field that it stands in, and is coerced as elsewhere
// (lookup.Cells): 1001 is the text "1001" of a string key, and not the other way round
// where that would lose something. Times are microseconds here and days are days, as they
// are stored: packed numbers are not meant to be typed in.
package packed
