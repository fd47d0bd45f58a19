package output

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"quern/features/diag"
	"quern/pipeline/sink"
	"quern/pipeline/store"
)

// Begin takes up or starts the output. It keeps other processes from writing to it
// until Close (Q435).
//
// A finished output of the same job is done: nothing of it is touched, and Finish
// returns its manifest. A finished one of another job is an error (Q430) unless
// job.Overwrite; unfinished parts of another job are removed. Files that quern did
// not write are never touched: where one has the name of a part, that is an error
// (Q431).
func Begin(ctx context.Context, st store.Store, format sink.Format, job Job) (*Writer, error) {
	w := &Writer{maker: maker{store: st, format: format, fields: job.Fields}, job: job, parts: make([]*record, job.Parts)}
	old, err := readManifest(ctx, st)
	if err != nil {
		return nil, writeError(st, err)
	}
	if old != nil && !job.Overwrite {
		if err := w.accept(ctx, old); err != nil {
			return nil, err
		}
		return w, nil
	}
	if err := w.lock(ctx); err != nil {
		return nil, writeError(st, err)
	}
	if err := w.start(ctx); err != nil {
		w.Close()
		return nil, writeError(st, err)
	}
	return w, nil
}

// accept takes a finished output for this job's, if it is.
func (w *Writer) accept(ctx context.Context, m *Manifest) error {
	switch {
	case m.Version == 0:
		return damagedManifest(w.store)
	case m.Job != w.job.Digest:
		return finishedError(w.store)
	}
	if _, err := Verify(ctx, w.store); err != nil {
		return err
	}
	w.manifest = m
	return w.tidy(ctx)
}

// tidy removes what is left beside the manifest of a run that was killed right after
// it, unless somebody else is at it.
func (w *Writer) tidy(ctx context.Context) error {
	names, err := w.store.List(ctx, "_quern")
	if err != nil || len(names) <= 1 || w.unlock == nil && w.lock(ctx) != nil {
		return err
	}
	w.sweep(ctx)
	w.Close()
	return nil
}

// NothingToDo returns an error (Q430) if every one of the outputs was finished when
// it was begun, so that the run would write nothing.
func NothingToDo(writers []*Writer) error {
	for _, w := range writers {
		if w.manifest == nil {
			return nil
		}
	}
	if len(writers) == 0 {
		return nil
	}
	return finishedError(writers[0].store)
}

// Probe checks that st can be written, and leaves nothing there: so that of several
// outputs none is cleared before all can be made.
func Probe(ctx context.Context, st store.Store) error {
	if p, ok := st.(store.Prober); ok {
		return writeError(st, p.Probe(ctx))
	}
	o, err := st.Create(ctx, "_quern/probe")
	if err != nil {
		return writeError(st, err)
	}
	return writeError(st, o.Abort())
}

// AllFinished returns an error (Q430) if every one of the stores holds a finished
// output. It looks for manifests only; Begin knows whose they are.
func AllFinished(ctx context.Context, stores []store.Store) error {
	for _, st := range stores {
		o, err := st.Open(ctx, ManifestName)
		if err != nil {
			return nil // none, or a fault that Begin will explain
		}
		if err := o.Close(); err != nil {
			return err
		}
	}
	if len(stores) == 0 {
		return nil
	}
	return finishedError(stores[0])
}

func finishedError(st store.Store) error {
	return diag.New("Q430", "%s is a finished output", st.Location()).WithHint("--overwrite replaces it")
}

// lock keeps others out, where the store can.
func (w *Writer) lock(ctx context.Context) (err error) {
	w.unlock = func() {}
	if l, ok := w.store.(store.Locker); ok {
		w.unlock, err = l.Lock(ctx)
		w.alone = err == nil
	}
	if errors.Is(err, store.ErrLocked) {
		return busyError(w.store)
	}
	return err
}

// Close lets other processes write to the output. It may be called at any time, and
// more than once.
func (w *Writer) Close() {
	if w.unlock != nil {
		w.unlock()
		w.unlock = nil
	}
}

// start finds out what is there, now that nobody else writes, and claims the folder.
func (w *Writer) start(ctx context.Context) error {
	old, err := readManifest(ctx, w.store)
	if err != nil {
		return err
	}
	if old != nil && !w.job.Overwrite {
		return w.accept(ctx, old)
	}
	was, err := w.claimed(ctx)
	if err != nil {
		return err
	}
	if old == nil && was != nil && was.Job == w.job.Digest && was.Log == "" {
		return w.takeUp(ctx)
	}
	if was != nil && was.Log != "" && !w.job.Overwrite {
		return sharedError(w.store, was.Log)
	}
	return w.anew(ctx, old, was, &claim{Job: w.job.Digest})
}

// anew removes what an earlier run wrote, and claims the folder and all files of the
// output.
func (w *Writer) anew(ctx context.Context, old *Manifest, was, c *claim) (err error) {
	if err := w.clear(ctx, old, was); err != nil {
		return err
	}
	if c.Files, err = w.files(); err != nil {
		return err
	}
	return w.claim(ctx, c)
}

// claimed returns the claim on an unfinished folder: nil if there is none, an empty
// one if it is damaged.
func (w *Writer) claimed(ctx context.Context) (*claim, error) {
	text, err := read(ctx, w.store, claimName)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c := &claim{}
	if !decode(text, c) {
		return &claim{}, nil
	}
	return c, nil
}

// claim says whose the folder is, before anything else happens in it.
func (w *Writer) claim(ctx context.Context, c *claim) error {
	err := w.publishDurably(ctx, claimName, encode(c))
	if errors.Is(err, store.ErrExists) { // without a lock: somebody of another job was faster
		return busyError(w.store)
	}
	return err
}

func busyError(st store.Store) error {
	return diag.New("Q435", "another run is writing %s", st.Location()).
		WithHint("when it has ended, the same command finishes what is missing, or says that nothing is; another folder can be written meanwhile")
}

func sharedError(st store.Store, log string) error {
	return diag.New("Q436", "%s is being written by a job of many processes: %s", st.Location(), log).
		WithHint("quern job show %s tells how far it is; when it goes no further, the command that began it finishes it; --overwrite takes the folder from it", log)
}

// clear removes what an earlier run of quern wrote. Until all of it is gone a claim
// stands that names it, so that a run that is killed here leaves nothing that looks
// like somebody else's; the manifest goes first, so that the output is unfinished
// from then on.
func (w *Writer) clear(ctx context.Context, old *Manifest, was *claim) error {
	doomed, err := w.doomed(ctx, old, was)
	if err != nil {
		return err
	}
	if old != nil && was == nil {
		if err := w.claim(ctx, &claim{Files: doomed}); err != nil {
			return err
		}
	}
	records, err := w.store.List(ctx, "_quern")
	if err != nil {
		return err
	}
	records = slices.DeleteFunc(records, func(name string) bool {
		return name == claimName || name == ManifestName || strings.HasPrefix(name, jobsFolder)
	})
	for _, name := range slices.Concat([]string{ManifestName}, doomed, records, []string{claimName}) {
		if err := w.store.Remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// doomed returns the files to remove: those of the manifest and of the claim. If one
// of them is damaged, the files of this job's names are taken for its; if there is
// neither, files of these names are not quern's, which is an error (Q431).
func (w *Writer) doomed(ctx context.Context, old *Manifest, was *claim) ([]string, error) {
	var doomed []string
	if old != nil {
		for _, f := range old.Files {
			doomed = append(doomed, f.Name)
		}
	}
	if was != nil {
		doomed = append(doomed, was.Files...)
	}
	// A sealed document that somebody made by hand could still name anything.
	doomed = slices.DeleteFunc(doomed, func(name string) bool { return strings.Contains(name, "/") })
	names, err := w.files()
	if err != nil {
		return nil, err
	}
	there, err := w.store.List(ctx, "")
	if err != nil {
		return nil, err
	}
	damaged := old != nil && old.Version == 0 || was != nil && was.Seal == ""
	for _, name := range names {
		_, found := slices.BinarySearch(there, name)
		if !found || slices.Contains(doomed, name) {
			continue
		}
		if !damaged {
			return nil, foreignError(w.store, name)
		}
		doomed = append(doomed, name)
	}
	return doomed, nil
}

func foreignError(st store.Store, name string) error {
	return diag.New("Q431", "%s holds %s, which this run did not write", st.Location(), name).
		WithHint("choose another folder, or empty this one")
}

// files returns the names of all files of the finished output.
func (w *Writer) files() ([]string, error) {
	if a, ok := w.format.(sink.Assembler); ok {
		return a.Files(w.job.Fields)
	}
	names := make([]string, w.job.Parts)
	for i := range names {
		names[i] = w.partName(i)
	}
	return names, nil
}

// takers is how many parts of an interrupted run are checked at the same time.
const takers = 4

// takeUp finds the parts that an interrupted run of the same job published, and
// checks them against their records: after a loss of power a file may be less than
// what was written. What does not agree is removed and made again.
func (w *Writer) takeUp(ctx context.Context) error {
	there, err := w.store.List(ctx, "")
	if err != nil {
		return err
	}
	errs := make([]error, takers)
	var group sync.WaitGroup
	for t := range takers {
		group.Go(func() {
			for i := t; i < len(w.parts) && errs[t] == nil; i += takers {
				errs[t] = w.takePart(ctx, i, there)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// takePart takes part i up, or clears its place.
func (w *Writer) takePart(ctx context.Context, i int, there []string) error {
	text, err := read(ctx, w.store, w.recordName(i))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	r := &record{}
	if err == nil && decode(text, r) {
		whole, err := w.whole(ctx, i, r)
		if err != nil {
			return err // it could not be read: no reason to remove it
		}
		if whole {
			w.parts[i] = r
			return nil
		}
	}
	// Without a lock the part may be another process's, whose record is still to
	// come; such stores publish durably, so it is whole, and Commit will find it equal.
	if !w.alone {
		return nil
	}
	for _, name := range []string{w.recordName(i), w.partName(i)} {
		if _, found := slices.BinarySearch(there, name); found {
			if err := w.store.Remove(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole reports whether the record is of part i of this job and its file is there
// with the record's bytes.
func (w *Writer) whole(ctx context.Context, i int, r *record) (bool, error) {
	if r.Job != w.job.Digest || r.File.Name != w.partName(i) || len(r.Content) != len(w.job.Fields) {
		return false, nil
	}
	return sameFile(ctx, w.store, r.File)
}

func (w *Writer) partName(i int) string { return PartName(w.format, i) }

func (w *Writer) recordName(i int) string { return fmt.Sprintf("_quern/parts/part-%05d.json", i) }
