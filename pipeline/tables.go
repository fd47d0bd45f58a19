package pipeline

import (
	"errors"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// maxTable is how many distinct values a column may have for its table to be
// kept: as many as 16-bit codes can tell apart.
const maxTable = 1 << 16

// tables hold, per column, every value with its count among the rows that were
// learnt from. Statistics are exact, so one over a single column is the same
// whether it sees the rows or the table: where there is a table, later phases need
// no scan. Float columns have none, because a count of values does not tell -0
// from 0, and a program does.
type tables map[string]table

// table is one column's values, each once, in storage form, with their counts.
type table struct {
	values column.Column
	counts []uint64
}

// tableSpecs adds to ph the table of each column on which, alone, some statistic
// depends, and returns the columns in the order of the added statistics.
func tableSpecs(ph *Phase, limit int) []string {
	var columns []string
	domains := ph.Program.Domains()
	seen := map[program.Domain]bool{}
	for _, o := range ph.Program.Observes {
		d := domainOf(domains, o.Args)
		if o.Stat >= len(ph.wants) || d < 0 || seen[d] {
			continue
		}
		seen[d] = true
		f := ph.Program.Inputs[d]
		if f.Type.Kind() == column.Floats || f.Type.IsList() {
			continue
		}
		load := loadOf(ph.Program, int(d))
		ph.Program.Observes = append(ph.Program.Observes, program.Observed{Stat: len(ph.Specs), Args: []program.Register{load}})
		ph.Specs = append(ph.Specs, stat.Spec{Kind: stat.KindEntries, Types: []column.Type{f.Type}, Limit: limit})
		columns = append(columns, f.Name)
	}
	return columns
}

// loadOf returns the register that loads input i. There is one: the program's
// statistics depend on it.
func loadOf(p *program.Program, i int) program.Register {
	for r, in := range p.Code {
		if in.Op == program.Load && in.Imm.Int == int64(i) {
			return program.Register(r)
		}
	}
	panic("quern: bug: input is never loaded")
}

// domainOf returns the smallest domain that holds all of regs.
func domainOf(domains []program.Domain, regs []program.Register) program.Domain {
	d := program.Constant
	for _, r := range regs {
		d = d.Join(domains[r])
	}
	return d
}

// add keeps what a scan counted, unless there were too many values.
func (t tables) add(name string, counts *stat.Entries) error {
	if counts.Overflowed() {
		return nil
	}
	types := counts.Spec().Types
	tab := table{values: column.Column{Values: column.Vector{Type: types[0]}}}
	cells := make([]stat.Cell, 1)
	err := counts.Each(func(key []byte, count uint64) bool {
		if err := stat.DecodeKey(types, key, cells); err != nil {
			panic("quern: bug: own key does not decode: " + err.Error())
		}
		c := cells[0]
		program.AppendStored(&tab.values.Values, program.Value{Null: c.Null, Bool: c.Bool, Int: c.Int, Float: c.Float, Str: c.Str})
		tab.counts = append(tab.counts, count)
		return true
	})
	tab.values.Len = tab.values.Values.Len
	t[name] = tab
	return err
}

// answer computes those statistics of ph that a table can, and returns which are
// still to be scanned for. learnt[i] is set for the others.
func (t tables) answer(be backend.Backend, ph *Phase, learnt []stat.Statistic, res stat.Resources) (scan []int, err error) {
	domains := ph.Program.Domains()
	answered := make([]*program.Observed, len(ph.Specs))
	for i, o := range ph.Program.Observes {
		d := domainOf(domains, o.Args)
		if answered[o.Stat] == nil && d >= 0 && len(o.Args) == 1 {
			if _, ok := t[ph.Program.Inputs[d].Name]; ok {
				answered[o.Stat] = &ph.Program.Observes[i]
				continue
			}
		}
		answered[o.Stat] = &program.Observed{Stat: -1} // several tuples, or no table
	}
	for i, o := range answered {
		if o == nil || o.Stat < 0 {
			scan = append(scan, i)
			continue
		}
		input := int(domains[o.Args[0]])
		learnt[i], err = t.observe(be, ph, *o, input, res)
		if fault := new(program.RowError); errors.As(err, &fault) {
			scan = append(scan, i) // a scan finds the row that is to blame
		} else if err != nil {
			return nil, err
		}
	}
	return scan, nil
}

// observe shows one statistic the register that it wants, over a column's table.
func (t tables) observe(be backend.Backend, ph *Phase, o program.Observed, input int, res stat.Resources) (stat.Statistic, error) {
	tab := t[ph.Program.Inputs[input].Name]
	exe, err := be.Compile(onlyOutput(ph.Program, program.Output{Name: "value", Register: o.Args[0], Role: program.RoleFeature}))
	if err != nil {
		return nil, err
	}
	session := exe.NewSession()
	defer session.Close()
	in := column.Batch{Rows: tab.values.Len, Columns: []column.Column{tab.values}}
	out, err := session.Run(in, nil)
	if err != nil {
		return nil, err
	}
	s, err := stat.New(ph.Specs[o.Stat], res)
	if err != nil {
		return nil, err
	}
	s.Observe([]column.Column{registerForm(out.Columns[0])}, tab.counts)
	return s, nil
}

// registerForm returns c as a plain column whose values are widened as a program
// would hold them.
func registerForm(c column.Column) column.Column {
	v := column.Vector{Type: c.Type()}
	for i := range c.Len {
		program.AppendRegister(&v, program.ValueAt(&c.Values, c.Slot(i)))
	}
	return column.Column{Len: c.Len, Values: v}
}
