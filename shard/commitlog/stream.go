package commitlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"

	"quern/shard/core"
	"quern/shard/record"
)

// streamed is how much of a file Stream reads at a time.
const streamed = 256 << 10

// Stream hands the bytes of a file to take, piece by piece, io.EOF at their end, and tells
// whether the file is what a record says: Done, Missing, Corrupt or Failed. What take made
// of the bytes is worth nothing unless it is Done. Pieces are take's.
func (l *Log) Stream(ctx context.Context, f record.File, take func(next func() ([]byte, error))) (core.Outcome, error) {
	r, outcome, err := l.open(ctx, f)
	if outcome != core.Done {
		return outcome, err
	}
	defer r.Close()
	in := stream{ctx: ctx, r: r, left: f.Size, sum: sha256.New()}
	take(in.next)
	for in.err == nil { // what take left
		in.next()
	}
	if in.err != io.EOF {
		return core.Failed, in.err
	}
	if !bytes.Equal(in.sum.Sum(nil), f.SHA256[:]) {
		return core.Corrupt, fmt.Errorf("%s has other bytes than the log says", f.Name)
	}
	return core.Done, ctx.Err()
}

// stream reads a file piece by piece.
type stream struct {
	ctx      context.Context
	r        io.ReaderAt
	at, left int64
	sum      hash.Hash
	err      error // sticks
}

func (s *stream) next() ([]byte, error) {
	if s.err == nil {
		s.err = s.ctx.Err()
	}
	if s.err == nil && s.left == 0 {
		s.err = io.EOF
	}
	if s.err != nil {
		return nil, s.err
	}
	piece := make([]byte, min(s.left, streamed))
	if _, err := io.ReadFull(io.NewSectionReader(s.r, s.at, int64(len(piece))), piece); err != nil {
		s.err = fmt.Errorf("read: %w", err) // io.EOF would be an end
		return nil, s.err
	}
	s.sum.Write(piece)
	s.at, s.left = s.at+int64(len(piece)), s.left-int64(len(piece))
	return piece, nil
}
