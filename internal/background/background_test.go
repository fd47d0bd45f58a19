package background

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// TestRest: work rests for as long as the package says, and only work that may.
func TestRest(t *testing.T) {
	for _, c := range []struct {
		name         string
		in           func(context.Context) context.Context
		worked, rest time.Duration
	}{
		{"somebody waits", func(ctx context.Context) context.Context { return ctx }, time.Hour, 0},
		{"the turn goes on", With, turn - 1, 0},
		{"the turn ends", With, turn, share * turn},
		{"a longer turn", With, 3 * turn, share * 3 * turn},
		{"the disk was slow", With, time.Second, most},
		{"of a context within", func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancel(With(ctx))
			t.Cleanup(cancel)
			return ctx
		}, turn, share * turn},
	} {
		synctest.Test(t, func(t *testing.T) {
			pace := Of(c.in(context.Background()))
			for range 3 {
				time.Sleep(c.worked)
				before := time.Now()
				if err := pace.Rest(); err != nil || time.Since(before) != c.rest {
					t.Errorf("%s: rested for %v, %v; want %v", c.name, time.Since(before), err, c.rest)
				}
				if c.rest == 0 {
					return
				}
			}
		})
	}
}

// TestEnds: work learns that its context has ended.
func TestEnds(t *testing.T) {
	for _, in := range []context.Context{context.Background(), With(context.Background())} {
		ctx, cancel := context.WithCancelCause(in)
		pace, from := Of(ctx), Reader(ctx, iotest.OneByteReader(bytes.NewReader([]byte("abc"))))
		if _, err := from.Read(make([]byte, 8)); err != nil || pace.Rest() != nil {
			t.Error(err)
		}
		cancel(errors.New("enough"))
		if _, err := from.Read(make([]byte, 8)); err != context.Canceled || pace.Rest() != context.Canceled {
			t.Error(err)
		}
	}
}

// TestReader gives what it reads, in the pace of who takes it.
func TestReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := bytes.Repeat([]byte("0123456789"), 100)
		began := time.Now()
		var got bytes.Buffer
		n, err := io.CopyBuffer(struct{ io.Writer }{slow{&got}}, Reader(With(t.Context()), bytes.NewReader(text)), make([]byte, 100))
		if err != nil || n != int64(len(text)) || !bytes.Equal(got.Bytes(), text) {
			t.Errorf("%d bytes, %v", n, err)
		}
		if took := time.Since(began); took != 10*(1+share)*turn {
			t.Errorf("10 turns took %v", took)
		}
	})
}

// slow takes a turn for each write.
type slow struct{ io.Writer }

func (s slow) Write(b []byte) (int, error) {
	time.Sleep(turn)
	return s.Writer.Write(b)
}

// TestGivesWay: with one processor, others have it most of the time.
func TestGivesWay(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ctx, cancel := context.WithCancel(With(t.Context()))
	defer cancel()
	go func() {
		for pace := Of(ctx); pace.Rest() == nil; {
		}
	}()
	waits := 0
	for range 100 {
		before := time.Now()
		time.Sleep(100 * time.Microsecond)
		if time.Since(before) > 8*time.Millisecond { // without rests all wait for 10 ms
			waits++
		}
	}
	if waits > 80 {
		t.Errorf("%d of 100 had to wait", waits)
	}
}
