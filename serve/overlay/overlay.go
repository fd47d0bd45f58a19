package overlay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"quern/features/diag"
	"quern/serve/row"
)

// ErrClosed: the overlay was closed.
var ErrClosed = errors.New("the overlay is closed")

// Options says how an overlay is kept. The zero value works.
type Options struct {
	Seed   uint64 // of the keys' hashes; best that of the segments, for a request then hashes once
	Memory int64  // bytes of rows, from which on no more are taken; 0: 1 GiB

	fileBytes int64 // from how many bytes on a file of the log gets no more rows; 0: 64 MiB
	manual    bool  // no goroutine: tests call step
}

func (o Options) withDefaults() Options {
	if o.fileBytes == 0 {
		o.fileBytes = 64 << 20
	}
	if o.Memory == 0 {
		o.Memory = 1 << 30
	}
	return o
}

// Overlay is the rows that were pushed to a view. It is safe for concurrent use.
type Overlay struct {
	layout  *row.Layout
	o       Options
	table   *table
	durable atomic.Uint64 // sequence up to which rows are on disk and in the table
	lock    io.Closer

	mu  sync.Mutex // of what writes: the log and the table
	log *log

	queueing sync.Mutex
	queue    []*put
	waiting  int64 // bytes of rows in the queue or being written
	closed   bool
	wake     chan struct{} // holds one: there is something in the queue
	ended    chan struct{} // closed when the goroutine has ended
}

// Open opens the overlay in a folder, which it makes, for rows of a layout: it reads the log
// and cuts what nobody was told about. A damaged log is a *diag.Error, Q671, that wraps
// ErrCorrupt; rows of another schema are Q674, a folder that another process has open Q675.
// The caller must Close it.
func Open(path string, l *row.Layout, o Options) (*Overlay, error) {
	d, err := newFolder(path)
	if err != nil {
		return nil, err
	}
	held, err := lock(d.path)
	if err != nil {
		return nil, err
	}
	v, err := openOn(d, l, o)
	if err != nil {
		held.Close()
		return nil, fmt.Errorf("overlay in %s: %w", path, err)
	}
	v.lock = held
	return v, nil
}

// openOn is Open with a file system of the caller's, who sees to it that nobody else uses it.
func openOn(d disk, l *row.Layout, o Options) (*Overlay, error) {
	v := &Overlay{
		layout: l, o: o.withDefaults(), table: newTable(l),
		wake: make(chan struct{}, 1), ended: make(chan struct{}),
	}
	var err error
	v.log, err = openLog(d, l, v.o.fileBytes, func(r row.Row) { v.table.put(v.entry(r)) })
	if err != nil {
		return nil, err
	}
	v.durable.Store(v.log.next - 1)
	if v.o.manual {
		close(v.ended)
	} else {
		go v.commitAll()
	}
	return v, nil
}

func (v *Overlay) entry(r row.Row) *entry {
	return &entry{row.HashKey(v.layout.Key(r), v.o.Seed), r}
}

// Layout returns the layout of the rows.
func (v *Overlay) Layout() *row.Layout { return v.layout }

// Begin is told the greatest sequence of rows that are in segments already, which an overlay
// in another folder may have numbered: those of a log without rows begin behind it, so that
// of two rows of one time the later one wins. A log with rows stays as it is. Q672, Q673.
func (v *Overlay) Begin(after uint64) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.log.begin(after); err != nil {
		return err
	}
	v.durable.Store(v.log.next - 1)
	return nil
}

// Put adds copies of rows, numbers them, and returns the sequence of the last when they are
// durable and found by look-ups; sequences that the rows have are ignored. All of
// the rows become durable, or none. Without rows it returns 0.
//
// Errors: Q672 (a disk that is full: nothing was added; try again), Q673 (the log takes no
// more writes; these rows may be there when it is opened again, or not), Q676 (too many rows
// in memory, or in this call), ErrClosed, and that of ctx, when it ends before: then the
// rows may still be added.
func (v *Overlay) Put(ctx context.Context, rows *row.Rows) (uint64, error) {
	if rows.Len() == 0 {
		return 0, nil
	}
	if rows.Layout != v.layout && !rows.Layout.Schema().Equal(v.layout.Schema()) {
		panic("quern: bug: rows of another layout than the overlay's")
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	p, err := v.enqueue(rows)
	if err != nil {
		return 0, err
	}
	select {
	case <-p.done:
		return p.last, p.err
	case <-ctx.Done():
		return 0, fmt.Errorf("rows may or may not be added: %w", ctx.Err())
	}
}

// Lookup puts the row of key i into rows[i] where the overlay has one and rows[i] is missing
// or less by row.Layout.Compare. So the segments are asked first. It waits for nobody
// and allocates nothing once keys has its hashes. The rows that it gives stay as they are and
// valid for as long as somebody holds them.
func (v *Overlay) Lookup(keys *row.Keys, rows []row.Row) {
	if len(rows) != keys.Len() {
		panic("quern: bug: look-up of other numbers of keys and rows")
	}
	if v.table.rows.Load() > 0 {
		v.table.lookup(keys, keys.Hashes(v.o.Seed), rows)
	}
}

// Stats is what an overlay says of itself.
type Stats struct {
	Rows, Bytes int64  // in memory: keys, and about what they take
	Durable     uint64 // sequence up to which rows are durable
	Trimmed     uint64 // sequence up to which rows are in segments
	Note        string // what Trim was given with it
	Files       int    // of the log
	LogBytes    int64  // in them
	Failed      error  // why no more is written, or nil
}

// Stats returns figures. It waits while rows are being written.
func (v *Overlay) Stats() Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	w := v.log
	return Stats{
		Rows: v.table.rows.Load(), Bytes: v.table.bytes.Load(), Durable: v.durable.Load(),
		Trimmed: w.check.Seq, Note: w.check.Note,
		Files: len(w.files), LogBytes: w.bytes(), Failed: w.failed,
	}
}

// Close waits for the Puts that have begun, then closes the log. Look-ups still work.
func (v *Overlay) Close() error {
	v.queueing.Lock()
	was := v.closed
	v.closed = true
	v.queueing.Unlock()
	if was {
		return nil
	}
	v.nudge()
	<-v.ended
	v.mu.Lock()
	defer v.mu.Unlock()
	err := v.log.close()
	if v.lock != nil {
		err = errors.Join(err, v.lock.Close())
	}
	return err
}

// tooMany is Q676.
func tooMany(format string, args ...any) error { return diag.New("Q676", format, args...) }
