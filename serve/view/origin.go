package view

import (
	"context"

	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
)

// Origin says what a version was made of, so that its rows can be computed again.
type Origin struct {
	Format string   `json:"format"` // parquet, csv or jsonl
	Files  []string `json:"files"`  // paths, globs and folders, as absolute paths or URIs
	Digest string   `json:"digest"` // as pipeline.Stream.SourceDigest; "": not known
}

// originOf returns what a stream of r's source reads.
func originOf(r *recipe.Recipe, stream *pipeline.Stream) *Origin {
	o := &Origin{Format: string(r.Source.Format), Digest: stream.SourceDigest()}
	for _, f := range r.Source.Files {
		o.Files = append(o.Files, store.Abs(r.Resolve(f.Text)))
	}
	return o
}

// Model reads the manifest of a version and the model whose rows it has; the segments are
// left alone. Q664 if there is no such version.
func (s *Store) Model(ctx context.Context, view, version string) (*Manifest, *model.Model, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, nil, err
	}
	m, err := manifest(ctx, p, version)
	if err != nil {
		return nil, nil, err
	}
	made, err := (&View{Manifest: m, place: p}).Model(ctx)
	return m, made, err
}
