// Package featurestest is the suite that every operator of the catalogue passes on
// every back end. Being in the catalogue is all it takes to be checked: no check
// knows an operator's name, and nobody opts in. What an operator is checked on
// follows from its samples (features.Entry.Samples) alone. A sample of one lane of
// scalars is checked on lists of them too, unless the operator refuses lists.
//
// Run is for tests of back ends:
//
//	func TestOperators(t *testing.T) { featurestest.Run(t, cpu.New()) }
//
// Its subtests are operator/sample/check, so one of them is run again with
// -run 'TestOperators/clip/linear_float64/edges'. Everything follows from fixed
// seeds. QUERN_LONG=1 runs more of everything, -short less.
//
// Source is a source of rows in memory, for tests of whoever reads sources.
package featurestest

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"quern/features"
	"quern/features/backend"
)

// Check is one thing that must hold of every operator.
type Check struct {
	Name string
	Why  string // printed when it fails: what breaks for a user
	// Serial: the check must run alone.
	Serial bool
	// Once: the check is of the operator, not of the sample: the first one is enough.
	Once bool
	// On says on which samples it runs.
	On  Samples
	Run func(*Case)
}

// Samples says on which samples a check runs. A lifted sample is one of an operator
// of scalars, applied to lists element by element.
type Samples int

// The choices.
const (
	Every    Samples = iota
	Declared         // not on lifted ones: nothing about lists could make it fail
	Lifted           // only on lifted ones
)

// takes reports whether a check runs on a sample.
func (s Samples) takes(lifted bool) bool {
	return s == Every || lifted == (s == Lifted)
}

// Checks returns every check, in the order in which they run.
func Checks() []Check {
	return []Check{
		{Name: "documented", Once: true, Run: documented,
			Why: "explain and docs/OPERATORS.md are made of the catalogue"},
		{Name: "allocations", Serial: true, Run: allocations,
			Why: "serving programs run per request: in steady state nothing may be allocated"},
		{Name: "spec", On: Declared, Run: spec,
			Why: "a recipe made in Go, its text and what the model holds are the same recipe"},
		{Name: "names", Run: names,
			Why: "outputs have the names and types that the planner was told, each once, every time"},
		{Name: "learnt", On: Declared, Run: learnt,
			Why: "fitted numbers are read by people and other programs"},
		{Name: "labels", Run: labels,
			Why: "a served feature that reads the label leaks it; others must not differ between the modes"},
		{Name: "lifted", On: Lifted, Run: lifted,
			Why: "on lists an operator is what it is on their elements"},
		{Name: "statistics", Run: statistics,
			Why: "shards, retries and incremental refits merge statistics in any order"},
		{Name: "invariance", Run: invariance,
			Why: "the answer may not depend on order, chunks, encoding, workers or memory"},
		{Name: "untouched", Run: untouched,
			Why: "sources and other readers share the memory of a batch"},
		{Name: "garbage", Run: garbage,
			Why: "what lies under a null is undefined and must not be read"},
		{Name: "row_by_row", Run: rowByRow,
			Why: "online, one row at a time, the bits must be those of the batch"},
		{Name: "edges", Run: edges,
			Why: "real columns are empty, constant, null, infinite or not text"},
		{Name: "huge", On: Declared, Run: huge,
			Why: "user ids have more values than any cache"},
		{Name: "ids", Run: ids,
			Why: "embedding tables are as large as Sizes says"},
		{Name: "concurrent", On: Declared, Run: concurrent,
			Why: "one executable serves all goroutines"},
		{Name: "model_file", Run: modelFile,
			Why: "a saved model is the model, and a damaged one is refused"},
	}
}

// Known lists checks that fail, by "operator/sample" or "operator/*", with the
// reason. A listed check that passes is an error too: take it off the list.
func Known(operator, sample, check string) (reason string, ok bool) {
	type exception struct{ operator, sample, check, reason string }
	for _, e := range []exception{} {
		if e.operator == operator && (e.sample == sample || e.sample == "*") && e.check == check {
			return e.reason, true
		}
	}
	return "", false
}

// Sizes are the numbers of rows around which words, blocks and grids go wrong.
func Sizes() []int {
	return []int{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1023, 1024, 1025}
}

// Long reports whether the long form of all checks is wanted.
func Long() bool { return os.Getenv("QUERN_LONG") != "" && !testing.Short() }

// Run checks every operator of the catalogue on be. The caller's test must not be
// parallel, because allocations are counted.
func Run(t *testing.T, be backend.Backend) {
	// Models are small and short-lived: collecting at each doubling of so little
	// would take half of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	for _, e := range features.Catalogue() {
		t.Run(e.Name, func(t *testing.T) { runEntry(t, be, e) })
	}
}

// runEntry checks one operator on be.
func runEntry(t *testing.T, be backend.Backend, e features.Entry) {
	samples := withLists(e.Samples())
	if len(samples) == 0 {
		t.Fatal("an operator without samples is not checked")
	}
	seen := map[string]bool{}
	for i, s := range samples {
		if seen[s.Name] {
			t.Errorf("two samples are called %q", s.Name)
		}
		seen[s.Name] = true
		t.Run(s.Name, func(t *testing.T) {
			var bases []*fixture
			for round := range uint64(rounds()) {
				base, err := newFixture(be, e, s, round)
				if err != nil {
					t.Fatalf("ordinary table %d: %v", round, err)
				}
				bases = append(bases, base)
			}
			for _, check := range Checks() {
				if (!check.Once || i == 0) && check.On.takes(s.scalar != nil) {
					t.Run(check.Name, func(t *testing.T) { runCheck(t, bases, check) })
				}
			}
		})
	}
}

// rounds is how often every check is run, on other rows each time.
func rounds() int {
	if Long() {
		return 3
	}
	return 1
}

// runCheck runs one check and compares its outcome with what is known.
func runCheck(t *testing.T, bases []*fixture, check Check) {
	if !check.Serial {
		t.Parallel()
	}
	c := &Case{}
	for _, c.fixture = range bases {
		c.guarded(check.Run)
	}
	reason, known := Known(c.entry.Name, c.sample.Name, check.Name)
	switch {
	case c.skip != "":
		t.Skip(c.skip)
	case known && len(c.failures) == 0:
		t.Errorf("passes, but is listed as failing (%s): take it off the list", reason)
	case known:
		t.Skipf("known: %s: %s", reason, c.failures[0])
	}
	for _, f := range c.failures {
		t.Errorf("%s\n(%s)", f, check.Why)
	}
}

// Case is one check of one sample on its way.
type Case struct {
	*fixture
	failures []string
	skip     string
}

// maxFailures is how many failures of one check are worth reading.
const maxFailures = 5

// Errorf notes a failure; the check goes on.
func (c *Case) Errorf(format string, args ...any) {
	if len(c.failures) < maxFailures {
		c.failures = append(c.failures, fmt.Sprintf(format, args...))
	}
}

// guarded runs f; a panic is a failure like any other.
func (c *Case) guarded(f func(*Case)) {
	defer func() {
		if p := recover(); p != nil {
			c.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	f(c)
}
