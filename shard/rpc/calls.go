package rpc

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"quern/internal/failpoint"
	"quern/shard/core"
	"quern/shard/proto"
	"quern/shard/record"
)

// enter is the gate, and outlives its bugs.
func (s *Server) enter(ctx context.Context, info *tap.Info) (through context.Context, err error) {
	through = ctx // gRPC needs one, also with an error
	defer s.recovered(&err)
	through, err = s.gate.enter(ctx, info)
	if deadline, limited := ctx.Deadline(); err != nil && limited && !s.debts.take(deadline) {
		// gRPC would hold it until then. It forgets a call that runs out of time as soon
		// as that ends, so the caller learns less: that it got no answer.
		shed, cancel := context.WithTimeout(ctx, time.Millisecond)
		context.AfterFunc(shed, cancel)
		return shed, nil // without a pass: no handler lets it through
	}
	return through, err
}

// unary surrounds every call with one request.
func (s *Server) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (reply any, err error) {
	defer s.recovered(&err)
	p := passOf(ctx)
	if p == nil {
		return nil, refuse(codes.PermissionDenied, ReasonMethod, "", "the call came around the gate")
	}
	p.received()
	reply, err = handle(ctx, request)
	return reply, clean(err)
}

// stream surrounds every call with a stream.
func (s *Server) stream(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer s.recovered(&err)
	p := passOf(stream.Context())
	if p == nil {
		return refuse(codes.PermissionDenied, ReasonMethod, "", "the call came around the gate")
	}
	if p.class == watching {
		ctx, cancel := context.WithCancel(stream.Context())
		defer cancel()
		defer context.AfterFunc(s.draining, cancel)()
		stream = &watched{stream, ctx, p.received}
	}
	return clean(handle(server, stream))
}

// watched is the stream of a caller that is told news: one request comes, and it ends
// when the server is about to stop.
type watched struct {
	grpc.ServerStream
	ctx      context.Context
	received func()
}

// Context implements grpc.ServerStream.
func (w *watched) Context() context.Context { return w.ctx }

// RecvMsg implements grpc.ServerStream.
func (w *watched) RecvMsg(m any) error {
	defer w.received()
	return w.ServerStream.RecvMsg(m)
}

// recovered turns a panic into an error that says nothing.
func (s *Server) recovered(err *error) {
	if r := recover(); r != nil {
		s.panics.Add(1)
		*err = refuse(codes.Internal, ReasonBug, "", "the coordinator has a bug")
	}
}

// clean leaves errors alone that were made for callers, and hides all others.
func clean(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := status.FromError(err); ok {
		return err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, "the call took too long")
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, "the caller left")
	}
	return refuse(codes.Unavailable, ReasonGone, "", reasonlessText)
}

// job returns a job that the caller may speak of. Who may not does not learn whether it
// is here.
func (s *Server) job(ctx context.Context, id record.Job) (*served, error) {
	p := passOf(ctx).principal
	if !p.Serves(id) {
		return nil, refuse(codes.PermissionDenied, ReasonJob, "job", "the caller may not speak of this job")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.jobs[id]; j != nil {
		return j, nil
	}
	return nil, refuse(codes.NotFound, ReasonJob, "job", "this coordinator does not drive the job")
}

// shard checks that the caller may speak of a shard.
func (s *Server) shard(ctx context.Context, shard uint32) error {
	if p := passOf(ctx).principal; !p.Shards.Contains(shard) {
		return refuse(codes.PermissionDenied, ReasonShard, "shard", "the caller may not speak of this shard")
	}
	return nil
}

// call hands a request to the coordinator. Over is set when the wait was cut short by
// ctx, and the caller may still be there.
func (s *Server) call(ctx context.Context, j *served, r core.Request) (reply core.Reply, over bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(j.gone, cancel)()
	reply, err = j.Call(ctx, r)
	switch {
	case err == nil:
		return reply, false, nil
	case s.draining.Err() != nil:
		return reply, false, refuse(codes.Unavailable, ReasonDraining, "", "the coordinator is about to stop")
	case j.gone.Err() != nil:
		return reply, false, refuse(codes.Unavailable, ReasonGone, "job", "the coordinator of the job ended")
	case ctx.Err() != nil:
		return reply, true, ctx.Err()
	}
	return reply, false, refuse(codes.Unavailable, ReasonGone, "job", "the coordinator of the job does not answer")
}

// OpenJob implements the service.
func (s *Server) OpenJob(ctx context.Context, r *proto.OpenJobRequest) (*proto.OpenJobResponse, error) {
	id, err := checkOpen(r)
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case r.GetProtocol() != protocol:
		return nil, refuse(codes.FailedPrecondition, ReasonProtocol, "protocol", "the coordinator speaks another version of the protocol")
	case s.o.Build != "" && r.GetBuild() != "" && r.GetBuild() != s.o.Build:
		return nil, refuse(codes.FailedPrecondition, ReasonBuild, "build", "the coordinator is another build of quern; results could differ")
	}
	return &proto.OpenJobResponse{PlanDigest: id[:], Epoch: j.Progress().Epoch}, nil
}

// ProposeCommit implements the service.
func (s *Server) ProposeCommit(ctx context.Context, r *proto.ProposeCommitRequest) (*proto.ProposeCommitResponse, error) {
	id, claim, err := checkProposal(r)
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.shard(ctx, claim.Shard); err != nil {
		return nil, err
	}
	request := core.Request{Kind: core.Propose, Phase: claim.Phase, Shard: claim.Shard, Claim: r.GetClaim()}
	if !claim.Failed() && len(claim.Files) == 1 {
		digest := claim.Files[0].SHA256
		if partial := s.partials.take(partialKey{id, claim.Phase, claim.Shard, digest}); partial != nil {
			request.Partial, request.Digest = partial, digest
		}
	}
	reply, _, err := s.call(ctx, j, request)
	if err != nil {
		return nil, err
	}
	failpoint.Point("failpoint:claim.answer.before")
	return &proto.ProposeCommitResponse{Verdict: toVerdict(reply.Verdict)}, nil
}

// toVerdict and fromVerdict translate. What neither knows sends the task to the store.
func toVerdict(v core.Verdict) proto.Verdict {
	switch v {
	case core.Won:
		return proto.Verdict_VERDICT_WON
	case core.Lost:
		return proto.Verdict_VERDICT_LOST
	case core.Denied:
		return proto.Verdict_VERDICT_DENIED
	}
	return proto.Verdict_VERDICT_DIRECT
}

func fromVerdict(v proto.Verdict) core.Verdict {
	switch v {
	case proto.Verdict_VERDICT_WON:
		return core.Won
	case proto.Verdict_VERDICT_LOST:
		return core.Lost
	case proto.Verdict_VERDICT_DENIED:
		return core.Denied
	}
	return core.Direct
}

// WaitFitted implements the service.
func (s *Server) WaitFitted(ctx context.Context, r *proto.WaitFittedRequest) (*proto.WaitFittedResponse, error) {
	id, err := checkWait(r)
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, id)
	if err != nil {
		return nil, err
	}
	patient, cancel := context.WithTimeout(ctx, s.o.Patience)
	defer cancel()
	reply, over, err := s.call(patient, j, core.Request{Kind: core.WaitFitted, Phase: r.GetPhase()})
	switch {
	case over && ctx.Err() == nil:
		return &proto.WaitFittedResponse{}, nil
	case err != nil:
		return nil, err
	case reply.Verdict != core.Ready:
		return &proto.WaitFittedResponse{}, nil
	}
	s.partials.drop(id, r.GetPhase()+1)
	failpoint.Point("failpoint:fitted.answer.before")
	return &proto.WaitFittedResponse{Ready: true, Fitted: reply.Fitted}, nil
}

// Progress implements the service.
func (s *Server) Progress(r *proto.ProgressRequest, stream grpc.ServerStreamingServer[proto.ProgressResponse]) error {
	ctx := stream.Context()
	id, err := checkJob(r.GetJob())
	if err != nil {
		return err
	}
	j, err := s.job(ctx, id)
	if err != nil {
		return err
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	enough := time.NewTimer(s.o.Watch)
	defer enough.Stop()
	var told core.Progress
	for first := true; ; first = false {
		if now := j.Progress(); j.gone.Err() == nil && (first || now != told) {
			told = now
			if err := stream.Send(toProgress(now)); err != nil {
				return err
			}
		}
		if told.Done {
			return nil
		}
		select {
		case <-look.C:
		case <-enough.C:
			return nil
		case <-j.gone.Done():
		case <-ctx.Done():
		}
		switch { // a server that stops ends both, and the caller should know why
		case j.gone.Err() != nil:
			return refuse(codes.Unavailable, ReasonGone, "job", "the coordinator of the job ended")
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

func toProgress(p core.Progress) *proto.ProgressResponse {
	return &proto.ProgressResponse{Epoch: p.Epoch, Phase: p.Phase, Learns: p.Learns, Shards: p.Shards,
		Settled: p.Settled, Failed: p.Failed, Merged: p.Merged, Done: p.Done}
}

func fromProgress(p *proto.ProgressResponse) core.Progress {
	return core.Progress{Epoch: p.GetEpoch(), Phase: p.GetPhase(), Learns: p.GetLearns(), Shards: p.GetShards(),
		Settled: p.GetSettled(), Failed: p.GetFailed(), Merged: p.GetMerged(), Done: p.GetDone()}
}

// Cancel implements the service.
func (s *Server) Cancel(ctx context.Context, r *proto.CancelRequest) (*proto.CancelResponse, error) {
	id, err := checkCancel(r)
	if err != nil {
		return nil, err
	}
	j, err := s.job(ctx, id)
	if err != nil {
		return nil, err
	}
	j.Cancel(r.GetReason())
	return &proto.CancelResponse{}, nil
}
