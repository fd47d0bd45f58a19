package featurestest

import (
	"errors"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"quern/cpu"
	"quern/features"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// brokenBackend is a back end with one fault, for checks to find.
type brokenBackend struct {
	backend.Backend
	run func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error)
}

type brokenExecutable struct {
	backend.Executable
	*brokenBackend
	sessions atomic.Int64
}

// brokenSession hands every batch to the fault.
type brokenSession struct {
	backend.Session
	*brokenBackend
	number int // among the sessions of its executable
	runs   int
	sink   []byte
}

func (b *brokenBackend) Compile(p *program.Program) (backend.Executable, error) {
	e, err := b.Backend.Compile(p)
	return &brokenExecutable{Executable: e, brokenBackend: b}, err
}

func (e *brokenExecutable) NewSession() backend.Session {
	number := int(e.sessions.Add(1))
	return &brokenSession{Session: e.Executable.NewSession(), brokenBackend: e.brokenBackend, number: number}
}

func (s *brokenSession) Run(in column.Batch, into []stat.Statistic) (column.Batch, error) {
	s.runs++
	return s.run(s, in, into)
}

// negate spoils an output: it turns the sign of the first real in it.
func negate(out column.Batch, err error) (column.Batch, error) {
	for i := range out.Columns {
		if v := out.Columns[i].Values; len(v.Float64s) > 0 {
			c := cloneColumn(&out.Columns[i])
			for j := range c.Values.Float64s {
				c.Values.Float64s[j] = -c.Values.Float64s[j] - 1
			}
			out.Columns = slices.Clone(out.Columns)
			out.Columns[i] = c
		}
	}
	return out, err
}

// brokenBound is an operator's learning with a fault: it spoils what it was shown.
type brokenBound struct{ features.Bound }

func (b brokenBound) Fit(learnt []stat.Statistic) (features.Bound, error) {
	if err := learnt[0].Merge(learnt[0]); err != nil {
		return nil, err
	}
	row := column.Column{Len: 1, Values: column.Vector{Type: column.Float64, Len: 1, Float64s: []float64{1000}}}
	learnt[0].Observe([]column.Column{row}, nil)
	return b.Bound.Fit(learnt)
}

// failuresOf runs one check on the first sample of an operator, after tamper has
// spoilt what the check looks at.
func failuresOf(t *testing.T, be backend.Backend, operator, check string, tamper func(*fixture)) string {
	t.Helper()
	entry, _ := features.Find(operator)
	base, err := newFixture(be, entry, sample{Sample: entry.Samples()[0]}, 0)
	if err != nil {
		return err.Error()
	}
	if tamper != nil {
		tamper(base)
	}
	at := slices.IndexFunc(Checks(), func(c Check) bool { return c.Name == check })
	c := &Case{fixture: base}
	c.guarded(Checks()[at].Run)
	return strings.Join(c.failures, "\n")
}

// sabotage is a fault of a back end and the check that is meant to find it.
type sabotage struct {
	check, name string
	run         func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error)
}

// roughFaults are wrong whatever the values.
func roughFaults() []sabotage {
	return []sabotage{
		{"untouched", "writes to its input", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if v := in.Columns[0].Values.Float64s; len(v) > 3 && s.runs == 1 && len(into) == 0 {
				v[3]++
			}
			return s.Session.Run(in, into)
		}},
		{"invariance", "writes to what it observes", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if v := in.Columns[0].Values.Float64s; len(into) > 0 && len(v) > 0 && len(v) < 50 {
				defer func() { v[0]++ }()
			}
			return s.Session.Run(in, into)
		}},
		{"invariance", "forgets a row of large batches", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if len(into) > 0 && in.Rows > 64 {
				keep := make([]int32, in.Rows-1)
				for i := range keep {
					keep[i] = int32(i)
				}
				cut := column.Batch{Rows: len(keep), Columns: make([]column.Column, len(in.Columns))}
				for i := range in.Columns {
					column.Take(&cut.Columns[i], &in.Columns[i], keep)
				}
				in = cut
			}
			return s.Session.Run(in, into)
		}},
		{"garbage", "reads what is under nulls", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			bare := column.Batch{Rows: in.Rows, Columns: slices.Clone(in.Columns)}
			for i := range bare.Columns {
				bare.Columns[i].Values.Valid = nil
			}
			return s.Session.Run(bare, into)
		}},
		{"row_by_row", "is wrong for batches of 128", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if out, err := s.Session.Run(in, into); in.Rows != 128 {
				return out, err
			} else {
				return negate(out, err)
			}
		}},
		{"row_by_row", "swallows nulls", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			out, err := s.Session.Run(in, into)
			for i := range out.Columns {
				out.Columns[i].Values.Valid = nil
			}
			return out, err
		}},
		{"concurrent", "is wrong in the fifth session", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if out, err := s.Session.Run(in, into); s.number < 5 {
				return out, err
			} else {
				return negate(out, err)
			}
		}},
	}
}

// edgeFaults show only on some values, or in some sizes, or nowhere in the values.
func edgeFaults() []sabotage {
	return []sabotage{
		{"edges", "panics on no rows", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if in.Rows == 0 && len(into) > 0 {
				panic("no rows")
			}
			return s.Session.Run(in, into)
		}},
		{"edges", "does not keep infinities apart", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			out, err := s.Session.Run(in, into)
			for i := range out.Columns {
				out.Columns[i] = cloneColumn(&out.Columns[i])
				for j, x := range out.Columns[i].Values.Float64s {
					out.Columns[i].Values.Float64s[j] = max(x, -math.MaxFloat64)
				}
			}
			return out, err
		}},
		{"edges", "returns an error of no code", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if len(into) > 0 && in.Rows == 1 {
				return column.Batch{}, errors.New("one row is not enough")
			}
			return s.Session.Run(in, into)
		}},
		{"huge", "forgets a row of very large batches", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if len(into) > 0 && in.Rows > 1<<16 {
				in.Columns = slices.Clone(in.Columns)
				for i := range in.Columns {
					in.Columns[i] = cloneColumn(&in.Columns[i])
					in.Columns[i].Values.Valid = column.NewBitmap(in.Columns[i].Values.Len)
				}
			}
			return s.Session.Run(in, into)
		}},
		{"allocations", "allocates", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			s.sink = make([]byte, 100)
			return s.Session.Run(in, into)
		}},
	}
}

// TestChecksCatchBrokenBackends: each fault of a back end is found by the check that
// is meant to find it.
func TestChecksCatchBrokenBackends(t *testing.T) {
	for _, c := range append(roughFaults(), edgeFaults()...) {
		if raceEnabled && slices.Contains([]string{"allocations", "huge"}, c.check) ||
			testing.Short() && (c.check == "huge" || c.check == "edges" && raceEnabled) {
			continue // the check itself is not run so, or not in full
		}
		if got := failuresOf(t, &brokenBackend{cpu.New(), c.run}, "standardize", c.check, nil); got == "" {
			t.Errorf("a back end that %s passes %s", c.name, c.check)
		}
	}
}

// other returns the model of another sample of standardize.
func other(t *testing.T) *fixture {
	t.Helper()
	entry, _ := features.Find("standardize")
	base, err := newFixture(cpu.New(), entry, sample{Sample: entry.Samples()[4]}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return base
}

// TestChecksCatchBrokenOperators: likewise for what operators and models do wrong.
func TestChecksCatchBrokenOperators(t *testing.T) {
	for _, c := range []struct {
		check, operator, name string
		tamper                func(*fixture)
	}{
		{"spec", "cast", "loses an option", func(f *fixture) {
			f.sample.Operator = &features.Cast{To: "no such type", OnError: "\xff"}
		}},
		{"spec", "standardize", "is not what New makes", func(f *fixture) { f.sample.Operator = &features.Log1p{} }},
		{"documented", "clip", "has no rule for null", func(f *fixture) { f.entry.Doc.Null = " " }},
		{"documented", "clip", "hides an option", func(f *fixture) { f.entry.Doc.Options = f.entry.Doc.Options[1:] }},
		{"documented", "clip", "has another's example", func(f *fixture) { f.entry.Doc.Example = "log1p" }},
		{"documented", "clip", "is not in the page", func(f *fixture) { f.entry.Doc.Summary = "Does nothing." }},
		{"learnt", "standardize", "tells half of it", func(f *fixture) { f.model.Learnt[0].Numbers[0].Text = "about 3" }},
		{"learnt", "standardize", "tells it twice", func(f *fixture) {
			f.model.Learnt[0].Numbers = append(f.model.Learnt[0].Numbers, f.model.Learnt[0].Numbers[0])
		}},
		{"learnt", "standardize", "tells nothing", func(f *fixture) { f.model.Learnt = nil }},
		{"ids", "categorify", "has more ids than it says", func(f *fixture) { f.model.Sizes = []int64{2} }},
		{"labels", "standardize", "differs in training", func(f *fixture) { f.model.Training = other(t).model.Training }},
		{"labels", "target_encode", "serves the label", func(f *fixture) {
			f.model.Serving.Inputs = append(f.model.Serving.Inputs, column.Field{Name: "y", Type: column.Bool})
		}},
		{"names", "datetime", "has two outputs of one name", func(f *fixture) { f.model.Serving.Outputs[1].Name = f.model.Serving.Outputs[0].Name }},
		{"names", "standardize", "gives another model every time", func(f *fixture) { f.bytes = other(t).bytes }},
		{"statistics", "standardize", "learns what it was not shown", func(f *fixture) { f.bound = brokenBound{f.bound} }},
		{"statistics", "standardize", "is planned as another", func(f *fixture) { f.model = other(t).model }},
		{"model_file", "standardize", "loads as another model", func(f *fixture) { f.bytes = other(t).bytes }},
	} {
		if got := failuresOf(t, cpu.New(), c.operator, c.check, c.tamper); got == "" {
			t.Errorf("%s that %s passes %s", c.operator, c.name, c.check)
		}
	}
}

// TestEveryCheckIsListedOnce: names are what Known and -run go by.
func TestEveryCheckIsListedOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Checks() {
		if c.Name == "" || c.Why == "" || c.Run == nil || seen[c.Name] {
			t.Errorf("check %q", c.Name)
		}
		seen[c.Name] = true
	}
	if _, known := Known("no such operator", "", ""); known {
		t.Error("an exception for an operator that is not there")
	}
}

// TestSourceKeepsTheContract: a batch is overwritten by the next call, and a write
// to one is found out.
func TestSourceKeepsTheContract(t *testing.T) {
	schema := column.Schema{{Name: "a", Type: column.Int64}, {Name: "b", Type: column.String}}
	rows := calmTable(newRand(1), schema, 20)
	chunks := rows.cut(newRand(2), mixed, func() int { return 7 })
	src := NewSource(schema, chunks...)
	if _, err := src.NewReader([]string{"c"}); err == nil {
		t.Error("a reader of a column that is not there")
	}
	r, err := src.NewReader([]string{"b", "a"})
	if err != nil {
		t.Fatal(err)
	}
	first, err := r.Read(t.Context(), src.Chunks()[2])
	if err != nil || first.Rows != 6 || !sameMemory(&first.Columns[0], &chunks[2].Columns[1]) {
		t.Fatalf("chunk 2 has %d rows (%v)", first.Rows, err)
	}
	if _, err = r.Read(t.Context(), src.Chunks()[0]); err != nil {
		t.Fatal(err)
	}
	if sameMemory(&first.Columns[1], &chunks[2].Columns[0]) {
		t.Error("the last batch is still good after the next call")
	}
	again, err := r.Read(t.Context(), src.Chunks()[2])
	if err != nil {
		t.Fatal(err)
	}
	again.Columns[1].Values.Int64s[0]++
	if err := r.Close(); err == nil {
		t.Error("a write to a batch went unnoticed")
	}
}

// TestSmallestModelRefusesEveryFlip: of one small model every bit counts.
func TestSmallestModelRefusesEveryFlip(t *testing.T) {
	if testing.Short() {
		t.Skip("80,000 reads")
	}
	entry, _ := features.Find("log1p")
	base, err := newFixture(cpu.New(), entry, sample{Sample: entry.Samples()[0]}, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &Case{fixture: base}
	data := slices.Clone(base.bytes)
	for at := range data {
		for bit := range 8 {
			data[at] ^= 1 << bit
			c.refused(data, "a flipped bit", at)
			data[at] ^= 1 << bit
		}
		c.refused(data[:at], "cut off", at)
	}
	for _, f := range c.failures {
		t.Error(f)
	}
}
