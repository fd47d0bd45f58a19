package core

import (
	"crypto/sha256"
	"testing"

	"quern/shard/record"
)

// quiet is a store that takes every put and has nothing, so that a benchmark measures
// the coordinator alone.
func quiet(m Machine, actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Put:
			quiet(m, m.Step(1, Answer{Op: a.Op}))
		case Get:
			quiet(m, m.Step(1, Answer{Op: a.Op, Outcome: Missing}))
		case List:
			quiet(m, m.Step(1, Answer{Op: a.Op}))
		}
	}
}

// BenchmarkProposals is what a coordinator of 10,000 shards spends on a claim with its
// partial, the store and the merge apart.
func BenchmarkProposals(b *testing.B) {
	const shards = 10_000
	p := record.Plan{Phase: record.Phase{Learns: true, Shards: shards}, Document: "_quern/manifest.json"}
	_, job := p.Encode()
	digest := sha256.Sum256([]byte("f"))
	claims := make([][]byte, shards)
	for shard := range claims {
		claims[shard] = claimOf(uint32(shard), 1).Encode(job)
	}
	b.ReportAllocs()
	var c *Coordinator
	for i := range b.N {
		if i%(shards-1) == 0 { // the last shard would close the phase
			c = NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1})
			quiet(c, c.Start(1))
		}
		shard := uint32(i % (shards - 1))
		quiet(c, c.Step(1, Call{Request: Request{Shard: shard, Claim: claims[shard], Partial: &tally{1}, Digest: digest}}))
	}
	if c.epoch != 1 {
		b.Fatal("the coordinator does not drive")
	}
}
