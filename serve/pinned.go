package serve

import (
	"context"

	"quern/serve/access"
	"quern/serve/live"
	"quern/serve/lookup"
)

// pinned is the generation that a request pinned. What is looked up in it is charged to the
// caller whom the context names.
type pinned struct{ *live.Generation }

// Lookup is lookup.Catalog's. Beyond the errors of live.Generation's it fails with
// access.Charge's.
func (p pinned) Lookup(ctx context.Context, q *lookup.Query, keys *lookup.Keys, into *lookup.Block) error {
	if err := access.Charge(ctx, keys.Rows); err != nil {
		return err
	}
	return p.Generation.Lookup(ctx, q, keys, into)
}

// pin pins what is served now, for one request, which releases it.
func (s *Server) pin() pinned { return pinned{s.c.Generations.Pin()} }

// catalogs pins generations for the calls of Feast's: it is their lookup.Server.
type catalogs struct{ s *Server }

// Pin is lookup.Server's.
func (c catalogs) Pin() lookup.Catalog { return c.s.pin() }
