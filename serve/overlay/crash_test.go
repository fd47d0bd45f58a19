package overlay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"

	"quern/features/column"
	"quern/serve/row"
)

// images is how many a test makes: 50 times more when there is time, a fifth in a hurry.
func images(n int) int {
	switch {
	case os.Getenv("QUERN_LONG") != "":
		return 50 * n
	case testing.Short():
		return n / 5
	}
	return n
}

// smallLayout is of rows with a number and a text.
func smallLayout(t testing.TB) *row.Layout {
	l, err := row.NewLayout(row.Schema{
		Keys:   []column.Field{{Name: "key", Type: column.Int64}},
		Fields: []column.Field{{Name: "id", Type: column.Int64}, {Name: "text", Type: column.String}},
		Time:   true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// small is a row of a small layout. The text follows from the id.
type small struct{ key, event, id int64 }

func textOf(id int64) string { return strings.Repeat(fmt.Sprint(id, " "), int(id%97*(id%97)%97)) }

// encode makes rows of what they are to hold.
func encode(t testing.TB, l *row.Layout, all ...small) *row.Rows {
	var keys, events, ids []int64
	text := column.Vector{Type: column.String, Len: len(all)}
	for _, s := range all {
		keys, events, ids = append(keys, s.key), append(events, s.event), append(ids, s.id)
		text.Text.Append([]byte(textOf(s.id)))
	}
	ints := func(t column.Type, v []int64) *column.Column {
		return &column.Column{Len: len(v), Values: column.Vector{Type: t, Len: len(v), Int64s: v}}
	}
	var rows row.Rows
	err := l.Encode(row.Input{
		Rows: len(all), Keys: []*column.Column{ints(column.Int64, keys)},
		Fields: []*column.Column{ints(column.Int64, ids), {Len: len(all), Values: text}},
		Event:  ints(column.Timestamp, events),
	}, &rows)
	if err != nil {
		t.Fatal(err)
	}
	return &rows
}

// decode is the reverse of encode, for one row.
func decode(l *row.Layout, r row.Row) (small, error) {
	s := small{int64(binary.LittleEndian.Uint64(l.Key(r))), l.Event(r), l.Int64(r, 0)}
	text, err := l.Bytes(r, 1)
	if err == nil && string(text) != textOf(s.id) {
		err = fmt.Errorf("row %d has the text %q", s.id, text)
	}
	return s, err
}

const smallKeys = 8

// get looks a key up, in segments (nil: there are none) and overlay.
func get(v *Overlay, segments map[int64]row.Row, key int64) row.Row {
	var keys row.Keys
	keys.Reset(v.Layout())
	keys.PutInt(key)
	rows := []row.Row{segments[key]}
	v.Lookup(&keys, rows)
	return rows[0]
}

// history is pushes, look-ups, compactions and crashes, one after the other, on a
// simulated disk, and what must be true of them.
type history struct {
	t        testing.TB
	rnd      *rand.Rand
	l        *row.Layout
	disk     *sim
	v        *Overlay
	segments map[int64]row.Row
	least    map[int64]row.Row // the greatest row of a key that was acknowledged, or seen
	pushed   map[int64]place   // by id
	highest  uint64            // sequence that was acknowledged
	crashes  int
	happened map[string]int
}

// place is where a row was pushed.
type place struct {
	batch []small
	at    int
}

// check looks all keys up.
func (h *history) check() error {
	found := map[int64]row.Row{}
	for key := range int64(smallKeys) {
		r := get(h.v, h.segments, key)
		least, some := h.least[key]
		if r.Missing() {
			if some {
				return fmt.Errorf("key %d is lost", key)
			}
			continue
		}
		s, err := decode(h.l, r)
		if err != nil {
			return err
		}
		at, known := h.pushed[s.id]
		switch {
		case !known || at.batch[at.at] != s || s.key != key:
			return fmt.Errorf("key %d: %v was never pushed", key, s)
		case some && h.l.Compare(r, least) < 0:
			old, _ := decode(h.l, least)
			return fmt.Errorf("key %d: %v (%d), after %v (%d)", key, s, h.l.Seq(r), old, h.l.Seq(least))
		}
		found[key], h.least[key] = r, r
	}
	return h.checkWhole(found)
}

// checkWhole checks that of a batch of which a row is seen all are, or greater ones.
func (h *history) checkWhole(found map[int64]row.Row) error {
	for key, r := range found {
		at := h.pushed[h.l.Int64(r, 0)]
		rows := encode(h.t, h.l, at.batch...)
		for i, s := range at.batch {
			one := rows.At(i)
			h.l.SetSeq(one, h.l.Seq(r)-uint64(at.at)+uint64(i))
			if other, ok := found[s.key]; !ok || h.l.Compare(other, one) < 0 {
				return fmt.Errorf("%v of key %d is seen, but not %v of the same push", at.batch[at.at], key, s)
			}
		}
	}
	return nil
}

// push pushes up to three batches that go into one frame.
func (h *history) push() {
	var puts []*put
	var batches [][]small
	for range 1 + h.rnd.IntN(3) {
		var batch []small
		for _, key := range h.rnd.Perm(smallKeys)[:1+h.rnd.IntN(4)] {
			batch = append(batch, small{int64(key), int64(h.rnd.IntN(20)), int64(len(h.pushed))})
			h.pushed[int64(len(h.pushed))] = place{nil, len(batch) - 1}
		}
		for _, s := range batch {
			h.pushed[s.id] = place{batch, h.pushed[s.id].at}
		}
		p, err := h.v.enqueue(encode(h.t, h.l, batch...))
		if err != nil {
			h.t.Fatal(err)
		}
		puts, batches = append(puts, p), append(batches, batch)
	}
	for h.v.step() {
	}
	for i, p := range puts {
		if p.err != nil {
			h.happened["failed pushes"]++
			continue
		}
		h.acknowledge(batches[i], p.last)
	}
}

func (h *history) acknowledge(batch []small, last uint64) {
	h.happened["acknowledged"] += len(batch)
	h.highest = max(h.highest, last)
	rows := encode(h.t, h.l, batch...)
	for i, s := range batch {
		r := copyRow(rows.At(i))
		h.l.SetSeq(r, last-uint64(len(batch)-1-i))
		if old, some := h.least[s.key]; !some || h.l.Compare(r, old) > 0 {
			h.least[s.key] = r
		}
	}
}

// compact moves rows to the segments.
func (h *history) compact() {
	merged := map[int64]row.Row{}
	for key, r := range h.segments {
		merged[key] = r
	}
	seq, _ := h.v.Snapshot(func(rows *row.Rows) error {
		for i := range rows.Len() {
			r := copyRow(rows.At(i))
			h.l.SetBase(r.Fixed, 0)
			s, _ := decode(h.l, r)
			if old, some := merged[s.key]; !some || h.l.Compare(r, old) > 0 {
				merged[s.key] = r
			}
		}
		return nil
	})
	if h.rnd.IntN(4) == 0 {
		h.push() // it comes in while the segments are built
	}
	h.segments = merged
	if h.v.Trim(seq, fmt.Sprint("until ", seq)) == nil {
		h.happened["compactions"]++
	}
}

// live does some things, until the power goes or it was enough.
func (h *history) live() error {
	for range 1 + h.rnd.IntN(12) {
		switch h.rnd.IntN(8) {
		case 0:
			h.compact()
		case 1:
			h.disk.space = []int64{0, h.disk.used() + int64(h.rnd.IntN(3000))}[h.rnd.IntN(2)]
		default:
			h.push()
		}
		if err := h.check(); err != nil {
			return err
		}
	}
	return nil
}

// restart cuts the power, or only ends the process, then opens the log again.
func (h *history) restart() error {
	h.disk.mu.Lock()
	if h.disk.failed > 0 {
		h.happened["failed syncs"] += h.disk.failed
	}
	h.happened["full disks"] += h.disk.full
	h.disk.mu.Unlock()
	for {
		h.crashes++
		if h.rnd.IntN(3) > 0 {
			h.disk = h.disk.cut()
		} else {
			h.disk.off, h.disk.failed, h.disk.full = false, 0, 0
		}
		h.disk.left, h.disk.space, h.disk.failSync = -1, 0, 0
		if h.rnd.IntN(4) == 0 {
			h.disk.left = h.rnd.IntN(12) // it does not get far
		}
		v, err := openOn(h.disk, h.l, Options{fileBytes: int64(h.rnd.IntN(4000)), manual: true})
		if errors.Is(err, errPower) {
			h.happened["crashes of recovery"]++
			continue
		}
		if err != nil {
			return err
		}
		if h.v = v; v.durable.Load() < h.highest {
			return fmt.Errorf("sequence %d of %d", v.durable.Load(), h.highest)
		}
		h.disk.left = []int{-1, h.rnd.IntN(60)}[h.rnd.IntN(2)]
		h.disk.failSync = []int{0, 0, 10}[h.rnd.IntN(3)]
		return h.check()
	}
}

// run lives through crashes.
func (h *history) run(crashes int) error {
	for h.crashes < crashes {
		if err := h.restart(); err != nil {
			return fmt.Errorf("after crash %d: %w", h.crashes, err)
		}
		if err := h.live(); err != nil {
			return fmt.Errorf("before crash %d: %w", h.crashes+1, err)
		}
	}
	return nil
}

func newHistory(t testing.TB, l *row.Layout, seed uint64) *history {
	rnd := rand.New(rand.NewPCG(seed, 7))
	return &history{
		t: t, rnd: rnd, l: l, disk: newSim(rnd), segments: map[int64]row.Row{},
		least: map[int64]row.Row{}, pushed: map[int64]place{}, happened: map[string]int{},
	}
}

// TestCrashImages cuts the power at any moment, and looks what is left: what was
// acknowledged or seen is there, pushes are whole, rows of a key only grow.
func TestCrashImages(t *testing.T) {
	const each = 50
	l := smallLayout(t)
	n := images(10_000) / each
	var mu sync.Mutex
	var group sync.WaitGroup
	total := map[string]int{}
	for worker := range runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for seed := worker; seed < n; seed += runtime.GOMAXPROCS(0) {
				h := newHistory(t, l, uint64(seed))
				if err := h.run(each); err != nil {
					t.Errorf("seed %d: %v", seed, err)
					return
				}
				mu.Lock()
				total["crashes"] += h.crashes
				for what, times := range h.happened {
					total[what] += times
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	t.Log(total)
	for _, what := range []string{"acknowledged", "failed pushes", "compactions", "failed syncs", "full disks", "crashes of recovery"} {
		if total[what] < n/2 && !t.Failed() {
			t.Errorf("%s: only %d", what, total[what])
		}
	}
}
