package serve

import (
	"context"

	"quern/serve/access"
	"quern/serve/feast"
	"quern/serve/registry"
)

// listenRoutes are the calls of `feast listen`, whose service GrpcFeatureServer is in no
// package.
func (s *Server) listenRoutes() []*route {
	const service = "/GrpcFeatureServer/"
	return []*route{
		s.method(service+"GetOnlineFeatures", "feast_grpc", access.Read, s.feast.GetOnlineFeatures),
		s.method(service+"Push", "feast_push", access.Write, s.feast.Push),
		s.method(service+"WriteToOnlineStore", "feast_push", access.Write, s.feast.WriteToOnlineStore),
	}
}

// registryRoutes are the calls by which Feast's clients ask what is served (package
// registry). Whoever is known may ask, and is shown what its token may read or write.
func (s *Server) registryRoutes() []*route {
	r := &registry.Service{Content: s.content}
	if s.c.Tokens != nil {
		r.MayRead, r.MayWrite = access.MayRead, access.MayWrite
	}
	var all []*route
	for _, name := range registry.Methods() {
		all = append(all, s.method(registry.Path+name, "feast_registry", access.Known,
			func(ctx context.Context, message, out []byte) ([]byte, error) {
				out, err := r.Answer(ctx, name, message, out)
				return out, feast.Raised(err)
			}))
	}
	return all
}

// content tells what is served: the live version of each view.
func (s *Server) content() (c registry.Content, done func()) {
	g := s.pin()
	for _, l := range g.Views() {
		c.Views = append(c.Views, l.View())
	}
	c.Services, c.Sources = g.Services(), g.Sources()
	return c, g.Release
}
