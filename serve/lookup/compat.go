package lookup

import "quern/serve/fieldstatus"

// Compat chooses whose rules the statuses follow:
//
//	                     Strict                   FeastPython      FeastGo
//	entity missing       NOT_FOUND, null          the same         the same
//	value null           NULL_VALUE, null         PRESENT, null    NOT_FOUND, null
//	older than the TTL   OUTSIDE_MAX_AGE, null    PRESENT, value   OUTSIDE_MAX_AGE, value
//
// FeastPython is Feast 0.67's Python server over its SQL stores: over Redis the same
// server calls a missing entity PRESENT. FeastGo is Feast 0.66's Go server.
type Compat byte

// The modes.
const (
	Strict Compat = iota
	FeastPython
	FeastGo
)

// String returns the name of c in configurations.
func (c Compat) String() string {
	return [...]string{"strict", "feast-python", "feast-go"}[c]
}

// ParseCompat returns the mode called name, or false.
func ParseCompat(name string) (Compat, bool) {
	for c := Strict; c <= FeastGo; c++ {
		if c.String() == name {
			return c, true
		}
	}
	return 0, false
}

// null is the status of a null value of a row that is there and fresh.
func (c Compat) null() fieldstatus.Status {
	return [...]fieldstatus.Status{fieldstatus.NullValue, fieldstatus.Present, fieldstatus.NotFound}[c]
}
