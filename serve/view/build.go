package view

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"quern/internal/failpoint"
	"quern/pipeline"
	"quern/pipeline/store"
	"quern/serve/row"
	"quern/serve/segment"
)

// segmentBytes is about how large a shard becomes where nobody says how many there are.
const segmentBytes = 8 << 30

// build is a version in the making.
type build struct {
	place    place
	manifest *Manifest
	stream   *pipeline.Stream
	layout   *row.Layout
	sampler  *sampler
	builders []*segment.Builder
	temp     string // folder of segments on their way to a store that is not local; "": none
	files    []string
	folder   string // of the version, within the store
	open     []*segment.Segment
	encoded  sync.Pool // of *row.Rows
	progress *pipeline.Progress
	counts   struct {
		sync.Mutex
		nullKeys int64
	}
}

// newBuild prepares the segments of a version.
func newBuild(p place, m *Manifest, digest [32]byte, stream *pipeline.Stream, o PublishOptions) (*build, error) {
	b := &build{place: p, manifest: m, stream: stream, folder: folderOf(m.Version)}
	layout, err := row.NewLayout(row.Schema{Keys: stream.Keys, Fields: stream.Features, Time: stream.Timed})
	if err != nil {
		return nil, err
	}
	b.layout, b.sampler = layout, newSampler(layout, stream)
	b.encoded.New = func() any { return &row.Rows{} }
	shards := o.Shards
	if shards == 0 {
		shards = 1 + int(max(0, stream.Rows())*int64(layout.Stride())/segmentBytes)
	}
	memory := int64(0)
	if o.Memory > 0 {
		memory = max(1<<20, o.Memory/4/int64(shards))
	}
	if err := b.prepare(segment.BuildOptions{Model: digest, Shards: shards, Memory: memory, Temp: o.SpillDir}); err != nil {
		return nil, err
	}
	return b, nil
}

// prepare makes a builder for each shard, and a folder for what is on its way to a store that
// is not local. On errors it closes b.
func (b *build) prepare(o segment.BuildOptions) error {
	o.View, o.Version = b.manifest.View, b.manifest.Version
	for o.Shard = range o.Shards {
		builder, err := segment.NewBuilder(b.layout, o)
		if err != nil {
			b.close()
			return err
		}
		b.builders = append(b.builders, builder)
	}
	if _, local := b.place.files.(*store.Local); local {
		return nil
	}
	var err error
	if b.temp, err = os.MkdirTemp(o.Temp, "quern-view-"); err != nil {
		b.close()
		return explain(b.place.files, "make a folder for files on their way to", err)
	}
	return nil
}

// close lets go of everything but what was written.
func (b *build) close() {
	for _, s := range b.open {
		s.Close()
	}
	for _, builder := range b.builders {
		builder.Close()
	}
	if b.temp != "" {
		os.RemoveAll(b.temp)
	}
}

// add encodes a run of rows and gives it to all shards.
func (b *build) add(from *pipeline.StreamRows) error {
	rows := b.encoded.Get().(*row.Rows)
	defer b.encoded.Put(rows)
	in := row.Input{Rows: from.Rows, Keys: from.Keys, Fields: from.Features, Event: from.Event}
	if err := b.layout.Encode(in, rows); err != nil {
		return err
	}
	b.counts.Lock()
	b.counts.nullKeys += int64(rows.NullKeys)
	b.counts.Unlock()
	b.sampler.add(from, rows)
	for _, builder := range b.builders {
		if err := builder.Add(rows); err != nil {
			return err
		}
	}
	return nil
}

// run reads the source and writes the segments where they can be opened.
func (b *build) run(ctx context.Context) error {
	n, err := b.stream.Run(ctx, b.add)
	if err != nil {
		return err
	}
	m := b.manifest
	m.SourceRows, m.Left, m.NullKeys = n.Read, n.Kept, b.counts.nullKeys
	m.MinEvent, m.MaxEvent = row.NoTime, row.NoTime
	for i := range b.builders {
		b.progress.Phase(fmt.Sprintf("publish, segment %d of %d", i+1, len(b.builders)))
		failpoint.Point("failpoint:serve.segment.before")
		if err := b.write(ctx, i); err != nil {
			return explain(b.place.files, "write", err)
		}
	}
	return nil
}

// write writes one segment, durable, and opens it.
func (b *build) write(ctx context.Context, i int) error {
	name := segmentName(i)
	w, path, err := b.create(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	sum := &summed{to: w, hash: sha256.New()}
	buffer := bufio.NewWriterSize(sum, 1<<20)
	info, older, err := b.builders[i].Write(buffer)
	if err == nil {
		err = errors.Join(buffer.Flush(), b.builders[i].Close())
	}
	if err != nil {
		return err
	}
	if err := commit(ctx, b.place.files, w, b.object(name)); err != nil {
		return err
	}
	opened, err := segment.Open(path)
	if err != nil {
		return err
	}
	b.open = append(b.open, opened)
	b.files = append(b.files, path)
	b.note(info, older, File{Name: name, Bytes: sum.bytes, SHA256: hex.EncodeToString(sum.hash.Sum(nil)), Rows: info.Rows, Seal: hex.EncodeToString(info.Seal[:])})
	return nil
}

// note adds a segment to the manifest.
func (b *build) note(info segment.Info, older int64, f File) {
	m := b.manifest
	m.Segments = append(m.Segments, f)
	m.Rows, m.Older = m.Rows+info.Rows, m.Older+older
	if info.MinEvent != row.NoTime && (m.MinEvent == row.NoTime || info.MinEvent < m.MinEvent) {
		m.MinEvent = info.MinEvent
	}
	m.MaxEvent = max(m.MaxEvent, info.MaxEvent)
}

// object returns the name of a file of the version.
func (b *build) object(name string) string { return b.folder + "/" + name }

// segmentName returns the name of a shard's file within its version.
func segmentName(shard int) string { return fmt.Sprintf("segment-%05d", shard) }

// create begins a segment: in the store if it is of this disk, or else beside it. Path is
// where it can be opened once it is committed.
func (b *build) create(ctx context.Context, name string) (w store.Writer, path string, err error) {
	if b.temp == "" {
		w, err = b.place.files.Create(ctx, b.object(name))
		return w, filepath.Join(b.place.files.Location(), filepath.FromSlash(b.object(name))), err
	}
	path = filepath.Join(b.temp, name)
	f, err := os.Create(path)
	return &tempFile{f}, path, err
}

// tempFile is a file that nobody else sees. It needs no name of its own to become visible.
type tempFile struct{ *os.File }

// Sync does nothing: what counts is the copy in the store.
func (tempFile) Sync() error { return nil }

// Commit ends writing.
func (f *tempFile) Commit() error { return f.Close() }

// Abort ends writing, if Commit has not.
func (f *tempFile) Abort() error { return f.Close() }

// commit makes an object durable and names it.
func commit(ctx context.Context, st store.Store, w store.Writer, name string) error {
	if err := w.Sync(); err != nil {
		return err
	}
	if err := w.Commit(); err != nil {
		return err
	}
	if _, temp := w.(*tempFile); temp {
		return nil
	}
	return st.Sync(ctx, []string{name})
}

// upload copies segments to a store that is not local, and checks that they stayed the same.
func (b *build) upload(ctx context.Context) error {
	if b.temp == "" {
		return nil
	}
	for i, f := range b.manifest.Segments {
		failpoint.Point("failpoint:serve.upload.before")
		from, err := os.Open(b.files[i])
		if err != nil {
			return err
		}
		defer from.Close()
		if err := copyTo(ctx, b.place.files, b.object(f.Name), from, f); err != nil {
			return explain(b.place.files, "write", err)
		}
	}
	return nil
}

// copyTo writes an object of known contents, which is not committed if they differ.
func copyTo(ctx context.Context, st store.Store, name string, from io.Reader, f File) error {
	w, err := st.Create(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	sum := &summed{to: w, hash: sha256.New()}
	if _, err := io.CopyBuffer(sum, struct{ io.Reader }{from}, make([]byte, 1<<20)); err != nil {
		return err
	}
	if sum.bytes != f.Bytes || hex.EncodeToString(sum.hash.Sum(nil)) != f.SHA256 {
		return damaged(st, name, "its bytes do not have the digest that the manifest says")
	}
	return commit(ctx, st, w, name)
}
