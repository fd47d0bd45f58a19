package program

// Component is a part of a program that shares no input column with the rest.
type Component struct {
	Program *Program // its Observes count statistics from 0: Stats says which they are
	Outputs []int    // numbers of its outputs in the whole program, ascending
	Stats   []int    // numbers of its statistics in the whole program, ascending
}

// Whole returns p as its own only component.
func (p *Program) Whole() Component {
	return Component{Program: p, Outputs: upTo(len(p.Outputs)), Stats: upTo(statCount(p))}
}

// upTo returns 0 .. n-1.
func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// Split cuts p into its components, in the order of their first outputs, then of
// their first statistics. Whoever runs all of them, in any order, has run p. What
// depends on constants only goes with the first component. A statistic that observes
// several tuples keeps them together.
func (p *Program) Split() []Component {
	s := splitter{p: p, inputs: newSets(len(p.Inputs)), rep: make([]int, len(p.Code))}
	for i := range p.Code {
		s.rep[i] = s.instr(i)
	}
	stats := map[int]int{} // an input that each statistic depends on
	for _, o := range p.Observes {
		at := s.meet(o.Args)
		if known, ok := stats[o.Stat]; ok {
			at = s.inputs.join(known, at)
		}
		stats[o.Stat] = at
	}
	return s.components(stats)
}

type splitter struct {
	p      *Program
	inputs sets
	rep    []int // per register: an input that it depends on, or -1
}

// instr unites the inputs that instruction i brings together.
func (s *splitter) instr(i int) int {
	in := &s.p.Code[i]
	if in.Op == Load {
		return int(in.Imm.Int)
	}
	return s.meet(in.Args)
}

// meet unites the inputs of registers and returns one of them, or -1.
func (s *splitter) meet(registers []Register) int {
	at := -1
	for _, r := range registers {
		at = s.inputs.join(at, s.rep[r])
	}
	return at
}

// components collects outputs and statistics by the set of inputs that they need.
func (s *splitter) components(stats map[int]int) []Component {
	type part struct{ outputs, stats []int }
	var parts []*part
	bySet := map[int]*part{}
	at := func(input int) *part {
		set := s.inputs.find(input)
		if set < 0 && len(parts) > 0 {
			return parts[0]
		}
		if bySet[set] == nil {
			bySet[set] = &part{}
			parts = append(parts, bySet[set])
		}
		return bySet[set]
	}
	for i, o := range s.p.Outputs {
		c := at(s.rep[o.Register])
		c.outputs = append(c.outputs, i)
	}
	for stat := range statCount(s.p) {
		if input, ok := stats[stat]; ok {
			c := at(input)
			c.stats = append(c.stats, stat)
		}
	}
	result := make([]Component, len(parts))
	for i, c := range parts {
		result[i] = Component{Program: s.p.only(c.outputs, c.stats), Outputs: c.outputs, Stats: c.stats}
	}
	return result
}

func statCount(p *Program) int {
	n := 0
	for _, o := range p.Observes {
		n = max(n, o.Stat+1)
	}
	return n
}

// only returns p cut down to some outputs and statistics, which it numbers anew.
func (p *Program) only(outputs, stats []int) *Program {
	cut := *p
	cut.Outputs, cut.Observes = nil, nil
	for _, i := range outputs {
		cut.Outputs = append(cut.Outputs, p.Outputs[i])
	}
	number := map[int]int{}
	for i, stat := range stats {
		number[stat] = i
	}
	for _, o := range p.Observes {
		if at, ok := number[o.Stat]; ok {
			cut.Observes = append(cut.Observes, Observed{Stat: at, Args: o.Args})
		}
	}
	return cut.Pruned()
}

// sets is a union-find over 0 .. n-1; -1 belongs to no set.
type sets []int

func newSets(n int) sets {
	return upTo(n)
}

func (s sets) find(i int) int {
	if i < 0 {
		return -1
	}
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

// join unites the sets of i and j and returns one of the two that is no -1, or -1.
func (s sets) join(i, j int) int {
	if i < 0 {
		return j
	}
	if j >= 0 {
		s[s.find(j)] = s.find(i)
	}
	return i
}
