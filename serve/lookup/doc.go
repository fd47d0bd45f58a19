// Package lookup holds what lies between the wire formats of a feature server and
// its storage: which features a request asks for, the keys that it asks about, and
// the columns that answer it.
//
//	request --wire--> Keys, references --Compile--> Query --Catalog.Lookup--> Block --wire--> reply
//
// A Catalog is one generation of everything that a server serves. A request pins
// one, so that no reply mixes two. A Query is compiled once for a list of features
// and kept in the Catalog's Cache. Keys and a Block are reused from request to
// request: in the steady state nothing is allocated for a row or a value.
//
// Statuses. Storage says of a row of a view whether it is there, and of a cell
// whether it is null. Block.Expire adds what the view's time to live says, and
// Block.Status puts the three together: strictly by default, or as one of Feast's
// servers does (Compat).
//
// Values that arrive as text (JSON, strings of protobuf messages) are coerced to
// the declared types by Cells, with one set of rules for keys and for pushed
// values: a value either has exactly one meaning in the declared type, or it is
// refused with its column and row. Nothing is rounded, cut or turned into a null.
package lookup
