// Package model is the fitted model: what a recipe has learnt, as data. It is
// written to one file without code in it (see Model.Bytes), and reading verifies every
// program and replays golden rows before anything may use it.
package model

import (
	"quern/features"
	"quern/features/column"
	"quern/features/program"
)

// Model is a recipe and what it has learnt. It is immutable once made.
type Model struct {
	Name   string
	Recipe []byte        // canonical YAML
	Schema column.Schema // of the columns that any program reads, by name

	// The programs read columns of Schema by name. A nil program is absent.
	Where    *program.Program // one Bool output: rows to read at all
	Taken    *program.Program // one Bool output: rows that were learnt from, among those of Where
	Serving  *program.Program // the features, for rows online and rows not learnt from
	Training *program.Program // the features, where rows that were learnt from get training values
	Extra    *program.Program // labels and kept columns; never served

	Sizes  []int64  // per output of Serving: how many ids it can have; 0: not an id
	Key    []string // columns that name the entity
	Time   string   // column of the event time; ""
	Learnt []Step
	Seen   Seen
	Golden Golden
}

// Step is what one operator learnt, for people: the programs hold it already.
type Step struct {
	Feature  string            `json:"feature"`  // name of the lane that the operator took
	Path     string            `json:"path"`     // "features[0].steps[1]"
	Operator string            `json:"operator"` // as in the catalogue
	Numbers  []features.Number `json:"numbers"`
}

// Seen counts the rows and values that were learnt from.
type Seen struct {
	Read    uint64       `json:"rows_read"`
	Taken   uint64       `json:"rows_learnt_from"`
	Columns []ColumnSeen `json:"columns"`
}

// ColumnSeen counts what was seen of one column among the rows learnt from; of a column
// of lists, among the elements of its lists.
type ColumnSeen struct {
	Name    string `json:"name"`
	Nulls   uint64 `json:"nulls"`
	NaNs    uint64 `json:"nans"`
	PosInfs uint64 `json:"positive_infinities"`
	NegInfs uint64 `json:"negative_infinities"`
}

// Golden holds rows that were made up from the schema and the fitted tables (never
// real data) and the digest of what the programs made of them. A loader that gets
// another digest must not use the model: its arithmetic differs.
type Golden struct {
	Rows   []column.Column // one column per field of Schema, plain, in storage form
	Digest string          // SHA-256, hex, of the outputs of all programs over Rows
}
