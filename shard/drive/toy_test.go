package drive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quern/pipeline/store"
	"quern/shard/commitlog"
	"quern/shard/core"
	"quern/shard/record"
)

// seats is the statistic of the toy: which shards were merged, in order of arrival.
type seats struct{ shards []string }

func (s *seats) Merge(other core.Statistic) error {
	s.shards = append(s.shards, other.(*seats).shards...)
	return nil
}

// toy is a job of one phase that learns which shards there are and one that writes them.
type toy struct {
	store   store.Store
	drafts  atomic.Int64 // writers that are neither committed nor aborted
	decoded atomic.Int64
	compute func(ctx context.Context, t core.Task) error // nil: nothing happens
	freeze  error
}

// counted is a writer whose end is noticed.
type counted struct {
	store.Writer
	left func()
}

func (c *counted) Commit() error { c.left(); return c.Writer.Commit() }
func (c *counted) Abort() error  { c.left(); return c.Writer.Abort() }

func (w *toy) Compute(ctx context.Context, t core.Task) (*Result, error) {
	if w.compute != nil {
		if err := w.compute(ctx, t); err != nil {
			return nil, err
		}
	}
	data := fmt.Appendf(nil, "shard %d", t.Shard)
	f := record.File{Name: t.File(0), Size: int64(len(data)), SHA256: sha256.Sum256(data), Rows: 1}
	r := &Result{Work: core.Work{Rows: 1}}
	if t.Phase.Learns {
		r.Partial = data
	} else {
		f.Final = fmt.Sprintf("part-%05d", t.Shard)
	}
	r.Work.Files = []record.File{f}
	writer, err := w.store.Create(ctx, f.Name)
	if err != nil {
		return nil, err
	}
	w.drafts.Add(1)
	r.Writers = []store.Writer{&counted{writer, sync.OnceFunc(func() { w.drafts.Add(-1) })}}
	if _, err := writer.Write(data); err != nil {
		return nil, errors.Join(err, r.Writers[0].Abort())
	}
	return r, nil
}

func (w *toy) Decode(_ context.Context, next func() ([]byte, error)) (core.Statistic, error) {
	w.decoded.Add(1)
	partial, err := joined(next)
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(partial, []byte("shard ")) {
		return nil, errors.New("not a shard")
	}
	return &seats{[]string{string(partial)}}, nil
}

// joined returns the bytes of all pieces.
func joined(next func() ([]byte, error)) (all []byte, err error) {
	for {
		piece, err := next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, piece...)
	}
}

// inOne hands out bytes as one piece.
func inOne(all []byte) func() ([]byte, error) {
	return func() ([]byte, error) {
		piece := all
		all = nil
		if piece == nil {
			return nil, io.EOF
		}
		return piece, nil
	}
}

func (w *toy) Freeze(_ context.Context, phase record.Phase, total core.Statistic, _ []uint32) ([]byte, record.Phase, error) {
	if w.freeze != nil {
		return nil, record.Phase{}, w.freeze
	}
	sorted := slices.Sorted(slices.Values(total.(*seats).shards))
	return fmt.Appendf(nil, "%q", sorted), record.Phase{Number: 1, Shards: phase.Shards}, nil
}

func (w *toy) Compose(_ context.Context, _ record.Phase, claims []record.Claim) ([]byte, error) {
	return fmt.Appendf(nil, "%d parts", len(claims)), nil
}

var errFault = errors.New("injected fault")

// faulty is a store that fails now and then, before or after the deed, and is slow.
type faulty struct {
	store.Store
	odds int // one operation in so many fails; 0: none
	slow time.Duration
}

func (s *faulty) fails() bool {
	if s.slow > 0 {
		time.Sleep(rand.N(s.slow))
	}
	return s.odds > 0 && rand.IntN(s.odds) == 0
}

func (s *faulty) Create(ctx context.Context, name string) (store.Writer, error) {
	w, err := s.Store.Create(ctx, name)
	return &fragile{w, s}, err
}

func (s *faulty) Open(ctx context.Context, name string) (store.Reader, error) {
	if s.fails() {
		return nil, errFault
	}
	return s.Store.Open(ctx, name)
}

// fragile is a writer of a faulty store.
type fragile struct {
	store.Writer
	store *faulty
}

func (w *fragile) Commit() error {
	if w.store.fails() {
		w.Abort()
		return errFault // nothing was stored
	}
	if err := w.Writer.Commit(); err != nil {
		return err
	}
	if w.store.fails() {
		return errFault // it was stored, and the answer is lost
	}
	return nil
}

// office is one cluster.
type office struct {
	t     testing.TB
	disk  *store.Local
	store *faulty
	work  *toy
	plan  record.Plan
	job   record.Job
	mu    sync.Mutex
	chief *Driver     // the coordinator; nil: none
	lose  func() bool // whether an answer of the coordinator is lost; nil: never
}

const document = "_quern/manifest.json"

func newOffice(t testing.TB, shards uint32, odds int) *office {
	disk, err := store.NewLocal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, disk: disk, store: &faulty{Store: disk, odds: odds}, plan: record.Plan{Phase: record.Phase{Learns: true, Shards: shards}, Document: document}}
	o.work = &toy{store: o.store}
	var data []byte
	data, o.job = o.plan.Encode()
	if outcome, err := commitlog.New(disk).Put(t.Context(), record.NamesOf(o.job).Plan(), data); outcome != core.Done {
		t.Fatal(err)
	}
	return o
}

func (o *office) options() Options {
	return Options{Log: commitlog.New(o.store), Work: o.work, Asker: o, Document: document, pace: 20}
}

// Ask is Asker's: it asks the coordinator that there is now.
func (o *office) Ask(ctx context.Context, r core.Request, partial []byte) (core.Reply, error) {
	o.mu.Lock()
	chief := o.chief
	o.mu.Unlock()
	if chief == nil {
		return core.Reply{}, errors.New("nobody is there")
	}
	if partial != nil {
		statistic, err := o.work.Decode(ctx, inOne(partial))
		if err != nil {
			return core.Reply{}, err
		}
		r.Partial, r.Digest = statistic, sha256.Sum256(partial)
	}
	reply, err := chief.Call(ctx, r)
	if o.lose != nil && o.lose() {
		return core.Reply{}, errFault
	}
	return reply, err
}

func (o *office) coordinator() core.Machine {
	return core.NewCoordinator(core.CoordinatorOptions{Options: core.Options{Seed: Seed()}, Plan: o.plan, Tick: 1_000_000})
}

func (o *office) worker(phase, shard uint32, coordinated bool) core.Machine {
	return core.NewWorker(core.WorkerOptions{Options: core.Options{Job: o.job, Seed: Seed()}, Phase: phase, Shard: shard,
		Coordinated: coordinated, Patience: 60_000_000})
}

// drive runs a machine; a coordinator is one that workers can ask.
func (o *office) drive(ctx context.Context, m core.Machine, options Options) core.Exit {
	d := New(m, options)
	if _, drives := m.(*core.Coordinator); drives {
		o.mu.Lock()
		o.chief = d
		o.mu.Unlock()
	}
	return d.Run(ctx)
}

// until runs machines until one is done. Some are killed by die, which may be nil.
func (o *office) until(fresh func() core.Machine, die func(life int) func(core.Action, moment) bool) {
	for life := 0; ; life++ {
		options := o.options()
		if die != nil {
			options.fault = die(life)
		}
		exit := o.drive(o.t.Context(), fresh(), options)
		if exit.Code == core.Committed {
			return
		}
		if exit.Code != -1 && exit.Code != core.Retry && exit.Code != core.Fenced || life > 200 {
			o.t.Errorf("life %d: %+v", life, exit)
			return
		}
	}
}

// all runs every task twice, and the coordinator, at the same time.
func (o *office) all(coordinated bool, die func(life int) func(core.Action, moment) bool) {
	var group sync.WaitGroup
	if coordinated {
		group.Go(func() { o.until(o.coordinator, die) })
	}
	for shard := range o.plan.Phase.Shards {
		for range 2 {
			group.Go(func() {
				for phase := range uint32(2) {
					o.until(func() core.Machine { return o.worker(phase, shard, coordinated) }, die)
				}
			})
		}
	}
	group.Wait()
}

// judge looks at what is in the folder.
func (o *office) judge() {
	o.t.Helper()
	log := commitlog.New(o.disk)
	status, err := log.Status(context.Background(), o.job)
	if err != nil || status.Manifest == nil || len(status.Phases) != 2 {
		o.t.Fatalf("status %+v (%v)", status, err)
	}
	var want []string
	for shard, c := range status.Manifest.Claims {
		want = append(want, fmt.Sprintf("shard %d", shard))
		f := c.Files[0]
		f.Name = f.Final
		if outcome, err := log.Check(context.Background(), f); outcome != core.Done || f.Final != fmt.Sprintf("part-%05d", shard) {
			o.t.Errorf("%s: %v (%v)", f.Final, outcome, err)
		}
	}
	slices.Sort(want)
	state, _, err := log.Get(context.Background(), status.Phases[0].Fitted.State.Name, false)
	if err != nil || string(state) != fmt.Sprintf("%q", want) {
		o.t.Errorf("learnt %q, want %q (%v)", state, want, err)
	}
	r, err := o.disk.Open(context.Background(), document)
	if err != nil {
		o.t.Fatal(err)
	}
	defer r.Close()
	if text, _ := io.ReadAll(io.NewSectionReader(r, 0, r.Size())); string(text) != fmt.Sprintf("%d parts", len(want)) {
		o.t.Errorf("readers see %q", text)
	}
	if n := o.work.drafts.Load(); n != 0 {
		o.t.Errorf("%d writers were neither committed nor aborted", n)
	}
}

// leaks fails the test if it ends with more goroutines than now.
func leaks(t testing.TB) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 100 {
			if runtime.NumGoroutine() <= before {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
	})
}
