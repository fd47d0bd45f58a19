package ptx

import (
	"fmt"
	"slices"
	"strings"
)

// mods are the parts of an opcode behind its first. Each emitter takes what it
// knows; what is left over is an error.
type mods struct {
	w     *writer
	parts []string
}

// take removes m and reports whether it was there.
func (m *mods) take(part string) bool {
	i := slices.Index(m.parts, part)
	if i < 0 {
		return false
	}
	m.parts = slices.Delete(m.parts, i, i+1)
	return true
}

// one removes the first of options that is there and returns it, or "".
func (m *mods) one(options ...string) string {
	for _, o := range options {
		if m.take(o) {
			return o
		}
	}
	return ""
}

// kind removes and returns the last part, which must be one of types; no types:
// any that has a width.
func (m *mods) kind(types ...string) string {
	if len(m.parts) == 0 {
		m.w.fail("type is missing")
	}
	t := m.parts[len(m.parts)-1]
	if len(types) == 0 && width(t) == 0 || len(types) > 0 && !slices.Contains(types, t) {
		m.w.fail("type %q is not known here", t)
	}
	m.parts = m.parts[:len(m.parts)-1]
	return t
}

// end refuses what no emitter has taken.
func (m *mods) end() {
	if len(m.parts) > 0 {
		m.w.fail("modifier %q is not known here", strings.Join(m.parts, "."))
	}
}

// instruction writes the C of the current instruction.
func (w *writer) instruction() {
	in := w.in
	if in.Guard != "" {
		not := ""
		if in.GuardNot {
			not = "!"
		}
		w.emit("if (%s%s) {", not, w.names[in.Guard])
		defer w.emit("}")
	}
	base, parts := in.base()
	m := &mods{w, slices.Clone(parts)}
	for _, family := range []func(string, *mods) bool{w.control, w.move, w.arithmetic, w.logic, w.compare, w.memory, w.warp} {
		if family(base, m) {
			return
		}
	}
	w.fail("unknown instruction")
}

// args checks how many operands there are.
func (w *writer) args(n int) []Operand {
	if len(w.in.Args) != n {
		w.fail("%d operands, want %d", len(w.in.Args), n)
	}
	return w.in.Args
}

// arg returns operand i as a C expression of type t.
func (w *writer) arg(i int, t string) string {
	if i >= len(w.in.Args) {
		w.fail("%d operands are too few", len(w.in.Args))
	}
	return w.value(w.in.Args[i], t)
}

// value returns o as a C expression of type t.
func (w *writer) value(o Operand, t string) string {
	if o.Not && t != "pred" {
		w.fail("negated operand is not known here")
	}
	c := cType(t)
	switch o.Kind {
	case Register:
		return w.register(o, t)
	case Special:
		if t == "pred" || isFloat(t) || width(t) < 32 {
			w.fail("%s as %s is not known", o.Name, t)
		}
		return "(" + c + ")" + specialC(o.Name)
	case Integer:
		return w.integer(o, t)
	case Float32:
		if t == "f32" {
			return fmt.Sprintf("q_f32(0x%xu)", o.Value)
		}
	case Float64:
		if t == "f64" {
			return fmt.Sprintf("q_f64(0x%xull)", o.Value)
		}
		if t == "f32" {
			w.fail("double constant as f32")
		}
	case Symbol:
		if width(t) >= 32 && !isFloat(t) {
			return "(" + c + ")" + w.symbolAddress(o)
		}
	}
	w.fail("operand %q is not known as %s", o.Name, t)
	return ""
}

func (w *writer) register(o Operand, t string) string {
	declared, name := w.registerType(o.Name), w.names[o.Name]
	switch {
	case t == "pred" || declared == "pred":
		if t != declared {
			w.fail("%s of type %s used as %s", o.Name, declared, t)
		}
		if o.Not {
			return "!" + name
		}
		return name
	case isFloat(t) != isFloat(declared) && width(t) != width(declared):
		w.fail("%s of type %s used as %s", o.Name, declared, t)
	case width(t) > width(declared):
		w.fail("%s of type %s is too narrow for %s", o.Name, declared, t)
	case isFloat(t) && isFloat(declared):
		if t != declared {
			w.fail("%s of type %s used as %s", o.Name, declared, t)
		}
		return name
	case isFloat(t):
		return fmt.Sprintf("q_%s(%s)", t, name)
	case isFloat(declared):
		return fmt.Sprintf("(%s)q_bits_%s(%s)", cType(t), declared, name)
	}
	return "(" + cType(t) + ")" + name
}

// integer writes an integer constant. Its bits are cut to the width of t.
func (w *writer) integer(o Operand, t string) string {
	switch {
	case t == "pred":
		if (o.Value != 0) != o.Not {
			return "1"
		}
		return "0"
	case isFloat(t):
		w.fail("integer constant as %s", t)
	}
	v := o.Value
	if n := width(t); n < 64 {
		v &= 1<<n - 1
	}
	return fmt.Sprintf("(%s)%dull", cType(t), v)
}

// symbolAddress returns the address of a variable, as uint64_t.
func (w *writer) symbolAddress(o Operand) string {
	if p, ok := w.shared[o.Name]; ok {
		return fmt.Sprintf("%dull", uint64(p.at)+uint64(o.Offset))
	}
	p, ok := w.vars[o.Name]
	if !ok {
		w.fail("symbol %s is not known", o.Name)
	}
	if p.v.Space == "const" {
		return fmt.Sprintf("%dull", uint64(p.at)+uint64(o.Offset))
	}
	return fmt.Sprintf("(q->globals[%d] + %dull)", p.at, uint64(o.Offset))
}

// set assigns expr of type t to destination o. Narrow values are extended to
// the register, by sign if t is signed.
func (w *writer) set(o Operand, t, expr string) {
	if o.Kind == Sink {
		w.emit("(void)(%s);", expr)
		return
	}
	if o.Kind != Register {
		w.fail("destination is no register")
	}
	declared, name := w.registerType(o.Name), w.names[o.Name]
	switch {
	case (t == "pred") != (declared == "pred"), width(declared) < width(t):
		w.fail("%s result in %s of type %s", t, o.Name, declared)
	case isFloat(t) && isFloat(declared):
		if t != declared {
			w.fail("%s result in %s of type %s", t, o.Name, declared)
		}
	case isFloat(t):
		if width(t) != width(declared) {
			w.fail("%s result in %s of type %s", t, o.Name, declared)
		}
		expr = fmt.Sprintf("q_bits_%s(%s)", t, expr)
	case isFloat(declared):
		if width(t) != width(declared) {
			w.fail("%s result in %s of type %s", t, o.Name, declared)
		}
		expr = fmt.Sprintf("q_%s(%s)", declared, expr)
	case t != "pred":
		expr = fmt.Sprintf("(%s)(%s)(%s)", storage(declared), cType(t), expr)
	}
	w.emit("%s = %s;", name, expr)
}

// control writes branches and what has no effect on registers.
func (w *writer) control(base string, m *mods) bool {
	switch base {
	case "bra":
		m.take("uni")
		w.branch(w.e.labels[w.args(1)[0].Name])
	case "brx":
		if !m.take("idx") {
			w.fail("brx without idx")
		}
		m.take("uni")
		w.branchTable()
	case "ret":
		m.take("uni")
		w.emit("t->state = Q_DONE; return;")
	case "exit":
		w.emit("t->state = Q_DONE; return;")
	case "trap":
		w.emit("q_fault(q, t, %d, \"trap\");", w.in.Line)
	case "membar":
		if m.one("gl", "cta", "sys") == "" {
			w.fail("level is missing")
		}
	case "fence":
		m.one("sc", "acq_rel")
		m.one("cta", "cluster", "gpu", "sys")
	case "prefetch", "prefetchu":
		m.parts = nil
	case "nanosleep":
		m.kind("u32")
		w.value(w.args(1)[0], "u32")
		w.emit("t->state = Q_PAUSED; t->line = %d;", w.in.Line)
		w.yield(w.live.before(w.at))
	default:
		return false
	}
	m.end()
	return true
}

// branch writes a jump. A jump backwards costs fuel, and a thread without fuel
// gives way to others: loops that wait for other threads make progress.
func (w *writer) branch(target int) {
	if target <= w.at {
		w.emit("if (--q->fuel < 0) { t->state = Q_PAUSED; t->line = %d;", w.in.Line)
		w.yield(w.live.before(target))
		w.emit("}")
	}
	w.emit("goto %s;", cLabel(target))
}

func (w *writer) branchTable() {
	a := w.args(2)
	targets := w.e.tables[a[1].Name]
	if len(targets) == 0 {
		w.fail("no table %s", a[1].Name)
	}
	w.emit("switch (%s) {", w.value(a[0], "u32"))
	for i, l := range targets {
		w.emit("case %d:", i)
		w.branch(w.e.labels[l])
	}
	w.emit("default: q_fault(q, t, %d, \"branch index out of the table\"); }", w.in.Line)
}
