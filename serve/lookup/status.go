package lookup

// Status says what a reply knows about one value. The numbers are those of
// feast.serving.FieldStatus.
type Status byte

// The statuses. Storage sets Present and NotFound only.
const (
	Invalid       Status = iota // never sent
	Present                     // the value is there
	NullValue                   // the entity is there, its value is null
	NotFound                    // the entity is not there
	OutsideMaxAge               // the entity is there, and older than the view's time to live
)

// String returns the name of s in Feast's replies.
func (s Status) String() string {
	switch s {
	case Present:
		return "PRESENT"
	case NullValue:
		return "NULL_VALUE"
	case NotFound:
		return "NOT_FOUND"
	case OutsideMaxAge:
		return "OUTSIDE_MAX_AGE"
	}
	return "INVALID"
}

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
func (c Compat) null() Status { return [...]Status{NullValue, Present, NotFound}[c] }
