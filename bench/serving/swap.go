//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	views "quern/serve/view"
)

// swapped is what a swap of versions does to those who ask meanwhile.
type swapped struct {
	load
	Swaps   int       `json:"swaps"`
	Every   float64   `json:"every_s"`
	Replies [2]int    `json:"replies"` // of each version while they were swapped, every one checked whole
	Still   []*round  `json:"still"`   // rounds without swaps
	Moving  []*round  `json:"moving"`  // rounds with one every so often, in turns
	P99     [2]medium `json:"p99_ms"`  // without, with

	mu sync.Mutex // of Replies
}

// medium is the figure of the requests of all rounds together, and the range of those of each
// round: one round has so few requests around its p99 that their middle tells little.
type medium struct {
	All, Least, Most float64
}

// middle sums up rounds.
func middle(rounds []*round) medium {
	var all []time.Duration
	m := medium{Least: rounds[0].P99}
	for _, r := range rounds {
		all = append(all, r.took...)
		m.Least, m.Most = min(m.Least, r.P99), max(m.Most, r.P99)
	}
	slices.Sort(all)
	m.All = quantile(all, 0.99)
	return m
}

// look checks that a reply is whole of one version, and counts of which.
func (r *swapped) look(to *target, tables [2]*table) inspect {
	return func(ids []int64, reply []byte) error {
		a, err := to.by.decode(reply)
		if err != nil {
			return err
		}
		var wrong error
		for i, t := range tables {
			err := t.check(ids, a, false)
			if err == nil {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.Replies[i]++
				return nil
			}
			wrong = errors.Join(wrong, err)
		}
		return fmt.Errorf("a reply is of neither version: %w", wrong)
	}
}

// swapLoad is what is asked for meanwhile: half of what the server can do, or less, so that
// there is a processor for reading the new version.
func swapLoad() load { return load{Rows: 100, Connections: 8, Rate: 500} }

// versions finds the names of the newest two versions of the view: of the first and the
// second table.
func (q *quern) versions(ctx context.Context, s *views.Store) (names [2]string, err error) {
	state, err := s.State(ctx, view)
	if err != nil {
		return names, err
	}
	if len(state.Previous) == 0 {
		return names, errors.New("there is one version only")
	}
	return [2]string{state.Previous[0], state.Current}, nil
}

// swap measures in turns: without swaps and with.
func (q *quern) swap(ctx context.Context, to *target, second *table, rounds int, d time.Duration) (*swapped, error) {
	if err := q.publish(ctx, second, &loaded{}); err != nil {
		return nil, err
	}
	s := &views.Store{Folder: filepath.Join(q.folder, "store")}
	names, err := q.versions(ctx, s)
	if err != nil {
		return nil, err
	}
	r := &swapped{load: swapLoad(), Every: d.Seconds() / 4}
	tables := [2]*table{to.table, second}
	p := newPool(to, r.Rows, 500)
	for range rounds {
		still, err := to.punctual(p, r.load, d, r.look(to, tables))
		if err != nil {
			return nil, err
		}
		r.Still = append(r.Still, still)
		round, err := q.moving(ctx, to, p, r, s, names, tables, d)
		if err != nil {
			return nil, err
		}
		r.Moving = append(r.Moving, round)
	}
	r.P99 = [2]medium{middle(r.Still), middle(r.Moving)}
	return r, nil
}

// moving measures a round with swaps. On a very busy machine none may come through in its
// time; then there is another one.
func (q *quern) moving(ctx context.Context, to *target, p *pool, r *swapped, s *views.Store, names [2]string, tables [2]*table, d time.Duration) (*round, error) {
	for try := range 20 {
		r.Replies = [2]int{}
		done := make(chan error, 1)
		moving, stop := context.WithCancel(ctx)
		go func() { done <- r.exchange(moving, s, names, d/4) }()
		one, err := to.measure(p, r.load, d, r.look(to, tables))
		stop()
		if err = errors.Join(err, <-done); err != nil {
			return nil, err
		}
		if r.Replies[0] > 0 && r.Replies[1] > 0 && (one.Late <= tardy || try > 3) {
			return one, nil
		}
	}
	return nil, fmt.Errorf("%d replies of one version and %d of the other: nothing was swapped", r.Replies[0], r.Replies[1])
}

// exchange serves the other version, time and again.
func (r *swapped) exchange(ctx context.Context, s *views.Store, names [2]string, every time.Duration) error {
	for tick := time.NewTicker(every); ; r.Swaps++ {
		select {
		case <-ctx.Done():
			tick.Stop()
			return nil
		case <-tick.C:
		}
		if _, err := s.Promote(ctx, view, names[r.Swaps%2]); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
