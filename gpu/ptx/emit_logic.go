package ptx

import "fmt"

// logic writes bit operations.
func (w *writer) logic(base string, m *mods) bool {
	switch base {
	case "and", "or", "xor", "not", "cnot":
		w.boolean(base, m.kind("pred", "b16", "b32", "b64"))
	case "shl", "shr":
		t := m.kind("b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64")
		a := w.args(3)
		w.set(a[0], t, fmt.Sprintf("q_%s_%s(%s, %s)", base, plain(t), w.value(a[1], t), w.value(a[2], "u32")))
	case "shf":
		side, mode := m.one("l", "r"), m.one("wrap", "clamp")
		m.kind("b32")
		if side == "" || mode == "" {
			w.fail("side or mode is missing")
		}
		a := w.args(4)
		w.set(a[0], "b32", fmt.Sprintf("q_shf_%s_%s(%s, %s, %s)", side, mode, w.value(a[1], "u32"), w.value(a[2], "u32"), w.value(a[3], "u32")))
	case "popc", "clz", "brev":
		t := m.kind("b32", "b64")
		a := w.args(2)
		result := "u32"
		if base == "brev" {
			result = t
		}
		w.set(a[0], result, fmt.Sprintf("q_%s_%s(%s)", base, t, w.value(a[1], t)))
	case "bfind":
		t := m.kind("u32", "s32", "u64", "s64")
		shift := "0"
		if m.take("shiftamt") {
			shift = "1"
		}
		a := w.args(2)
		w.set(a[0], "u32", fmt.Sprintf("q_bfind_%s(%s, %s)", t, w.value(a[1], t), shift))
	case "bfe":
		t := m.kind("u32", "s32", "u64", "s64")
		a := w.args(4)
		w.set(a[0], t, fmt.Sprintf("q_bfe_%s(%s, %s, %s)", t, w.value(a[1], t), w.value(a[2], "u32"), w.value(a[3], "u32")))
	case "bfi":
		t := m.kind("b32", "b64")
		a := w.args(5)
		w.set(a[0], t, fmt.Sprintf("q_bfi_%s(%s, %s, %s, %s)", t, w.value(a[1], t), w.value(a[2], t), w.value(a[3], "u32"), w.value(a[4], "u32")))
	case "lop3":
		m.kind("b32")
		a := w.args(5)
		if a[4].Kind != Integer || a[4].Value > 255 {
			w.fail("table of lop3 must be a number up to 255")
		}
		w.set(a[0], "b32", fmt.Sprintf("q_lop3(%s, %s, %s, %d)", w.value(a[1], "b32"), w.value(a[2], "b32"), w.value(a[3], "b32"), a[4].Value))
	case "prmt":
		mode := m.one("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
		m.kind("b32")
		if mode == "" {
			mode = "idx"
		}
		a := w.args(4)
		w.set(a[0], "b32", fmt.Sprintf("q_prmt_%s(%s, %s, %s)", mode, w.value(a[1], "b32"), w.value(a[2], "b32"), w.value(a[3], "b32")))
	default:
		return false
	}
	m.end()
	return true
}

// boolean writes and, or, xor, not, cnot on bits or predicates.
func (w *writer) boolean(base, t string) {
	var expr string
	switch base {
	case "not", "cnot":
		a := w.args(2)
		op := "~"
		if base == "cnot" || t == "pred" {
			op = "!"
		}
		if base == "cnot" && t == "pred" {
			w.fail("type %q is not known here", t)
		}
		expr = op + w.value(a[1], t)
	default:
		a := w.args(3)
		expr = fmt.Sprintf("%s %s %s", w.value(a[1], t), map[string]string{"and": "&", "or": "|", "xor": "^"}[base], w.value(a[2], t))
	}
	w.set(w.in.Args[0], t, expr)
}

// plain returns t with bits as unsigned: b32 -> u32.
func plain(t string) string {
	if t[0] == 'b' {
		return unsigned(t)
	}
	return t
}
