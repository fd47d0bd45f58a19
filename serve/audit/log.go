package audit

import (
	"cmp"
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"quern/features/diag"
	"quern/pipeline/store"
	"quern/serve/lookup"
)

// Options say what is logged and for how long it is kept. Zero fields are the defaults.
type Options struct {
	Folder   string        // of the local disk; several servers may share it
	Share    float64       // of the keys, more than 0 to 1; 0: 0.01
	Callers  bool          // log the names of tokens
	Roll     time.Duration // how old a file's first row becomes; 0: 5 minutes
	RollRows int           // how many rows a file has at most, about; 0: 65,536
	MaxAge   time.Duration // files are removed after that; 0: 30 days
	MaxBytes int64         // of all files: the oldest are removed; 0: 10 GiB
	Queue    int64         // cells that may wait to be written; 0: 4 Mi
	// Log is told what goes wrong, in one line, at most once a minute. nil: nobody.
	Log func(format string, args ...any)
}

func (o Options) withDefaults() Options {
	o.Share = cmp.Or(o.Share, 0.01)
	o.Roll = cmp.Or(o.Roll, 5*time.Minute)
	o.RollRows = cmp.Or(o.RollRows, 1<<16)
	o.MaxAge = cmp.Or(o.MaxAge, 30*24*time.Hour)
	o.MaxBytes = cmp.Or(o.MaxBytes, 10<<30)
	o.Queue = cmp.Or(o.Queue, 4<<20)
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	return o
}

// Log takes down what was served. Served may be called concurrently, until Close.
type Log struct {
	o         Options
	threshold uint64
	store     *store.Local
	unlock    func()
	layouts   sync.Map // name of a view -> *known
	scratch   sync.Pool
	queue     chan *record
	waiting   atomic.Int64 // cells in the queue
	stop      chan struct{}
	stopped   chan struct{}
	once      sync.Once
	writer    writer

	counts Counts
}

// Counts say what became of rows that were sampled, and what there is on disk.
type Counts struct {
	Logged  atomic.Int64 // rows in files that are whole
	Dropped atomic.Int64 // rows that the queue had no room for
	Failed  atomic.Int64 // rows that could not be written
	Files   atomic.Int64 // present now
	Bytes   atomic.Int64
}

// queued is how many look-ups may wait to be written, however small they are.
const queued = 1 << 14

// Open begins a log in a folder, where it first removes what a killed process left
// half-written, unless another one is writing there. It fails with Q687 where the folder
// cannot be written, and with Q688 where options make no sense.
func Open(o Options) (*Log, error) {
	o = o.withDefaults()
	switch {
	case !(o.Share > 0 && o.Share <= 1):
		return nil, diag.New("Q688", "a log of %v of the keys: give more than 0, at most 1", o.Share)
	case o.Roll < 0 || o.RollRows < 0 || o.MaxAge < 0 || o.MaxBytes < 0 || o.Queue < 0:
		return nil, diag.New("Q688", "the log's times and sizes are not negative")
	}
	l := &Log{o: o, threshold: thresholdOf(o.Share), queue: make(chan *record, queued),
		stop: make(chan struct{}), stopped: make(chan struct{}), unlock: func() {}}
	l.scratch.New = func() any { return &scratch{} }
	if err := l.prepare(); err != nil {
		return nil, diag.New("Q687", "the log's folder %s cannot be written", o.Folder).Because(err)
	}
	l.writer = newWriter(l)
	l.retain(time.Now())
	go l.run()
	return l, nil
}

// prepare makes the folder, proves that it can be written, and takes its lock.
func (l *Log) prepare() (err error) {
	if err = os.MkdirAll(l.o.Folder, 0o700); err != nil {
		return err
	}
	if l.store, err = store.NewLocal(l.o.Folder); err != nil {
		return err
	}
	probe, err := os.CreateTemp(l.o.Folder, ".probe-")
	if err != nil {
		return err
	}
	probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return err
	}
	if locker, ok := any(l.store).(store.Locker); ok {
		if unlock, err := locker.Lock(context.Background()); err == nil {
			l.unlock = unlock // else another server writes here: names are never the same
		}
	}
	return nil
}

// Counts returns the counters. They count on.
func (l *Log) Counts() *Counts { return &l.counts }

// Served takes down the sampled rows of an answer; caller is the name of the token, "" if
// there is none. It copies what it keeps, and never waits.
func (l *Log) Served(caller string, keys *lookup.Keys, b *lookup.Block) {
	s := l.scratch.Get().(*scratch)
	defer l.scratch.Put(s)
	for p := range b.Query.Parts {
		rows, err := l.choose(&b.Query.Parts[p], keys, s)
		if err != nil || len(rows) == 0 {
			continue // a view without a layout cannot be served
		}
		var name []byte
		if l.o.Callers && caller != "" {
			name = []byte(caller)
		}
		l.put(p, rows, name, keys, b)
	}
}

// put queues rows, if there is room.
func (l *Log) put(p int, rows []int32, caller []byte, keys *lookup.Keys, b *lookup.Block) {
	v := b.Query.Parts[p].View
	cells := int64(len(rows)) * int64(fixedColumns+len(v.Keys)+2*len(v.Fields))
	if l.waiting.Add(cells) > l.o.Queue {
		l.waiting.Add(-cells)
		l.counts.Dropped.Add(int64(len(rows)))
		return
	}
	select {
	case l.queue <- newRecord(p, rows, caller, keys, b):
	default:
		l.waiting.Add(-cells)
		l.counts.Dropped.Add(int64(len(rows)))
	}
}

// Close writes what is there and ends the log. Served must not be called any longer.
func (l *Log) Close() {
	l.once.Do(func() { close(l.stop) })
	<-l.stopped
}
