package output

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"quern/pipeline/sink"
	"quern/pipeline/store"
)

// Attempt writes parts of an output for one of many processes that do a job together.
// The parts have names that only this attempt has, and are not even committed: the job's
// log decides whose parts count. Parts may be written by several goroutines.
type Attempt struct {
	maker
	name func(part int) string

	making sync.Mutex // guards made
	made   map[int]Made
}

// Made is a part that is written, not committed.
type Made struct {
	Object store.Writer // has all bytes; the Attempt aborts it at Close, which after Commit does nothing
	Entry  Entry        // under the name that it will have in the output
}

// NewAttempt returns an attempt at parts of rows with the given fields; name tells what
// to call the object of a part in st until it is published.
func NewAttempt(st store.Store, format sink.Format, fields []sink.Field, name func(part int) string) *Attempt {
	return &Attempt{maker: maker{store: st, format: format, fields: fields}, name: name, made: map[int]Made{}}
}

// Finished is false: an attempt makes every part that it is asked for.
func (a *Attempt) Finished(int) bool { return false }

// Part starts part i of the output.
func (a *Attempt) Part(ctx context.Context, i int) (*Part, error) {
	return a.part(ctx, a.name(i), PartName(a.format, i), func(_ context.Context, object store.Writer, e Entry) error {
		a.making.Lock()
		defer a.making.Unlock()
		a.made[i] = Made{object, e}
		return nil
	})
}

// Made returns part i, which must be committed.
func (a *Attempt) Made(i int) Made {
	a.making.Lock()
	defer a.making.Unlock()
	m, ok := a.made[i]
	if !ok {
		panic("quern: bug: " + PartName(a.format, i) + " was never made")
	}
	return m
}

// Close gives up what is not committed.
func (a *Attempt) Close() {
	a.making.Lock()
	defer a.making.Unlock()
	for _, m := range a.made {
		m.Object.Abort()
	}
}

// PartName is the name of part i in the output's folder. Of formats whose files are
// assembled it is that of a piece, which a finished output does not have.
func PartName(format sink.Format, i int) string {
	if Assembles(format) {
		return fmt.Sprintf("_quern/pieces/part-%05d", i)
	}
	return fmt.Sprintf("part-%05d%s", i, format.Suffix())
}

// Private reports whether a name in an output's folder is quern's own: readers do not
// look there.
func Private(name string) bool { return strings.HasPrefix(name, "_quern/") }

// Assembles reports whether the parts of a format are only material for its files.
func Assembles(format sink.Format) bool {
	_, ok := format.(sink.Assembler)
	return ok
}
