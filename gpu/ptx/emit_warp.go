package ptx

import (
	"fmt"
	"slices"
	"strings"
)

// warp writes what threads do together: barriers and warp instructions. The
// thread writes its request, stops, and goes on when the runtime has answered.
func (w *writer) warp(base string, m *mods) bool {
	switch base {
	case "bar", "barrier":
		w.barrier(base, m)
	case "vote":
		w.vote(m)
	case "shfl":
		w.shuffle(m)
	case "match":
		w.match(m)
	case "redux":
		w.redux(m)
	case "activemask":
		m.kind("b32")
		a := w.args(1)
		w.request("Q_ACTIVEMASK", "0u", "0")
		w.set(a[0], "b32", "(uint32_t)t->out")
	default:
		return false
	}
	m.end()
	return true
}

// request stops the thread until the runtime has carried out kind.
func (w *writer) request(kind, mask, value string) {
	w.emit("t->state = Q_WAITING; t->kind = %s; t->line = %d; t->site = %d; t->mask = %s; t->value = %s;",
		kind, w.in.Line, w.at, mask, value)
	w.yield(w.liveAfter())
}

// liveAfter returns what is live behind the current instruction but for what
// it writes after the return.
func (w *writer) liveAfter() bits {
	live := w.live.before(w.at + 1)
	if w.in.writes() {
		w.in.Args[0].registers(func(r string) { live.remove(w.live.number[r]) })
	}
	return live
}

// barrier writes bar.sync, bar.red and bar.warp.sync, for all threads of the
// block or those in a mask.
func (w *writer) barrier(base string, m *mods) {
	if m.take("warp") {
		if !m.take("sync") || base != "bar" {
			w.fail("form is not known")
		}
		w.request("Q_BARRIER_WARP", w.value(w.args(1)[0], "u32"), "0")
		return
	}
	m.take("cta")
	m.take("aligned")
	if m.take("sync") {
		a := w.args(1)
		w.request("Q_BARRIER", w.value(a[0], "u32"), "0")
		return
	}
	if !m.take("red") {
		w.fail("form is not known")
	}
	op, t := "", m.kind("u32", "pred")
	if t == "u32" {
		op = m.one("popc")
	} else {
		op = m.one("and", "or")
	}
	if op == "" {
		w.fail("form is not known")
	}
	a := w.args(3)
	w.request("Q_BARRIER_"+strings.ToUpper(op), w.value(a[1], "u32"), w.value(a[2], "pred"))
	w.set(a[0], t, "t->out")
}

func (w *writer) sync(m *mods) {
	if !m.take("sync") {
		w.fail("form without .sync is not known")
	}
}

func (w *writer) vote(m *mods) {
	w.sync(m)
	op := m.one("all", "any", "uni", "ballot")
	t := "pred"
	if op == "ballot" {
		t = "b32"
	}
	m.kind(t)
	if op == "" {
		w.fail("operation is missing")
	}
	a := w.args(3)
	w.request("Q_VOTE_"+strings.ToUpper(op), w.value(a[2], "u32"), w.value(a[1], "pred"))
	w.set(a[0], t, "t->out")
}

func (w *writer) shuffle(m *mods) {
	w.sync(m)
	m.kind("b32")
	mode := m.one("up", "down", "bfly", "idx")
	if mode == "" {
		w.fail("mode is missing")
	}
	a := w.args(5)
	w.emit("t->b = %s; t->c = %s;", w.value(a[2], "u32"), w.value(a[3], "u32"))
	w.request("Q_SHFL_"+strings.ToUpper(mode), w.value(a[4], "u32"), w.value(a[1], "b32"))
	w.results(a[0], "b32")
}

// results assigns the answer, and its predicate if the instruction asks for it.
func (w *writer) results(d Operand, t string) {
	if d.Kind == Pair {
		w.set(d.List[1], "pred", "t->flag")
		d = d.List[0]
	}
	w.set(d, t, "t->out")
}

func (w *writer) match(m *mods) {
	op := m.one("any", "all")
	w.sync(m)
	t := m.kind("b32", "b64")
	if op == "" {
		w.fail("operation is missing")
	}
	a := w.args(3)
	if op == "any" && a[0].Kind == Pair {
		w.fail("match.any has no predicate")
	}
	w.request("Q_MATCH_"+strings.ToUpper(op), w.value(a[2], "u32"), w.value(a[1], t))
	w.results(a[0], "b32")
}

func (w *writer) redux(m *mods) {
	w.sync(m)
	t := m.kind("u32", "s32", "b32")
	op := m.one("add", "min", "max", "and", "or", "xor")
	if op == "" || slices.Contains([]string{"and", "or", "xor"}, op) != (t == "b32") {
		w.fail("form is not known")
	}
	a := w.args(3)
	kind := strings.ToUpper(op)
	if t == "s32" && (op == "min" || op == "max") {
		kind += "_SIGNED"
	}
	w.request("Q_REDUX_"+kind, w.value(a[2], "u32"), fmt.Sprintf("(uint32_t)%s", w.value(a[1], t)))
	w.set(a[0], t, "(uint32_t)t->out")
}
