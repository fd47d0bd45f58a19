package view

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"quern/features/column"
	"quern/features/diag"
	"quern/internal/failpoint"
	"quern/pipeline"
	"quern/pipeline/model"
	"quern/pipeline/recipe"
	"quern/pipeline/store"
	"quern/serve/segment"
)

// PublishOptions say how a version is made.
type PublishOptions struct {
	pipeline.Options
	View   string // "": the model's name
	Stage  bool   // do not serve it yet
	Shards int    // segments; 0: one, or more where it would be very large
	Force  bool   // serve it however different it is
}

// Published is what was made.
type Published struct {
	*Manifest
	State    *State
	Findings []string // what would have stopped it without Force
	Example  []string // a key that is there: KEY=VALUE for each of its columns; nil: no row is
	BytesIn  int64    // of the source, as stored
	Seconds  float64
}

// Publish makes a version of a view: the rows of the source of r, which is the model's
// recipe, perhaps with another source. It is served (or staged) once it is whole and
// verified, and not at all after an error: Q660 a model that cannot be published, Q661 too
// different from the version before, Q663 somebody else was faster.
func (s *Store) Publish(ctx context.Context, m *model.Model, r *recipe.Recipe, o PublishOptions) (*Published, error) {
	started := time.Now()
	if o.View == "" {
		o.View = m.Name
	}
	if err := publishable(m, r, o.View); err != nil {
		return nil, err
	}
	p, err := s.of(ctx, o.View)
	if err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, p)
	if err != nil {
		return nil, err
	}
	defer unlock()
	old, err := newest(ctx, p)
	if err != nil {
		return nil, err
	}
	stream, err := pipeline.OpenStream(ctx, m, r, o.Options)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	made := &Published{Manifest: s.newManifest(m, r, stream, o.View), BytesIn: stream.Bytes()}
	if err := s.publish(ctx, p, old, m, stream, made, o); err != nil {
		return nil, err
	}
	made.Seconds = time.Since(started).Seconds()
	return made, nil
}

// publish builds, verifies, writes and points.
func (s *Store) publish(ctx context.Context, p place, old *State, m *model.Model, stream *pipeline.Stream, made *Published, o PublishOptions) (err error) {
	digest, err := hex.DecodeString(made.Model)
	if err != nil || len(digest) != sha256.Size {
		panic("quern: bug: a model's digest is no SHA-256")
	}
	b, err := newBuild(p, made.Manifest, [32]byte(digest), stream, o)
	if err != nil {
		return err
	}
	defer b.close()
	if err = b.run(ctx); err == nil {
		o.Progress.Phase("publish, verify")
		err = s.verify(ctx, b, old, m, made, o)
	}
	if err == nil {
		o.Progress.Phase("publish, store")
		err = b.upload(ctx)
	}
	if err == nil {
		err = b.finish(ctx, m)
	}
	if err != nil {
		b.discard(context.WithoutCancel(ctx))
		return err
	}
	made.Example = b.sampler.example(stream)
	made.State, err = s.ask(ctx, p, old, func(old *State) (*State, error) {
		if o.Stage {
			return &State{Action: "stage", Current: old.Current, Previous: old.Previous, Staged: made.Version}, nil
		}
		return promoted(old, made.Version, "publish"), nil
	})
	if lost(err) { // after another error nobody knows whether it is pointed at
		b.discard(context.WithoutCancel(ctx))
	}
	return err
}

// lock keeps other publishers from the view, where the store can, and removes what dead
// ones left.
func lock(ctx context.Context, p place) (unlock func(), err error) {
	l, ok := p.files.(store.Locker)
	if !ok {
		return func() {}, nil
	}
	unlock, err = l.Lock(ctx)
	if errors.Is(err, store.ErrLocked) {
		return nil, diag.New("Q663", "another publish of view %s is at work", p.view)
	}
	return unlock, explain(p.files, "write", err)
}

// publishable checks what only publishing asks of a model.
func publishable(m *model.Model, r *recipe.Recipe, view string) error {
	if len(m.Key) == 0 {
		return diag.New("Q660", "the recipe of model %s names no key: nobody could look its rows up", m.Name).
			WithHint("add key: [COLUMN] to the recipe, and fit it again")
	}
	if view == "" {
		return diag.New("Q660", "the model has no name, and no view is named").WithHint("--view NAME")
	}
	if r.Online == nil {
		return nil
	}
	features := m.Serving.Fields().Names()
	for _, service := range r.Online.Services {
		for _, f := range service.Features {
			if slices.Contains(features, f.Text) {
				continue
			}
			e := diag.New("Q660", "service %s has a feature %q, which the model does not make", service.Name.Text, f.Text)
			if near := diag.Nearest(f.Text, features); near != "" {
				e = e.WithHint("did you mean %q?", near)
			}
			return e.At(f.Place)
		}
	}
	return nil
}

// newManifest returns what is known of a version before it is built.
func (s *Store) newManifest(m *model.Model, r *recipe.Recipe, stream *pipeline.Stream, view string) *Manifest {
	now := s.now()
	made := &Manifest{Format: Format, View: view, Version: newVersion(now),
		Built: now.UnixMicro(), Model: m.Digest(), Key: fields(stream.Keys), Features: fields(stream.Features), Origin: originOf(r, stream)}
	if stream.Timed {
		made.Time = m.Time
	}
	if online := r.Online; online != nil {
		made.TTL, _ = online.Lifetime()
		made.Services = map[string][]string{}
		for _, service := range online.Services {
			for _, f := range service.Features {
				made.Services[service.Name.Text] = append(made.Services[service.Name.Text], f.Text)
			}
		}
	}
	return made
}

func fields(s column.Schema) []Field {
	all := make([]Field, len(s))
	for i, f := range s {
		all[i] = Field{f.Name, f.Type.String()}
	}
	return all
}

// verify reads the segments back, replays a sample, and compares with the version before.
func (s *Store) verify(ctx context.Context, b *build, old *State, m *model.Model, made *Published, o PublishOptions) error {
	for _, seg := range b.open {
		if err := seg.Verify(ctx); err != nil {
			return err
		}
	}
	if err := b.sampler.replay(m, b.stream, b.open); err != nil {
		return err
	}
	ids := make([]bool, len(m.Sizes))
	for i, size := range m.Sizes {
		ids[i] = size > 0
	}
	var err error
	if made.Stats, err = statsOf(b.open, ids); err != nil || old.Current == "" {
		return err
	}
	before, err := manifest(ctx, b.place, old.Current)
	if err != nil {
		if o.Force && isUnreadable(err) {
			return nil // what is served is damaged: all the more reason
		}
		return err
	}
	made.Previous = before.Version
	made.Findings = compare(before, made.Manifest)
	if len(made.Findings) > 0 && !o.Force {
		return diag.New("Q661", "view %s: %s", b.place.view, strings.Join(made.Findings, "; ")).
			WithHint("version %s is still served; --force publishes the new one", old.Current)
	}
	return nil
}

// finish writes the model and then the manifest, which make the version whole.
func (b *build) finish(ctx context.Context, m *model.Model) error {
	data, err := m.Bytes()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	b.manifest.ModelFile = File{Name: "model.quern", Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	failpoint.Point("failpoint:serve.model.before")
	if err := put(ctx, b.place.files, b.object("model.quern"), data); err != nil {
		return explain(b.place.files, "write", err)
	}
	failpoint.Point("failpoint:serve.manifest.before")
	if err := put(ctx, b.place.files, b.object("manifest.json"), encode(b.manifest)); err != nil {
		return explain(b.place.files, "write", err)
	}
	failpoint.Point("failpoint:serve.manifest.after")
	return b.whole(ctx)
}

// whole checks that everything that was written is there still: who collects garbage may
// have taken a version for dead that was a day in the making.
func (b *build) whole(ctx context.Context) error {
	names, err := b.place.files.List(ctx, folderOf(b.manifest.Version))
	if err != nil {
		return explain(b.place.files, "read", err)
	}
	for _, name := range b.objects() {
		if !slices.Contains(names, name) {
			return diag.New("Q663", "somebody removed %s while the version was made", store.Join(b.place.files.Location(), name))
		}
	}
	return nil
}

// objects returns the names of everything in the version.
func (b *build) objects() []string {
	names := []string{b.object("manifest.json"), b.object("model.quern")}
	for i := range b.builders {
		names = append(names, b.object(segmentName(i)))
	}
	return names
}

// discard removes what was written of a version that nobody points at. What stays is
// Collect's.
func (b *build) discard(ctx context.Context) {
	for _, name := range b.objects() {
		b.place.files.Remove(ctx, name)
	}
}

// summed passes bytes on and notes their number and digest.
type summed struct {
	to    io.Writer
	hash  hash.Hash
	bytes int64
}

// Write is io.Writer's.
func (s *summed) Write(b []byte) (int, error) {
	s.hash.Write(b)
	s.bytes += int64(len(b))
	return s.to.Write(b)
}

// openAll opens the segments of a manifest in a folder and checks that they are its.
func openAll(m *Manifest, folder string) (all []*segment.Segment, err error) {
	defer func() {
		if err != nil {
			for _, seg := range all {
				seg.Close()
			}
		}
	}()
	for i, f := range m.Segments {
		seg, err := segment.Open(segmentPath(folder, f))
		if err != nil {
			return all, err
		}
		all = append(all, seg)
		if err := m.isSegment(seg, i); err != nil {
			return all, err
		}
	}
	return all, nil
}
