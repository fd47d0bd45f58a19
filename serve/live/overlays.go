package live

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"quern/features/diag"
	"quern/internal/pace"
	"quern/serve/lookup"
	"quern/serve/overlay"
	"quern/serve/row"
	"quern/serve/view"
)

// OverlayOptions say how pushed rows are kept.
type OverlayOptions struct {
	Folder  string        // of the overlays of all views; one process at a time owns it
	Memory  int64         // bytes of pushed rows of one view that are not in segments yet; 0: 1 GiB
	Compact int64         // from how many bytes on they go into segments; 0: an eighth of the view, at least 64 MiB
	Every   time.Duration // how long they wait for that at most; 0: 10 minutes; negative: as long as they are few
	Into    Compactor     // makes the segments; nil: nobody does, and pushes end when the memory is full
	Log     func(format string, args ...any)
}

// Overlays owns the pushed rows of the views that Generations serves: it takes them, keeps
// them in a log until they are in segments, and sees to it that they get there. It is the
// lookup.Writer of a server.
//
// Each view has an overlay for each schema that it ever had, in FOLDER/VIEW/SCHEMA. Rows
// that were pushed to other columns than those that are served wait there for a version
// with their columns, as a rollback brings it; they are not converted.
type Overlays struct {
	o           OverlayOptions
	generations *Generations
	lock        io.Closer
	encoded     sync.Pool // of *row.Rows

	mu      sync.Mutex // of what follows
	kept    map[pushedKey]*pushed
	refused error

	told pace.Seldom // why pushes failed

	compacting sync.Mutex // held while rows go into segments

	puts, rows, failures, compacted    atomic.Int64
	compactionFailures, compactionTime atomic.Int64
}

// Counts are how pushes and compactions fared since the server began.
type Counts struct {
	Pushes             int64 // to one view, that were acknowledged
	Rows               int64 // of them
	Failures           int64 // pushes that could not be kept, for no fault of the client
	Compactions        int64 // versions that were made of pushed rows
	CompactionFailures int64 // attempts at that which failed
	CompactionTime     time.Duration
}

// Counts returns what has happened so far.
func (p *Overlays) Counts() Counts {
	return Counts{p.puts.Load(), p.rows.Load(), p.failures.Load(),
		p.compacted.Load(), p.compactionFailures.Load(), time.Duration(p.compactionTime.Load())}
}

// NewOverlays takes a folder, Q675 if another process has it, and makes g, which has not been
// loaded yet, serve what is in it and what is pushed. Close it after the last request.
func NewOverlays(g *Generations, o OverlayOptions) (*Overlays, error) {
	o.Memory = cmp.Or(o.Memory, 1<<30)
	o.Every = cmp.Or(o.Every, 10*time.Minute)
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	lock, err := overlay.Lock(o.Folder)
	if err != nil {
		return nil, err
	}
	p := &Overlays{o: o, generations: g, lock: lock, kept: map[pushedKey]*pushed{}}
	p.encoded.New = func() any { return &row.Rows{} }
	g.pushes = p
	return p, nil
}

// open opens the overlay for rows of v's columns, unless it is open. A damaged log is Q671:
// then v is not served, as acknowledged rows would be missing in it.
func (p *Overlays) open(v *version) (err error) {
	key := keyOf(v)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.refused = cmp.Or(p.refused, err) }()
	if one := p.kept[key]; one != nil {
		return one.Begin(v.Sequence)
	}
	if !view.ValidName(key.view) {
		return diag.New("Q660", "%q cannot be the name of a view", key.view)
	}
	folder := filepath.Join(p.o.Folder, key.view, hex.EncodeToString(key.schema[:8]))
	o, err := overlay.Open(folder, v.layout, overlay.Options{Memory: p.o.Memory, Seed: v.Segments[0].Info().Seed})
	if err != nil {
		return fmt.Errorf("rows that were pushed to view %s: %w", key.view, err)
	}
	if err := o.Begin(v.Sequence); err != nil {
		o.Close()
		return err
	}
	if s := o.Stats(); s.Rows > 0 {
		p.o.Log("view %s: %d pushed rows that are in no segment yet were found in %s", key.view, s.Rows, folder)
	}
	one := &pushed{Overlay: o, key: key}
	one.newest.Store(lookup.NoTime)
	if _, err := o.Snapshot(func(rows *row.Rows) error {
		for i := range rows.Len() {
			one.saw(v.layout.Event(rows.At(i)))
		}
		return nil
	}); err != nil {
		o.Close()
		return err
	}
	p.kept[key] = one
	return nil
}

// Refused returns why the rows that were pushed to some view cannot be served, so that the
// version is refused: the first such error since the server began, or nil. A nil p takes no
// pushes.
func (p *Overlays) Refused() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refused
}

// of returns the overlay that open opened.
func (p *Overlays) of(v *version) *pushed {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := p.kept[keyOf(v)]
	if one == nil {
		panic("quern: bug: the overlay of a version that is served is not open")
	}
	return one
}

// Write is lookup.Writer's. Errors beyond overlay.Overlay.Put's: Q601, the view is not served
// any longer; Q677, it has other columns by now.
func (p *Overlays) Write(ctx context.Context, rows *lookup.Rows) error {
	g := p.generations.Pin()
	defer g.Release() // and so the overlay stays open meanwhile
	live := g.live[rows.View.Name]
	if live == nil {
		return notServed(rows.View.Name)
	}
	if v := live.View(); rows.View != v && !v.Schema().Equal(rows.View.Schema()) {
		return diag.New("Q677", "view %s has other columns since version %s", rows.View.Name, v.Version)
	}
	to := live.pushes
	encoded := p.encoded.Get().(*row.Rows)
	defer p.encoded.Put(encoded)
	if err := rows.Encode(to.Layout(), 1, encoded); err != nil {
		return err
	}
	if _, err := to.Put(ctx, encoded); err != nil {
		p.failed(rows.View.Name, err)
		return err
	}
	for _, event := range rows.Event {
		to.saw(event)
	}
	p.puts.Add(1)
	p.rows.Add(int64(rows.Rows))
	return nil
}

// notServed is the error for a view that is not served.
func notServed(view string) error {
	return diag.New("Q601", "feature view %q does not exist", view).In(diag.Data{RowGroup: -1, Row: -1, Column: view})
}

// failed counts a push that could not be kept, and tells of it, at most one a second. A client
// that went away is no failure.
func (p *Overlays) failed(name string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	p.failures.Add(1)
	if p.told.May() {
		p.o.Log("a push to view %s failed: %v", name, err)
	}
}

// Close waits for the pushes that have begun and gives the folder back. What is in it waits
// for the next server: nothing is compacted now, so that stopping is quick. Look-ups still
// work.
func (p *Overlays) Close() error {
	if p == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, one := range p.kept {
		errs = append(errs, one.Close())
	}
	return errors.Join(append(errs, p.lock.Close())...)
}
