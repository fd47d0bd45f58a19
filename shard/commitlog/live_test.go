package commitlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"quern/pipeline/store"
	"quern/shard/core"
	"quern/shard/record"
)

// The live test drives the machines in goroutines over a real folder: what processes do,
// without the processes.

// seats is the statistic: which shards were merged, in their order of arrival.
type seats struct{ shards []byte }

func (s *seats) Merge(other core.Statistic) error {
	s.shards = append(s.shards, other.(*seats).shards...)
	return nil
}

// office is one cluster.
type office struct {
	t      *testing.T
	log    *Log
	store  store.Store
	job    record.Job
	mu     sync.Mutex
	driver *desk // nil: none
	calls  map[uint64]func(core.Reply)
}

// desk is one process: a machine and what it has under way.
type desk struct {
	*office
	machine core.Machine
	events  chan core.Event
	quit    chan struct{}
	drafts  map[record.Attempt][]byte
}

// sit runs a machine until it exits or is killed; false: killed.
func (o *office) sit(m core.Machine, kill time.Duration) (core.Exit, bool) {
	d := &desk{office: o, machine: m, events: make(chan core.Event, 100), quit: make(chan struct{}), drafts: map[record.Attempt][]byte{}}
	defer close(d.quit)
	if _, drives := m.(*core.Coordinator); drives {
		o.mu.Lock()
		o.driver = d
		o.mu.Unlock()
	}
	var killed <-chan time.Time
	if kill > 0 {
		killed = time.After(kill)
	}
	actions := m.Start(time.Now().UnixMicro())
	for {
		for _, a := range actions {
			if exit, ok := a.(core.Exit); ok {
				return exit, true
			}
			d.act(a)
		}
		select {
		case e := <-d.events:
			actions = m.Step(time.Now().UnixMicro(), e)
		case <-killed:
			return core.Exit{}, false
		}
	}
}

// send hands an event to the machine, if it still lives.
func (d *desk) send(e core.Event) {
	select {
	case d.events <- e:
	case <-d.quit:
	}
}

// act does an action beside the machine.
func (d *desk) act(action core.Action) {
	ctx := context.Background()
	switch a := action.(type) {
	case core.Wake:
		time.AfterFunc(time.Duration(a.After)*time.Microsecond/20, func() { d.send(core.Answer{Op: a.Op}) }) // in a hurry
	case core.Compute:
		d.drafts[a.Task.Attempt] = fmt.Appendf(nil, "shard %d", a.Task.Shard)
		go func() { d.send(core.Answer{Op: a.Op, Work: work(a.Task)}) }()
	case core.Save:
		data := d.drafts[a.Attempt]
		go func() {
			w, err := d.store.Create(ctx, a.Files[0].Name)
			if err != nil {
				d.send(core.Answer{Op: a.Op, Outcome: core.Failed})
				return
			}
			defer w.Abort()
			w.Write(data)
			outcome, _ := d.log.Save(ctx, []store.Writer{w}, []string{a.Files[0].Name})
			d.send(core.Answer{Op: a.Op, Outcome: outcome})
		}()
	case core.Load:
		go func() {
			data, outcome, _ := d.log.Get(ctx, a.File.Name, false)
			if outcome == core.Done && sha256.Sum256(data) != a.File.SHA256 {
				outcome = core.Corrupt
			}
			d.send(core.Answer{Op: a.Op, Outcome: outcome, Statistic: &seats{[]byte(string(data) + ";")}})
		}()
	case core.Freeze:
		state := bytes.Split(a.Total.(*seats).shards, []byte(";"))
		slices.SortFunc(state, bytes.Compare)
		go d.keep(a.Op, record.File{Name: a.Name}, bytes.Join(state, []byte(",")), record.Phase{Number: 1, Shards: a.Phase.Shards})
	case core.Compose:
		text := fmt.Appendf(nil, "%d parts", len(a.Claims))
		go d.keep(a.Op, record.File{Name: a.Name, Final: "_quern/manifest.json"}, text, record.Phase{})
	case core.Ask:
		d.ask(a)
	case core.Respond:
		d.mu.Lock()
		reply := d.calls[a.Call]
		d.mu.Unlock()
		reply(a.Reply)
	default:
		go func() {
			answer, ok := d.log.Do(ctx, action)
			if !ok {
				panic(fmt.Sprintf("%T", action))
			}
			d.send(answer)
		}()
	}
}

// work is what a task makes: a partial, or a part.
func work(t core.Task) *core.Work {
	data := fmt.Appendf(nil, "shard %d", t.Shard)
	f := record.File{Name: t.File(0), Size: int64(len(data)), SHA256: sha256.Sum256(data), Rows: 1}
	if !t.Phase.Learns {
		f.Final = fmt.Sprintf("part-%05d", t.Shard)
	}
	return &core.Work{Files: []record.File{f}, Rows: 1}
}

// keep stores a file that the driver made.
func (d *desk) keep(op core.Op, f record.File, data []byte, next record.Phase) {
	f.Size, f.SHA256 = int64(len(data)), sha256.Sum256(data)
	outcome, _ := d.log.Put(context.Background(), f.Name, data)
	d.send(core.Answer{Op: op, Outcome: outcome, File: f, Next: next})
}

// ask takes a request to the coordinator, if there is one.
func (d *desk) ask(a core.Ask) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, driver := uint64(len(d.calls)+1), d.driver
	d.calls[id] = func(r core.Reply) { go d.send(core.Answer{Op: a.Op, Reply: r}) }
	time.AfterFunc(200*time.Millisecond, func() { d.send(core.Answer{Op: a.Op, Outcome: core.Unknown}) })
	if driver != nil {
		go driver.send(core.Call{ID: id, Request: a.Request})
	}
}

// TestLive runs jobs over a local disk with and without a coordinator while processes
// are killed and answers of the store are lost.
func TestLive(t *testing.T) {
	for _, coordinated := range []bool{true, false} {
		t.Run(fmt.Sprintf("coordinated %v", coordinated), func(t *testing.T) { live(t, coordinated) })
	}
}

// spoilt is a store whose commits time out now and then, before or after they are done.
func spoilt(s store.Store) store.Store {
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(1, 2))
	return &faulty{s, func(step string) error {
		mu.Lock()
		defer mu.Unlock()
		if (step == "committed" || step == "commit" || step == "open") && r.IntN(12) == 0 {
			return errFault
		}
		return nil
	}}
}

func live(t *testing.T, coordinated bool) {
	const shards = 6
	disk := local(t)
	s := spoilt(disk)
	plan := record.Plan{Phase: record.Phase{Learns: true, Shards: shards}, Document: "_quern/manifest.json"}
	data, job := plan.Encode()
	o := &office{t: t, log: New(s), store: s, job: job, calls: map[uint64]func(core.Reply){}}
	if outcome, err := New(disk).Put(t.Context(), record.NamesOf(job).Plan(), data); outcome != core.Done {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	if coordinated {
		group.Go(func() {
			o.until(func() core.Machine {
				return core.NewCoordinator(core.CoordinatorOptions{Options: core.Options{Seed: seed()}, Plan: plan, Tick: 1_000_000})
			})
		})
	}
	for shard := range uint32(shards) {
		for range 2 { // twins
			group.Go(func() {
				for phase := range uint32(2) {
					o.until(func() core.Machine {
						return core.NewWorker(core.WorkerOptions{Options: core.Options{Job: job, Seed: seed()}, Phase: phase, Shard: shard,
							Coordinated: coordinated, Patience: 60_000_000})
					})
				}
			})
		}
	}
	group.Wait()
	o.judge(New(disk), shards)
}

// until starts a machine again and again until it is done. It is killed at first.
func (o *office) until(fresh func() core.Machine) {
	for life := 0; ; life++ {
		kill := time.Duration(rand.Int64N(int64(60 * time.Millisecond)))
		if life > 3 {
			kill = 0
		}
		exit, ended := o.sit(fresh(), kill)
		if ended && exit.Code == core.Committed {
			return
		}
		if ended && exit.Code != core.Retry && exit.Code != core.Fenced || life > 200 {
			o.t.Errorf("life %d: %+v", life, exit)
			return
		}
	}
}

func seed() (s [16]byte) {
	for i := range s {
		s[i] = byte(rand.Uint32())
	}
	return s
}

// judge looks at what is in the folder.
func (o *office) judge(log *Log, shards int) {
	status, err := log.Status(context.Background(), o.job)
	if err != nil || status.Manifest == nil || len(status.Phases) != 2 {
		o.t.Fatalf("status %+v (%v)", status, err)
	}
	state, _, err := log.Get(context.Background(), status.Phases[0].Fitted.State.Name, false)
	want := ""
	for shard := range shards {
		want += fmt.Sprintf(",shard %d", shard)
	}
	if err != nil || string(state) != want {
		o.t.Errorf("learnt %q, want %q (%v)", state, want, err)
	}
	for shard, c := range status.Manifest.Claims {
		f := c.Files[0]
		f.Name = f.Final
		if outcome, err := log.Check(context.Background(), f); outcome != core.Done || f.Final != fmt.Sprintf("part-%05d", shard) {
			o.t.Errorf("%s: %v (%v)", f.Final, outcome, err)
		}
	}
	r, err := o.store.(*faulty).Store.Open(context.Background(), "_quern/manifest.json")
	if err != nil {
		o.t.Fatal(err)
	}
	defer r.Close()
	text, _ := io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
	if string(text) != fmt.Sprintf("%d parts", shards) {
		o.t.Errorf("readers see %q", text)
	}
}
