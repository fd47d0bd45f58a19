package output

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"syscall"

	"quern/features/diag"
	"quern/pipeline/sink"
	"quern/pipeline/store"
)

// Summary is what the manifest tells beside the parts.
type Summary struct {
	Quarantined []string
	Notices     []string
}

// Finish makes the parts durable and writes the manifest; every part must be
// published. Formats whose parts are only pieces are assembled first.
func (w *Writer) Finish(ctx context.Context, s Summary) (*Manifest, error) {
	if w.manifest != nil {
		return w.manifest, nil
	}
	m, err := summarize(w.job, w.entries(), s)
	if err != nil {
		return nil, err
	}
	if a, ok := w.format.(sink.Assembler); ok {
		if err := w.assemble(ctx, a, m); err != nil {
			if w.finishedMeanwhile(ctx) {
				return w.manifest, nil
			}
			return nil, writeError(w.store, err)
		}
	}
	names := make([]string, len(m.Files))
	for i, f := range m.Files {
		names[i] = f.Name
	}
	if err := w.store.Sync(ctx, names); err != nil {
		return nil, writeError(w.store, err)
	}
	if err := w.publishDurably(ctx, ManifestName, encode(m)); err != nil {
		return nil, writeError(w.store, err)
	}
	w.manifest = m
	w.sweep(ctx)
	w.Close()
	return m, nil
}

// finishedMeanwhile reports whether, in a store without locks, another process has
// finished the same job: with that the pieces went that this one wanted to assemble.
func (w *Writer) finishedMeanwhile(ctx context.Context) bool {
	if w.alone {
		return false
	}
	m, err := readManifest(ctx, w.store)
	if err != nil || m == nil || m.Job != w.job.Digest {
		return false
	}
	w.manifest = m
	w.sweep(ctx)
	w.Close()
	return true
}

// summarize makes the manifest out of what is known of the parts; nil ones are missing.
func summarize(job Job, parts []*Entry, s Summary) (*Manifest, error) {
	m := &Manifest{Version: Version, Job: job.Digest, Model: job.Model, Fields: manifestFields(job.Fields),
		Files: []File{}, Quarantined: s.Quarantined, Notices: s.Notices}
	total := make([]content, len(job.Fields))
	for _, e := range parts {
		if e == nil {
			continue
		}
		if len(e.Content) != len(total) {
			return nil, diag.New("Q320", "the record of %s is of other columns", e.File.Name)
		}
		for j := range total {
			c, ok := parseContent(e.Content[j])
			if !ok {
				return nil, diag.New("Q320", "the record of %s is damaged", e.File.Name)
			}
			total[j] = total[j].then(c)
		}
		for _, run := range e.Outside {
			m.OutsideFit = appendRun(m.OutsideFit, [2]int64{m.Rows + run[0], m.Rows + run[1]})
		}
		m.Rows += e.File.Rows
		m.Files = append(m.Files, e.File)
	}
	m.Content = contentDigest(job.Fields, total)
	return m, nil
}

// entries returns what is known of the parts, all of which are published.
func (w *Writer) entries() []*Entry {
	entries := make([]*Entry, len(w.parts))
	for i, r := range w.parts {
		if r == nil {
			panic("quern: bug: part " + w.partName(i) + " was never written")
		}
		entries[i] = &r.Entry
	}
	return entries
}

// publishDurably writes a small object that must not be lost or cut when others stay:
// durable first, named then.
func (w *Writer) publishDurably(ctx context.Context, name string, text []byte) error {
	o, err := w.store.Create(ctx, name)
	if err != nil {
		return err
	}
	defer o.Abort()
	t := &tee{to: o, hash: sha256.New()}
	if _, err := t.Write(text); err != nil {
		return err
	}
	if err := o.Sync(); err != nil {
		return err
	}
	if err := w.commit(ctx, o, t.file(name)); err != nil {
		return err
	}
	return w.store.Sync(ctx, []string{name})
}

// assemble replaces the pieces in m by the files made of them.
func (w *Writer) assemble(ctx context.Context, a sink.Assembler, m *Manifest) error {
	pieces := make([]sink.Piece, len(m.Files))
	for i, f := range m.Files {
		o, err := w.store.Open(ctx, f.Name)
		if err != nil {
			return err
		}
		defer o.Close()
		pieces[i] = sink.Piece{ReaderAt: o, Size: o.Size(), Rows: f.Rows}
	}
	return assemble(a, w.job.Fields, pieces, m, func(name string, write func(io.Writer) error) (File, error) {
		return w.file(ctx, name, write)
	})
}

// assemble makes the files of an output out of pieces, and puts them into the manifest.
func assemble(a sink.Assembler, fields []sink.Field, pieces []sink.Piece, m *Manifest, file func(string, func(io.Writer) error) (File, error)) error {
	names, err := a.Files(fields)
	if err != nil {
		return err
	}
	m.Files = m.Files[:0]
	for i, name := range names {
		f, err := file(name, func(to io.Writer) error { return a.Assemble(i, fields, pieces, to) })
		if err != nil {
			return err
		}
		f.Rows = m.Rows
		m.Files = append(m.Files, f)
	}
	return nil
}

// file writes an object and returns its entry. What has the name already is kept if
// it has the same bytes, and replaced if not: it is in no manifest.
func (w *Writer) file(ctx context.Context, name string, write func(io.Writer) error) (File, error) {
	for try := 0; ; try++ {
		o, err := w.store.Create(ctx, name)
		if err != nil {
			return File{}, err
		}
		t := &tee{to: o, hash: sha256.New()}
		if err := write(t); err != nil {
			o.Abort()
			return File{}, err
		}
		f := t.file(name)
		err = w.commit(ctx, o, f)
		if !errors.Is(err, store.ErrExists) || !w.alone || try > 0 {
			return f, err
		}
		if err := w.store.Remove(ctx, name); err != nil {
			return File{}, err
		}
	}
}

// tee passes bytes on and notes their number and digest.
type tee struct {
	to    io.Writer
	hash  hash.Hash
	bytes int64
}

// Write is io.Writer's.
func (t *tee) Write(b []byte) (int, error) {
	t.hash.Write(b)
	t.bytes += int64(len(b))
	return t.to.Write(b)
}

// sweep removes what only an unfinished output needs. The output is finished
// already, so a failure costs nothing but space.
func (w *Writer) sweep(ctx context.Context) {
	for i := range w.parts {
		if w.assembles() {
			w.store.Remove(ctx, w.partName(i))
		}
		w.store.Remove(ctx, w.recordName(i))
	}
	w.store.Remove(ctx, claimName)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = nil
}

// writeError explains the failures of writing that a user can do something about.
func writeError(st store.Store, err error) error {
	var known *diag.Error
	switch {
	case err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, context.Canceled) || errors.As(err, &known):
		return err
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG):
		return diag.New("Q432", "no space left to write %s", st.Location()).Because(err)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR):
		return diag.New("Q433", "%s cannot be written", st.Location()).Because(err)
	}
	return diag.New("Q434", "writing %s failed", st.Location()).Because(err)
}
