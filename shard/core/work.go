package core

import (
	"encoding/binary"

	"quern/shard/internal/museum"
	"quern/shard/record"
)

// Statistic is what a phase learns, as far as the protocol must know it: it merges,
// exactly, so that order is free.
type Statistic interface {
	// Merge adds other, which is not used afterwards.
	Merge(other Statistic) error
}

// Task is one shard of one phase. Its result depends on nothing else, the attempt
// apart, which only names files.
type Task struct {
	Job     record.Job
	Plan    *record.Plan
	Phase   record.Phase
	Shard   uint32
	Attempt record.Attempt
	State   record.File // what the phase before taught; the zero File in phase 0
}

// File returns the name of file number i of the attempt.
func (t *Task) File(i int) string {
	return record.NamesOf(t.Job).File(t.Phase.Number, t.Shard, t.Attempt, i)
}

// Work is what a task made.
type Work struct {
	Files []record.File // of a phase that learns: one, the partial
	Rows  int64
	Note  []byte
}

// Request is what a worker says to a coordinator.
type Request struct {
	Kind  RequestKind
	Phase uint32
	Shard uint32
	// Of a proposal: the claim's bytes. The partial that it names may come along, which
	// saves the coordinator a read; whoever decoded it computed the digest of its bytes.
	Claim   []byte
	Partial Statistic
	Digest  [32]byte
}

// RequestKind tells what a request is.
type RequestKind byte

// The requests.
const (
	Propose    RequestKind = iota // settle Claim's shard
	WaitFitted                    // answer when Phase is closed
)

// Reply is what a coordinator says to a worker.
type Reply struct {
	Verdict Verdict
	Fitted  []byte // of Ready: the record
}

// Verdict is a coordinator's answer.
type Verdict byte

// The verdicts.
const (
	Direct Verdict = iota // the coordinator cannot say: use the store
	Won                   // the proposed claim is stored
	Lost                  // another claim is stored
	Ready                 // the phase is closed
	Denied                // the request is not one that an honest worker sends
)

// String returns the verdict's name, for traces.
func (v Verdict) String() string {
	return [...]string{"direct", "won", "lost", "ready", "denied"}[min(v, Denied)]
}

// draw returns the identity of a new attempt at a shard.
func (m *machine) draw(shard uint32) record.Attempt {
	if m.Bug.Is(museum.ReuseAttempts) || m.Bug.Is(museum.FixedNames) {
		return record.NewAttempt(int64(shard), 0)
	}
	return record.NewAttempt(m.now, m.random.Uint64())
}

// seeds splits a seed in two.
func seeds(seed [16]byte) (uint64, uint64) {
	return binary.LittleEndian.Uint64(seed[:8]), binary.LittleEndian.Uint64(seed[8:])
}
