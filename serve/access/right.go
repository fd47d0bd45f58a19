package access

// Right is what the caller of a route must be granted. Which views, models and features is
// asked later, once it is known; a caller who is granted nothing of the kind does not get
// that far. The zero value is no right, so that a route without one can be found.
type Right int

// The rights.
const (
	None      Right = 1 + iota // everybody may, also without a token
	Known                      // everybody whom the server knows
	Read                       // who may look up something
	Write                      // who may push to something
	Transform                  // who may transform with some model
	Metrics                    // who may read the metrics
)

// Valid reports whether r is one of the rights.
func (r Right) Valid() bool { return r >= None && r <= Metrics }

// Has reports whether g is granted something of a right.
func (g *Grant) Has(r Right) bool {
	switch r {
	case Read:
		return len(g.Read) > 0
	case Write:
		return len(g.Write) > 0
	case Transform:
		return len(g.Transform) > 0
	case Metrics:
		return g.Metrics
	}
	return true
}
