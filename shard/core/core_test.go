package core

import (
	"crypto/sha256"
	"strings"
	"testing"

	"quern/shard/record"
)

// shelf is a store in which everything succeeds, and a driver that does all actions at
// once but those that a test wants to answer itself.
type shelf struct {
	t       *testing.T
	objects map[string][]byte
	m       Machine
	kept    []Action // not answered
	code    Code
	reason  string
	ended   bool
	replies []Respond
}

// tally is a statistic that counts shards.
type tally struct{ n int }

func (c *tally) Merge(other Statistic) error { c.n += other.(*tally).n; return nil }

func newShelf(t *testing.T, m Machine) *shelf {
	return &shelf{t: t, objects: map[string][]byte{}, m: m}
}

func (s *shelf) start() *shelf { s.do(s.m.Start(1)); return s }

func (s *shelf) step(e Event) { s.do(s.m.Step(1, e)) }

func (s *shelf) do(actions []Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case Put:
			if _, ok := s.objects[a.Name]; ok {
				s.step(Answer{Op: a.Op, Outcome: Exists})
				continue
			}
			s.objects[a.Name] = a.Data
			s.step(Answer{Op: a.Op})
		case Get:
			data, ok := s.objects[a.Name]
			if !ok {
				s.step(Answer{Op: a.Op, Outcome: Missing})
				continue
			}
			s.step(Answer{Op: a.Op, Data: data})
		case List:
			var names []string
			for name := range s.objects {
				if strings.HasPrefix(name, a.Prefix) {
					names = append(names, name)
				}
			}
			s.step(Answer{Op: a.Op, Names: names})
		case Exit:
			s.code, s.reason, s.ended = a.Code, a.Reason, true
		case Respond:
			s.replies = append(s.replies, a)
		default:
			s.kept = append(s.kept, a)
		}
	}
}

// plan is a job of one phase that learns and one that does not.
func plan() (record.Plan, []byte, record.Job) {
	p := record.Plan{Phase: record.Phase{Learns: true, Shards: 2}, Document: "_quern/manifest.json"}
	data, job := p.Encode()
	return p, data, job
}

func TestAnotherPlanStopsTheCoordinator(t *testing.T) {
	p, data, job := plan()
	for name, there := range map[string][]byte{"damage": data[:len(data)-1], "nothing": {}, "another plan": append([]byte("x"), data...)} {
		s := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1}))
		s.objects[record.NamesOf(job).Plan()] = there
		if s.start(); !s.ended || s.code != Broken {
			t.Errorf("%s in the plan's slot: ended %v, code %d", name, s.ended, s.code)
		}
	}
	s := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1}))
	s.objects[record.NamesOf(job).Plan()] = data
	if s.start(); s.ended {
		t.Errorf("the same plan: code %d, %s", s.code, s.reason)
	}
}

// TestDamagedSlotsAreNotBelieved puts rubbish into each slot that machines read.
func TestDamagedSlotsAreNotBelieved(t *testing.T) {
	p, data, job := plan()
	n := record.NamesOf(job)
	for _, slot := range []string{n.Plan(), n.Manifest(), n.Fitted(0), n.Claim(0, 0)} {
		for _, rubbish := range [][]byte{nil, []byte("qrec"), data[:40]} {
			worker := newShelf(t, NewWorker(WorkerOptions{Options: Options{Job: job}, Phase: 1}))
			if slot == n.Claim(0, 0) {
				worker.m = NewWorker(WorkerOptions{Options: Options{Job: job}})
			}
			driver := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1}))
			for _, s := range []*shelf{worker, driver} {
				s.objects[n.Plan()] = data
				s.objects[slot] = rubbish
				if s.start(); !s.ended || s.code != Broken {
					t.Errorf("%T with %q in %s: ended %v, code %d %s", s.m, rubbish, slot, s.ended, s.code, s.reason)
				}
			}
		}
	}
}

// claimOf is the claim of an attempt at a shard of phase 0.
func claimOf(shard uint32, random uint64) *record.Claim {
	return &record.Claim{Shard: shard, Attempt: record.NewAttempt(1, random),
		Files: []record.File{{Name: "f", SHA256: sha256.Sum256([]byte("f"))}}}
}

// TestCoordinatorDeniesWhatNoWorkerSends proposes hostile claims.
func TestCoordinatorDeniesWhatNoWorkerSends(t *testing.T) {
	p, _, job := plan()
	good := claimOf(0, 1).Encode(job)
	outside := claimOf(7, 1)
	empty := &record.Claim{}
	for name, r := range map[string]Request{
		"no claim":        {},
		"rubbish":         {Claim: []byte("rubbish")},
		"cut":             {Claim: good[:len(good)-1]},
		"another shard's": {Shard: 1, Claim: good},
		"another job's":   {Claim: claimOf(0, 1).Encode(record.Job{})},
		"no such shard":   {Shard: 7, Claim: outside.Encode(job)},
		"no partial":      {Claim: empty.Encode(job)},
		"unknown":         {Kind: 9},
	} {
		s := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1})).start()
		s.step(Call{ID: 5, Request: r})
		if len(s.replies) != 1 || s.replies[0].Call != 5 || s.replies[0].Reply.Verdict != Denied {
			t.Errorf("%s: %+v", name, s.replies)
		}
		if _, ok := s.objects[record.NamesOf(job).Claim(0, 0)]; ok {
			t.Errorf("%s was stored", name)
		}
	}
}

// TestProposalsAreIdempotent proposes two attempts at a shard, and each again.
func TestProposalsAreIdempotent(t *testing.T) {
	p, _, job := plan()
	c := NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1})
	s := newShelf(t, c).start()
	digest := sha256.Sum256([]byte("f"))
	for i, attempt := range []uint64{1, 2, 1, 2, 1} {
		s.step(Call{ID: uint64(i), Request: Request{Claim: claimOf(0, attempt).Encode(job), Partial: &tally{1}, Digest: digest}})
		want := Won
		if attempt == 2 {
			want = Lost
		}
		if got := s.replies[i]; got.Call != uint64(i) || got.Reply.Verdict != want {
			t.Errorf("proposal %d: %+v, want %v", i, got, want)
		}
	}
	if got := c.Progress(); got != (Progress{Epoch: 1, Learns: true, Shards: 2, Settled: 1, Merged: 1}) {
		t.Errorf("progress %+v", got)
	}
	if _, pending, ok := c.Pending(); !ok || len(pending) != 1 || pending[0] != 1 {
		t.Errorf("pending %v", pending)
	}
	s.step(Call{Request: Request{Shard: 1, Claim: claimOf(1, 3).Encode(job), Partial: &tally{1}, Digest: [32]byte{1}}})
	if load, ok := s.kept[len(s.kept)-1].(Load); !ok {
		t.Errorf("a partial of another digest than the claim's was believed: %+v", s.kept)
	} else {
		s.step(Answer{Op: load.Op, Statistic: &tally{1}})
	}
	freeze, ok := s.kept[len(s.kept)-1].(Freeze)
	if !ok || freeze.Total.(*tally).n != 2 {
		t.Fatalf("no exact merge at the end: %+v", s.kept[len(s.kept)-1])
	}
	s.step(Call{ID: 76, Request: Request{Kind: WaitFitted}})
	s.step(Call{ID: 77, Request: Request{Kind: WaitFitted}})
	s.step(Hangup{76})
	s.step(Answer{Op: freeze.Op, File: record.File{Name: freeze.Name}, Next: record.Phase{Number: 1, Shards: 1}})
	if len(s.replies) != 7 {
		t.Errorf("%d replies: one caller hung up", len(s.replies))
	}
	last := s.replies[len(s.replies)-1]
	f, err := record.ParseFitted(last.Reply.Fitted, job, 0)
	if last.Call != 77 || last.Reply.Verdict != Ready || err != nil || f.Next.Shards != 1 {
		t.Errorf("who waits for the phase gets %+v (%v)", last, err)
	}
}

// TestTwoStatesOfOneJobAreAFault: exact merges of the same partials agree, or a machine
// computes wrongly.
func TestTwoStatesOfOneJobAreAFault(t *testing.T) {
	p, _, job := plan()
	s := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1})).start()
	for shard := range uint32(2) {
		s.step(Call{Request: Request{Shard: shard, Claim: claimOf(shard, 1).Encode(job), Partial: &tally{1}, Digest: sha256.Sum256([]byte("f"))}})
	}
	other := &record.Fitted{State: record.File{Name: "s", SHA256: [32]byte{1}}, Next: record.Phase{Number: 1, Shards: 1}}
	s.objects[record.NamesOf(job).Fitted(0)] = other.Encode(job)
	freeze := s.kept[len(s.kept)-1].(Freeze)
	s.step(Answer{Op: freeze.Op, File: record.File{Name: freeze.Name}, Next: other.Next})
	if !s.ended || s.code != Broken || !strings.Contains(s.reason, "computes wrongly") {
		t.Errorf("code %d: %s", s.code, s.reason)
	}
}

// TestStopLeavesNoClaim stops a worker (SIGTERM) before each of its actions is answered.
func TestStopLeavesNoClaim(t *testing.T) {
	_, data, job := plan()
	w := NewWorker(WorkerOptions{Options: Options{Job: job}, Coordinated: true})
	s := newShelf(t, w)
	s.objects[record.NamesOf(job).Plan()] = data
	s.start()
	compute := s.kept[0].(Compute)
	s.step(Stop{})
	if !s.ended || s.code != Retry {
		t.Errorf("code %d", s.code)
	}
	s.step(Answer{Op: compute.Op, Work: &Work{}})
	if len(s.kept) != 1 || len(s.objects) != 1 {
		t.Error("a stopped worker goes on")
	}
}

func TestWorkerOfAnOvertakenDriverIsFenced(t *testing.T) {
	_, data, job := plan()
	n := record.NamesOf(job)
	s := newShelf(t, NewWorker(WorkerOptions{Options: Options{Job: job}, Epoch: 1}))
	s.objects[n.Plan()] = data
	s.start()
	compute, ok := s.kept[0].(Compute)
	if !ok {
		t.Fatal("the worker of the live driver does nothing")
	}
	s.objects[n.Epoch(2)] = (&record.Epoch{Number: 2}).Encode(job)
	s.step(Answer{Op: compute.Op, Work: &Work{Files: []record.File{{Name: compute.Task.File(0)}}}})
	s.step(Answer{Op: s.kept[1].(Save).Op})
	if !s.ended || s.code != Fenced {
		t.Errorf("code %d", s.code)
	}
	if _, claimed := s.objects[n.Claim(0, 0)]; claimed {
		t.Error("a fenced worker claimed")
	}
}

func TestTasksOfAFailedJobAreNotRetried(t *testing.T) {
	_, data, job := plan()
	n := record.NamesOf(job)
	s := newShelf(t, NewWorker(WorkerOptions{Options: Options{Job: job}, Phase: 1, Patience: 1 << 40}))
	s.objects[n.Plan()] = data
	for shard := range uint32(2) {
		c := &record.Claim{Shard: shard, Failure: "cut"}
		s.objects[n.Claim(0, shard)] = c.Encode(job)
	}
	if s.start(); !s.ended || s.code != Poisoned || !strings.Contains(s.reason, "phase 0 shard 1: cut") {
		t.Errorf("code %d: %s", s.code, s.reason)
	}
}

// TestForeignFilesAreNotPublishedOver has a file that the job did not write under the
// name of a part: the job ends with an error and without a manifest.
func TestForeignFilesAreNotPublishedOver(t *testing.T) {
	p := record.Plan{Phase: record.Phase{Shards: 1}, Document: "_quern/manifest.json"}
	data, job := p.Encode()
	n := record.NamesOf(job)
	c := claimOf(0, 1)
	c.Files[0].Final = "part-00000"
	for outcome, fine := range map[Outcome]bool{Done: true, Conflict: false, Missing: false} {
		s := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1}))
		s.objects[n.Plan()] = data
		s.objects[n.Claim(0, 0)] = c.Encode(job)
		s.start()
		publish, ok := s.kept[len(s.kept)-1].(Publish)
		if !ok {
			t.Fatalf("%+v", s.kept)
		}
		s.step(Answer{Op: publish.Op, Outcome: outcome})
		if compose, ok := s.kept[len(s.kept)-1].(Compose); ok {
			s.step(Answer{Op: compose.Op, File: record.File{Name: compose.Name, Final: p.Document}})
		}
		if _, published := s.objects[n.Manifest()]; published != fine || s.ended == fine || !fine && s.code != Broken {
			t.Errorf("%v: manifest %v, ended %v with %d %s", outcome, published, s.ended, s.code, s.reason)
		}
	}
}

// TestReasonsAreShort: of ten thousand failed shards a reason names some.
func TestReasonsAreShort(t *testing.T) {
	for shards, want := range map[uint32]string{
		1:      "1 shard failed; phase 0 shard 0: cut",
		11:     "11 shards failed; phase 0 shard 0: cut; phase 0 shard 1: cut; phase 0 shard 2: cut",
		10_000: "; phase 0 shard 9: cut; and 9990 more in phase 0",
	} {
		p := record.Plan{Phase: record.Phase{Learns: true, Shards: shards}, Document: "d"}
		data, job := p.Encode()
		s := newShelf(t, NewCoordinator(CoordinatorOptions{Plan: p, Tick: 1}))
		s.objects[record.NamesOf(job).Plan()] = data
		for shard := range shards {
			s.objects[record.NamesOf(job).Claim(0, shard)] = (&record.Claim{Shard: shard, Failure: "cut"}).Encode(job)
		}
		if s.start(); s.code != Poisoned || !strings.Contains(s.reason, want) || len(s.reason) > 500 {
			t.Errorf("%d shards: code %d: %.600s", shards, s.code, s.reason)
		}
	}
}
