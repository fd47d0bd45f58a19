package s3

import "context"

// LinkBy is Link, by ranges of so many bytes.
func (s *Store) LinkBy(ctx context.Context, from, to string, step int64) error {
	return s.link(ctx, from, to, step)
}
