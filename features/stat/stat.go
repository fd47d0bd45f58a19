package stat

import (
	"encoding"
	"errors"
	"slices"

	"quern/features/column"
)

// Errors of the algebra. They are matched with errors.Is.
var (
	// ErrMismatch: the two statistics are of different kinds or were made from different specs.
	ErrMismatch = errors.New("statistics of different kinds do not merge")
	// ErrNotInvertible: this kind has no exact inverse of Merge (extremes), or the
	// subtrahend was never part of the minuend (a count would go below zero).
	ErrNotInvertible = errors.New("statistic cannot be subtracted")
	// ErrCorrupt: the bytes are not a statistic that AppendBinary wrote.
	ErrCorrupt = errors.New("corrupt statistic")
)

// Statistic is what rows teach: a small exact value that merges.
//
// Two statistics made from the same Spec that have seen the same multiset of
// (weighted) rows are the same state and have the same bytes, whatever the order,
// the batches, the encoding (dictionary or plain) and the tree of merges. A
// Statistic is not safe for concurrent use: each worker fills its own.
type Statistic interface {
	// Observe learns the rows of args, all of one length, in register form
	// (column.Vector). weights[i] is how often slot i of args[0].Values counts
	// and is only given for one plain arg; nil means once each. Zero weights are
	// legal and teach nothing. Dictionary args are legal (weights nil): slots
	// that no row uses are not observed. Observe neither keeps nor changes its input.
	Observe(args []column.Column, weights []uint64)
	// Merge adds what other has seen. other stays as it was. Sums of more than
	// 2^62 rows are ErrOverflow.
	Merge(other Statistic) error
	// Subtract takes away what other has seen: the exact inverse of Merge.
	Subtract(other Statistic) error
	// AppendBinary writes the canonical, versioned bytes: equal state, equal bytes.
	encoding.BinaryAppender
	// UnmarshalBinary replaces the state. Wrong bytes are ErrCorrupt, never a
	// panic and never more memory than a small multiple of len(data); those of
	// another spec are ErrMismatch. After an error the state is what it was.
	encoding.BinaryUnmarshaler
	// Spec returns the spec that the statistic was made from.
	Spec() Spec
	// Close frees what lies outside the heap (spilled runs). It is idempotent.
	Close() error
}

// Kind names a statistic. Kinds are written into models and plans.
type Kind string

// The kinds, what they take, and what they feed.
const (
	KindTally       Kind = "tally"        // 1 arg of any type: rows, nulls, NaNs, infinities, zeros
	KindSums        Kind = "sums"         // 1 numeric arg: exact sum of x and x^2
	KindExtremes    Kind = "extremes"     // 1 arg of any ordered type: min, max
	KindHistogram   Kind = "histogram"    // 1 numeric or temporal arg: counts by leading bits
	KindBinCounts   Kind = "bin_counts"   // 1 numeric or temporal arg: ValueCounts of the bins in Spec.Bins
	KindValueCounts Kind = "value_counts" // 1 or more args: count of each value (of each tuple)
	KindKeyedSums   Kind = "keyed_sums"   // target, fold, then 1 or more keys: exact sums per key and fold
	KindEntries     Kind = "entries"      // 1 arg: ValueCounts, given up past Spec.Limit distinct values
	KindGram        Kind = "gram"         // 2 or more real args: exact X'X and column sums on Spec.Grid
)

// Spec says which statistic to make. It is data: it travels to workers and its
// canonical JSON is part of the plan's digest.
type Spec struct {
	Kind Kind `json:"kind"`
	// Types of the args, in order.
	Types []column.Type `json:"types"`
	// Bins, for bin_counts: the histogram bins whose values are counted, ascending.
	Bins []uint32 `json:"bins,omitempty"`
	// Folds, for keyed_sums: how many folds there are; the fold arg is in [0, Folds). 1: no fold split.
	Folds int `json:"folds,omitempty"`
	// Limit, for entries: the most distinct values, null included.
	Limit int `json:"limit,omitempty"`
	// Grid, for gram: per column, the exponent e such that |x| < 2^e for every x seen.
	Grid []int `json:"grid,omitempty"`
}

// Equal reports whether two specs ask for the same.
func (s Spec) Equal(o Spec) bool {
	return s.Kind == o.Kind && s.Folds == o.Folds && s.Limit == o.Limit &&
		slices.Equal(s.Types, o.Types) && slices.Equal(s.Bins, o.Bins) && slices.Equal(s.Grid, o.Grid)
}

// Resources bounds what statistics may use. The zero value never spills.
type Resources struct {
	// Bytes is how much heap one statistic may hold before it spills sorted runs
	// to Dir; 0 means no bound. Buffers for one batch come on top.
	Bytes int64
	// Dir is where runs are spilled. Files are unlinked as soon as they are open.
	Dir string
	// Seed is that of hashes, which are in no saved byte: large statistics that have it
	// in common merge faster. It must not be known to who makes the data. 0: every
	// statistic makes one up.
	Seed uint64
}
