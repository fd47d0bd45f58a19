package core

import (
	"crypto/sha256"
	"slices"
	"testing"

	"quern/shard/record"
)

// TestOnlyTheWinnersPartialIsMerged: somebody who did not ask the coordinator settled the
// shard meanwhile, so what the proposal brought is nothing, and the winner's is read.
func TestOnlyTheWinnersPartialIsMerged(t *testing.T) {
	p, _, job := plan()
	s := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1})).start()
	digest := sha256.Sum256([]byte("f"))
	s.objects[record.NamesOf(job).Claim(0, 0)] = claimOf(0, 9).Encode(job)
	s.step(Call{Request: Request{Claim: claimOf(0, 1).Encode(job), Partial: &tally{7}, Digest: digest}})
	if len(s.replies) != 1 || s.replies[0].Reply.Verdict != Lost {
		t.Errorf("replies %+v", s.replies)
	}
	load, ok := s.kept[len(s.kept)-1].(Load)
	if !ok {
		t.Fatalf("the winner's partial is not read: %+v", s.kept)
	}
	s.step(Answer{Op: load.Op, Statistic: &tally{1}})
	s.step(Call{Request: Request{Shard: 1, Claim: claimOf(1, 2).Encode(job), Partial: &tally{1}, Digest: digest}})
	if freeze, ok := s.kept[len(s.kept)-1].(Freeze); !ok || freeze.Total.(*tally).n != 2 {
		t.Errorf("merged: %+v", s.kept[len(s.kept)-1])
	}
}

// TestPoisonIsToldOnce: whoever records that a shard can never be done tells its engine;
// whoever finds the record has nothing to do and is done.
func TestPoisonIsToldOnce(t *testing.T) {
	_, data, job := plan()
	objects := map[string][]byte{record.NamesOf(job).Plan(): data}
	for i, want := range []Code{Poisoned, Committed, Committed} {
		s := newShelf(t, NewWorker(WorkerOptions{Options: Options{Job: job, Seed: [16]byte{byte(i)}}, Coordinated: true}))
		s.objects = objects
		s.start()
		if i == 0 {
			s.step(Answer{Op: s.kept[0].(Compute).Op, Outcome: Poison, Cause: "row group 3 is damaged"})
		}
		if !s.ended || s.code != want || i > 0 && len(s.kept) > 0 {
			t.Errorf("attempt %d ends with %d, want %d: %s", i, s.code, want, s.reason)
		}
	}
	c, err := record.ParseClaim(objects[record.NamesOf(job).Claim(0, 0)], job, 0, 0)
	if err != nil || c.Failure != "row group 3 is damaged" {
		t.Errorf("recorded: %+v (%v)", c, err)
	}
}

// TestShardThatFailsTwiceCountsOnce: it is the same rows that are missing.
func TestShardThatFailsTwiceCountsOnce(t *testing.T) {
	c := newCloser(newMachine(Options{}), &record.Plan{AllowFailed: 2}, record.Phase{Number: 1, Shards: 4}, record.File{}, []uint32{0, 2}, 0)
	for shard := range uint32(4) {
		c.slots[shard].claim = &record.Claim{Shard: shard}
	}
	c.slots[2].claim.Failure = "damaged"
	if got := c.missing(); !slices.Equal(got, []uint32{0, 2}) {
		t.Errorf("missing %v", got)
	}
	c.slots[3].claim.Failure = "damaged"
	if got := c.missing(); !slices.Equal(got, []uint32{0, 2, 3}) {
		t.Errorf("missing %v", got)
	}
}

// someday is a machine for which it is later than in other tests.
type someday struct {
	Machine
	now int64
}

func (d someday) Start(int64) []Action           { return d.Machine.Start(d.now) }
func (d someday) Step(_ int64, e Event) []Action { return d.Machine.Step(d.now, e) }

// TestYoungAttemptsStay: of a job that was done long ago the files are collected of
// attempts that began long ago; who began lately may be writing still.
func TestYoungAttemptsStay(t *testing.T) {
	_, data, job := plan()
	names := record.NamesOf(job)
	const now, grace = int64(10_000), int64(1_000)
	c := NewCollector(CollectorOptions{Options: Options{Job: job}, Grace: grace})
	s := newShelf(t, someday{c, now})
	s.objects[names.Plan()] = data
	m := &record.Manifest{Attempt: record.NewAttempt(5, 1), Document: record.File{Name: "d", Final: "_quern/manifest.json"}}
	s.objects[names.Manifest()] = m.Encode(job)
	s.objects[names.Claim(0, 1)] = claimOf(1, 1).Encode(job)
	old, young := names.File(0, 1, record.NewAttempt(5, 1), 0), names.File(0, 1, record.NewAttempt(now-grace/2, 2), 0)
	s.objects[old], s.objects[young] = nil, nil
	s.start()
	removed := map[string]bool{}
	for i := 0; i < len(s.kept); i++ {
		switch a := s.kept[i].(type) {
		case Publish:
			s.step(Answer{Op: a.Op})
		case Remove:
			removed[a.Name] = true
			s.step(Answer{Op: a.Op})
		}
	}
	if !s.ended || len(removed) != 1 || !removed[old] {
		t.Errorf("removed %v, ended %v: %s", removed, s.ended, s.reason)
	}
}
