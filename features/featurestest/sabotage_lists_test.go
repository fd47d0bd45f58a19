package featurestest

import (
	"slices"
	"strings"
	"testing"

	"quern/cpu"
	"quern/features"
	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// listFailures runs one check on the sample called name of an operator, which may be
// a lifted one.
func listFailures(t *testing.T, be backend.Backend, operator, name, check string, tamper func(*fixture)) string {
	t.Helper()
	entry, _ := features.Find(operator)
	samples := withLists(entry.Samples())
	i := slices.IndexFunc(samples, func(s sample) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("%s has no sample %s", operator, name)
	}
	base, err := newFixture(be, entry, samples[i], 0)
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

// spoilt returns a batch with copies of its columns of lists, spoilt by f.
func spoilt(in column.Batch, f func(*column.Vector)) column.Batch {
	in.Columns = slices.Clone(in.Columns)
	for i := range in.Columns {
		if in.Columns[i].Type().IsList() {
			in.Columns[i] = cloneColumn(&in.Columns[i])
			f(&in.Columns[i].Values)
		}
	}
	return in
}

// spoilOutput spoils the lists that a session gives.
func spoilOutput(f func(*column.Vector)) func(*brokenSession, column.Batch, []stat.Statistic) (column.Batch, error) {
	return func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
		out, err := s.Session.Run(in, into)
		return spoilt(out, f), err
	}
}

// spoilObserved spoils the lists that statistics observe.
func spoilObserved(f func(*column.Vector)) func(*brokenSession, column.Batch, []stat.Statistic) (column.Batch, error) {
	return func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
		if len(into) > 0 {
			in = spoilt(in, f)
		}
		return s.Session.Run(in, into)
	}
}

// without takes away the last element that is not null.
func without(v *column.Vector) {
	for i := v.Len - 1; i >= 0; i-- {
		lo, hi := v.List(i)
		for lost := hi - 1; lost >= lo; lost-- {
			if v.Elements.Null(lost) {
				continue
			}
			var keep []int32
			for e := range v.Elements.Len {
				if e != lost {
					keep = append(keep, int32(e))
				}
			}
			var elements column.Column
			column.Take(&elements, v.Elements, keep)
			v.Elements = &elements
			for j := i + 1; j <= v.Len; j++ {
				v.Offsets[j]--
			}
			return
		}
	}
}

// listFaults are what back ends do wrong with lists. The samples are of standardize
// on lists of float64, and of pad.
func listFaults() []sabotage {
	return []sabotage{
		{"lifted", "does not observe the last element", spoilObserved(without)},
		{"lifted", "loses the last element", spoilOutput(without)},
		{"lifted", "observes null elements as values", spoilObserved(func(v *column.Vector) { v.Elements.Values.Valid = nil })},
		{"lifted", "takes null lists for empty ones", spoilOutput(func(v *column.Vector) { v.Valid = nil })},
		{"lifted", "gives an element to its neighbour", spoilOutput(func(v *column.Vector) {
			for i := 1; i < v.Len; i++ {
				if lo, hi := v.List(i); lo < hi && !v.Null(i-1) {
					v.Offsets[i]++
					return
				}
			}
		})},
		{"row_by_row", "swaps two elements", spoilOutput(func(v *column.Vector) {
			if x := v.Elements.Values.Float64s; len(x) > 1 && v.Elements.Index == nil {
				x[0], x[1] = x[1], x[0]
			}
		})},
		{"row_by_row", "gives null lists elements", spoilOutput(func(v *column.Vector) {
			for i := range v.Len {
				if lo, hi := v.List(i); lo < hi && v.Valid != nil {
					v.Valid[i/64] &^= 1 << (i % 64)
					return
				}
			}
		})},
		{"garbage", "reads elements under nulls", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			return s.Session.Run(spoilt(in, func(v *column.Vector) { v.Elements.Values.Valid = nil }), into)
		}},
		{"untouched", "writes to elements", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			if v := in.Columns[0].Values.Elements.Values.Float64s; len(v) > 3 && s.runs == 1 && len(into) == 0 {
				v[3]++
			}
			return s.Session.Run(in, into)
		}},
		{"invariance", "takes the codes of elements for rows", func(s *brokenSession, in column.Batch, into []stat.Statistic) (column.Batch, error) {
			return s.Session.Run(spoilt(in, func(v *column.Vector) {
				if e := v.Elements; e.Index != nil && e.Values.Len >= e.Len {
					for i := range e.Index {
						e.Index[i] = int32(i)
					}
				}
			}), into)
		}},
	}
}

// TestChecksCatchBrokenLists: each fault with lists is found by the check that is
// meant to find it, which a sound back end passes.
func TestChecksCatchBrokenLists(t *testing.T) {
	for _, c := range listFaults() {
		if got := listFailures(t, &brokenBackend{cpu.New(), c.run}, "standardize", "default_float64_in_lists", c.check, nil); got == "" {
			t.Errorf("a back end that %s passes %s", c.name, c.check)
		}
		if got := listFailures(t, cpu.New(), "standardize", "default_float64_in_lists", c.check, nil); got != "" {
			t.Errorf("a sound back end fails %s: %s", c.check, got)
		}
	}
}

// brokenLift is an operator on lists that does something else than on scalars.
type brokenLift struct{ features.Bound }

func (b brokenLift) Fit(learnt []stat.Statistic) (features.Bound, error) {
	bound, err := b.Bound.Fit(learnt)
	return brokenLift{bound}, err
}

func (b brokenLift) Lower(builder *program.Builder, in []program.Register, mode features.Mode) []program.Register {
	last := builder.Emit(program.ListSlice, program.Imm{Int: 0, Extra: 2}, in[0])
	return b.Bound.Lower(builder, []program.Register{last}, mode)
}

// TestChecksCatchBrokenListOperators: likewise for operators and models.
func TestChecksCatchBrokenListOperators(t *testing.T) {
	for _, c := range []struct {
		check, operator, sample, name string
		tamper                        func(*fixture)
	}{
		{"lifted", "categorify", "string_in_lists", "is another operator on lists", func(f *fixture) {
			f.sample.Operator = &features.Categorify{MinCount: 2, Padding: true}
		}},
		{"statistics", "standardize", "default_float64_in_lists", "forgets elements", func(f *fixture) { f.bound = brokenLift{f.bound} }},
		{"ids", "categorify", "string_in_lists", "has more ids than it says", func(f *fixture) { f.model.Sizes = []int64{2} }},
		{"names", "pad", "one_list<int64>", "gives another model every time", func(f *fixture) { f.bytes = f.bytes[1:] }},
	} {
		if got := listFailures(t, cpu.New(), c.operator, c.sample, c.check, c.tamper); got == "" {
			t.Errorf("%s that %s passes %s", c.operator, c.name, c.check)
		}
		if got := listFailures(t, cpu.New(), c.operator, c.sample, c.check, nil); got != "" {
			t.Errorf("%s fails %s: %s", c.operator, c.check, got)
		}
	}
}

// TestLiftedSamples: what can be applied to lists is checked on lists, and only that.
func TestLiftedSamples(t *testing.T) {
	for _, e := range features.Catalogue() {
		lifted := 0
		for _, s := range withLists(e.Samples()) {
			if s.scalar != nil {
				lifted++
			}
		}
		refuses := slices.Contains([]string{"cross", "drop", "keep", "pad", "pca", "pool", "rename", "slice", "target_encode"}, e.Name)
		if (lifted == 0) != refuses {
			t.Errorf("%s: %d lifted samples", e.Name, lifted)
		}
	}
}
