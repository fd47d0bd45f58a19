package stat

import (
	"errors"
	"fmt"
	"slices"
)

// Sentinel errors beside those of the contract.
var (
	// ErrOverflow: the sum would count more than 2^62 rows, which no data has.
	ErrOverflow = errors.New("statistic counts too many rows")
	// ErrEmpty: there is no value to take a quantile of.
	ErrEmpty = errors.New("statistic has seen no values")
)

// maxRows is how many rows a statistic may have seen. Merge returns ErrOverflow
// beyond it, decoding ErrCorrupt, and observing panics, so counters never wrap.
const maxRows = 1 << 62

// maxFolds and maxColumns bound what a damaged spec can make us allocate.
const (
	maxFolds   = 1024
	maxColumns = 4096
	maxEntries = 1 << 24
)

// New makes an empty statistic. The error says what is wrong with spec: specs
// come from plans, and plans from files. spec is copied.
func New(spec Spec, res Resources) (Statistic, error) {
	spec.Types = slices.Clone(spec.Types)
	spec.Bins = slices.Clone(spec.Bins)
	spec.Grid = slices.Clone(spec.Grid)
	if err := spec.validate(); err != nil {
		return nil, err
	}
	h := newHeader(spec)
	switch spec.Kind {
	case KindTally:
		return &Tally{header: h}, nil
	case KindSums:
		return &Sums{header: h}, nil
	case KindExtremes:
		return &Extremes{header: h}, nil
	case KindHistogram:
		return &Histogram{header: h}, nil
	case KindBinCounts:
		return newBinCounts(h, res), nil
	case KindValueCounts:
		return newValueCounts(h, res), nil
	case KindKeyedSums:
		return newKeyedSums(h, res), nil
	case KindEntries:
		return newEntries(h), nil
	}
	return &Gram{header: h}, nil
}

// Decode makes the statistic whose bytes are data, whatever its spec. It keeps data, which
// nobody may change afterwards.
func Decode(data []byte, res Resources) (Statistic, error) {
	spec, err := readHeader(&reader{data: data})
	if err != nil {
		return nil, err
	}
	s, err := New(spec, res)
	if err != nil {
		return nil, corrupt("%v", err)
	}
	decode := s.UnmarshalBinary
	if keeps, ok := s.(interface{ decode([]byte) error }); ok {
		decode = keeps.decode
	}
	if err := decode(data); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// validate returns what is wrong with s.
func (s *Spec) validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("statistic %q: %s", s.Kind, fmt.Sprintf(format, args...))
	}
	if kindCode(s.Kind) == 0 {
		return bad("no such kind")
	}
	if len(s.Types) > maxColumns {
		return bad("%d columns are too many", len(s.Types))
	}
	for _, t := range s.Types {
		if t.Kind() == 0 {
			return bad("%v is no type", t)
		}
	}
	if err := s.validateTypes(); err != "" {
		return bad("%s", err)
	}
	if err := s.validateParameters(); err != "" {
		return bad("%s", err)
	}
	return nil
}

// validateTypes says why the kind does not take these columns, or nothing.
func (s *Spec) validateTypes() string {
	n := len(s.Types)
	switch s.Kind {
	case KindValueCounts:
		if n < 1 {
			return "takes one column or more"
		}
		return ""
	case KindKeyedSums:
		if n < 3 || !s.Types[0].Numeric() || !s.Types[1].Integer() {
			return "takes a numeric target, an integer fold, and keys"
		}
		return ""
	case KindGram:
		for _, t := range s.Types {
			if n < 2 || !t.Real() {
				return "takes two or more real columns"
			}
		}
		if n < 2 {
			return "takes two or more real columns"
		}
		return ""
	}
	if n != 1 {
		return "takes one column"
	}
	t := s.Types[0]
	switch s.Kind {
	case KindSums:
		if !t.Numeric() {
			return fmt.Sprintf("takes a numeric column, not %v", t)
		}
	case KindHistogram, KindBinCounts:
		if !t.Numeric() && !t.Temporal() {
			return fmt.Sprintf("takes a numeric or temporal column, not %v", t)
		}
	}
	return ""
}

// validateParameters says what is wrong with Bins, Folds, Limit and Grid, or nothing.
// Parameters of other kinds must be absent: one statistic, one spec.
func (s *Spec) validateParameters() string {
	if len(s.Bins) > 0 && s.Kind != KindBinCounts || s.Folds != 0 && s.Kind != KindKeyedSums ||
		len(s.Grid) > 0 && s.Kind != KindGram || s.Limit != 0 && s.Kind != KindEntries {
		return "has a parameter of another kind"
	}
	switch s.Kind {
	case KindBinCounts:
		for i, b := range s.Bins {
			if b >= numBins || i > 0 && b <= s.Bins[i-1] {
				return "bins are not ascending"
			}
		}
	case KindKeyedSums:
		if s.Folds < 1 || s.Folds > maxFolds {
			return fmt.Sprintf("%d folds are not in 1 to %d", s.Folds, maxFolds)
		}
	case KindEntries:
		if s.Limit < 1 || s.Limit > maxEntries {
			return fmt.Sprintf("a limit of %d entries is not in 1 to %d", s.Limit, maxEntries)
		}
	case KindGram:
		if len(s.Grid) != len(s.Types) {
			return "has not one grid exponent per column"
		}
		for _, e := range s.Grid {
			if e < minGrid || e > maxGrid {
				return fmt.Sprintf("grid exponent %d is not in %d to %d", e, minGrid, maxGrid)
			}
		}
	}
	return ""
}

// addRows adds counts of rows that Observe was given.
func addRows(a, b uint64) uint64 {
	if b > maxRows-a {
		panic("quern: bug: a statistic observes more than 2^62 rows")
	}
	return a + b
}

// mergeable returns the error of merging states of a and b rows.
func mergeable(a, b uint64) error {
	if b > maxRows-a {
		return ErrOverflow
	}
	return nil
}
