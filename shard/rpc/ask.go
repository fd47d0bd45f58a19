package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"quern/internal/failpoint"
	"quern/shard/core"
	"quern/shard/proto"
	"quern/shard/record"
)

// perByte is what a byte of a partial may take: it is not worth more than reading it
// from the store, at some 20 MB a second.
const perByte = 50 * time.Nanosecond

// sentChunk is how many bytes of a partial travel in a message.
const sentChunk = 512 << 10

// Ask sends a request and returns the reply. The partial that a proposal's claim names
// may come along. An error means that nobody knows what became of the request; it comes
// soon: when there is no connection after Away, or no answer after Timeout. After a request
// that waited in vain there are no others for a while: a coordinator that is stopped, and
// not dead, would hold up each of them.
func (c *Client) Ask(ctx context.Context, r core.Request, partial []byte) (core.Reply, error) {
	began := time.Now()
	if left := time.Until(c.silence()); left > 0 {
		return core.Reply{}, fmt.Errorf("%w: it did not answer lately", ErrAway)
	}
	reply, err := c.ask(ctx, r, partial)
	late := errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded
	if late && time.Since(began) >= longWait {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.silent = time.Now().Add(longWait)
	}
	return reply, err
}

// longWait is how long a request waits at least that is said to have waited in vain, and
// how long there are no others afterwards.
const longWait = 10 * time.Second

// silence returns until when nothing is asked.
func (c *Client) silence() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent
}

func (c *Client) ask(ctx context.Context, r core.Request, partial []byte) (core.Reply, error) {
	if err := c.Open(ctx); err != nil {
		return core.Reply{}, err
	}
	switch r.Kind {
	case core.Propose:
		return c.propose(ctx, r, partial)
	case core.WaitFitted:
		reply, err := invoke(ctx, c.o.Patience, func(ctx context.Context) (*proto.WaitFittedResponse, error) {
			return c.api.WaitFitted(ctx, &proto.WaitFittedRequest{Job: c.o.Job[:], Phase: r.Phase})
		})
		if err != nil || !reply.GetReady() {
			return core.Reply{}, err
		}
		return core.Reply{Verdict: core.Ready, Fitted: reply.GetFitted()}, nil
	}
	return core.Reply{}, fmt.Errorf("request of kind %d: a coordinator knows none", r.Kind)
}

func (c *Client) propose(ctx context.Context, r core.Request, partial []byte) (core.Reply, error) {
	if len(r.Claim) > maxClaim {
		return core.Reply{}, errors.New("the claim is too long for a coordinator; the store takes it")
	}
	if len(partial) > 0 {
		// Whatever becomes of it, the claim is proposed: the partial is in the store.
		failpoint.Point("failpoint:partial.submit.before")
		_ = c.bring(ctx, r, partial)
		failpoint.Point("failpoint:partial.submit.after")
	}
	reply, err := invoke(ctx, c.o.Timeout, func(ctx context.Context) (*proto.ProposeCommitResponse, error) {
		return c.api.ProposeCommit(ctx, &proto.ProposeCommitRequest{Job: c.o.Job[:], Phase: r.Phase, Shard: r.Shard, Claim: r.Claim})
	})
	if err != nil {
		return core.Reply{}, err
	}
	return core.Reply{Verdict: fromVerdict(reply.GetVerdict())}, nil
}

// bring submits the partial that a claim names.
func (c *Client) bring(ctx context.Context, r core.Request, partial []byte) error {
	claim, err := record.ParseClaim(r.Claim, c.o.Job, r.Phase, r.Shard)
	if err != nil || len(claim.Files) != 1 || claim.Files[0].Size != int64(len(partial)) {
		return errors.New("the partial is not the one that the claim names")
	}
	_, err = invoke(ctx, c.o.Timeout+time.Duration(len(partial))*perByte, func(ctx context.Context) (*proto.SubmitPartialResponse, error) {
		return c.submit(ctx, claim, partial)
	})
	return err
}

// submit sends the header and the chunks. The server may answer before it has all.
func (c *Client) submit(ctx context.Context, claim *record.Claim, partial []byte) (*proto.SubmitPartialResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.api.SubmitPartial(ctx)
	if err != nil {
		return nil, err
	}
	header := &proto.PartialHeader{Job: c.o.Job[:], Phase: claim.Phase, Shard: claim.Shard, Attempt: claim.Attempt[:],
		Size: uint64(len(partial)), Sha256: claim.Files[0].SHA256[:]}
	err = stream.Send(&proto.SubmitPartialRequest{Part: &proto.SubmitPartialRequest_Header{Header: header}})
	for rest := partial; err == nil && len(rest) > 0; {
		n := min(sentChunk, len(rest))
		err = stream.Send(&proto.SubmitPartialRequest{Part: &proto.SubmitPartialRequest_Chunk{Chunk: rest[:n]}})
		rest = rest[n:]
	}
	if err != nil && !errors.Is(err, io.EOF) { // EOF: the answer is there
		return nil, err
	}
	return stream.CloseAndRecv()
}
