package ptx

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Shared variables lie this far apart, so that running over the end of one is
// found: the runtime knows which bytes belong to a variable.
const sharedGap = 64

// constBase is the address of the first .const variable: 0 stays invalid.
const constBase = 256

// place is where a variable lies: shared and const: offset in their space;
// global: index in the module's table.
type place struct {
	v  *Var
	at int
}

// translator writes the C of one module.
type translator struct {
	m      *Module
	symbol string
	out    bytes.Buffer
	vars   map[string]place
}

// writer writes the C of one entry.
type writer struct {
	*translator
	e      *Entry
	live   *liveness
	names  map[string]string // register -> C name
	shared map[string]place
	size   int      // static shared memory
	sites  []int    // line of each checked access
	yields int      // numbered places to come back to
	saved  bits     // registers that any of them saves
	body   []string // lines of C
	in     *Instr
	at     int
}

// C returns C source for the runtime in gpu/fake: a module description called
// symbol. An instruction that has no translation is an *Error with its line.
func (m *Module) C(symbol string) (source []byte, err error) {
	defer func() {
		if e := recover(); e != nil {
			f, ok := e.(*Error)
			if !ok {
				panic(e)
			}
			source, err = nil, f
		}
	}()
	t := &translator{m: m, symbol: symbol, vars: map[string]place{}}
	t.printf("// Code generated from PTX; DO NOT EDIT.\n#include \"rt.h\"\n\n")
	constSize := t.variables()
	for i, e := range m.Entries {
		t.kernel(e, i)
	}
	t.printf("static const q_kernel kernels[] = {\n")
	for i := range m.Entries {
		t.printf("\t{ KERNEL%d },\n", i)
	}
	if len(m.Entries) == 0 {
		t.printf("\t{ 0 },\n")
	}
	t.printf("};\n\nconst q_module %s = { kernels, %d, globals, %d, constants, %d };\n", symbol, len(m.Entries), t.globals(), constSize)
	return t.out.Bytes(), nil
}

func (t *translator) printf(format string, args ...any) { fmt.Fprintf(&t.out, format, args...) }

func (t *translator) globals() int {
	n := 0
	for _, v := range t.m.Vars {
		if v.Space == "global" {
			n++
		}
	}
	return n
}

// variables writes the initial values of the module's variables and returns the
// size of the constant space.
func (t *translator) variables() int {
	var constants []byte
	var globals []string
	for i, v := range t.m.Vars {
		switch v.Space {
		case "const":
			at := (constBase + len(constants) + v.Align - 1) / v.Align * v.Align
			constants = append(constants, make([]byte, at-constBase-len(constants)+v.Size)...)
			copy(constants[at-constBase:], v.Init)
			t.vars[v.Name] = place{v, at}
		case "global":
			init := "0"
			if v.Init != nil {
				init = fmt.Sprintf("global%d", i)
				t.bytes(init, v.Init)
			}
			t.vars[v.Name] = place{v, len(globals)}
			globals = append(globals, fmt.Sprintf("\t{ %q, %d, %d, %s },\n", v.Name, v.Size, v.Align, init))
		}
	}
	t.bytes("constants", append(constants, 0))
	t.printf("static const q_variable globals[] = {\n%s\t{ 0 },\n};\n\n", strings.Join(globals, ""))
	return len(constants)
}

func (t *translator) bytes(name string, data []byte) {
	t.printf("static const uint8_t %s[] = {", name)
	for i, b := range data {
		if i%32 == 0 {
			t.printf("\n\t")
		}
		t.printf("%d,", b)
	}
	t.printf("\n};\n")
}

// kernel writes the step function of e and the macro that describes it.
func (t *translator) kernel(e *Entry, index int) {
	w := &writer{translator: t, e: e, live: e.live(), names: map[string]string{}, shared: map[string]place{}}
	w.saved = make(bits, len(w.live.names)/64+1)
	if len(e.Local) > 0 {
		panic(fault(e.Local[0].Line, "local memory in %s: keep arrays in registers", e.Name))
	}
	w.layout()
	w.nameRegisters()
	for i, in := range e.Body {
		w.in, w.at = in, i
		w.labelsAt(i)
		w.instruction()
	}
	w.labelsAt(len(e.Body))
	w.finish(index)
}

// layout places the shared variables with gaps between them.
func (w *writer) layout() {
	for _, v := range w.e.Shared {
		w.size = (w.size + v.Align - 1) / v.Align * v.Align
		w.shared[v.Name] = place{v, w.size}
		w.size = (w.size + v.Size + sharedGap + 15) / 16 * 16
	}
	for _, v := range w.m.Vars { // dynamic shared memory lies behind
		if v.Space == "shared" {
			w.size = (w.size + v.Align - 1) / v.Align * v.Align
			w.shared[v.Name] = place{v, w.size}
		}
	}
}

// nameRegisters gives every register a C name of its own.
func (w *writer) nameRegisters() {
	used := map[string]bool{}
	for _, r := range w.live.names {
		name := "r_" + strings.Map(func(c rune) rune {
			switch {
			case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_':
				return c
			case c == '%':
				return -1
			}
			return '_'
		}, r)
		for used[name] {
			name += "_"
		}
		used[name] = true
		w.names[r] = name
	}
}

// labelsAt writes the labels that stand before instruction at.
func (w *writer) labelsAt(at int) {
	for _, name := range w.targetsAt(at) {
		w.emit("%s:;", name)
	}
}

// targetsAt returns the C label of instruction at if a branch goes there.
func (w *writer) targetsAt(at int) []string {
	for _, label := range w.e.labels {
		if label == at {
			return []string{cLabel(at)}
		}
	}
	return nil
}

func cLabel(at int) string { return "L" + decimal(at) }

func (w *writer) emit(format string, args ...any) {
	w.body = append(w.body, fmt.Sprintf(format, args...))
}

func (w *writer) fail(reason string, args ...any) {
	panic(fault(w.in.Line, "%s: %s", w.in.Op, fmt.Sprintf(reason, args...)))
}

// registerType returns the declared type of a register.
func (w *writer) registerType(r string) string {
	if r == carry {
		return "b32"
	}
	return w.e.regs[r]
}

// yield writes what stops the thread before the current instruction, or, if
// after is given, before that instruction: it saves what is live, returns, and
// is resumed at the same place. The caller has written the request.
func (w *writer) yield(live bits) {
	w.yields++
	registers := w.live.registers(live)
	w.saved.union(live)
	for _, r := range registers {
		w.emit("s->%s = %s;", w.names[r], w.names[r])
	}
	w.emit("t->resume = %d; return; R%d:;", w.yields, w.yields)
	for _, r := range registers {
		w.emit("%s = s->%s;", w.names[r], w.names[r])
	}
}

// site numbers a checked access.
func (w *writer) site() string {
	w.sites = append(w.sites, w.in.Line)
	return decimal(len(w.sites) - 1)
}

// finish writes the collected function.
func (w *writer) finish(index int) {
	n := decimal(index)
	w.printf("// %s\n", w.e.Name)
	w.printf("struct save%s {\n", n)
	for _, r := range w.live.registers(w.saved) {
		w.printf("\t%s %s;\n", storage(w.registerType(r)), w.names[r])
	}
	w.printf("\tuint64_t none;\n};\n\n")
	w.printf("static void step%s(q_state *q, q_thread *t) {\n\tstruct save%s *s = t->save;\n\t(void)q, (void)s;\n", n, n)
	first := w.live.before(0)
	for i, r := range w.live.names {
		t := w.registerType(r)
		poison := ""
		if first.has(i) { // read before it is written, on some path
			poison = " = " + storage(t) + "_poison(q)"
		}
		w.printf("\t%s %s%s;\n", storage(t), w.names[r], poison)
	}
	w.printf("\tswitch (t->resume) {\n")
	for i := range w.yields {
		w.printf("\tcase %d: goto R%d;\n", i+1, i+1)
	}
	w.printf("\t}\n\t%s\n\tt->state = Q_DONE;\n}\n\n", strings.Join(w.body, "\n\t"))
	w.describe(n)
}

// describe writes the tables of the entry: lines, parameters, shared variables.
func (w *writer) describe(n string) {
	list := func(name string, values []int) {
		w.printf("static const uint32_t %s%s[] = {", name, n)
		for _, v := range append(slices.Clone(values), 0) {
			w.printf("%d,", v)
		}
		w.printf("};\n")
	}
	list("lines", w.sites)
	var params, shared []int
	for _, p := range w.e.Params {
		params = append(params, p.Offset, p.Size)
	}
	for _, v := range w.e.Shared {
		shared = append(shared, w.shared[v.Name].at, v.Size)
	}
	list("params", params)
	list("shared", shared)
	w.printf("#define KERNEL%s %q, step%s, sizeof(struct save%s), %d, lines%s, %d, params%s, %d, shared%s, %d, %d\n\n",
		n, w.e.Name, n, n, len(w.sites), n, len(w.e.Params), n, len(w.e.Shared), n, w.size, w.e.MaxThreads)
}

// storage returns the C type that holds a register of type t.
func storage(t string) string {
	if t == "pred" || isFloat(t) {
		return cType(t)
	}
	return "uint" + decimal(max(width(t), 8)) + "_t"
}
