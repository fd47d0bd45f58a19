package lookup

import (
	"context"
	"time"

	"quern/features/column"
)

// View describes one version of a feature view. It is immutable.
type View struct {
	Name    string
	Version string         // the name of the version, as in NAME@VERSION:FEATURE
	Number  int32          // the version as Feast's replies count them; 0 is the only one
	Keys    []column.Field // the join keys, in the order of the storage's key tuples
	Fields  []Field
	TTL     time.Duration // 0: values never expire
	Event   string        // pushed rows: the column of the event time; "" is "event_timestamp"
	Created string        // pushed rows: the column of the creation time; "" is "created"
}

// Field is one feature of a view.
type Field struct {
	Name   string
	Type   column.Type
	Binary bool // String (or a list of it) that holds bytes, not text: base64 in JSON
}

// Find returns the position of the feature called name, or -1.
func (v *View) Find(name string) int {
	for i := range v.Fields {
		if v.Fields[i].Name == name {
			return i
		}
	}
	return -1
}

// EventColumn returns the name of the column of a pushed row's event time.
func (v *View) EventColumn() string {
	if v.Event == "" {
		return "event_timestamp"
	}
	return v.Event
}

// CreatedColumn returns the name of the column of a pushed row's creation time.
func (v *View) CreatedColumn() string {
	if v.Created == "" {
		return "created"
	}
	return v.Created
}

// Ref asks for one feature.
type Ref struct {
	View    string
	Version string // "": the version that is served
	Alias   string // full names start with it instead of the view's name; may be ""
	Feature string
}

// Server gives out what is served now.
type Server interface {
	// Pin returns the present generation. It stays whole until Release is called.
	Pin() Catalog
}

// Catalog is one generation of what a server serves. All methods may be called
// concurrently.
type Catalog interface {
	// View returns a view by name. Version "" is the one that is served.
	View(name, version string) (*View, bool)
	// Service returns the features of a feature service, in its order.
	Service(name string) ([]Ref, bool)
	// Source returns the names of the views that a push source feeds.
	Source(name string) ([]string, bool)
	// Queries returns the queries that were compiled against this generation.
	Queries() *Cache
	// Lookup answers q about keys, whose columns are those of q.Keys. It calls
	// into.Reset(q, keys.Rows) and then fills the values, the nulls, the states
	// (Present or NotFound) and the event times.
	Lookup(ctx context.Context, q *Query, keys *Keys, into *Block) error
	// Release gives the generation back. It is not used after that.
	Release()
}

// Writer takes pushed rows.
type Writer interface {
	// Write stores rows: when it returns nil they are durable and visible to the
	// requests that start after that. The rows belong to the caller.
	Write(ctx context.Context, rows *Rows) error
}
