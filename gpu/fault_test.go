//go:build linux && cuda && cgo

package gpu

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"quern/cpu"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
	"quern/gpu/cuda"
	"quern/gpu/fake"
	"quern/gpu/fake/control"
)

// unchecked opens a device with slots so small that the canned batch does not fit.
func unchecked(o Options) (*Backend, error) {
	device, err := cuda.Open(o.Ordinal)
	if err != nil {
		return nil, err
	}
	b := &Backend{device: device, reference: o.Reference, notice: o.Notice, least: o.LeastRows, timed: o.Timed, resident: o.Resident}
	if err := b.start(o.Slots, o.SlotBytes); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// smallJob is a program of each kind of work, with a batch that is cut into slices.
type smallJob struct {
	p     *program.Program
	specs []stat.Spec
	in    column.Batch
}

func newSmallJob() smallJob {
	c := &canned{b: program.NewBuilder(cannedSchema())}
	x, i, code, text := c.b.Load(cannedX), c.b.Load(cannedI), c.b.Load(cannedCode), c.b.Load(cannedText)
	c.leave(program.Log1p, program.Imm{}, c.leave(program.Abs, program.Imm{}, x))
	c.leave(program.Bucketize, program.Imm{Floats: []float64{0, 1}, NaN: 7}, x)
	var j smallJob
	observe := func(s stat.Spec, args ...program.Register) {
		for _, r := range args {
			s.Types = append(s.Types, c.b.Type(r))
		}
		c.b.Observe(len(j.specs), args...)
		j.specs = append(j.specs, s)
	}
	observe(stat.Spec{Kind: stat.KindSums}, c.b.Emit(program.Add, program.Imm{}, x, c.b.ConstFloat(1)))
	observe(stat.Spec{Kind: stat.KindTally}, x)
	observe(stat.Spec{Kind: stat.KindValueCounts}, i)
	observe(stat.Spec{Kind: stat.KindEntries, Limit: 20}, x)
	observe(stat.Spec{Kind: stat.KindValueCounts}, code, text)
	fold := c.b.Coalesce(c.b.Emit(program.Bucket, program.Imm{Int: 3}, i), c.b.ConstInt(0))
	observe(stat.Spec{Kind: stat.KindKeyedSums, Folds: 3}, i, fold, code, text)
	j.p = c.b.Finish()
	whole := cannedBatch()
	j.in.Rows = whole.Rows
	for _, f := range j.p.Inputs {
		j.in.Columns = append(j.in.Columns, whole.Columns[cannedSchema().Find(f.Name)])
	}
	return j
}

// outcome is what two batches leave and teach.
type outcome struct {
	columns []column.Column
	learnt  [][]byte
}

func (j *smallJob) run(be backend.Backend) (o outcome, err error) {
	x, err := be.Compile(j.p)
	if err != nil {
		return o, err
	}
	s := x.NewSession()
	defer s.Close()
	into := newStatistics(j.specs)
	for _, rows := range [][2]int{{0, 320}, {320, 700}} {
		part := column.Batch{Rows: rows[1] - rows[0]}
		for i := range j.in.Columns {
			part.Columns = append(part.Columns, column.Cut(&j.in.Columns[i], rows[0], rows[1]))
		}
		out, err := s.Run(part, into)
		if err != nil {
			return o, err
		}
		for i := range out.Columns {
			var copied column.Column
			column.Take(&copied, &out.Columns[i], upTo(out.Rows))
			o.columns = append(o.columns, copied)
		}
	}
	for _, s := range into {
		b, err := s.AppendBinary(nil)
		if err != nil {
			return o, err
		}
		o.learnt = append(o.learnt, b)
	}
	return o, nil
}

func upTo(n int) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

// same says where two outcomes differ, or "".
func (o *outcome) same(want *outcome) string {
	if len(o.columns) != len(want.columns) || len(o.learnt) != len(want.learnt) {
		return "another number of results"
	}
	for i := range want.columns {
		if !sameColumn(&o.columns[i], &want.columns[i]) {
			return fmt.Sprintf("column %d", i)
		}
	}
	for i := range want.learnt {
		if !bytes.Equal(o.learnt[i], want.learnt[i]) {
			return fmt.Sprintf("statistic %d", i)
		}
	}
	return ""
}

// attempt is a whole run on a device that may fail: two sessions at the same time.
type attempt struct {
	opened, closed error
	ran            [2]error
	differs        [2]string
	told           string // all of it, in lines
	counts         Counts
}

func attemptOf(j smallJob, want *outcome) (a attempt) {
	o := Options{Reference: cpu.New(), Slots: 2, SlotBytes: 1 << 19, LeastRows: 1, Timed: true}
	var mu sync.Mutex
	o.Notice = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		a.told += text + "\n"
	}
	b, err := unchecked(o)
	if err != nil {
		a.opened = err
		return a
	}
	b.most = 128
	var wait sync.WaitGroup
	for i := range a.ran {
		wait.Go(func() {
			got, err := j.run(b)
			if a.ran[i] = err; err == nil {
				a.differs[i] = got.same(want)
			}
		})
	}
	wait.Wait()
	a.counts = b.Counts()
	a.closed = b.Close()
	return a
}

// Whatever call of the driver fails, in whatever way: the bits are right, or nothing was
// begun; the user is told once; nothing is left, and nothing hangs.
func TestDriverFaults(t *testing.T) {
	if !control.Set("nofail") {
		t.Skip("a real driver does not fail on demand")
	}
	j := newSmallJob()
	want, err := j.run(cpu.New())
	if err != nil {
		t.Fatal(err)
	}
	clean := attemptOf(j, &want)
	if clean != (attempt{counts: Counts{Device: 12}}) {
		t.Fatalf("without a fault: %+v", clean)
	}
	places := []int{1, 2, 3, 5, 9, 14, 20, 35, 60, 110}
	if testing.Short() {
		places = []int{1, 4, 20}
	}
	injected, took := 0, 0
	for _, kind := range []string{
		"alloc", "hostalloc", "copy", "fill", "launch", "event", "stream", "module", "context", "sync", "query", "free",
		"run-copy", "run-fill", "run-launch",
	} {
		for _, code := range []string{"oom", "launch", "ecc", "lost"} {
			for _, n := range places {
				fault := fmt.Sprintf("%s:%d:%s", kind, n, code)
				a, r := withFault(t, fault, j, &want)
				if r.Counts["injected"] == 0 {
					break // there are not as many calls
				}
				injected++
				if a.told != "" {
					took++
				}
				a.judge(t, fault, r)
			}
		}
	}
	t.Logf("%d faults, in %d the CPU took over", injected, took)
	if !testing.Short() && injected < 300 {
		t.Errorf("only %d faults", injected)
	}
}

// withFault runs with a fault ordered, and returns the driver's report of that run.
func withFault(t *testing.T, fault string, j smallJob, want *outcome) (attempt, fake.Report) {
	t.Helper()
	control.Reset()
	control.Set("nofail,fail=" + fault)
	defer control.Reset()
	defer control.Set("nofail")
	done := make(chan attempt, 1)
	go func() { done <- attemptOf(j, want) }()
	select {
	case a := <-done:
		return a, control.Report()
	case <-time.After(2 * time.Minute):
		stacks := make([]byte, 1<<20)
		t.Fatalf("%s: it hangs\n%s", fault, stacks[:runtime.Stack(stacks, true)])
		panic("unreachable")
	}
}

// judge holds a run with a fault against what must hold.
func (a *attempt) judge(t *testing.T, fault string, r fake.Report) {
	t.Helper()
	for i, err := range a.ran {
		if err != nil {
			t.Errorf("%s: session %d: %v", fault, i, err)
		}
		if a.differs[i] != "" {
			t.Errorf("%s: session %d: %s differs", fault, i, a.differs[i])
		}
	}
	if strings.Count(a.told, "\n") > 1 {
		t.Errorf("%s: told %q", fault, a.told)
	}
	if a.opened == nil && a.closed == nil && a.told == "" {
		t.Errorf("%s: nobody was told", fault)
	}
	for _, err := range []error{a.opened, a.closed} {
		var e *cuda.Error
		var u *cuda.Unavailable
		if err != nil && !errors.As(err, &e) && !errors.As(err, &u) {
			t.Errorf("%s: %v", fault, err)
		}
	}
	for _, name := range []string{"live", "live_host", "live_stream", "live_event", "live_module", "leak", "misuse", "fault"} {
		if n := r.Counts[name]; n != 0 {
			t.Errorf("%s: %d %s %q %q", fault, n, name, r.Misuse, r.Faults)
		}
	}
}
