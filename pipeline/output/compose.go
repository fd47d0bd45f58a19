package output

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"quern/pipeline/sink"
	"quern/pipeline/store"
)

// Composition is an output whose parts other processes have made: all that is left is
// the files that are assembled of them, and the manifest. Any number of processes may
// compose the same output at the same time: they come to the same bytes.
type Composition struct {
	Store   store.Store // the output's folder
	Format  sink.Format
	Job     Job
	Entries []*Entry // by part; nil: it is missing, because its rows could not be read
	// Piece opens the object of a part, for formats that assemble.
	Piece func(ctx context.Context, part int) (store.Reader, error)
	Summary
}

// Manifest assembles the files of formats that do, and returns the text of the manifest,
// which is not written yet. A file in the way that has other bytes is an error (Q431).
func (c *Composition) Manifest(ctx context.Context) ([]byte, error) {
	m, err := summarize(c.Job, c.Entries, c.Summary)
	if err != nil {
		return nil, err
	}
	if a, ok := c.Format.(sink.Assembler); ok {
		if err := c.assemble(ctx, a, m); err != nil {
			return nil, writeError(c.Store, err)
		}
	}
	return encode(m), nil
}

// assemble replaces the pieces in m by the files made of them.
func (c *Composition) assemble(ctx context.Context, a sink.Assembler, m *Manifest) error {
	var pieces []sink.Piece
	for i, e := range c.Entries {
		if e == nil {
			continue
		}
		o, err := c.Piece(ctx, i)
		if err != nil {
			return err
		}
		defer o.Close()
		if o.Size() != e.File.Bytes {
			return fmt.Errorf("piece %d has %d bytes, not %d", i, o.Size(), e.File.Bytes)
		}
		pieces = append(pieces, sink.Piece{ReaderAt: o, Size: o.Size(), Rows: e.File.Rows})
	}
	return assemble(a, c.Job.Fields, pieces, m, func(name string, write func(io.Writer) error) (File, error) {
		return putFile(ctx, c.Store, name, write)
	})
}

// Publish gives an output its manifest. If it has just that one already, that is no
// error; another one is (Q430).
func Publish(ctx context.Context, st store.Store, manifest []byte) error {
	_, err := putFile(ctx, st, ManifestName, func(to io.Writer) error {
		_, err := to.Write(manifest)
		return err
	})
	if errors.Is(err, store.ErrExists) {
		return finishedError(st)
	}
	return writeError(st, err)
}

// Release removes the claim that the job whose log is at log has on a finished output, and
// what writers that died have left. A claim of another job stays: who comes late must not
// take a folder from those who came after.
func Release(ctx context.Context, st store.Store, log string) error {
	if now, err := Log(ctx, st); err != nil || now != log {
		return err
	}
	if l, ok := st.(store.Locker); ok {
		if unlock, err := l.Lock(ctx); err == nil { // who holds it sweeps
			unlock()
		}
	}
	return st.Remove(ctx, claimName)
}

// putFile writes an object durably, unless something has the name: if that has the same
// bytes, all is well, else it is an error (Q431).
func putFile(ctx context.Context, st store.Store, name string, write func(io.Writer) error) (File, error) {
	o, err := st.Create(ctx, name)
	if err != nil {
		return File{}, err
	}
	defer o.Abort()
	t := &tee{to: o, hash: sha256.New()}
	if err := write(t); err != nil {
		return File{}, err
	}
	if err := o.Sync(); err != nil {
		return File{}, err
	}
	f := t.file(name)
	if err := o.Commit(); err != nil {
		if !errors.Is(err, store.ErrExists) {
			return File{}, err
		}
		same, err := sameFile(ctx, st, f)
		if err != nil {
			return File{}, err
		}
		if !same {
			return File{}, foreignError(st, name)
		}
	}
	return f, st.Sync(ctx, []string{name})
}
