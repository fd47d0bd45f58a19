package serve

import (
	"context"

	"quern/serve/access"
	"quern/serve/lookup"
)

// writer returns what takes pushed rows; nil: nobody does.
func (s *Server) writer() lookup.Writer {
	if s.c.Writer == nil {
		return nil
	}
	return patient{s.c.Writer}
}

// patient gives the place of a request to others while it waits for the disk: there is no
// work to do for it meanwhile. What waits is bounded by the bytes of its body, and by the
// memory of the overlay.
type patient struct{ lookup.Writer }

// Write is lookup.Writer's.
func (p patient) Write(ctx context.Context, rows *lookup.Rows) error {
	if err := access.Charge(ctx, rows.Rows); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil { // nobody waits for it any longer
		return err
	}
	if w, ok := ctx.Value(workKey{}).(*work); ok {
		w.leave()
	}
	return p.Writer.Write(ctx, rows)
}
