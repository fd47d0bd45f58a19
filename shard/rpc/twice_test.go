package rpc

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/test/bufconn"

	"quern/shard/core"
	"quern/shard/proto"
	"quern/shard/record"
	"quern/shard/rpc/identity"
)

// site is a job whose coordinator is stopped and started, and whose workers send
// everything several times, in any order.
type site struct {
	t     *testing.T
	disk  *disk
	plan  record.Plan
	id    record.Job
	cable cable

	mu     sync.Mutex
	server *Server
	engine *engine
	won    map[string]string // slot -> attempt that was told so
	count  map[core.Verdict]int
	r      *rand.Rand
}

func (s *site) intn(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.r.IntN(n)
}

// open starts a life of the coordinator and its server.
func (s *site) open(life byte) {
	e := start(s.disk, s.plan, life)
	server, err := NewServer(ServerOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	server.Add(e)
	server.Grant(workerToken, identity.Principal{ID: "w", Role: identity.Worker, AnyJob: true, Shards: identity.AllShards()})
	l := bufconn.Listen(256 << 10)
	go server.Serve(l)
	s.mu.Lock()
	s.server, s.engine = server, e
	s.mu.Unlock()
	s.cable.plug(l)
}

// crash ends that life without a word.
func (s *site) crash() {
	s.mu.Lock()
	server, e := s.server, s.engine
	s.mu.Unlock()
	close(e.kill)
	server.grpc.Stop()
	server.partials.close()
	<-e.ended
}

// attempt is what one attempt at a shard sends.
func (s *site) attempt(phase, shard uint32, n int) (core.Request, []byte) {
	data := fmt.Appendf(nil, "stat %d", shard)
	a := record.NewAttempt(int64(shard), uint64(n))
	f := record.File{Name: record.NamesOf(s.id).File(phase, shard, a, 0), Size: int64(len(data)), SHA256: sha256.Sum256(data), Rows: 1}
	if phase == 1 {
		f.Final = fmt.Sprintf("part-%d", shard)
	}
	s.disk.put(f.Name, data)
	c := record.Claim{Phase: phase, Shard: shard, Attempt: a, Files: []record.File{f}, Rows: 1}
	return core.Request{Kind: core.Propose, Phase: phase, Shard: shard, Claim: c.Encode(s.id)}, data
}

// say sends something once; some of it is cut short.
func (s *site) say(c *Client, f func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	if s.intn(4) == 0 {
		ctx, cancel = context.WithTimeout(context.Background(), time.Duration(s.intn(8000))*time.Microsecond)
	}
	defer cancel()
	time.Sleep(time.Duration(s.intn(20_000)) * time.Microsecond)
	if c.Open(ctx) == nil {
		f(ctx)
	}
}

// worker makes one attempt, whose messages go out several times and overtake each
// other, until one is answered.
func (s *site) worker(c *Client, phase, shard uint32, n int) {
	r, partial := s.attempt(phase, shard, n)
	claim, _ := record.ParseClaim(r.Claim, s.id, phase, shard)
	slot := record.NamesOf(s.id).Claim(phase, shard)
	for try, settled := 0, false; !settled; try++ {
		if _, settled = s.disk.get(slot); settled { // a twin did it; perhaps there is no coordinator any more
			return
		}
		if try == 1000 {
			s.t.Errorf("phase %d shard %d is not settled; the coordinator %+v, %+v", phase, shard, s.engine.exit, s.engine.Progress())
			return
		}
		var group sync.WaitGroup
		var mu sync.Mutex
		for range 1 + s.intn(3) {
			group.Go(func() {
				s.say(c, func(ctx context.Context) { c.submit(ctx, claim, partial) })
			})
			group.Go(func() {
				s.say(c, func(ctx context.Context) {
					reply, err := c.api.ProposeCommit(ctx, &proto.ProposeCommitRequest{Job: s.id[:], Phase: phase, Shard: shard, Claim: r.Claim})
					if err == nil {
						mu.Lock()
						defer mu.Unlock()
						settled = s.told(slot, claim.Attempt.String(), fromVerdict(reply.GetVerdict())) || settled
					}
				})
			})
		}
		group.Wait()
	}
}

// told notes a verdict; true if it settles the shard. Direct does if the slot is taken.
func (s *site) told(slot, attempt string, v core.Verdict) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count[v]++
	if v == core.Won {
		if before := s.won[slot]; before != "" && before != attempt {
			s.t.Errorf("%s: both %s and %s were told that they won", slot, before, attempt)
		}
		s.won[slot] = attempt
	}
	_, taken := s.disk.get(slot)
	if (v == core.Won || v == core.Lost) && !taken {
		s.t.Errorf("%s: told %v, and nothing is there", slot, v)
	}
	return taken
}

// TestTwice runs jobs whose messages come twice, late and cut short, to coordinators
// that are killed: each partial is merged once, and each shard has one winner.
func TestTwice(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) { twice(t, seed) })
	}
}

func twice(t *testing.T, seed uint64) {
	const shards, crashes = 8, 3
	s := &site{t: t, disk: &disk{objects: map[string][]byte{}}, won: map[string]string{}, count: map[core.Verdict]int{},
		plan: record.Plan{Phase: record.Phase{Learns: true, Shards: shards}, Document: "manifest.json"}, r: rand.New(rand.NewPCG(seed, 1))}
	_, s.id = s.plan.Encode()
	s.open(1)
	var clients []*Client
	for range 3 {
		clients = append(clients, dial(t, nil, ClientOptions{Job: s.id, Dial: s.cable.dial}))
	}
	var chaos sync.WaitGroup
	chaos.Go(func() {
		for life := range byte(crashes) {
			time.Sleep(time.Duration(s.intn(100)) * time.Millisecond)
			s.crash()
			s.open(2 + life)
		}
	})
	for phase := range uint32(2) {
		var group sync.WaitGroup
		for shard := range uint32(shards) {
			for n := range 2 { // twins
				group.Go(func() { s.worker(clients[(int(shard)+n)%3], phase, shard, n) })
			}
		}
		group.Wait()
		for ready := false; phase == 0 && !ready; {
			reply, err := clients[0].Ask(t.Context(), core.Request{Kind: core.WaitFitted, Phase: phase}, nil)
			ready = err == nil && reply.Verdict == core.Ready
			if _, closed := s.disk.get(record.NamesOf(s.id).Fitted(phase)); closed && !ready {
				break // a life that ended told nobody; the log does
			}
		}
	}
	chaos.Wait()
	<-s.engine.ended
	s.judge(shards)
	for _, c := range clients {
		c.Close()
	}
	s.server.Stop(t.Context())
}

// judge looks at what is on the disk.
func (s *site) judge(shards int) {
	names := record.NamesOf(s.id)
	data, _ := s.disk.get(names.Fitted(0))
	f, err := record.ParseFitted(data, s.id, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	state, _ := s.disk.get(f.State.Name)
	var want []string
	for shard := range shards {
		want = append(want, fmt.Sprintf("%d*1", shard))
	}
	if string(state) != strings.Join(want, ",") {
		s.t.Errorf("learnt %s: each of %d shards once was expected", state, shards)
	}
	for slot, attempt := range s.won {
		phase, shard := uint32(0), uint32(0)
		if strings.Contains(slot, "phase-1/") {
			phase = 1
		}
		fmt.Sscanf(slot[strings.LastIndex(slot, "/")+1:], "%d", &shard)
		data, _ := s.disk.get(slot)
		if c, err := record.ParseClaim(data, s.id, phase, shard); err != nil || c.Attempt.String() != attempt {
			s.t.Errorf("%s holds another attempt than %s, which was told that it won (%v)", slot, attempt, err)
		}
	}
	if _, ok := s.disk.get(names.Manifest()); !ok || s.engine.exit.Code != core.Committed {
		s.t.Errorf("the job ended with %+v, manifest %v", s.engine.exit, ok)
	}
	if n := len(s.engine.calls); n != 0 {
		s.t.Errorf("%d calls were never answered", n)
	}
	s.t.Logf("verdicts %v, %d partials loaded by the last coordinator", s.count, s.engine.loads)
}

// TestPartialsAreUsed: a partial that came with its proposal is not read from the store.
func TestPartialsAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{t: t, disk: &disk{objects: map[string][]byte{}}, plan: record.Plan{Phase: record.Phase{Learns: true, Shards: 4}, Document: "m"}}
		_, s.id = s.plan.Encode()
		s.open(1)
		c := dial(t, nil, ClientOptions{Job: s.id, Dial: s.cable.dial})
		time.Sleep(time.Second)
		for shard := range uint32(3) {
			r, partial := s.attempt(0, shard, 0)
			if shard == 2 {
				partial = nil // not sent along: it is loaded
			}
			for range 2 {
				if reply, err := c.Ask(t.Context(), r, partial); err != nil || reply.Verdict != core.Won {
					t.Errorf("shard %d: %+v (%v)", shard, reply, err)
				}
			}
		}
		time.Sleep(time.Second)
		if at := s.engine.Progress(); at.Merged != 3 || s.engine.loads != 1 {
			t.Errorf("%+v, %d partials loaded", at, s.engine.loads)
		}

		if n, _ := s.server.partials.holds(); n != 0 {
			t.Errorf("%d partials are kept after their proposals", n)
		}
		o := dial(t, nil, ClientOptions{Job: s.id, Dial: s.cable.dial, Token: operatorToken})
		s.server.Grant(operatorToken, identity.Principal{ID: "o", Role: identity.Operator, AnyJob: true})
		var told []core.Progress
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if err := o.Progress(ctx, func(p core.Progress) { told = append(told, p) }); err == nil || len(told) != 1 || told[0] != s.engine.Progress() {
			t.Errorf("told %+v (%v)", told, err)
		}
		if err := o.Cancel(t.Context(), "enough"); err != nil {
			t.Error(err)
		}
		<-s.engine.ended
		if s.engine.exit.Code != core.Retry {
			t.Errorf("cancelled: %+v", s.engine.exit)
		}
		_, err := c.Ask(t.Context(), core.Request{Kind: core.WaitFitted, Phase: 0}, nil)
		if reason, _ := Reason(err); reason != ReasonGone {
			t.Errorf("a coordinator that ended: %v", err)
		}
		c.Close()
		o.Close()
		s.server.Stop(t.Context())
	})
}
