package live

import (
	"context"
	"errors"
	"slices"

	"quern/serve/lookup"
	"quern/serve/row"
	"quern/serve/segment"
)

// scratch is the memory of one look-up, which the next one uses again.
type scratch struct {
	keys   row.Keys
	rows   []row.Row
	over   []row.Row // of one carried version
	gather row.Gatherer

	// What find works on: fields, so that handing it to Guard makes no closure.
	layers *Layers
	part   int
	asked  *lookup.Keys
	into   *lookup.Block
	find   func() error
}

func newScratch() any {
	s := &scratch{}
	s.find = s.lookup
	return s
}

// lookup answers one part of a query.
func (s *scratch) lookup() error {
	layout := s.layers.version.layout
	part := &s.into.Query.Parts[s.part]
	part.PutKeys(s.asked, layout, &s.keys)
	if err := s.layers.lookup(&s.keys, s.rows, &s.over); err != nil {
		return err
	}
	s.into.Parts[s.part].Latest = s.layers.Latest()
	if s.layers.mayPush() {
		mark := s.into.Parts[s.part].MarkPushed()
		for i, r := range s.rows {
			mark[i] = !r.Missing() && layout.Seq(r) > 0
		}
	}
	return s.into.Gather(s.part, layout, s.rows, &s.gather)
}

// Lookup is lookup.Catalog's. Beyond the context's errors it fails with segment.ErrFault
// where a disk fails, and with ErrCorrupt where memory or a file was damaged later.
func (g *Generation) Lookup(ctx context.Context, q *lookup.Query, keys *lookup.Keys, into *lookup.Block) error {
	into.Reset(q, keys.Rows)
	s := g.scratch.Get().(*scratch)
	s.asked, s.into = keys, into
	s.rows = slices.Grow(s.rows[:0], keys.Rows)[:keys.Rows]
	err := ctx.Err()
	for p := range q.Parts {
		if err != nil {
			break
		}
		clear(s.rows)
		s.part, s.layers = p, g.stored[q.Parts[p].View]
		if s.layers == nil {
			panic("quern: bug: query of another generation")
		}
		if err = segment.Guard(s.find); err == nil {
			err = ctx.Err()
		}
	}
	clear(s.rows) // rows must not outlive the generation
	clear(s.over)
	s.asked, s.into, s.layers = nil, nil, nil
	const kept = 1 << 14 // rows; more would keep the memory of one large request for ever
	if cap(s.rows) <= kept {
		g.scratch.Put(s)
	}
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		g.failed(err)
	}
	return err
}
