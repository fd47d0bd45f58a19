package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"quern/internal/s3test"
	"quern/pipeline/store"
	"quern/shard/commitlog"
	"quern/shard/core"
	"quern/shard/record"
)

// writtenJob is a log that a test writes, with times of its own.
type writtenJob struct {
	log  *commitlog.Log
	job  record.Job
	plan record.Plan
	err  error
}

// began is when the jobs of tests begin, in microseconds: 2026-11-20 10:00:00 UTC.
const began = 1_795_168_800_000_000

// put writes a record or a file.
func (w *writtenJob) put(name string, data []byte) {
	if w.err == nil {
		if o, err := w.log.Put(context.Background(), name, data); o != core.Done {
			w.err = fmt.Errorf("%s: %v %v", name, o, err)
		}
	}
}

// attempt returns an attempt that starts some milliseconds after the job.
func attempt(ms int64) record.Attempt { return record.NewAttempt(began+ms*1000, uint64(ms)) }

// file writes a file of an attempt.
func (w *writtenJob) file(phase, shard uint32, ms int64) record.File {
	name := record.NamesOf(w.job).File(phase, shard, attempt(ms), 0)
	data := fmt.Appendf(nil, "file of phase %d shard %d", phase, shard)
	w.put(name, data)
	return record.File{Name: name, Size: int64(len(data)), SHA256: sha256.Sum256(data)}
}

// claim settles a shard: a worker was at it from one millisecond to another.
func (w *writtenJob) claim(phase, shard uint32, worker string, from, to int64) {
	note := fmt.Sprintf(`{"started":%d,"ended":%d,"worker":%q}`, began+from*1000, began+to*1000, worker)
	c := &record.Claim{Phase: phase, Shard: shard, Attempt: attempt(from), Epoch: 1, Rows: 50_000, Note: []byte(note),
		Files: []record.File{w.file(phase, shard, from)}}
	w.put(record.NamesOf(w.job).Claim(phase, shard), c.Encode(w.job))
}

// fail settles a shard that cannot be done.
func (w *writtenJob) fail(phase, shard uint32, ms int64, why string) {
	c := &record.Claim{Phase: phase, Shard: shard, Attempt: attempt(ms), Epoch: 1, Failure: why}
	w.put(record.NamesOf(w.job).Claim(phase, shard), c.Encode(w.job))
}

// makeJob writes the log of a job into a folder: planned, running, done or failed.
func makeJob(folder, state string) error {
	st, err := store.NewLocal(folder)
	if err != nil {
		return err
	}
	return makeJobIn(st, state)
}

// makeJobIn writes the log of a job into a store.
func makeJobIn(st store.Store, state string) error {
	w := &writtenJob{log: commitlog.New(st)}
	w.plan = record.Plan{Phase: record.Phase{Learns: true, Shards: 5}, AllowFailed: 1, Document: "features/_quern/manifest.json", Spec: []byte(state)}
	if state == "failed" {
		w.plan.AllowFailed = 0
	}
	var plan []byte
	plan, w.job = w.plan.Encode()
	n := record.NamesOf(w.job)
	w.put(n.Plan(), plan)
	if state == "planned" {
		return w.err
	}
	w.put(n.Epoch(1), (&record.Epoch{Number: 1, Driver: attempt(-200)}).Encode(w.job))
	w.learn()
	if state == "failed" {
		return w.err
	}
	w.put(n.Epoch(2), (&record.Epoch{Number: 2, Driver: attempt(9000)}).Encode(w.job))
	w.put(n.Fitted(0), (&record.Fitted{Attempt: attempt(9300), State: record.File{Name: n.State(0, attempt(9300))}, Failed: []uint32{4}, Next: record.Phase{Number: 1, Shards: 3}}).Encode(w.job))
	w.claim(1, 0, "host-1/100", 9500, 11_500)
	w.claim(1, 1, "host-2/7", 9600, 11_900)
	if state == "running" {
		return w.err
	}
	w.finish()
	return w.err
}

// learn is the first phase: a straggler, one that lost, and a shard that cannot be read.
func (w *writtenJob) learn() {
	w.claim(0, 0, "host-1/100", 0, 2000)
	w.claim(0, 1, "host-2/7", 50, 2100)
	w.claim(0, 2, "host-1/100", 2100, 8900)
	w.file(0, 2, 6000) // a twin that came too late
	w.claim(0, 3, "host-2/7", 2200, 4100)
	w.fail(0, 4, 4300, "Q205 a page cannot be decompressed (flights.parquet row group 3)")
}

// finish ends the second phase and the job.
func (w *writtenJob) finish() {
	n := record.NamesOf(w.job)
	w.claim(1, 2, "host-1/100", 11_600, 13_000)
	s, err := w.log.Status(context.Background(), w.job)
	if err != nil {
		w.err = err
		return
	}
	a := attempt(13_100)
	document := []byte(`{"the": "manifest"}`)
	w.put(n.Document(a), document)
	m := &record.Manifest{Attempt: a, Epoch: 2, Rows: 150_000, Document: record.File{Name: n.Document(a), Final: w.plan.Document,
		Size: int64(len(document)), SHA256: sha256.Sum256(document)}}
	for _, c := range s.Phases[1].Claims {
		m.Claims = append(m.Claims, *c)
	}
	w.put(n.Manifest(), m.Encode(w.job))
}

// TestFollow watches a job that is done meanwhile.
func TestFollow(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := makeJob("out", "running"); err != nil {
		t.Fatal(err)
	}
	st, err := store.NewLocal("out")
	if err != nil {
		t.Fatal(err)
	}
	w := &writtenJob{log: commitlog.New(st), plan: record.Plan{Phase: record.Phase{Learns: true, Shards: 5}, AllowFailed: 1,
		Document: "features/_quern/manifest.json", Spec: []byte("running")}}
	_, w.job = w.plan.Encode()
	done := make(chan error)
	go func() {
		time.Sleep(300 * time.Millisecond)
		w.finish()
		done <- w.err
	}()
	out, talk, code := runQuern(t, "job", "show", "out", "--follow", "--every", "100ms")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	line := "running, phase 1: 2 of 3 settled, 100,000 rows, 0 stragglers, about 1.2 s left in this phase\n"
	if code != 0 || !strings.HasPrefix(talk, line) || !strings.Contains(out, ", done\n") || !strings.Contains(out, "rows     150,000\n") {
		t.Errorf("exit code %d\n%s\n%s", code, talk, out)
	}
}

// TestS3Jobs lists, shows and collects jobs of a store.
func TestS3Jobs(t *testing.T) {
	server := s3test.Start(t)
	for _, pair := range server.Environment("") {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	root := "s3://" + server.Bucket(t) + "/out"
	st, err := places().Store(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []string{"done", "running"} {
		if err := makeJobIn(st, state); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ line, want string }{
		{"jobs " + root, "2e10659816a2  done     1, writes  3 of 3, 1 failed  150,000"},
		{"job show " + root + " a47", "a47b41611a33a824723d1ee7c4e56145, running\n"},
		{"job show " + root + "/_quern/jobs/2e10659816a20090948320554ffcb924", "2e10659816a20090948320554ffcb924, done\n"},
		{"job collect " + root + " 2e --grace 1s", "2e10659816a2  8 files removed\n"},
	} {
		if out, talk, code := runQuern(t, strings.Fields(c.line)...); code != 0 || talk != "" || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d\n%s%s", c.line, code, out, talk)
		}
	}
}
