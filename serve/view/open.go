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

// View is one version of a view, open. It stays whole until Close, whatever happens in the
// store. It is safe for concurrent use.
type View struct {
	*Manifest
	Segments []*segment.Segment // by shard
	place    place
}

// Open opens a version of a view; "" is the one that is served. mirror is the folder that
// versions in stores that are not local are copied to: it must be given for such stores, and
// several processes may share it. Copies are always checked, when they are made and when they
// are found; of a local version View.Verify reads what Open does not.
//
// A version that is damaged is Q662 or Q654, one that is not there Q664.
func (s *Store) Open(ctx context.Context, view, version, mirror string) (*View, error) {
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
		all, err := mirrored(ctx, p, m, mirror)
		if err != nil {
			return nil, explain(p.files, "copy", err)
		}
		return &View{Manifest: m, Segments: all, place: p}, nil
	}
	all, err := openAll(m, filepath.Join(local.Location(), "versions", m.Version))
	if err != nil {
		return nil, explain(p.files, "open a segment of", err)
	}
	return &View{Manifest: m, Segments: all, place: p}, nil
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

// Layout returns the layout of the view's rows.
func (v *View) Layout() *row.Layout { return v.Segments[0].Layout() }

// Verify reads all segments whole, as segment.Segment.Verify does one.
func (v *View) Verify(ctx context.Context) error {
	for _, s := range v.Segments {
		if err := s.Verify(ctx); err != nil {
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
