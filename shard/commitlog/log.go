package commitlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"quern/internal/failpoint"
	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// maxRecord is how large a record may be that is read into memory: manifests are the
// largest, with about 200 bytes a shard.
const maxRecord = 256 << 20

// Log is the commit log in a store. It is safe for concurrent use.
type Log struct{ store store.Store }

// New returns the log in a store.
func New(s store.Store) *Log { return &Log{s} }

// linker is a store that can give an object a second name without copying it.
type linker interface {
	// Link gives the object from the name to as well, durably: store.ErrExists if
	// something has it.
	Link(ctx context.Context, from, to string) error
}

// samer is a store that can tell that two names stand for one object.
type samer interface {
	// Same reports whether both names stand for the same object; false if that is not
	// sure. ErrNotFound if there is not one of them.
	Same(ctx context.Context, a, b string) (bool, error)
}

// Do does an action of a machine if it is one for a store; false if it is not. An error
// never stands for more than the answer says: it is there for logs, as the cause.
func (l *Log) Do(ctx context.Context, action core.Action) (core.Answer, bool) {
	switch a := action.(type) {
	case core.Put:
		outcome, err := l.Put(ctx, a.Name, a.Data)
		return answer(a.Op, outcome, err), true
	case core.Get:
		data, outcome, err := l.Get(ctx, a.Name, a.Settled)
		got := answer(a.Op, outcome, err)
		got.Data = data
		return got, true
	case core.List:
		names, err := l.store.List(ctx, a.Prefix)
		got := answer(a.Op, failure(err), err)
		got.Names = names
		return got, true
	case core.Remove:
		err := l.store.Remove(ctx, a.Name)
		return answer(a.Op, failure(err), err), true
	case core.Publish:
		outcome, err := l.Publish(ctx, a.File, a.Saved)
		return answer(a.Op, outcome, err), true
	case core.Check:
		outcome, err := l.check(ctx, a.Files)
		return answer(a.Op, outcome, err), true
	}
	return core.Answer{}, false
}

// answer makes an answer of an outcome and its cause.
func answer(op core.Op, outcome core.Outcome, err error) core.Answer {
	a := core.Answer{Op: op, Outcome: outcome}
	if err != nil {
		a.Cause = err.Error()
	}
	return a
}

// failure is the outcome of an operation that may be done twice.
func failure(err error) core.Outcome {
	if err != nil {
		return core.Failed
	}
	return core.Done
}

// Put stores data under name if nothing has the name. The outcome is Done (it is there
// and durable), Exists, Failed (it is surely not there, and will not be), or Unknown.
func (l *Log) Put(ctx context.Context, name string, data []byte) (core.Outcome, error) {
	return l.write(ctx, name, func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	})
}

// write makes an object. Until Commit nothing can be seen, so what goes wrong before is
// a failure; after it, nobody knows.
func (l *Log) write(ctx context.Context, name string, fill func(io.Writer) error) (core.Outcome, error) {
	w, err := l.store.Create(ctx, name)
	if err != nil {
		return core.Failed, err
	}
	defer w.Abort()
	failpoint.Point("failpoint:object.fill.before")
	if err := fill(w); err != nil {
		return core.Failed, err
	}
	failpoint.Point("failpoint:object.fill.after")
	if err := errors.Join(w.Sync(), ctx.Err()); err != nil {
		return core.Failed, err
	}
	return l.commit(ctx, w, name)
}

// commit gives an object its name, for good.
func (l *Log) commit(ctx context.Context, w store.Writer, name string) (core.Outcome, error) {
	if err := failpoint.Err("failpoint:object.commit.before"); err != nil {
		return core.Unknown, err
	}
	if err := w.Commit(); err != nil {
		if errors.Is(err, store.ErrExists) {
			return core.Exists, nil
		}
		return core.Unknown, err
	}
	if err := failpoint.Err("failpoint:object.commit.after"); err != nil {
		return core.Unknown, err
	}
	if err := l.store.Sync(ctx, []string{name}); err != nil {
		return core.Unknown, err
	}
	failpoint.Point("failpoint:object.sync.after")
	return core.Done, nil
}

// Save gives the attempt's objects their names, durably. The writers hold all bytes, and
// are names' writers in the same order. Done, Failed or Unknown; what has such a name
// already is an earlier try of the same attempt, because names are unique: it is for
// Check to tell whether it is whole.
func (l *Log) Save(ctx context.Context, writers []store.Writer, names []string) (core.Outcome, error) {
	for i, w := range writers {
		if err := errors.Join(w.Sync(), ctx.Err()); err != nil {
			if i > 0 {
				return core.Unknown, err
			}
			return core.Failed, err
		}
		if outcome, err := l.commit(ctx, w, names[i]); outcome != core.Done {
			return core.Unknown, err
		}
		failpoint.Point("failpoint:attempt.file.after")
	}
	return core.Done, nil
}

// Get reads an object: Done, Missing or Failed. settled has it made durable before it is
// read: its writer may have died between giving it a name and making that durable.
func (l *Log) Get(ctx context.Context, name string, settled bool) ([]byte, core.Outcome, error) {
	r, err := l.store.Open(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, core.Missing, nil
	case err != nil:
		return nil, core.Failed, err
	}
	defer r.Close()
	if r.Size() > maxRecord {
		return nil, core.Failed, fmt.Errorf("%s has %d bytes, more than any record", name, r.Size())
	}
	if settled {
		if err := l.store.Sync(ctx, []string{name}); err != nil {
			return nil, core.Failed, err
		}
	}
	data := make([]byte, r.Size())
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, r.Size()), data); err != nil {
		return nil, core.Failed, err
	}
	return data, core.Done, nil
}

// Publish gives the bytes of a file its final name, unless something has it: a link
// where the store can, else a copy. The file is read to be sure that it is whole, unless
// the caller has just saved it; once it has the name, it is not read again, where the
// store can tell.
func (l *Log) Publish(ctx context.Context, f record.File, saved bool) (core.Outcome, error) {
	final := f
	final.Name = f.Final
	if outcome, err := l.published(ctx, f, final); outcome != core.Missing {
		return outcome, err
	}
	if !saved {
		if outcome, err := l.Check(ctx, f); outcome != core.Done {
			return outcome, err
		}
	}
	var outcome core.Outcome
	var err error
	if linked, ok := l.store.(linker); ok {
		outcome, err = l.link(ctx, linked, f)
	} else {
		outcome, err = l.copy(ctx, f)
	}
	if outcome == core.Exists {
		return l.published(ctx, f, final)
	}
	return outcome, err
}

// published looks what has the final name of a file. Most often it is the file itself,
// which need not be read to be sure.
func (l *Log) published(ctx context.Context, f, final record.File) (core.Outcome, error) {
	check := l.Check
	if s, ok := l.store.(samer); ok {
		if same, err := s.Same(ctx, f.Name, final.Name); err == nil && same {
			check = l.there
		}
	}
	outcome, err := check(ctx, final)
	switch outcome {
	case core.Done:
		if err := l.store.Sync(ctx, []string{final.Name}); err != nil {
			return core.Failed, err
		}
	case core.Corrupt:
		return core.Conflict, err
	}
	return outcome, err
}

func (l *Log) link(ctx context.Context, linked linker, f record.File) (core.Outcome, error) {
	if err := failpoint.Err("failpoint:final.link.before"); err != nil {
		return core.Unknown, err
	}
	defer failpoint.Point("failpoint:final.link.after")
	switch err := linked.Link(ctx, f.Name, f.Final); {
	case errors.Is(err, store.ErrExists):
		return core.Exists, nil
	case errors.Is(err, store.ErrNotFound):
		return core.Missing, err
	case err != nil:
		return core.Unknown, err
	}
	return core.Done, nil
}

func (l *Log) copy(ctx context.Context, f record.File) (core.Outcome, error) {
	from, err := l.store.Open(ctx, f.Name)
	if err != nil {
		return core.Failed, err
	}
	defer from.Close()
	return l.write(ctx, f.Final, func(to io.Writer) error {
		sum := sha256.New()
		_, err := io.Copy(io.MultiWriter(to, sum), io.NewSectionReader(from, 0, from.Size()))
		if err == nil && !bytes.Equal(sum.Sum(nil), f.SHA256[:]) {
			return fmt.Errorf("%s changed while it was published", f.Name)
		}
		return err
	})
}

// Load reads a file whole and tells whether it is what a record says: Done, Missing,
// Corrupt or Failed. It takes as much memory as the record says that the file has bytes,
// and none if the file has another size.
func (l *Log) Load(ctx context.Context, f record.File) ([]byte, core.Outcome, error) {
	r, outcome, err := l.open(ctx, f)
	if outcome != core.Done {
		return nil, outcome, err
	}
	defer r.Close()
	data := make([]byte, f.Size)
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, f.Size), data); err != nil {
		return nil, core.Failed, err
	}
	if sha256.Sum256(data) != f.SHA256 {
		return nil, core.Corrupt, fmt.Errorf("%s has other bytes than the log says", f.Name)
	}
	return data, core.Done, ctx.Err()
}

// check checks files, and returns the first outcome that is not Done.
func (l *Log) check(ctx context.Context, files []record.File) (core.Outcome, error) {
	for _, f := range files {
		if outcome, err := l.Check(ctx, f); outcome != core.Done {
			return outcome, err
		}
		if err := l.store.Sync(ctx, []string{f.Name}); err != nil {
			return core.Failed, err
		}
	}
	return core.Done, nil
}

// open opens a file if it has the size that a record says: Done, Missing, Corrupt or
// Failed; the caller closes it if Done.
func (l *Log) open(ctx context.Context, f record.File) (store.Reader, core.Outcome, error) {
	r, err := l.store.Open(ctx, f.Name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, core.Missing, nil
	case err != nil:
		return nil, core.Failed, err
	case r.Size() != f.Size:
		r.Close()
		return nil, core.Corrupt, fmt.Errorf("%s has %d bytes, not %d", f.Name, r.Size(), f.Size)
	}
	return r, core.Done, nil
}

// there tells whether a file is there and has the size that a record says: Done, Missing,
// Corrupt or Failed.
func (l *Log) there(ctx context.Context, f record.File) (core.Outcome, error) {
	r, outcome, err := l.open(ctx, f)
	if outcome == core.Done {
		r.Close()
	}
	return outcome, err
}

// Check reads a file and tells whether it is what a record says: Done, Missing, Corrupt
// or Failed.
func (l *Log) Check(ctx context.Context, f record.File) (core.Outcome, error) {
	r, outcome, err := l.open(ctx, f)
	if outcome != core.Done {
		return outcome, err
	}
	defer r.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, r.Size())); err != nil {
		return core.Failed, err
	}
	if !bytes.Equal(sum.Sum(nil), f.SHA256[:]) {
		return core.Corrupt, fmt.Errorf("%s has other bytes than the log says", f.Name)
	}
	return core.Done, ctx.Err()
}
