package rpc

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"quern/internal/failpoint"
	"quern/shard/proto"
)

// bringer is the stream of a partial.
type bringer = grpc.ClientStreamingServer[proto.SubmitPartialRequest, proto.SubmitPartialResponse]

// SubmitPartial implements the service.
func (s *Server) SubmitPartial(stream bringer) error {
	ctx := stream.Context()
	first, err := stream.Recv()
	if errors.Is(err, io.EOF) {
		return refuse(codes.InvalidArgument, ReasonSequence, "header", "the stream is empty")
	}
	if err != nil {
		return cut(ctx, err)
	}
	key, size, err := checkHeader(first.GetHeader())
	if err != nil {
		return err
	}
	j, err := s.job(ctx, key.job)
	if err != nil {
		return err
	}
	if err := s.shard(ctx, key.shard); err != nil {
		return err
	}
	kept := func(yes bool) error { return stream.SendAndClose(&proto.SubmitPartialResponse{Kept: yes}) }
	at := j.Progress()
	switch {
	case s.partials.has(key): // it came before
		return kept(true)
	case at.Phase != key.phase || !at.Learns || at.Done:
		s.partials.drop(key.job, at.Phase)
		return kept(false)
	case key.shard >= at.Shards:
		return field("shard", "the phase has fewer shards")
	}
	b := buffer{partials: &s.partials, left: size, sum: sha256.New()}
	defer b.drop()
	room, err := b.fill(ctx, stream)
	if err != nil {
		return err
	}
	if !room {
		return kept(false)
	}
	if [sha256.Size]byte(b.sum.Sum(nil)) != key.digest {
		return refuse(codes.InvalidArgument, ReasonDigest, "sha256", "the bytes have another digest than the header declares")
	}
	statistic, err := j.Decode(ctx, b.next)
	if err != nil {
		return refuse(codes.InvalidArgument, ReasonStatistic, "chunk", "the bytes are no statistics of this phase")
	}
	failpoint.Point("failpoint:partial.keep.before")
	if !s.partials.keep(key, statistic, b.reserved) {
		return kept(false)
	}
	b.reserved = 0 // they are the partial's now
	failpoint.Point("failpoint:partial.keep.after")
	return kept(true)
}

// cut is the error of a stream that ended before its time.
func cut(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// buffer collects a partial within the budget. It grows with what comes, not with what
// was declared.
type buffer struct {
	partials *partials
	left     int64 // that are declared and did not come yet
	chunks   [][]byte
	sum      hash.Hash // of them
	reserved int64
}

// fill reads the chunks; false: there is no room for them.
func (b *buffer) fill(ctx context.Context, stream bringer) (bool, error) {
	for {
		r, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && b.left > 0:
			return false, refuse(codes.InvalidArgument, ReasonSize, "size", "fewer bytes came than the header declares")
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, cut(ctx, err)
		}
		chunk, err := checkChunk(r, b.left)
		if err != nil {
			return false, err
		}
		n := int64(len(chunk))
		if !b.partials.reserve(n) {
			return false, nil
		}
		b.reserved, b.left = b.reserved+n, b.left-n
		b.chunks = append(b.chunks, chunk)
		b.sum.Write(chunk)
	}
}

// next hands out the chunks, one after the other.
func (b *buffer) next() ([]byte, error) {
	if len(b.chunks) == 0 {
		return nil, io.EOF
	}
	chunk := b.chunks[0]
	b.chunks = b.chunks[1:]
	return chunk, nil
}

// drop gives back what nobody keeps.
func (b *buffer) drop() { b.partials.release(b.reserved) }
