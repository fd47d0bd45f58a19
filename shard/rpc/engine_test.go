package rpc

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"quern/shard/core"
	"quern/shard/record"
)

// disk is a store in memory.
type disk struct {
	mu      sync.Mutex
	objects map[string][]byte
}

func (d *disk) get(name string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	data, ok := d.objects[name]
	return data, ok
}

// put stores an object if nothing has its name.
func (d *disk) put(name string, data []byte) core.Outcome {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.objects[name]; ok {
		return core.Exists
	}
	d.objects[name] = data
	return core.Done
}

func (d *disk) list(prefix string) (names []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.objects {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// census is a statistic: how often each partial was merged.
type census map[string]int

func (c census) Merge(other core.Statistic) error {
	for name, n := range other.(census) {
		c[name] += n
	}
	return nil
}

// engine drives a real coordinator over a disk, and is its Job.
type engine struct {
	*disk
	plan    record.Plan
	id      record.Job
	machine *core.Coordinator
	inbox   chan func() []core.Action // what happens to the machine, in turn
	ended   chan struct{}
	kill    chan struct{}

	mu    sync.Mutex
	last  uint64
	calls map[uint64]chan core.Reply
	at    core.Progress
	exit  core.Exit
	loads int
}

// start begins a life of the coordinator.
func start(d *disk, plan record.Plan, seed byte) *engine {
	_, id := plan.Encode()
	e := &engine{disk: d, plan: plan, id: id, inbox: make(chan func() []core.Action, 1000), ended: make(chan struct{}),
		kill: make(chan struct{}), calls: map[uint64]chan core.Reply{}}
	e.machine = core.NewCoordinator(core.CoordinatorOptions{Options: core.Options{Seed: [16]byte{seed}}, Plan: plan, Tick: 10_000_000})
	go e.run()
	return e
}

func (e *engine) run() {
	defer close(e.ended)
	actions := e.machine.Start(time.Now().UnixMicro())
	for {
		for _, a := range actions {
			if exit, ok := a.(core.Exit); ok {
				e.mu.Lock()
				e.exit = exit
				e.at = e.machine.Progress()
				e.mu.Unlock()
				return
			}
			e.act(a)
		}
		e.mu.Lock()
		e.at = e.machine.Progress()
		e.mu.Unlock()
		select {
		case f := <-e.inbox:
			actions = f()
		case <-e.kill:
			return
		}
	}
}

// happen hands an event to the machine, if it still lives.
func (e *engine) happen(event core.Event) {
	select {
	case e.inbox <- func() []core.Action { return e.machine.Step(time.Now().UnixMicro(), event) }:
	case <-e.ended:
	}
}

// act does an action; stores take a moment.
func (e *engine) act(action core.Action) {
	later := func(a core.Answer) { time.AfterFunc(3*time.Millisecond, func() { e.happen(a) }) }
	switch a := action.(type) {
	case core.Wake:
		time.AfterFunc(time.Duration(a.After)*time.Microsecond, func() { e.happen(core.Answer{Op: a.Op}) })
	case core.Put:
		later(core.Answer{Op: a.Op, Outcome: e.put(a.Name, a.Data)})
	case core.Get:
		data, ok := e.get(a.Name)
		if !ok {
			later(core.Answer{Op: a.Op, Outcome: core.Missing})
			return
		}
		later(core.Answer{Op: a.Op, Data: data})
	case core.List:
		later(core.Answer{Op: a.Op, Names: e.list(a.Prefix)})
	case core.Load:
		e.mu.Lock()
		e.loads++
		e.mu.Unlock()
		data, _ := e.get(a.File.Name)
		b := buffer{chunks: [][]byte{data}}
		s, _ := e.Decode(context.Background(), b.next)
		later(core.Answer{Op: a.Op, Statistic: s})
	case core.Freeze:
		var names []string
		for name, n := range a.Total.(census) {
			names = append(names, fmt.Sprintf("%s*%d", name, n))
		}
		slices.Sort(names)
		later(e.made(a.Op, record.File{Name: a.Name}, strings.Join(names, ","), record.Phase{Number: 1, Shards: a.Phase.Shards}))
	case core.Compose:
		later(e.made(a.Op, record.File{Name: a.Name, Final: e.plan.Document}, fmt.Sprint(len(a.Claims)), record.Phase{}))
	case core.Publish:
		data, _ := e.get(a.File.Name)
		e.put(a.File.Final, data)
		later(core.Answer{Op: a.Op})
	case core.Respond:
		e.mu.Lock()
		defer e.mu.Unlock()
		if c := e.calls[a.Call]; c != nil {
			c <- a.Reply // each call is answered once, and has room for it
		}
	default:
		panic(fmt.Sprintf("%T", action))
	}
}

// made stores what the driver computes.
func (e *engine) made(op core.Op, f record.File, text string, next record.Phase) core.Answer {
	f.Size, f.SHA256 = int64(len(text)), sha256.Sum256([]byte(text))
	e.put(f.Name, []byte(text))
	return core.Answer{Op: op, File: f, Next: next}
}

func (e *engine) ID() record.Job { return e.id }

func (e *engine) Call(ctx context.Context, r core.Request) (core.Reply, error) {
	reply := make(chan core.Reply, 1)
	e.mu.Lock()
	e.last++
	id := e.last
	e.calls[id] = reply
	e.mu.Unlock()
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.calls, id)
	}()
	e.happen(core.Call{ID: id, Request: r})
	select {
	case a := <-reply:
		return a, nil
	case <-ctx.Done():
		e.happen(core.Hangup{ID: id})
		return core.Reply{}, ctx.Err()
	case <-e.ended:
		select {
		case a := <-reply: // the last word
			return a, nil
		default:
			return core.Reply{}, errors.New("the coordinator ended")
		}
	}
}

func (e *engine) Decode(_ context.Context, next func() ([]byte, error)) (core.Statistic, error) {
	name, ok := strings.CutPrefix(string(joined(next)), "stat ")
	if !ok {
		return nil, errors.New("no statistic")
	}
	return census{name: 1}, nil
}

func (e *engine) Progress() core.Progress {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at
}

func (e *engine) Cancel(string) { e.happen(core.Stop{}) }
