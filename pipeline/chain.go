package pipeline

import (
	"errors"
	"slices"
	"strings"

	"quern/features"
	"quern/features/column"
	"quern/features/diag"
	"quern/features/expr"
	"quern/features/program"
)

// chain is one feature of the recipe on its way from input columns (or one
// expression) through its steps. A feature without a name whose steps all take one
// lane is still one chain: its lanes never meet.
type chain struct {
	name   string // the feature's name; "" if its lanes keep the columns' names
	rename string // `as:` template with {column}; ""
	origin program.Origin
	place  diag.Place
	expr   *expr.Expr // nil: it starts with columns
	inputs []input
	steps  []*step
}

// input is where a lane starts: a register and the name that the lane has there.
type input struct {
	name  string
	lower func(*lowering) (program.Register, bool) // false: an earlier feature is not finished
	typ   column.Type
}

// step is an operator of a chain, and what it has learnt so far.
type step struct {
	name   string // of the operator, as written
	op     features.Operator
	all    bool // takes all lanes at once
	refs   []features.Reference
	origin program.Origin
	place  diag.Place
	option func(key string) diag.Place
	bound  []features.Bound // one per lane; a single one if all
	fields [][]column.Field // the types that bound[i] was bound to
}

// lane is a column of a chain between two steps. reg is program.None while only
// types are known.
type lane struct {
	column.Field
	reg   program.Register
	aside bool  // a by-product (fill's indicator): later steps leave it alone
	ids   int64 // how many ids it can have, once that is known; 0: it is not an id
}

// split returns the lanes that a step takes and those that pass it by.
func split(lanes []lane) (taken, aside []lane) {
	for _, l := range lanes {
		if l.aside {
			aside = append(aside, l)
		} else {
			taken = append(taken, l)
		}
	}
	return taken, aside
}

// bind binds the step to lanes and references, unless it already is bound to
// just these types (what it has learnt must stay).
func (s *step) bind(lanes []lane, refs []lane) error {
	groups := s.groups(lanes)
	if len(s.bound) != len(groups) {
		s.bound, s.fields = make([]features.Bound, len(groups)), make([][]column.Field, len(groups))
	}
	for i, g := range groups {
		in := fieldsOf(g, refs)
		if s.bound[i] != nil && slices.Equal(s.fields[i], in) {
			continue
		}
		bound, err := features.Bind(s.op, in)
		if err != nil {
			return s.locate(err)
		}
		s.bound[i], s.fields[i] = bound, in
	}
	return nil
}

// groups returns the lanes that meet in one operator: all of them, or each alone.
func (s *step) groups(lanes []lane) [][]lane {
	if s.all {
		return [][]lane{lanes}
	}
	groups := make([][]lane, len(lanes))
	for i := range lanes {
		groups[i] = lanes[i : i+1]
	}
	return groups
}

// rounds returns how many scans the step still wants.
func (s *step) rounds() int {
	most := 0
	for _, b := range s.bound {
		most = max(most, b.Rounds())
	}
	return most
}

// out returns the lanes after the step; regs holds the registers of all groups'
// outputs in order, or is nil while only types are known.
func (s *step) out(c *chain, lanes []lane, regs []program.Register) []lane {
	var result []lane
	for i, g := range s.groups(lanes) {
		fields := s.bound[i].Out()
		by, _ := s.bound[i].(features.ByProducer)
		ids := idsOf(s.bound[i], g, regs != nil)
		for j, f := range fields {
			next := lane{Field: column.Field{Name: c.laneName(g, fields, j), Type: f.Type}, reg: program.None}
			next.aside = by != nil && by.ByProduct(j)
			if ids != nil {
				next.ids = ids[j]
			}
			if regs != nil {
				next.reg = regs[len(result)]
			}
			result = append(result, next)
		}
	}
	return result
}

// idsOf returns how many ids each output of b has, given those of the lanes that it
// took; nil where none is an id, or while only types are known.
func idsOf(b features.Bound, lanes []lane, fitted bool) []int64 {
	if !fitted {
		return nil
	}
	if sized, ok := b.(features.Sized); ok {
		return sized.Sizes()
	}
	passer, ok := b.(features.IDPasser)
	if !ok {
		return nil
	}
	in := make([]int64, len(lanes))
	for i, l := range lanes {
		in[i] = l.ids
	}
	return passer.PassIDs(in)
}

// laneName names output j of an operator that took the lanes of group.
func (c *chain) laneName(group []lane, out []column.Field, j int) string {
	suffix := out[j].Name
	if replacement, ok := strings.CutPrefix(suffix, "="); ok {
		return replacement
	}
	base := c.name
	if len(group) == 1 {
		base = group[0].Name
	} else if suffix == "" && len(out) == len(group) {
		return group[j].Name // one output per lane: they keep their names
	}
	if suffix == "" {
		return base
	}
	if base == "" {
		return suffix
	}
	return base + "_" + suffix
}

// finish gives the lanes the names under which they leave the chain.
func (c *chain) finish(lanes []lane) []lane {
	for i := range lanes {
		if c.rename != "" {
			lanes[i].Name = strings.ReplaceAll(c.rename, "{column}", lanes[i].Name)
		}
	}
	return lanes
}

// locate adds the place of the step, or of the option that is at fault, to an
// operator's error.
func (s *step) locate(err error) error {
	place := s.place
	var option *features.OptionError
	if errors.As(err, &option) && option.Path != "" {
		place = s.option(option.Path)
	}
	return placed(err, "Q035", place, func(e *diag.Error) *diag.Error {
		c := *e
		rest := strings.TrimPrefix(e.Message, s.name) // most messages name the operator themselves
		if rest == e.Message {
			rest = ": " + rest
		}
		c.Message = "operator " + s.name + rest
		return &c
	})
}

func fieldsOf(lanes, refs []lane) []column.Field {
	fields := make([]column.Field, 0, len(lanes)+len(refs))
	for _, l := range lanes {
		fields = append(fields, l.Field)
	}
	for _, l := range refs {
		fields = append(fields, l.Field)
	}
	return fields
}

func registersOf(lanes, refs []lane) []program.Register {
	regs := make([]program.Register, 0, len(lanes)+len(refs))
	for _, l := range lanes {
		regs = append(regs, l.reg)
	}
	for _, l := range refs {
		regs = append(regs, l.reg)
	}
	return regs
}
