//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// answer is a reply, taken apart: columns of the rows that were asked for.
type answer struct {
	names  []string
	values [][]float32
	wide   [][]float64 // as they stood in the reply, where they are doubles
	status [][]string  // nil: the reply says that of whole rows only
	event  [][]int64   // microseconds since 1970; nil: likewise
}

// shown reports whether a reply has the value.
func shown(status string) bool { return status == "PRESENT" }

// decodeJSON reads Feast's reply over HTTP.
func decodeJSON(reply []byte) (*answer, error) {
	var in struct {
		Results []struct {
			Values   []*float64
			Statuses []string
			Events   []time.Time `json:"event_timestamps"`
		}
		Metadata struct {
			Names []string `json:"feature_names"`
		}
	}
	if err := json.Unmarshal(reply, &in); err != nil {
		return nil, err
	}
	a := &answer{names: in.Metadata.Names}
	for _, r := range in.Results {
		narrow, wide := make([]float32, len(r.Values)), make([]float64, len(r.Values))
		for i, v := range r.Values {
			if v == nil && shown(r.Statuses[i]) {
				r.Statuses[i] = "PRESENT, null"
			} else if v != nil {
				narrow[i], wide[i] = float32(*v), *v
				if !shown(r.Statuses[i]) {
					r.Statuses[i] += ", with a value"
				}
			}
		}
		event := make([]int64, len(r.Events))
		for i, t := range r.Events {
			event[i] = t.UnixMicro()
		}
		a.values, a.wide = append(a.values, narrow), append(a.wide, wide)
		a.status, a.event = append(a.status, r.Statuses), append(a.event, event)
	}
	return a, nil
}

// check compares an answer with the data, bit for bit.
func (t *table) check(ids []int64, a *answer, lax bool) error {
	found := 0
	for c, column := range a.names {
		f, ok := featureOf(column)
		if !ok {
			continue // a key
		}
		found++
		if c >= len(a.values) || len(a.values[c]) != len(ids) {
			return fmt.Errorf("column %s has not %d rows", column, len(ids))
		}
		for r, id := range ids {
			if err := t.checkCell(a, c, f, r, id, lax); err != nil {
				return fmt.Errorf("feature %s of entity %d: %w", column, id, err)
			}
		}
	}
	if found != features {
		return fmt.Errorf("the reply has %d features of %d", found, features)
	}
	return nil
}

// checkCell compares one value, its status and its event time.
func (t *table) checkCell(a *answer, c, f, r int, id int64, lax bool) error {
	want, x, at := "NOT_FOUND", float32(0), int64(0)
	if id < int64(t.entities) {
		old := false
		at, old = t.event(int(id))
		value, ok := cell(t.row(int(id)), f)
		switch {
		case old && !lax:
			want = "OUTSIDE_MAX_AGE"
		case !ok:
			want = "NULL_VALUE"
		default:
			want, x = "PRESENT", value
		}
	}
	if a.values[c][r] != x || a.wide != nil && a.wide[c][r] != float64(x) {
		return fmt.Errorf("%v, not %v", a.values[c][r], x)
	}
	if lax {
		return nil
	}
	if a.status != nil && a.status[c][r] != want {
		return fmt.Errorf("status %s, not %s", a.status[c][r], want)
	}
	if a.event != nil && a.event[c][r] != at {
		return fmt.Errorf("event time %d, not %d", a.event[c][r], at)
	}
	return nil
}

// checkAll asks every question of a pool and compares every answer.
func (t *target) checkAll(p *pool, connections int) error {
	var next atomic.Int64
	var all sync.WaitGroup
	failed := make(chan error, connections)
	for range connections {
		all.Go(func() {
			if err := t.checkSome(p, &next); err != nil {
				failed <- err
				next.Store(int64(len(p.questions)))
			}
		})
	}
	all.Wait()
	close(failed)
	if err, ok := <-failed; ok {
		return fmt.Errorf("%s, %s: %w", t.server, t.by.name, err)
	}
	return nil
}

// insist asks until the server has time for it, for a minute.
func insist(c asker, question []byte) ([]byte, error) {
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		reply, err := c.ask(question)
		if !errors.Is(err, errBusy) || time.Now().After(end) {
			return reply, err
		}
	}
}

// checkSome asks the next questions of a pool over one connection until there are none.
func (t *target) checkSome(p *pool, next *atomic.Int64) error {
	c, err := t.dial()
	if err != nil {
		return err
	}
	defer c.close()
	for i := next.Add(1) - 1; i < int64(len(p.questions)); i = next.Add(1) - 1 {
		reply, err := insist(c, p.questions[i])
		if err != nil {
			return err
		}
		a, err := t.by.decode(reply)
		if err != nil {
			return err
		}
		if err := t.table.check(p.ids[i], a, t.lax); err != nil {
			return err
		}
	}
	return nil
}
