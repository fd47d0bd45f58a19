package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"quern/features/diag"
	"quern/pipeline/store"
)

// How much is asked for at once, where the caller wants less: a request costs as much as
// half a megabyte. Footers are read in two steps, so the end of an object comes whole;
// what is read in sequence doubles its step.
const (
	tailBytes = 64 << 10
	leastRead = 16 << 10
	mostRead  = 4 << 20
)

// reader is an open object, in the version that was there when it was opened.
type reader struct {
	ctx  context.Context // of the reads
	s    *Store
	name string
	key  string
	etag string
	size int64

	mu    sync.Mutex
	held  []byte // bytes from at on, read ahead
	at    int64
	next  int64 // where the last read ended
	chain int64 // bytes that were read in sequence up to there
}

// Open opens an object by reading its end, which tells size and version too: one request
// is all that a record or the footer of a file takes.
func (s *Store) Open(ctx context.Context, name string) (store.Reader, error) {
	key, err := s.key(name)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, s: s, name: name, key: key, next: -1}
	if err := s.try(ctx, s.o.transfer(tailBytes), "reading "+s.uri(name), r.tail); err != nil {
		return nil, err
	}
	return r, nil
}

// tail makes the request of Open.
func (r *reader) tail(ctx context.Context) error {
	var o minio.GetObjectOptions
	if err := o.SetRange(0, -tailBytes); err != nil {
		return err
	}
	body, info, header, err := r.s.core.GetObject(ctx, r.s.bucket, r.key, o)
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && answer.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		info, err = r.s.core.StatObject(ctx, r.s.bucket, r.key, minio.StatObjectOptions{}) // it is empty
		r.etag, r.size, r.held = info.ETag, info.Size, nil
		return err
	}
	if err != nil {
		return err
	}
	defer body.Close()
	r.etag, r.size, r.at, r.held = info.ETag, info.Size, 0, nil
	if of := header.Get("Content-Range"); of != "" {
		if _, err := fmt.Sscanf(of, "bytes %d-%d/%d", &r.at, new(int64), &r.size); err != nil || r.at < 0 || r.size-r.at != info.Size {
			return fmt.Errorf("asked for the last %d bytes, the server sends the range %q", tailBytes, of)
		}
	}
	if info.Size > tailBytes {
		return nil // all of it, which nobody asked for
	}
	held := make([]byte, info.Size)
	if _, err := io.ReadFull(body, held); err != nil {
		return err
	}
	r.held = held
	return nil
}

// Reopen returns another reader of the same version. Nothing is asked: if the version is
// gone, the first read will say so.
func (r *reader) Reopen(ctx context.Context) store.Reader {
	return &reader{ctx: ctx, s: r.s, name: r.name, key: r.key, etag: r.etag, size: r.size, next: -1}
}

// Version returns the ETag of the object that is read.
func (r *reader) Version() string { return r.etag }

// OpenVersion opens a version of an object that was open before: by its ETag, and asking
// nothing. If the version is gone, the first read will say so.
func (s *Store) OpenVersion(ctx context.Context, name, version string, size int64) (store.Reader, error) {
	key, err := s.key(name)
	if err != nil {
		return nil, err
	}
	return &reader{ctx: ctx, s: s, name: name, key: key, etag: version, size: size, next: -1}, nil
}

// Size returns the object's.
func (r *reader) Size() int64 { return r.size }

// Close lets the memory go.
func (r *reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = nil
	return nil
}

// ReadAt is io.ReaderAt's.
func (r *reader) ReadAt(b []byte, off int64) (int, error) {
	switch {
	case off < 0:
		return 0, errors.New("quern: bug: a read before the start of an object")
	case off >= r.size:
		return 0, io.EOF
	}
	want := b[:min(int64(len(b)), r.size-off)]
	if err := r.read(want, off); err != nil {
		return 0, err
	}
	if len(want) < len(b) {
		return len(want), io.EOF
	}
	return len(want), nil
}

// read fills b, which lies within the object, from what is held or from the server.
func (r *reader) read(b []byte, off int64) error {
	if len(b) == 0 {
		return nil
	}
	r.mu.Lock()
	if r.fromHeld(b, off) {
		r.mu.Unlock()
		return nil
	}
	from, n := r.ahead(off, int64(len(b)))
	if n <= int64(len(b)) {
		r.mu.Unlock() // large reads go straight to where they are wanted, side by side
		return r.fetch(b, off)
	}
	defer r.mu.Unlock()
	held := r.held[:0]
	r.held = nil
	if int64(cap(held)) < n {
		held = make([]byte, n)
	}
	held = held[:n]
	if err := r.fetch(held, from); err != nil {
		return err
	}
	r.held, r.at = held, from
	copy(b, held[off-from:])
	return nil
}

// fromHeld copies b from what is held, if all of it is, and follows the sequence.
func (r *reader) fromHeld(b []byte, off int64) bool {
	end := off + int64(len(b))
	if off != r.next {
		r.chain = 0
	}
	r.next = end
	r.chain += int64(len(b))
	if off < r.at || end > r.at+int64(len(r.held)) {
		return false
	}
	copy(b, r.held[off-r.at:])
	return true
}

// ahead returns the range to ask for where n bytes from off are wanted: as much again as
// was read in sequence, and the whole end of the object where its end is wanted.
func (r *reader) ahead(off, n int64) (from, bytes int64) {
	if tail := max(0, r.size-tailBytes); off >= tail {
		return tail, r.size - tail
	}
	if n >= mostRead {
		return off, n
	}
	bytes = max(n, leastRead)
	if r.chain > n {
		bytes = max(bytes, min(r.chain, mostRead))
	}
	return off, min(bytes, r.size-off)
}

// fetch asks for a range until it is there. What came before a connection broke is kept.
func (r *reader) fetch(b []byte, off int64) error {
	got := 0
	what := "reading " + r.s.uri(r.name)
	err := r.s.try(r.ctx, r.s.o.transfer(len(b)), what, func(ctx context.Context) error {
		n, err := r.get(ctx, b[got:], off+int64(got))
		got += n
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return r.changed("it was removed")
	}
	return err
}

// get makes one request for a range, and returns how much of it came.
func (r *reader) get(ctx context.Context, b []byte, off int64) (int, error) {
	var o minio.GetObjectOptions
	if err := errors.Join(o.SetRange(off, off+int64(len(b))-1), o.SetMatchETag(r.etag)); err != nil {
		return 0, err
	}
	body, info, _, err := r.s.core.GetObject(ctx, r.s.bucket, r.key, o)
	var answer minio.ErrorResponse
	if errors.As(err, &answer) && (answer.StatusCode == http.StatusPreconditionFailed || answer.StatusCode == http.StatusRequestedRangeNotSatisfiable) {
		return 0, r.changed("it was replaced")
	}
	if err != nil {
		return 0, err
	}
	defer body.Close()
	if strings.Trim(info.ETag, `"`) != r.etag {
		return 0, r.changed("it was replaced")
	}
	if info.Size != int64(len(b)) {
		return 0, fmt.Errorf("asked for %d bytes, the server sends %d", len(b), info.Size)
	}
	return io.ReadFull(body, b)
}

// changed says that the version that was opened is not there any more.
func (r *reader) changed(how string) error {
	return diag.New("Q214", "%s is not what it was when it was opened: %s", r.s.uri(r.name), how)
}
