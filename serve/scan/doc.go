// Package scan reads JSON requests into columns, strictly (RFC 8259) and without allocations:
// what it returns are spans of the text, and values go straight into lookup.Cells, by whose
// table of coercions each has one meaning in the type of its column. A text that is no JSON,
// or not UTF-8, or with half a surrogate pair, is Q614.
//
// The codec of Feast's calls (package feast) has a scanner of its own: what it takes and says
// is what Python's json module does.
package scan
