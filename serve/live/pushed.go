package live

import (
	"sync/atomic"
	"time"

	"quern/serve/overlay"
)

// pushedKey names an overlay.
type pushedKey struct {
	view   string
	schema [32]byte
}

// keyOf names the overlay of rows of a version's columns.
func keyOf(v *version) pushedKey { return pushedKey{v.name.View, v.layout.Schema().Digest()} }

// pushed is the overlay of a view, for rows of one schema.
type pushed struct {
	*overlay.Overlay
	key    pushedKey
	newest atomic.Int64 // the latest event time of a row that was ever in it; lookup.NoTime: there was none

	// Of the one who holds Overlays.compacting.
	since   time.Time // when rows were first seen that are in no segment; zero: there are none
	again   time.Time // not before, after a failure
	wait    time.Duration
	made    string // a version that has the rows up to seq, which are not forgotten yet
	seq     uint64
	checked int // how often it was looked whether it is served
}

// saw notes an event time.
func (p *pushed) saw(event int64) {
	for {
		before := p.newest.Load()
		if event <= before || p.newest.CompareAndSwap(before, event) {
			return
		}
	}
}
