package view

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"

	"quern/features/diag"
	"quern/pipeline/model"
	"quern/pipeline/store"
	"quern/serve/row"
	"quern/serve/segment"
)

// OpenOptions say how a version is brought here.
type OpenOptions struct {
	// Mirror is the folder that versions in stores that are not local are copied to. Several
	// processes may share it. It must be given for such stores.
	Mirror string
	// Check reads all of a local version before it is used. Copies are always checked: when
	// they are made, and when they are found.
	Check   bool
	Segment segment.OpenOptions
}

// View is one version of a view, open. It stays whole until Close, whatever happens in the
// store. It is safe for concurrent use.
type View struct {
	*Manifest
	Segments []*segment.Segment // by shard
	place    place
}

// Open opens a version of a view; "" is the one that is served. A version that is damaged
// is Q662 or Q654, one that is not there Q664.
func (s *Store) Open(ctx context.Context, view, version string, o OpenOptions) (*View, error) {
	p, err := s.of(ctx, view)
	if err != nil {
		return nil, err
	}
	m, err := s.Manifest(ctx, view, version)
	if err != nil {
		return nil, err
	}
	local, isLocal := p.files.(*store.Local)
	if !isLocal {
		all, err := mirrored(ctx, p, m, o)
		if err != nil {
			return nil, explain(p.files, "copy", err)
		}
		return &View{Manifest: m, Segments: all, place: p}, nil
	}
	all, err := openAll(m, filepath.Join(local.Location(), "versions", m.Version), o.Segment)
	if err != nil {
		return nil, explain(p.files, "open a segment of", err)
	}
	v := &View{Manifest: m, Segments: all, place: p}
	if o.Check {
		if err := v.Verify(ctx); err != nil {
			v.Close()
			return nil, err
		}
	}
	return v, nil
}

func segmentPath(folder string, f File) string { return filepath.Join(folder, filepath.Base(f.Name)) }

// isSegment checks that an open segment is the manifest's of number i.
func (m *Manifest) isSegment(s *segment.Segment, i int) error {
	info, f := s.Info(), m.Segments[i]
	if hex.EncodeToString(info.Seal[:]) != f.Seal || info.Rows != f.Rows || info.Bytes != f.Bytes ||
		info.View != m.View || info.Version != m.Version || info.Shard != i || info.Shards != len(m.Segments) ||
		hex.EncodeToString(info.Model[:]) != m.Model || info.Seed != 0 {
		return diag.New("Q662", "segment %d of version %s is not the one that the manifest names", i, m.Version)
	}
	return nil
}

// Verify reads all segments whole.
func (v *View) Verify(ctx context.Context) error {
	for _, s := range v.Segments {
		if err := s.Verify(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Layout returns the layout of the view's rows.
func (v *View) Layout() *row.Layout { return v.Segments[0].Layout() }

// Lookup finds the rows of keys in all shards, as segment.Segment.Lookup does in one.
func (v *View) Lookup(keys *row.Keys, rows []row.Row) error {
	for _, s := range v.Segments {
		if err := s.Lookup(keys, rows); err != nil {
			return err
		}
	}
	return nil
}

// Model reads the model whose rows these are.
func (v *View) Model(ctx context.Context) (*model.Model, error) {
	name := folderOf(v.Version) + "/" + v.ModelFile.Name
	o, err := v.place.files.Open(ctx, name)
	if err != nil {
		return nil, explain(v.place.files, "read", err)
	}
	defer o.Close()
	if o.Size() != v.ModelFile.Bytes {
		return nil, damaged(v.place.files, name, "it has %d bytes where the manifest says %d", o.Size(), v.ModelFile.Bytes)
	}
	data := make([]byte, o.Size())
	if _, err := io.ReadFull(io.NewSectionReader(o, 0, o.Size()), data); err != nil {
		return nil, explain(v.place.files, "read", err)
	}
	m, err := model.Read(data)
	if err == nil && m.Digest() != v.Manifest.Model {
		return nil, damaged(v.place.files, name, "it is not the model that the manifest names")
	}
	return m, err
}

// Close lets go of the segments. Rows of requests that retained one stay.
func (v *View) Close() error {
	var errs []error
	for _, s := range v.Segments {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
