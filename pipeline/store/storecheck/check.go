// Package storecheck tries out whether a store keeps its promises, as far as that can be
// seen from one process: `quern doctor store` prints what it finds, and the tests of
// stores ask it.
package storecheck

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"quern/features/diag"
	"quern/pipeline/store"
)

// Writers is how many race for a name.
const Writers = 8

// Finding is one promise that was tried out.
type Finding struct {
	Name  string // "put-if-absent"
	Value string // what was seen
	Err   error  // a *diag.Error where the promise is broken; nil: it is kept
}

// checker works in a folder of its own, in which nobody else writes.
type checker struct {
	store  store.Store
	folder string
	rounds int
	made   []string // names that were written, to be removed
}

// Check tries out a store, in rounds races for each way of writing, and removes what it
// wrote. It ends with the first promise that is broken: those that follow rest on it.
func Check(ctx context.Context, st store.Store, rounds int) []Finding {
	c := &checker{store: st, folder: "_quern/doctor/" + rand.Text(), rounds: rounds}
	var found []Finding
	try := func(name string, f func(context.Context) (string, error)) bool {
		value, err := f(ctx)
		found = append(found, Finding{name, value, err})
		return err == nil
	}
	good := try("write", c.write) && try("read", c.read) && try("list", c.list) &&
		try("put-if-absent", func(ctx context.Context) (string, error) { return c.races(ctx, "small", st.Create) })
	if large, ok := st.(store.LargeCreator); good && ok {
		try("in parts", func(ctx context.Context) (string, error) { return c.races(ctx, "large", large.CreateLarge) })
	}
	err := c.clean(context.WithoutCancel(ctx))
	if good && err == nil {
		try("remove", c.removed)
	} else if good {
		found = append(found, Finding{"remove", "", err})
	}
	return found
}

// create is one of the ways to write.
type create func(ctx context.Context, name string) (store.Writer, error)

// put writes an object.
func put(ctx context.Context, how create, name string, data []byte) error {
	w, err := how(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort() //nolint:errcheck // after Commit it does nothing
	if _, err := w.Write(data); err != nil {
		return err
	}
	return errors.Join(w.Sync(), w.Commit())
}

// get reads an object whole.
func (c *checker) get(ctx context.Context, name string) ([]byte, error) {
	r, err := c.store.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data := make([]byte, r.Size())
	_, err = io.ReadFull(io.NewSectionReader(r, 0, r.Size()), data)
	return data, err
}

// broken says that the store does not do what everything rests on.
func broken(format string, args ...any) error {
	return diag.New("Q444", format, args...)
}

// sample is the object that is read and listed.
func (c *checker) sample() (name string, data []byte) {
	data = make([]byte, 100_000)
	for i := range data {
		data[i] = byte(i * i >> 8)
	}
	return c.folder + "/sample", data
}

// write writes the sample several times over: one stands.
func (c *checker) write(ctx context.Context) (string, error) {
	name, data := c.sample()
	c.made = append(c.made, name)
	started := time.Now()
	if err := put(ctx, c.store.Create, name, data); err != nil {
		return "", err
	}
	took := time.Since(started)
	err := put(ctx, c.store.Create, name, []byte("another"))
	if !errors.Is(err, store.ErrExists) {
		return "", broken("a second write of one name ends with %v, not with a refusal", err)
	}
	return fmt.Sprintf("%d KB in %s", len(data)/1000, milliseconds(took)), nil
}

// read reads ranges of the sample.
func (c *checker) read(ctx context.Context) (string, error) {
	name, data := c.sample()
	started := time.Now()
	r, err := c.store.Open(ctx, name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if r.Size() != int64(len(data)) {
		return "", broken("%d bytes were written, %d are there", len(data), r.Size())
	}
	for _, at := range [][2]int{{0, 1}, {50_000, 100}, {1, 70_000}, {len(data) - 1, 1}, {0, len(data)}} {
		got := make([]byte, at[1])
		if _, err := r.ReadAt(got, int64(at[0])); err != nil && err != io.EOF {
			return "", err
		}
		if !bytes.Equal(got, data[at[0]:at[0]+at[1]]) {
			return "", broken("%d bytes from %d on are not those that were written", at[1], at[0])
		}
	}
	if _, err := c.store.Open(ctx, name+"-not-there"); !errors.Is(err, store.ErrNotFound) {
		return "", broken("an object that is not there opens with %v", err)
	}
	return "ranges as they were written, in " + milliseconds(time.Since(started)), nil
}

// list lists what was written before.
func (c *checker) list(ctx context.Context) (string, error) {
	name, _ := c.sample()
	started := time.Now()
	names, err := c.store.List(ctx, c.folder)
	if err != nil {
		return "", err
	}
	if !slices.Equal(names, []string{name}) {
		return "", broken("%s was written, the list has %q", name, names)
	}
	return "what was written is listed at once, in " + milliseconds(time.Since(started)), nil
}

// races lets writers race for fresh names: one wins, the others are told so, and the
// winner's bytes are there.
func (c *checker) races(ctx context.Context, kind string, how create) (string, error) {
	var times []time.Duration
	for round := range c.rounds {
		name := fmt.Sprintf("%s/%s-%d", c.folder, kind, round)
		c.made = append(c.made, name)
		started := time.Now()
		if err := c.race(ctx, name, how); err != nil {
			return "", err
		}
		times = append(times, time.Since(started))
	}
	slices.Sort(times)
	return fmt.Sprintf("%d races of %d writers, one winner each, %s a race", c.rounds, Writers, milliseconds(times[len(times)/2])), nil
}

// race is one race.
func (c *checker) race(ctx context.Context, name string, how create) error {
	errs := make([]error, Writers)
	text := func(writer int) []byte { return bytes.Repeat([]byte{byte('a' + writer)}, 10_000) }
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			<-start
			errs[i] = put(ctx, how, name, text(i))
		})
	}
	close(start)
	group.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			return broken("two of %d writers of one name were both told that they won", Writers)
		case err == nil:
			winner = i
		case !errors.Is(err, store.ErrExists):
			return err
		}
	}
	if winner < 0 {
		return broken("%d writers of a fresh name were all told that another one won", Writers)
	}
	got, err := c.get(ctx, name)
	if err == nil && !bytes.Equal(got, text(winner)) {
		return broken("a writer was told that it won, and another one's bytes are there")
	}
	return err
}

// clean removes what was written.
func (c *checker) clean(ctx context.Context) error {
	var errs []error
	for _, name := range c.made {
		errs = append(errs, c.store.Remove(ctx, name))
	}
	return errors.Join(errs...)
}

// removed checks that what was removed is not listed any more.
func (c *checker) removed(ctx context.Context) (string, error) {
	names, err := c.store.List(ctx, c.folder)
	if err == nil && len(names) > 0 {
		err = broken("%s was removed, and is still listed", names[0])
	}
	return fmt.Sprintf("all %d objects", len(c.made)), err
}

// milliseconds writes a time: "5.2 ms".
func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1e3)
}
