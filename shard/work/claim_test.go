package work

import (
	"testing"
	"time"
)

// claims plans a job as far as the claims on its outputs: its plan is not in the log.
func (s scene) claims(q Request) (*planner, *Job) {
	s.t.Helper()
	p, err := newPlanner(s.t.Context(), q, s.options())
	if err != nil {
		s.t.Fatal(err)
	}
	j, err := p.reserve(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return p, j
}

// TestAJobThatNeverBegan: whoever planned died before the plan was in the log.
func TestAJobThatNeverBegan(t *testing.T) {
	s := newScene(t, 2)
	_, dead := s.claims(s.request(2))
	want := s.request(1)
	j := s.plan(want)
	if j.URI == dead.URI {
		t.Error("shards of two jobs cannot go by one log")
	}
	s.finish(j)
	if _, err := Plan(t.Context(), want, s.options()); code(err) != "Q430" {
		t.Errorf("%v", err)
	}
}

// TestAJobThatIsJustBeginning: between its claim and its plan another process comes. That
// one waits a moment, and works on the same job.
func TestAJobThatIsJustBeginning(t *testing.T) {
	s := newScene(t, 2)
	_, j := s.claims(s.request(1))
	began := make(chan error, 1)
	time.AfterFunc(patience/4, func() {
		owns, err := j.begin(t.Context())
		if !owns {
			t.Errorf("the job has lost its folders (%v)", err)
		}
		began <- err
	})
	if other := s.plan(s.request(2)); other.URI != j.URI {
		t.Error("there are two jobs")
	}
	if err := <-began; err != nil {
		t.Error(err)
	}
	s.finish(j)
}

// TestASleeperLosesItsClaim: a process sleeps after its claim until another one has taken it
// for dead. When it wakes up it does not work on its job, and takes up the other's.
func TestASleeperLosesItsClaim(t *testing.T) {
	s := newScene(t, 2)
	p, sleeper := s.claims(s.request(1))
	j := s.plan(s.request(2))
	if owns, err := sleeper.begin(t.Context()); owns || err != nil {
		t.Fatalf("the sleeper goes on (%v)", err)
	}
	if found, err := p.old(t.Context()); err != nil || found == nil || found.URI != j.URI {
		t.Fatalf("the sleeper finds %v, %v", found, err)
	}
	s.finish(j)
}

// TestTheLastMoment: a claim is taken for abandoned, and its plan comes just then. The job
// that would be made is that very job, which is taken up.
func TestTheLastMoment(t *testing.T) {
	s := newScene(t, 1)
	_, j := s.claims(s.request(1))
	p, err := newPlanner(t.Context(), s.request(1), s.options())
	if err != nil {
		t.Fatal(err)
	}
	p.patience = 0
	if old, err := p.old(t.Context()); old != nil || err != nil || p.abandoned != j.URI {
		t.Fatalf("%v, %v, %q", old, err, p.abandoned)
	}
	if owns, err := j.begin(t.Context()); !owns || err != nil {
		t.Fatal(owns, err)
	}
	if second, err := p.reserve(t.Context()); second != nil || err != nil {
		t.Fatalf("%v, %v", second, err)
	}
	if old, err := p.old(t.Context()); err != nil || old == nil || old.URI != j.URI {
		t.Fatalf("%v, %v", old, err)
	}
}
