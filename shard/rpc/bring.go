package rpc

import (
	"context"
	"crypto/sha256"
	"errors"
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
	b := buffer{partials: &s.partials, size: size}
	defer b.drop()
	room, err := b.fill(ctx, stream)
	if err != nil {
		return err
	}
	if !room {
		return kept(false)
	}
	if sha256.Sum256(b.data) != key.digest {
		return refuse(codes.InvalidArgument, ReasonDigest, "sha256", "the bytes have another digest than the header declares")
	}
	statistic, err := j.Decode(ctx, b.data)
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

// buffer collects a partial within the budget. It grows with what came, not with what
// was declared.
type buffer struct {
	partials *partials
	size     int64 // declared
	data     []byte
	reserved int64
}

// fill reads the chunks; false: there is no room for them.
func (b *buffer) fill(ctx context.Context, stream bringer) (bool, error) {
	for {
		r, err := stream.Recv()
		left := b.size - int64(len(b.data))
		switch {
		case errors.Is(err, io.EOF) && left > 0:
			return false, refuse(codes.InvalidArgument, ReasonSize, "size", "fewer bytes came than the header declares")
		case errors.Is(err, io.EOF):
			return true, nil
		case err != nil:
			return false, cut(ctx, err)
		}
		chunk, err := checkChunk(r, left)
		if err != nil {
			return false, err
		}
		if !b.grow(len(chunk)) {
			return false, nil
		}
		b.data = append(b.data, chunk...)
	}
}

// grow makes room for n more bytes.
func (b *buffer) grow(n int) bool {
	need := int64(len(b.data) + n)
	if need <= int64(cap(b.data)) {
		return true
	}
	want := min(b.size, max(need, 2*int64(cap(b.data))))
	if !b.partials.reserve(want - b.reserved) {
		return false
	}
	b.reserved = want
	b.data = append(make([]byte, 0, want), b.data...)
	return true
}

// drop gives back what nobody keeps.
func (b *buffer) drop() { b.partials.release(b.reserved) }
