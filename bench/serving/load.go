//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// load is how a server is asked.
type load struct {
	Rows        int     `json:"rows"`
	Connections int     `json:"connections"`
	Rate        float64 `json:"rate,omitempty"` // requests a second, at times of a Poisson process; 0: each connection asks as soon as it is answered
}

// round is what came of asking for some seconds.
type round struct {
	Requests  int     `json:"requests"`          // that were answered
	Refused   int     `json:"refused,omitempty"` // those are in no other figure
	P50       float64 `json:"p50_ms"`            // of a request, its reply read whole; at a rate: from the time it was to be sent
	P99       float64 `json:"p99_ms"`
	P999      float64 `json:"p999_ms"`
	Late      float64 `json:"late_p50_ms,omitempty"` // at a rate: the client was late by so much itself, which is in the times above
	Rate      float64 `json:"requests_per_s"`
	CPU       float64 `json:"server_cpu_ms"`          // a request
	StoreCPU  float64 `json:"store_cpu_ms,omitempty"` // a request
	ClientCPU float64 `json:"client_cpu_ms"`          // a request
	Bytes     int     `json:"reply_bytes"`            // mean
	Elsewhere float64 `json:"cpu_elsewhere"`          // processors that others on this machine were using

	took []time.Duration // ascending
}

// tally is what one connection counted.
type tally struct {
	took    []time.Duration
	bytes   int
	refused int // for the server had too much to do
	err     error
}

// inspect looks at a reply, outside of the time that is measured.
type inspect func(ids []int64, reply []byte) error

// measure asks for a time and says what came of it. An error of any request is one.
func (t *target) measure(p *pool, l load, d time.Duration, look inspect) (*round, error) {
	arrivals := poisson(l.Rate, d)
	counts := make([]tally, l.Connections)
	var all, ready sync.WaitGroup
	ready.Add(l.Connections)
	begin := make(chan time.Time)
	queue := make(chan time.Duration, len(arrivals)) // times that are due; nobody waits to put one in
	for i := range counts {
		all.Go(func() { counts[i] = t.client(p, i, l, d, &ready, begin, queue, look) })
	}
	ready.Wait()
	before := t.now()
	before.at = time.Now() // reading the clocks takes a while
	for range counts {
		begin <- before.at
	}
	late := make([]time.Duration, 0, len(arrivals))
	for _, a := range arrivals {
		time.Sleep(time.Until(before.at.Add(a)))
		late = append(late, time.Since(before.at)-a)
		queue <- a
	}
	close(queue)
	all.Wait()
	return before.round(t, counts, late)
}

// client is one connection.
func (t *target) client(p *pool, number int, l load, d time.Duration, ready *sync.WaitGroup, begin chan time.Time, queue chan time.Duration, look inspect) (n tally) {
	c, err := t.dial()
	if err == nil {
		defer c.close()
		_, err = insist(c, p.questions[0]) // connections are there before anything is measured
	}
	ready.Done()
	from := <-begin
	if err != nil {
		n.err = err
		return n
	}
	one := func(i int, due time.Time) {
		i = (i*l.Connections + number) % len(p.questions)
		if due.IsZero() {
			due = time.Now()
		}
		reply, err := c.ask(p.questions[i])
		if errors.Is(err, errBusy) {
			n.refused++
			return
		}
		n.took = append(n.took, time.Since(due))
		n.bytes += len(reply)
		if err == nil && look != nil {
			err = look(p.ids[i], reply)
		}
		if err != nil {
			n.err = err
		}
	}
	if l.Rate == 0 {
		for i := 0; n.err == nil && time.Since(from) < d; i++ {
			one(i, time.Time{})
		}
		return n
	}
	for i := 0; n.err == nil; i++ {
		due, ok := <-queue
		if !ok {
			break
		}
		one(i, from.Add(due))
	}
	return n
}

// poisson returns when requests of a rate come within a time: independent of each other,
// and of how fast the answers are.
func poisson(rate float64, d time.Duration) (all []time.Duration) {
	if rate == 0 {
		return nil
	}
	rnd := rand.New(rand.NewPCG(7, uint64(rate)))
	for at := 0.0; ; {
		at += rnd.ExpFloat64() / rate
		if at >= d.Seconds() {
			return all
		}
		all = append(all, time.Duration(at*float64(time.Second)))
	}
}

// moment is the clocks at a time.
type moment struct {
	at                          time.Time
	server, store, machine, own time.Duration
}

// now reads the clocks.
func (t *target) now() moment {
	m := moment{at: time.Now(), server: t.process.cpu()}
	if t.store != nil {
		m.store = t.store.cpu()
	}
	m.machine, m.own = busy()
	return m
}

// round sums up what was counted since m.
func (m moment) round(t *target, counts []tally, late []time.Duration) (*round, error) {
	end := t.now()
	wall := end.at.Sub(m.at).Seconds()
	var took []time.Duration
	bytes, refused := 0, 0
	for _, n := range counts {
		if n.err != nil {
			return nil, fmt.Errorf("%s, %s: %w", t.server, t.by.name, n.err)
		}
		took, bytes, refused = append(took, n.took...), bytes+n.bytes, refused+n.refused
	}
	if len(took) == 0 {
		return nil, fmt.Errorf("%s, %s: no request was answered in time", t.server, t.by.name)
	}
	slices.Sort(took)
	slices.Sort(late)
	each := func(d time.Duration) float64 { return d.Seconds() * 1e3 / float64(len(took)) }
	return &round{Requests: len(took), Refused: refused, P50: quantile(took, 0.5), P99: quantile(took, 0.99), P999: quantile(took, 0.999), Late: quantile(late, 0.5),
		Rate: float64(len(took)) / wall, CPU: each(end.server - m.server), StoreCPU: each(end.store - m.store), ClientCPU: each(end.own - m.own),
		Bytes: bytes / len(took), took: took,
		Elsewhere: max(0, (end.machine-m.machine-(end.own-m.own)-(end.server-m.server)-(end.store-m.store)).Seconds()/wall)}, nil
}

// quantile returns a quantile of sorted times in milliseconds; 0 of none.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[min(int(q*float64(len(sorted))), len(sorted)-1)].Nanoseconds()) / 1e6
}
