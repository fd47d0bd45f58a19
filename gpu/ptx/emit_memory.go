package ptx

import (
	"fmt"
	"strings"
)

// memory writes loads, stores and atomics.
func (w *writer) memory(base string, m *mods) bool {
	switch base {
	case "ld", "ldu":
		w.load(m)
	case "st":
		w.store(m)
	case "atom", "red":
		w.atomic(base, m)
	default:
		return false
	}
	m.end()
	return true
}

// access takes the parts that ld and st share: order, scope, caching, vector.
func (w *writer) access(m *mods) (space, t string, n int, mode string) {
	t = m.kind("b8", "b16", "b32", "b64", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "f32", "f64")
	n = 1
	switch m.one("v2", "v4") {
	case "v2":
		n = 2
	case "v4":
		n = 4
	}
	if n*width(t) > 128 {
		w.fail("more than 16 bytes at once")
	}
	mode = "PLAIN"
	if o := m.one("weak", "volatile", "relaxed", "acquire", "release"); o != "" && o != "weak" {
		mode = "ATOMIC"
		if o != "volatile" && m.one("cta", "gpu", "sys") == "" {
			w.fail("scope is missing")
		}
	}
	space = m.one("param", "global", "shared", "const")
	m.one("ca", "cg", "cs", "cv", "lu", "wb", "wt")
	m.one("L1::evict_normal", "L1::evict_unchanged", "L1::evict_first", "L1::evict_last", "L1::no_allocate")
	m.one("L2::64B", "L2::128B", "L2::256B")
	return space, t, n, mode
}

// elements returns the registers of a scalar or a vector operand.
func (w *writer) elements(o Operand, n int) []Operand {
	if n == 1 && o.Kind != Vector {
		return []Operand{o}
	}
	if o.Kind != Vector || len(o.List) != n {
		w.fail("want %d elements", n)
	}
	return o.List
}

// address returns the C of an address, as uint64_t.
func (w *writer) address(o Operand) string {
	if o.Kind != Address {
		w.fail("operand is no address")
	}
	base := o.List[0]
	switch base.Kind {
	case Register:
		if t := w.registerType(base.Name); isFloat(t) || width(t) < 32 {
			w.fail("address in %s of type %s", base.Name, t)
		}
		if o.Offset == 0 {
			return "(uint64_t)" + w.names[base.Name]
		}
		return fmt.Sprintf("((uint64_t)%s + %dull)", w.names[base.Name], uint64(o.Offset))
	case Symbol:
		return w.symbolAddress(base)
	case Integer:
		return fmt.Sprintf("%dull", base.Value+uint64(o.Offset))
	}
	w.fail("address is not known")
	return ""
}

// pointer writes the check of an access and leaves the host pointer in p_. The
// caller closes the brace.
func (w *writer) pointer(space, access, address string, size int) {
	if space == "" {
		space = "generic"
	}
	w.emit("{ uint8_t *const p_ = q_%s(q, t, %s, %s, %d, Q_%s);", space, w.site(), address, size, access)
}

func (w *writer) load(m *mods) {
	nc := m.take("nc")
	space, t, n, mode := w.access(m)
	a := w.args(2)
	each := width(t) / 8
	d := w.elements(a[0], n)
	access := "READ"
	switch {
	case space == "param":
		if nc {
			w.fail("form is not known")
		}
		w.emit("{ const uint8_t *const p_ = q->params + %d;", w.parameter(a[1], n*each))
	case nc && space != "global" && space != "":
		w.fail("only global memory can be read by .nc")
	default:
		if nc {
			access = "READ_CONSTANT"
		} else if mode == "ATOMIC" {
			access = "READ_ATOMIC"
		}
		w.pointer(space, access, w.address(a[1]), n*each)
	}
	// The address may be one of the destinations: p_ is taken before.
	for i, o := range d {
		w.set(o, t, fmt.Sprintf("q_load_%s(p_ + %d)", plain(t), i*each))
	}
	w.emit("}")
}

// parameter returns the offset of an access to the parameters.
func (w *writer) parameter(o Operand, size int) int {
	if o.Kind != Address || o.List[0].Kind != Symbol {
		w.fail("address of a parameter must be its name")
	}
	for _, p := range w.e.Params {
		if p.Name == o.List[0].Name {
			if o.Offset < 0 || o.Offset+int64(size) > int64(p.Size) {
				w.fail("parameter %s is read out of its bounds", p.Name)
			}
			return p.Offset + int(o.Offset)
		}
	}
	w.fail("no parameter %s", o.List[0].Name)
	return 0
}

func (w *writer) store(m *mods) {
	space, t, n, mode := w.access(m)
	if space == "param" || space == "const" {
		w.fail("%s memory cannot be written", space)
	}
	a := w.args(2)
	each := width(t) / 8
	access := "WRITE"
	if mode == "ATOMIC" {
		access = "WRITE_ATOMIC"
	}
	// Values first: a shared write that stores what is there is no race.
	values := w.elements(a[1], n)
	w.emit("{ %s v_[%d];", cType(t), n)
	for i, o := range values {
		w.emit("v_[%d] = %s;", i, w.value(o, t))
	}
	w.emit("q->value = v_;")
	w.pointer(space, access, w.address(a[0]), n*each)
	w.emit("memcpy(p_, v_, %d); } }", n*each)
}

// atomic writes atom and red: one read-modify-write of one thread. Before it
// the thread may give way, so that others come between a load and its
// compare-and-swap.
func (w *writer) atomic(base string, m *mods) {
	t := m.kind("b32", "b64", "u32", "u64", "s32", "s64")
	m.one("relaxed", "acquire", "release", "acq_rel")
	m.one("cta", "gpu", "sys")
	space := m.one("global", "shared")
	op := m.one("add", "min", "max", "and", "or", "xor", "exch", "cas", "inc", "dec")
	switch {
	case op == "":
		w.fail("operation is missing")
	case base == "red" && (op == "exch" || op == "cas"):
		w.fail("operation %q is not known here", op)
	case (op == "inc" || op == "dec") && t != "u32":
		w.fail("%s is known for u32 only", op)
	case (op == "add" || op == "min" || op == "max") == (t[0] == 'b'):
		if op != "inc" && op != "dec" {
			w.fail("type %q is not known here", t)
		}
	}
	n := 2
	if op == "cas" {
		n++
	}
	if base == "atom" {
		n++
	}
	a := w.args(n)
	w.emit("if ((q->fuel -= Q_ATOMIC_FUEL) < 0) { t->state = Q_PAUSED; t->line = %d;", w.in.Line)
	w.yield(w.live.before(w.at))
	w.emit("}")
	d := Operand{Kind: Sink}
	if base == "atom" {
		d, a = a[0], a[1:]
	}
	c := cType(t)
	var values []string
	for _, o := range a[1:] {
		values = append(values, w.value(o, t))
	}
	w.pointer(space, "ATOMIC", w.address(a[0]), width(t)/8)
	w.emit("const %s o_ = q_load_%s(p_); const %s n_ = q_atomic_%s_%s(o_, %s); memcpy(p_, &n_, %d);",
		c, plain(t), c, op, plain(t), strings.Join(values, ", "), width(t)/8)
	w.set(d, t, "o_")
	w.emit("}")
}
