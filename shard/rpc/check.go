package rpc

import (
	"unicode/utf8"

	"google.golang.org/grpc/codes"

	"quern/shard/proto"
	"quern/shard/record"
)

// Limits of fields.
const (
	maxClaim  = 3 << 20 // bytes: of some ten thousand parts
	maxChunk  = 1 << 20 // bytes
	maxBuild  = 256     // bytes
	maxReason = 1024    // bytes
	maxPhase  = 1 << 16 // far more than any job has
	protocol  = 1
)

// field returns the error of a field.
func field(name, text string) error {
	return refuse(codes.InvalidArgument, ReasonField, name, text)
}

// checkJob reads the identity of a job.
func checkJob(b []byte) (record.Job, error) {
	if len(b) != len(record.Job{}) {
		return record.Job{}, field("job", "want 16 bytes")
	}
	return record.Job(b), nil
}

func checkPhase(phase uint32) error {
	if phase >= maxPhase {
		return field("phase", "no job has so many phases")
	}
	return nil
}

func checkShard(shard uint32) error {
	if shard >= record.MaxShards {
		return field("shard", "no phase has so many shards")
	}
	return nil
}

// checkText checks a text for people.
func checkText(name, text string, least, most int) error {
	if len(text) < least || len(text) > most || !utf8.ValidString(text) {
		return field(name, "the text is too short, too long, or not UTF-8")
	}
	return nil
}

func checkOpen(r *proto.OpenJobRequest) (record.Job, error) {
	if err := checkText("build", r.GetBuild(), 0, maxBuild); err != nil {
		return record.Job{}, err
	}
	return checkJob(r.GetJob())
}

// checkHeader reads the header of a partial.
func checkHeader(h *proto.PartialHeader) (key partialKey, size int64, err error) {
	if h == nil {
		return key, 0, refuse(codes.InvalidArgument, ReasonSequence, "header", "the first message must be the header")
	}
	if key.job, err = checkJob(h.GetJob()); err != nil {
		return key, 0, err
	}
	if err := checkPhase(h.GetPhase()); err != nil {
		return key, 0, err
	}
	if err := checkShard(h.GetShard()); err != nil {
		return key, 0, err
	}
	switch {
	case len(h.GetAttempt()) != len(record.Attempt{}):
		return key, 0, field("attempt", "want 16 bytes")
	case h.GetSize() == 0 || h.GetSize() > 1<<40:
		return key, 0, field("size", "want at least one byte, and less than a tebibyte")
	case len(h.GetSha256()) != len(key.digest):
		return key, 0, field("sha256", "want 32 bytes")
	}
	key.phase, key.shard, key.digest = h.GetPhase(), h.GetShard(), [32]byte(h.GetSha256())
	return key, int64(h.GetSize()), nil
}

// checkChunk returns the bytes of a chunk when left bytes are still to come.
func checkChunk(r *proto.SubmitPartialRequest, left int64) ([]byte, error) {
	part, ok := r.GetPart().(*proto.SubmitPartialRequest_Chunk)
	switch {
	case !ok:
		return nil, refuse(codes.InvalidArgument, ReasonSequence, "part", "after the header there must be chunks")
	case len(part.Chunk) == 0 || len(part.Chunk) > maxChunk:
		return nil, field("chunk", "want 1 byte to 1 MiB")
	case int64(len(part.Chunk)) > left:
		return nil, refuse(codes.InvalidArgument, ReasonSize, "chunk", "more bytes came than the header declares")
	}
	return part.Chunk, nil
}

// checkProposal reads a proposal. Its claim must be whole, of that shard, and name
// files of its own attempt only.
func checkProposal(r *proto.ProposeCommitRequest) (record.Job, *record.Claim, error) {
	job, err := checkJob(r.GetJob())
	if err != nil {
		return job, nil, err
	}
	if err := checkPhase(r.GetPhase()); err != nil {
		return job, nil, err
	}
	if err := checkShard(r.GetShard()); err != nil {
		return job, nil, err
	}
	if len(r.GetClaim()) > maxClaim {
		return job, nil, field("claim", "the claim is longer than 3 MiB")
	}
	claim, err := record.ParseClaim(r.GetClaim(), job, r.GetPhase(), r.GetShard())
	if err != nil {
		return job, nil, field("claim", "the claim is damaged, or of another shard, phase or job")
	}
	names := record.NamesOf(job)
	for i, f := range claim.Files {
		if f.Name != names.File(claim.Phase, claim.Shard, claim.Attempt, i) {
			return job, nil, field("claim", "the claim names a file that its attempt cannot have written")
		}
	}
	return job, claim, nil
}

func checkWait(r *proto.WaitFittedRequest) (record.Job, error) {
	if err := checkPhase(r.GetPhase()); err != nil {
		return record.Job{}, err
	}
	return checkJob(r.GetJob())
}

func checkCancel(r *proto.CancelRequest) (record.Job, error) {
	if err := checkText("reason", r.GetReason(), 1, maxReason); err != nil {
		return record.Job{}, err
	}
	return checkJob(r.GetJob())
}
