package live

import (
	"context"
	"weak"

	"quern/features/backend"
	"quern/features/diag"
	"quern/serve/lookup"
	"quern/serve/transform"
	"quern/serve/view"
)

// sharedModels makes the transformers of published versions. Versions of one model share
// one, and so its tables, as long as any of them is served. It is used by one goroutine.
type sharedModels struct {
	known map[string]weak.Pointer[transform.Transformer] // by digest
}

// of returns the transformer of a version; nil without a back end. A version whose model is
// not what its manifest says, or makes other features, is damaged: Q662.
func (s *sharedModels) of(ctx context.Context, v *view.View, be backend.Backend) (*transform.Transformer, error) {
	if be == nil {
		return nil, nil
	}
	if t := s.known[v.Manifest.Model].Value(); t != nil {
		return t, nil
	}
	m, err := v.Model(ctx)
	if err != nil {
		return nil, err
	}
	t, err := transform.New(m, be)
	if err != nil {
		return nil, err
	}
	for digest, p := range s.known {
		if p.Value() == nil {
			delete(s.known, digest)
		}
	}
	if s.known == nil {
		s.known = map[string]weak.Pointer[transform.Transformer]{}
	}
	s.known[v.Manifest.Model] = weak.Make(t)
	return t, nil
}

// fits checks that a version's features are those of its model.
func fits(t *transform.Transformer, v *lookup.View) error {
	if t != nil && !t.Fits(v) {
		return diag.New("Q662", "version %s@%s has other columns than its model makes", v.Name, v.Version)
	}
	return nil
}
