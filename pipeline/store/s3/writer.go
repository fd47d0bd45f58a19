package s3

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"

	"quern/features/diag"
	"quern/pipeline/store"
)

// What S3 allows: parts of at least 5 MiB, the last one apart, and 10,000 of them.
const (
	leastPart = 5 << 20
	mostParts = 10_000
)

// partSize returns the size of the next part after so many bytes. Parts are of the first
// size until 1,250 of them are there; then each is 1/1250 of what there is, so that
// 10,000 parts hold more than the largest object that S3 has (5 TiB), and a writer's
// memory stays at two parts.
func partSize(first int, written int64) int {
	const mib = 1 << 20
	return max(first, int((written/1250+mib-1)/mib*mib))
}

// attemptHeader is the metadata by which an attempt knows its object again.
const (
	attemptKey    = "Quern-Attempt"
	attemptHeader = "X-Amz-Meta-Quern-Attempt"
)

// copyHeader is the metadata of a copy: the attempt that made the object it is of.
const (
	copyKey    = "Quern-Copy-Of"
	copyHeader = "X-Amz-Meta-Quern-Copy-Of"
)

// writer is an attempt: in memory as long as that suffices, then an upload in parts. It
// is used by one goroutine.
type writer struct {
	ctx     context.Context
	s       *Store
	name    string
	key     string
	attempt string // its id, in the object's metadata
	copyOf  string // of a copy: the attempt that made the other object
	always  bool   // in parts, however small

	buffer  []byte // the part that is being filled
	spare   []byte // memory of the part before
	size    int    // of the part that is being filled
	written int64  // bytes of the parts before
	upload  string // "": there is none yet
	parts   []minio.CompletePart
	flying  chan error // gives the outcome of the part that is on its way; nil: none is
	failed  error
	done    bool
}

// Create starts an object.
func (s *Store) Create(ctx context.Context, name string) (store.Writer, error) {
	return s.start(ctx, name, false)
}

// CreateLarge starts an object that is uploaded in parts, as large ones are, whatever its
// size: to try that way out.
func (s *Store) CreateLarge(ctx context.Context, name string) (store.Writer, error) {
	return s.start(ctx, name, true)
}

func (s *Store) start(ctx context.Context, name string, always bool) (store.Writer, error) {
	w, err := s.create(ctx, name, always)
	if err != nil {
		return nil, err
	}
	return w, nil
}

func (s *Store) create(ctx context.Context, name string, always bool) (*writer, error) {
	key, err := s.key(name)
	if err != nil {
		return nil, err
	}
	return &writer{ctx: ctx, s: s, name: name, key: key, attempt: rand.Text(), always: always, size: s.o.PartSize}, ctx.Err()
}

// Write appends b. Full parts are uploaded while the next one is filled.
func (w *writer) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		if len(w.buffer) == w.size {
			if err := w.flush(); err != nil {
				return n - len(b), err
			}
		}
		take := min(len(b), w.size-len(w.buffer))
		w.reserve(take)
		w.buffer = append(w.buffer, b[:take]...)
		b = b[take:]
	}
	return n, nil
}

// reserve makes room for n bytes in the buffer, which doubles up to a part.
func (w *writer) reserve(n int) {
	if need := len(w.buffer) + n; need > cap(w.buffer) {
		larger := make([]byte, len(w.buffer), min(w.size, max(need, 2*cap(w.buffer))))
		copy(larger, w.buffer)
		w.buffer = larger
	}
}

// Sync does nothing: bytes become durable when the object gets its name.
func (w *writer) Sync() error { return w.failed }

// land waits for the part that is on its way.
func (w *writer) land() error {
	if w.flying != nil {
		if err := <-w.flying; err != nil && w.failed == nil {
			w.failed = err
		}
		w.flying = nil
	}
	return w.failed
}

// flush sends the buffer on its way as the next part.
func (w *writer) flush() error {
	if err := w.land(); err != nil {
		return err
	}
	if w.upload == "" {
		if w.failed = w.begin(); w.failed != nil {
			return w.failed
		}
	}
	if len(w.parts) == mostParts {
		panic("quern: bug: an object of more parts than S3 allows")
	}
	part, number := w.buffer, len(w.parts)+1
	w.parts = append(w.parts, minio.CompletePart{PartNumber: number})
	w.written += int64(len(part))
	w.buffer, w.spare = w.spare[:0], part
	w.size = partSize(w.s.o.PartSize, w.written)
	flying, entry := make(chan error, 1), &w.parts[number-1]
	w.flying = flying
	go func() { flying <- w.send(part, entry) }()
	return nil
}

// begin opens an upload in parts.
func (w *writer) begin() error {
	return w.s.try(w.ctx, w.s.o.Timeout, "writing "+w.s.uri(w.name), func(ctx context.Context) (err error) {
		w.upload, err = w.s.core.NewMultipartUpload(ctx, w.s.bucket, w.key, w.options(false))
		return err
	})
}

// send uploads a part. To do so twice is to do it once.
func (w *writer) send(part []byte, entry *minio.CompletePart) error {
	sum := sha256.Sum256(part)
	what := "writing " + w.s.uri(w.name)
	err := w.s.try(w.ctx, w.s.o.transfer(len(part)), what, func(ctx context.Context) error {
		sent, err := w.s.core.PutObjectPart(ctx, w.s.bucket, w.key, w.upload, entry.PartNumber, bytes.NewReader(part), int64(len(part)),
			minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:])})
		entry.ETag = sent.ETag
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = diag.New("Q445", "%s: the upload was given up by somebody else, or by the bucket's rules", what)
	}
	return err
}

// options are those of the requests that make an object.
func (w *writer) options(condition bool) minio.PutObjectOptions {
	o := minio.PutObjectOptions{UserMetadata: map[string]string{attemptKey: w.attempt}, ContentType: "application/octet-stream", DisableMultipart: true}
	if w.copyOf != "" {
		o.UserMetadata[copyKey] = w.copyOf
	}
	if condition {
		o.SetMatchETagExcept("*")
	}
	return o
}

// Commit publishes the object.
func (w *writer) Commit() error {
	if w.done {
		return errors.New("quern: bug: object committed twice")
	}
	if w.upload != "" || w.always {
		if len(w.buffer) > 0 || w.upload == "" {
			if err := w.flush(); err != nil {
				w.Abort() //nolint:errcheck // the first error counts
				return err
			}
		}
		if err := w.land(); err != nil {
			w.Abort() //nolint:errcheck // the first error counts
			return err
		}
	}
	w.done = true
	defer w.release()
	if w.upload == "" {
		return w.settle(func(ctx context.Context) error {
			return w.s.put(ctx, w.key, w.buffer, w.options(true))
		}, len(w.buffer))
	}
	err := w.settle(func(ctx context.Context) error {
		complete := minio.PutObjectOptions{}
		complete.SetMatchETagExcept("*")
		_, err := w.s.core.CompleteMultipartUpload(ctx, w.s.bucket, w.key, w.upload, w.parts, complete)
		return err
	}, int(w.written/1024)) // servers that copy the parts together take a while
	if errors.Is(err, store.ErrExists) {
		w.s.abandon(w.key, w.upload) // it can win no more
	}
	return err
}

// put makes an object of bytes in one request.
func (s *Store) put(ctx context.Context, key string, data []byte, o minio.PutObjectOptions) error {
	sum := sha256.Sum256(data)
	_, err := s.core.PutObject(ctx, s.bucket, key, bytes.NewReader(data), int64(len(data)), "", hex.EncodeToString(sum[:]), o)
	return err
}

// settle makes the request that gives the object its name, until it is known whose the
// name is. The outcome of a request that failed in passing is not known:
//
//	we ask; it is done; the answer is lost
//	we look: our attempt is there. That is success
//	or we ask again before we look, and are told 412: the name is taken, by ourselves
//
// so after everything but success and refusal the object is looked at. A request that is
// still under way somewhere can only make what we want made, or be told 412.
func (w *writer) settle(ask func(context.Context) error, bytes int) error {
	what := "writing " + w.s.uri(w.name)
	sent := false // one of the requests may have been done
	started := time.Now()
	for attempt := 1; ; attempt++ {
		err := w.s.once(w.ctx, w.s.o.transfer(bytes), ask)
		kind := faultOf(err)
		switch {
		case kind == none:
			return nil
		case !sent && (kind == refused || unsent(err) && !w.s.again(started, attempt)):
			return explain(what, err)
		case !sent && unsent(err):
			w.s.pause(w.ctx, attempt)
			continue
		}
		sent = true
		by, lookError := w.look()
		switch {
		case lookError == nil && by == w.attempt:
			return nil
		case lookError == nil, kind == taken && attempt == 1:
			return fmt.Errorf("%w: %s", store.ErrExists, w.s.uri(w.name))
		case w.ctx.Err() != nil:
			return w.ctx.Err()
		case kind == refused: // the earlier requests may have been done, but this is what to mend
			return explain(what, err)
		case kind == missing, !w.s.again(started, attempt):
			return diag.New("Q446", "%s: it is not known whether it is there", what).Because(err)
		}
		w.s.pause(w.ctx, attempt)
	}
}

// look returns the id of the attempt that made the object, "" if it was not one of ours;
// an error where there is no object, or where that cannot be said now.
func (w *writer) look() (id string, err error) {
	meta, err := w.s.metadata(w.ctx, w.key)
	return meta.Get(attemptHeader), err
}

// metadata asks once for what is kept beside an object.
func (s *Store) metadata(ctx context.Context, key string) (meta http.Header, err error) {
	err = s.once(ctx, s.o.Timeout, func(ctx context.Context) error {
		info, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
		meta = info.Metadata
		return err
	})
	return meta, err
}

// release lets the memory go.
func (w *writer) release() { w.buffer, w.spare = nil, nil }

// Abort gives the attempt up. An upload whose completion was asked for is left alone: it
// may have been done.
func (w *writer) Abort() error {
	if w.done {
		return nil
	}
	w.done = true
	w.land() //nolint:errcheck // it is given up
	if w.upload != "" {
		w.s.abandon(w.key, w.upload)
	}
	w.release()
	return nil
}
