package ptx

import (
	"fmt"
	"strings"
)

// compare writes comparisons and selections.
func (w *writer) compare(base string, m *mods) bool {
	switch base {
	case "setp":
		t := m.kind("b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64", "f32", "f64")
		w.setp(m, t)
	case "set":
		w.setValue(m)
	case "selp":
		t := m.kind("b16", "b32", "b64", "u16", "u32", "u64", "s16", "s32", "s64", "f32", "f64")
		a := w.args(4)
		w.set(a[0], t, fmt.Sprintf("%s ? %s : %s", w.value(a[3], "pred"), w.value(a[1], t), w.value(a[2], t)))
	case "slct":
		by := m.kind("s32", "f32")
		t := m.kind()
		a := w.args(4)
		w.set(a[0], t, fmt.Sprintf("%s >= 0 ? %s : %s", w.value(a[3], by), w.value(a[1], t), w.value(a[2], t)))
	default:
		return false
	}
	m.end()
	return true
}

// condition takes the comparison and the operator that combines it with a
// predicate, and returns the C of the comparison.
func (w *writer) condition(m *mods, t string, a, b Operand) (expr, combine string) {
	if len(m.parts) == 0 {
		w.fail("comparison is missing")
	}
	cmp := m.parts[0]
	m.parts = m.parts[1:]
	combine = m.one("and", "or", "xor")
	x, y := w.value(a, t), w.value(b, t)
	if isFloat(t) {
		return w.floatCondition(cmp, t, x, y), combine
	}
	switch op := ordered(cmp); {
	case cmp == "eq" || cmp == "ne":
		return x + " " + op + " " + y, combine
	case t[0] == 'b' || op == "" || isSigned(t) && len(cmp) == 2 && (cmp == "lo" || cmp == "ls" || cmp == "hi" || cmp == "hs"):
		w.fail("comparison %q of %s is not known", cmp, t)
	default:
		return x + " " + op + " " + y, combine
	}
	return "", ""
}

// ordered returns the C operator of a comparison, or "".
func ordered(cmp string) string {
	switch cmp {
	case "eq":
		return "=="
	case "ne":
		return "!="
	case "lt", "lo":
		return "<"
	case "le", "ls":
		return "<="
	case "gt", "hi":
		return ">"
	case "ge", "hs":
		return ">="
	}
	return ""
}

// floatCondition compares floats: eq to ge are false if either is NaN, equ to
// geu are true then.
func (w *writer) floatCondition(cmp, t, x, y string) string {
	nan := fmt.Sprintf("q_unordered_%s(%s, %s)", t, x, y)
	switch cmp {
	case "num":
		return "!" + nan
	case "nan":
		return nan
	case "lo", "ls", "hi", "hs":
		w.fail("comparison %q of %s is not known", cmp, t)
	}
	if op := ordered(cmp); op != "" {
		return fmt.Sprintf("(!%s && %s %s %s)", nan, x, op, y)
	}
	op := ordered(strings.TrimSuffix(cmp, "u"))
	if op == "" {
		w.fail("comparison %q of %s is not known", cmp, t)
	}
	return fmt.Sprintf("(%s || %s %s %s)", nan, x, op, y)
}

// combined applies the .and, .or or .xor of a comparison.
func combined(cond, combine, with string) string {
	if combine == "" {
		return "(" + cond + ")"
	}
	return fmt.Sprintf("((%s) %s %s)", cond, map[string]string{"and": "&", "or": "|", "xor": "^"}[combine], with)
}

func (w *writer) setp(m *mods, t string) {
	if len(w.in.Args) < 3 {
		w.fail("operands are missing")
	}
	a := w.in.Args
	cond, combine := w.condition(m, t, a[1], a[2])
	with := ""
	if combine != "" {
		with = w.value(w.args(4)[3], "pred")
	} else {
		w.args(3)
	}
	w.emit("{ const uint8_t c_ = %s;", cond)
	if combine != "" {
		w.emit("const uint8_t d_ = %s;", with)
		with = "d_"
	}
	first := a[0]
	if first.Kind == Pair {
		w.set(first.List[1], "pred", combined("!c_", combine, with))
		first = first.List[0]
	}
	w.set(first, "pred", combined("c_", combine, with))
	w.emit("}")
}

// setValue writes set: all ones or 1.0 where the comparison holds.
func (w *writer) setValue(m *mods) {
	t := m.kind()
	d := m.kind("u32", "s32", "f32")
	if len(w.in.Args) < 3 || t == "pred" || width(t) < 16 {
		w.fail("form is not known")
	}
	a := w.in.Args
	cond, combine := w.condition(m, t, a[1], a[2])
	n, with := 3, ""
	if combine != "" {
		n = 4
	}
	w.args(n)
	if combine != "" {
		with = w.value(a[3], "pred")
	}
	yes, no := "0xffffffffu", "0u"
	if d == "f32" {
		yes, no = "1.0f", "0.0f"
	}
	w.set(a[0], d, fmt.Sprintf("%s ? %s : %s", combined(cond, combine, with), yes, no))
}
