// Package fieldstatus says what a reply knows about one value. Server and client mean the same
// by it.
package fieldstatus

// Status says what a reply knows about one value. The numbers are those of
// feast.serving.FieldStatus, and of a tensor message.
type Status byte

// The statuses. Storage knows Present and NotFound only.
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
