package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/minio/minio-go/v7"

	"quern/features/diag"
	"quern/pipeline/store"
)

// Large objects are copied in the server by ranges of so many bytes, a few at a time.
const (
	copyPart   = 256 << 20
	mostCopies = 4
)

// Link gives the bytes of the object called from the name to as well: store.ErrExists if
// something has it, store.ErrNotFound if there is no object called from, Q214 if that is
// replaced meanwhile. After any other error the outcome is unknown, or nothing was done.
//
// S3 has no second names, and servers copy to a name that is taken without asking. So the
// copy is an upload in parts, whose parts the server copies from the other object and
// whose completion is conditional, as that of any upload. An object that fits into one
// part is read and written, which takes fewer requests.
func (s *Store) Link(ctx context.Context, from, to string) error {
	return s.link(ctx, from, to, copyPart)
}

// Same reports whether one object was made by Link from the other; false if that is not
// sure. Nothing is read of them. store.ErrNotFound if there is not one of them.
func (s *Store) Same(ctx context.Context, a, b string) (bool, error) {
	var metas [2]http.Header
	for i, name := range []string{a, b} {
		key, err := s.key(name)
		if err != nil {
			return false, err
		}
		if metas[i], err = s.metadata(ctx, key); err != nil {
			if faultOf(err) == missing {
				err = fmt.Errorf("%w: %s", store.ErrNotFound, s.uri(name))
			}
			return false, err
		}
	}
	made, of := metas[0].Get(attemptHeader), metas[1].Get(copyHeader)
	return made != "" && made == of, nil
}

// link copies objects of more than a part by ranges of step bytes at least.
func (s *Store) link(ctx context.Context, from, to string, step int64) error {
	opened, err := s.Open(ctx, from)
	if err != nil {
		return err
	}
	defer opened.Close()
	source := opened.(*reader)
	w, err := s.create(ctx, to, false)
	if err != nil {
		return err
	}
	defer w.Abort() //nolint:errcheck // what counts is said before
	if meta, err := s.metadata(ctx, source.key); err == nil {
		w.copyOf = meta.Get(attemptHeader)
	}
	if source.size <= int64(s.o.PartSize) {
		if _, err := io.Copy(w, io.NewSectionReader(source, 0, source.size)); err != nil {
			return err
		}
		return w.Commit()
	}
	if taken, err := s.Exists(ctx, to); err != nil {
		return err
	} else if taken { // it would be found out at the end, after all the copying
		return fmt.Errorf("%w: %s", store.ErrExists, s.uri(to))
	}
	if err := w.copyFrom(source, max(step, (source.size+mostParts-1)/mostParts)); err != nil {
		return err
	}
	return w.Commit()
}

// copyFrom makes the upload one of ranges of another object, all of it.
func (w *writer) copyFrom(source *reader, step int64) error {
	if err := w.begin(); err != nil {
		return err
	}
	w.written = source.size
	w.parts = make([]minio.CompletePart, (source.size+step-1)/step)
	failed := make([]error, len(w.parts))
	next := make(chan int, len(w.parts))
	for i := range w.parts {
		next <- i
	}
	close(next)
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	var group sync.WaitGroup
	for range min(mostCopies, len(w.parts)) {
		group.Go(func() {
			for i := range next {
				off := int64(i) * step
				if failed[i] = w.copyPart(ctx, source, i, off, min(step, source.size-off)); failed[i] != nil {
					cancel() // the others
				}
			}
		})
	}
	group.Wait()
	return cause(failed, w.ctx)
}

// cause returns the first error that is not only another one's consequence.
func cause(failed []error, ctx context.Context) error {
	var any error
	for _, err := range failed {
		switch {
		case err == nil:
		case ctx.Err() == nil && errors.Is(err, context.Canceled):
			any = err
		default:
			return err
		}
	}
	return any
}

// copyPart has the server copy a range as part i. To do so twice is to do it once.
func (w *writer) copyPart(ctx context.Context, source *reader, i int, off, n int64) error {
	what := "writing " + w.s.uri(w.name)
	same := map[string]string{"X-Amz-Copy-Source-If-Match": source.etag}
	return w.s.try(ctx, w.s.o.transfer(int(n/16)), what, func(ctx context.Context) error {
		part, err := w.s.core.CopyObjectPart(ctx, w.s.bucket, source.key, w.s.bucket, w.key, w.upload, i+1, off, n, same)
		var answer minio.ErrorResponse
		switch {
		case err == nil && part.ETag == "":
			return errors.New("the server's answer does not say what it copied")
		case !errors.As(err, &answer):
		case answer.StatusCode == http.StatusPreconditionFailed, answer.StatusCode == http.StatusRequestedRangeNotSatisfiable:
			return source.changed("it was replaced")
		case answer.Code == "NoSuchUpload":
			return diag.New("Q445", "%s: the upload was given up by somebody else, or by the bucket's rules", what)
		}
		w.parts[i] = part
		return err
	})
}
