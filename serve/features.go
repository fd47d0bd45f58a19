package serve

import (
	"context"

	"quern/features/diag"
	"quern/serve/access"
	"quern/serve/lookup"
	"quern/serve/packed"
)

// packedCall is the memory of one call of quern.v1.Features, which the next one uses again.
type packedCall struct {
	request packed.Request
	name    []byte
	keys    lookup.Keys
	block   lookup.Block
	encoder packed.Encoder
}

// featuresRoutes are the calls of quern.v1.Features (serve/proto).
func (s *Server) featuresRoutes() []*route {
	return []*route{s.method("/quern.v1.Features/Lookup", "v1_grpc", access.Read, s.lookupPacked)}
}

// lookupPacked answers quern.v1.Features/Lookup.
func (s *Server) lookupPacked(ctx context.Context, message, out []byte) ([]byte, error) {
	x := s.packed.Get().(*packedCall)
	defer func() {
		x.request.Reset() // its spans would keep the body alive
		s.packed.Put(x)
	}()
	if err := x.request.Read(message, s.c.Limits.Features); err != nil {
		return out, err
	}
	g := s.pin()
	defer g.Release()
	q, err := x.query(g, s.c.Limits.Features)
	if err != nil {
		return out, err
	}
	if s.c.Tokens != nil {
		if err := access.MayRead(ctx, q); err != nil {
			return out, err
		}
	}
	if x.request.Rows {
		if err := packed.OneType(q); err != nil {
			return out, err
		}
	}
	if err := x.request.Keys(q, min(s.c.Limits.Rows, s.c.Limits.Cells/len(q.Fields)), &x.keys); err != nil {
		return out, err
	}
	if err := g.Lookup(ctx, q, &x.keys, &x.block); err != nil {
		return out, err
	}
	x.block.Expire(s.c.Now().UnixMicro(), s.c.Rules)
	s.served(ctx, &x.keys, &x.block)
	return x.encoder.Append(out, &x.block, x.request.Rows)
}

// query returns the compiled query of a request, from the catalog's cache or new.
func (x *packedCall) query(c lookup.Catalog, limit int) (*lookup.Query, error) {
	r := &x.request
	x.name = r.Name(append(x.name[:0], 'g')) // the keys of other wire formats begin otherwise
	if q := c.Queries().Get(x.name); q != nil {
		return q, nil
	}
	in := nativeRequest{View: string(r.View), Service: string(r.Service), Full: r.Full}
	for _, f := range r.Features {
		in.Features = append(in.Features, string(f))
	}
	refs, err := in.refs(c, limit)
	if err != nil {
		return nil, err
	}
	if len(refs) > limit {
		return nil, diag.New("Q609", "the request has more than %d features", limit)
	}
	q, err := lookup.Compile(c, refs, r.Full)
	if err == nil {
		c.Queries().Put(x.name, q)
	}
	return q, err
}
