package record

import (
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Job is the identity of a job: the start of the SHA-256 of its plan's bytes.
type Job [16]byte

// String returns the identity in hexadecimal, as in names.
func (j Job) String() string { return hex.EncodeToString(j[:]) }

// Attempt is the identity of one try at anything: microseconds since 1970 (big-endian,
// so that names sort by time), then randomness. It never comes from an engine, whose
// numbers repeat.
type Attempt [16]byte

// NewAttempt returns the identity of an attempt that starts at now (microseconds since
// 1970) and drew random.
func NewAttempt(now int64, random uint64) (a Attempt) {
	binary.BigEndian.PutUint64(a[:8], uint64(now))
	binary.BigEndian.PutUint64(a[8:], random)
	return a
}

// String returns the identity in hexadecimal, as in names.
func (a Attempt) String() string { return hex.EncodeToString(a[:]) }

// Micros returns when the attempt started by its own clock, in microseconds since 1970.
func (a Attempt) Micros() int64 { return int64(binary.BigEndian.Uint64(a[:8])) }

// Time is Micros as a time.
func (a Attempt) Time() time.Time { return time.UnixMicro(a.Micros()).UTC() }

// Kind tells what a record is.
type Kind byte

// The kinds. Their numbers are part of the format.
const (
	PlanKind     Kind = 1
	EpochKind    Kind = 2
	ClaimKind    Kind = 3
	FittedKind   Kind = 4
	ManifestKind Kind = 5
)

// String returns the kind's name for messages.
func (k Kind) String() string {
	switch k {
	case PlanKind:
		return "plan"
	case EpochKind:
		return "epoch"
	case ClaimKind:
		return "claim"
	case FittedKind:
		return "fitted state"
	case ManifestKind:
		return "manifest"
	}
	return "unknown record"
}

// File is a stored file that a record vouches for.
type File struct {
	Name   string   // where the attempt wrote it, unique
	Final  string   // where readers will find it; "": nowhere, only tasks read it
	Size   int64    // bytes
	SHA256 [32]byte // of the bytes
	Rows   int64
}

// MaxShards is how many shards a phase has at most: whoever closes it holds a claim per
// shard, and a damaged number must not take all memory.
const MaxShards = 1 << 20

// Phase is one pass over the data: Shards tasks that know nothing of each other.
type Phase struct {
	Number uint32
	Learns bool   // its shards give statistics, which are merged; else parts of the output
	Shards uint32 // numbered from 0
	Spec   []byte // what the tasks must know; the log does not look into it
}

// Plan is what a job is to do. Two plans with the same bytes are the same job.
type Plan struct {
	Phase       Phase  // the first; each fitted state names the next
	AllowFailed uint32 // failed shards of all phases together that do not fail the job
	Document    string // name of the manifest that readers look for
	Spec        []byte // recipe, chunks and their digests: all that results depend on
}

// Epoch says that a driver took over. Epochs are taken in turn, 1 first, so a driver
// is alive as long as the next number is free.
type Epoch struct {
	Number uint64
	Driver Attempt
}

// Claim settles a shard. The slot has one winner; every other attempt at the shard is
// garbage from then on, whatever it computed.
type Claim struct {
	Phase, Shard uint32
	Attempt      Attempt
	Epoch        uint64 // of the driver that the attempt worked for; 0: none
	Failure      string // why the shard failed for good; "": it is done
	Files        []File // of a phase that learns: one, the partial
	Rows         int64
	Note         []byte // what the manifest will need to know; the log does not look into it
}

// Failed reports whether the claim says that the shard cannot be done.
func (c *Claim) Failed() bool { return c.Failure != "" }

// Fitted is what a phase taught: the exact merge of one partial per shard.
type Fitted struct {
	Phase   uint32
	Attempt Attempt
	Epoch   uint64
	State   File
	Failed  []uint32 // shards that are missing in what was learnt so far, ascending: they failed in this phase or before
	Next    Phase
}

// Manifest ends a job. It holds the claims of the last phase, in order of shards.
type Manifest struct {
	Attempt  Attempt
	Epoch    uint64
	Rows     int64
	Claims   []Claim
	Document File
}
