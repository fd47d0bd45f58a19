package ptx

import "strings"

// carry is the pseudo register of the condition code that add.cc leaves.
const carry = "CC.CF"

// base returns the first part of an opcode, and the others.
func (in *Instr) base() (string, []string) {
	parts := strings.Split(in.Op, ".")
	return parts[0], parts[1:]
}

// writes reports whether the first operand of in is its destination.
func (in *Instr) writes() bool {
	switch base, mods := in.base(); base {
	case "st", "red", "bra", "brx", "membar", "fence", "ret", "exit", "trap", "nanosleep", "prefetch", "prefetchu":
		return false
	case "bar", "barrier":
		for _, m := range mods {
			if m == "red" {
				return true
			}
		}
		return false
	}
	return len(in.Args) > 0
}

// registers calls f with every register in o.
func (o *Operand) registers(f func(string)) {
	if o.Kind == Register {
		f(o.Name)
	}
	for i := range o.List {
		o.List[i].registers(f)
	}
}

// uses calls read with the registers that in reads and write with those that it
// writes.
func (in *Instr) uses(read, write func(string)) {
	args := in.Args
	if in.writes() {
		args[0].registers(write)
		args = args[1:]
	}
	for i := range args {
		args[i].registers(read)
	}
	if in.Guard != "" {
		read(in.Guard)
	}
	base, mods := in.base()
	if base == "addc" || base == "subc" || base == "madc" {
		read(carry)
	}
	for _, m := range mods {
		if m == "cc" {
			write(carry)
		}
	}
}

// targets returns where a branch goes, as indexes in the body.
func (e *Entry) targets(in *Instr) []int {
	switch base, _ := in.base(); {
	case base == "bra" && len(in.Args) == 1:
		return []int{e.labels[in.Args[0].Name]}
	case base == "brx" && len(in.Args) == 2:
		var at []int
		for _, l := range e.tables[in.Args[1].Name] {
			at = append(at, e.labels[l])
		}
		return at
	}
	return nil
}

// falls reports whether control may pass from in to the next instruction.
func (in *Instr) falls() bool {
	switch base, _ := in.base(); base {
	case "bra", "brx", "ret", "exit", "trap":
		return in.Guard != ""
	}
	return true
}

// bits is a set of registers, by number.
type bits []uint64

func (b bits) has(i int) bool { return b[i/64]>>(i%64)&1 != 0 }
func (b bits) add(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) remove(i int)   { b[i/64] &^= 1 << (i % 64) }

// union adds o to b and reports whether that changed b.
func (b bits) union(o bits) bool {
	changed := false
	for i, w := range o {
		changed = changed || w&^b[i] != 0
		b[i] |= w
	}
	return changed
}

// liveness says which registers are needed before each instruction that asks.
type liveness struct {
	names  []string
	number map[string]int
	starts []int  // first instruction of each block
	block  []int  // block of each instruction
	in     []bits // live at the start of each block
	entry  *Entry
}

// live analyses e: which registers may still be read, at every place.
func (e *Entry) live() *liveness {
	l := &liveness{number: map[string]int{}, entry: e}
	note := func(r string) {
		if _, ok := l.number[r]; !ok {
			l.number[r] = len(l.names)
			l.names = append(l.names, r)
		}
	}
	for _, in := range e.Body {
		in.uses(note, note)
	}
	l.blocks()
	for changed := true; changed; {
		changed = false
		for b := len(l.starts) - 1; b >= 0; b-- {
			now := l.before(l.starts[b])
			changed = l.in[b].union(now) || changed
		}
	}
	return l
}

// blocks cuts the body at labels and branches.
func (l *liveness) blocks() {
	e := l.entry
	leader := make([]bool, len(e.Body)+1)
	leader[0] = true
	for i, in := range e.Body {
		targets := e.targets(in)
		for _, t := range targets {
			leader[t] = true
		}
		leader[i+1] = leader[i+1] || targets != nil || !in.falls()
	}
	l.block = make([]int, len(e.Body))
	for i := range e.Body {
		if leader[i] {
			l.starts = append(l.starts, i)
			l.in = append(l.in, make(bits, len(l.names)/64+1))
		}
		l.block[i] = len(l.starts) - 1
	}
}

// before returns what is live before instruction at. It walks back from the end
// of its block.
func (l *liveness) before(at int) bits {
	live := make(bits, len(l.names)/64+1)
	if at >= len(l.block) {
		return live
	}
	b := l.block[at]
	end := len(l.block)
	if b+1 < len(l.starts) {
		end = l.starts[b+1]
	}
	last := l.entry.Body[end-1]
	for _, t := range l.entry.targets(last) {
		live.union(l.in[l.block[t]])
	}
	if last.falls() && end < len(l.block) {
		live.union(l.in[b+1])
	}
	for i := end - 1; i >= at; i-- {
		in := l.entry.Body[i]
		in.uses(func(string) {}, func(r string) {
			if in.Guard == "" {
				live.remove(l.number[r])
			}
		})
		in.uses(func(r string) { live.add(l.number[r]) }, func(string) {})
	}
	return live
}

// registers returns the names in a set, in the order of first use.
func (l *liveness) registers(set bits) []string {
	var names []string
	for i, n := range l.names {
		if set.has(i) {
			names = append(names, n)
		}
	}
	return names
}
