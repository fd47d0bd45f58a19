// Package s3 is a store in an S3 bucket: Amazon's, or any server that speaks the same
// protocol and keeps to If-None-Match.
//
// An object is written by one conditional request: PutObject, or for objects that do not
// fit in memory CompleteMultipartUpload, both with `If-None-Match: *`, so that of several
// writers one wins and half an object is never seen. Every attempt carries an id of its
// own in the object's metadata. When an answer is lost, late or an error of the server,
// the object is looked at: if it carries our id, we won; if it carries another one,
// somebody else did; if it is not there, the request is made again. Nothing is ever
// removed because an outcome is not known.
//
// A second name for an object is a copy that the server makes, as an upload in parts with
// the same conditional completion: see Link.
//
// An object is read by ranges of the version that was there when it was opened: a change
// is an error (Q214), never rows of two versions.
//
// Every request has a deadline, and is made a bounded number of times, with growing
// pauses of random length. Errors that a user can do something about are *diag.Error,
// Q440 to Q446.
package s3

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/s3utils"

	"quern/features/diag"
	"quern/pipeline/store"
)

// Scheme is that of the URIs of this package's stores: s3://bucket/folder.
const Scheme = "s3"

// Store is a store.Store in a folder of a bucket. It has no lock: writers rely on
// put-if-absent.
type Store struct {
	core   minio.Core
	o      Options
	bucket string
	prefix string // "" or "folder/"
}

// Open returns the store of a URI, s3://bucket/folder. It asks the server nothing.
func (c *Client) Open(_ context.Context, uri string) (store.Store, error) {
	bucket, folder, _ := strings.Cut(strings.TrimPrefix(uri, Scheme+"://"), "/")
	folder = strings.TrimRight(folder, "/")
	if err := s3utils.CheckValidBucketNameStrict(bucket); err != nil {
		return nil, diag.New("Q440", "%s does not name a bucket", uri).Because(err).WithHint("s3://bucket/folder")
	}
	if folder != "" && !store.ValidName(folder) {
		return nil, diag.New("Q440", "%s: %q is no folder of a bucket", uri, folder)
	}
	core, err := c.core()
	if err != nil {
		return nil, err
	}
	s := &Store{core: core, o: c.o, bucket: bucket}
	if folder != "" {
		s.prefix = folder + "/"
	}
	return s, nil
}

// Location returns the URI.
func (s *Store) Location() string {
	return Scheme + "://" + strings.TrimSuffix(s.bucket+"/"+s.prefix, "/")
}

// uri returns an object's, for messages.
func (s *Store) uri(name string) string { return Scheme + "://" + s.bucket + "/" + s.prefix + name }

// key returns the key of an object.
func (s *Store) key(name string) (string, error) {
	if !store.ValidName(name) {
		return "", fmt.Errorf("object name %q leaves its store", name)
	}
	return s.prefix + name, nil
}

// page is how many names are asked for at once, which is as many as S3 gives.
const page = 1000

// List lists the objects under prefix.
func (s *Store) List(ctx context.Context, prefix string) ([]string, error) {
	top := s.prefix
	if prefix = strings.TrimSuffix(prefix, "/"); prefix != "" {
		key, err := s.key(prefix)
		if err != nil {
			return nil, err
		}
		top = key + "/"
	}
	var names []string
	for last, more := "", true; more; {
		var keys []string
		err := s.try(ctx, s.o.Timeout, "listing "+s.uri(prefix), func(ctx context.Context) (err error) {
			keys, err = s.keys(ctx, top, last)
			return err
		})
		if err != nil {
			return nil, err
		}
		if more = len(keys) == page; more {
			last = keys[page-1]
		}
		if names, err = s.names(names, keys); err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}

// keys returns the next keys after last.
func (s *Store) keys(ctx context.Context, top, last string) ([]string, error) {
	var keys []string
	for o := range s.core.ListObjectsIter(ctx, s.bucket, minio.ListObjectsOptions{Prefix: top, Recursive: true, StartAfter: last, MaxKeys: page}) {
		if o.Err != nil {
			return nil, o.Err
		}
		if keys = append(keys, o.Key); len(keys) == page {
			break
		}
	}
	return keys, ctx.Err()
}

// names appends the objects' names to names.
func (s *Store) names(names, keys []string) ([]string, error) {
	for _, key := range keys {
		name := strings.TrimPrefix(key, s.prefix)
		if name == "" || strings.HasSuffix(name, "/") {
			continue // what consoles make to show an empty folder
		}
		if !store.ValidName(name) {
			return nil, diag.New("Q440", "s3://%s has an object %q, whose name is no path", s.bucket, key).
				WithHint("rename or remove it, or name a folder without such objects")
		}
		names = append(names, name)
	}
	return names, nil
}

// Exists reports whether there is an object.
func (s *Store) Exists(ctx context.Context, name string) (bool, error) {
	key, err := s.key(name)
	if err != nil {
		return false, err
	}
	err = s.try(ctx, s.o.Timeout, "reading "+s.uri(name), func(ctx context.Context) error {
		_, err := s.core.StatObject(ctx, s.bucket, key, minio.StatObjectOptions{})
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Remove removes an object.
func (s *Store) Remove(ctx context.Context, name string) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	err = s.try(ctx, s.o.Timeout, "removing "+s.uri(name), func(ctx context.Context) error {
		return s.core.RemoveObject(ctx, s.bucket, key, minio.RemoveObjectOptions{})
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Sync does nothing: an object that has a name is durable.
func (s *Store) Sync(ctx context.Context, _ []string) error { return ctx.Err() }

// Probe begins an upload and gives it up: whoever may do that may write.
func (s *Store) Probe(ctx context.Context) error {
	key := s.prefix + "_quern/probe"
	var id string
	err := s.try(ctx, s.o.Timeout, "writing "+s.Location(), func(ctx context.Context) (err error) {
		id, err = s.core.NewMultipartUpload(ctx, s.bucket, key, minio.PutObjectOptions{})
		return err
	})
	if err != nil {
		return err
	}
	s.abandon(key, id)
	return nil
}

// farewell is how long a run that ends waits for an upload to be given up.
const farewell = 3 * time.Second

// abandon gives an upload up, even if the run was interrupted. What cannot be given up
// stays invisible, and is removed by the bucket's rule for incomplete uploads.
func (s *Store) abandon(key, upload string) {
	ctx, cancel := context.WithTimeout(context.Background(), min(farewell, s.o.Timeout))
	defer cancel()
	s.core.AbortMultipartUpload(ctx, s.bucket, key, upload) //nolint:errcheck // see above
}

// Replace gives an object new contents, whatever was there: whole or not at all.
func (s *Store) Replace(ctx context.Context, name string, data []byte) error {
	key, err := s.key(name)
	if err != nil {
		return err
	}
	return s.try(ctx, s.o.transfer(len(data)), "writing "+s.uri(name), func(ctx context.Context) error {
		return s.put(ctx, key, data, minio.PutObjectOptions{})
	})
}
