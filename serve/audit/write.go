package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
	"quern/serve/lookup"
)

// openFiles is how many files may be in the making: one for each version that is asked for.
const openFiles = 32

// cellsOfFile is how many values a file in the making has at most, about: it is in memory.
const cellsOfFile = 4 << 20

// writer makes files. It belongs to the goroutine of Log.run.
type writer struct {
	log    *Log
	open   map[*lookup.View]*series
	name   string // tells this process's files from others'
	number int
	told   time.Time
}

// series is a file in the making: rows of one version of a view.
type series struct {
	view  *lookup.View
	part  sink.Part
	text  bytes.Buffer
	began time.Time
	rows  int
	cells int64
}

func newWriter(l *Log) writer {
	var random [4]byte
	rand.Read(random[:])
	return writer{log: l, open: map[*lookup.View]*series{}, name: hex.EncodeToString(random[:])}
}

// run writes what comes, until Close.
func (l *Log) run() {
	defer close(l.stopped)
	defer l.unlock()
	tick := time.NewTicker(min(l.o.Roll, time.Minute)/4 + time.Millisecond)
	defer tick.Stop()
	w := &l.writer
	for {
		select {
		case r := <-l.queue:
			w.add(r)
		case now := <-tick.C:
			w.roll(func(s *series) bool { return now.Sub(s.began) >= l.o.Roll })
			l.retain(now)
		case <-l.stop:
			for len(l.queue) > 0 {
				w.add(<-l.queue)
			}
			w.roll(func(*series) bool { return true })
			l.retain(time.Now())
			return
		}
	}
}

// add puts a record into its file.
func (w *writer) add(r *record) {
	defer w.log.waiting.Add(-r.cells())
	s := w.open[r.view]
	if s == nil {
		if len(w.open) >= openFiles {
			w.roll(func(*series) bool { return true })
		}
		s = &series{view: r.view, began: time.Now()}
		part, err := parquet.Format{}.NewPart(&s.text, fieldsOf(r.view))
		if err != nil {
			w.failed(r.batch.Rows, err)
			return
		}
		s.part = part
		w.open[r.view] = s
	}
	s.rows, s.cells = s.rows+r.batch.Rows, s.cells+r.cells()
	if err := s.part.Write(r.batch); err != nil {
		delete(w.open, r.view)
		w.failed(s.rows, err)
		return
	}
	if s.rows >= w.log.o.RollRows || s.cells >= cellsOfFile {
		w.finish(s)
	}
}

// roll finishes the files that are due.
func (w *writer) roll(due func(*series) bool) {
	for _, s := range w.open {
		if due(s) {
			w.finish(s)
		}
	}
}

// finish writes a file whole, under its name.
func (w *writer) finish(s *series) {
	delete(w.open, s.view)
	err := s.part.Close()
	if err == nil {
		w.number++
		name := fmt.Sprintf("%s/%s/%s-%s-%06d%s", safe(s.view.Name), safe(s.view.Version),
			s.began.UTC().Format("20060102T150405Z"), w.name, w.number, suffix)
		if err = w.publish(name, s.text.Bytes()); errors.Is(err, fs.ErrNotExist) {
			err = w.publish(name, s.text.Bytes()) // another process tidied up under it
		}
	}
	if err != nil {
		w.failed(s.rows, err)
		return
	}
	w.log.counts.Logged.Add(int64(s.rows))
	w.log.counts.Files.Add(1)
	w.log.counts.Bytes.Add(int64(s.text.Len()))
}

// publish writes a file: durable before it has its name.
func (w *writer) publish(name string, text []byte) error {
	ctx := context.Background()
	f, err := w.log.store.Create(ctx, name)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Commit(); err != nil {
		return err
	}
	return w.log.store.Sync(ctx, []string{name})
}

// failed counts rows that are lost, and tells why, now and then.
func (w *writer) failed(rows int, err error) {
	w.log.counts.Failed.Add(int64(rows))
	if now := time.Now(); now.Sub(w.told) >= time.Minute {
		w.told = now
		w.log.o.Log("the log of served features lost %d rows: %v", rows, err)
	}
}

// safe makes a name one part of a path: what is not plain becomes %XX.
func safe(name string) string {
	var b strings.Builder
	for i, c := range []byte(name) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || (c == '_' || c == '.') && i > 0
		if plain {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
