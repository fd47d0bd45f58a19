package ptx

import "fmt"

// move writes mov, cvt and cvta.
func (w *writer) move(base string, m *mods) bool {
	switch base {
	case "mov":
		w.mov(m)
	case "cvt":
		w.cvt(m)
	case "cvta":
		w.cvta(m)
	default:
		return false
	}
	m.end()
	return true
}

// mov copies, packs and unpacks.
func (w *writer) mov(m *mods) {
	t := m.kind()
	a := w.args(2)
	switch {
	case width(t) == 8:
		w.fail("type %q is not known here", t)
	case a[0].Kind == Vector:
		n := w.parts(a[0], t)
		w.emit("{ const uint%d_t v_ = %s;", width(t), w.value(a[1], "b"+decimal(width(t))))
		for i, d := range a[0].List {
			w.set(d, "b"+decimal(n), fmt.Sprintf("(uint%d_t)(v_ >> %d)", n, i*n))
		}
		w.emit("}")
	case a[1].Kind == Vector:
		n := w.parts(a[1], t)
		expr := ""
		for i, s := range a[1].List {
			expr += fmt.Sprintf(" | (uint%d_t)%s << %d", max(width(t), 32), w.value(s, "b"+decimal(n)), i*n)
		}
		w.set(a[0], "b"+decimal(width(t)), expr[3:])
	default:
		w.set(a[0], t, w.value(a[1], t))
	}
}

// parts returns the bits of each element when t is cut into the elements of v.
func (w *writer) parts(v Operand, t string) int {
	if n := len(v.List); n == 2 || n == 4 {
		if each := width(t) / n; each >= 8 {
			return each
		}
	}
	w.fail("%d elements in %s", len(v.List), t)
	return 0
}

// cvta writes conversions between generic and other addresses. Global addresses
// are generic ones.
func (w *writer) cvta(m *mods) {
	t := m.kind("u64")
	to := m.take("to")
	space := m.one("global", "shared", "const")
	a := w.args(2)
	value := w.value(a[1], t)
	switch {
	case space == "":
		w.fail("space is missing")
	case space == "global":
	case to:
		value = fmt.Sprintf("(%s - Q_GENERIC_%s)", value, space)
	default:
		value = fmt.Sprintf("(%s + Q_GENERIC_%s)", value, space)
	}
	w.set(a[0], t, value)
}

// cvt converts between numbers. Order of the parts: rounding, .sat, type of the
// result, type of the source.
func (w *writer) cvt(m *mods) {
	from := m.kind()
	to := m.kind()
	a := w.args(2)
	if to[0] == 'b' || from[0] == 'b' || to == "pred" || from == "pred" {
		w.fail("types are not known")
	}
	x := w.value(a[1], from)
	rounding := m.one("rn", "rni", "rzi", "rmi", "rpi")
	sat := m.take("sat")
	var expr string
	switch {
	case isFloat(from) && isFloat(to):
		expr = w.cvtFloat(from, to, x, rounding)
		if sat {
			expr = fmt.Sprintf("q_sat_%s(%s)", to, expr)
		}
		expr = fmt.Sprintf("q_nan_%s(q, %s)", to, expr)
	case isFloat(from): // clamps to the range of the result by itself
		if rounding == "" || rounding == "rn" {
			w.fail("rounding to an integer is missing")
		}
		expr = fmt.Sprintf("q_int_%s_%s(q_%s_%s(%s))", to, from, rounding, from, x)
	case isFloat(to):
		if rounding != "rn" || sat {
			w.fail("rounding must be .rn")
		}
		expr = "(" + cType(to) + ")" + x
	default:
		if rounding != "" {
			w.fail("rounding of integers is not known")
		}
		expr = x
		if sat {
			expr = fmt.Sprintf("q_clamp_%s_%s(%s)", to, from, x)
		}
	}
	w.set(a[0], to, expr)
}

// cvtFloat converts between floats, or rounds to an integer in one type.
func (w *writer) cvtFloat(from, to, x, rounding string) string {
	switch {
	case from == to && rounding == "":
		return x
	case from == to && rounding != "rn":
		return fmt.Sprintf("q_%s_%s(%s)", rounding, from, x)
	case from == "f32" && to == "f64" && rounding == "":
		return "(double)" + x
	case from == "f64" && to == "f32" && rounding == "rn":
		return "(float)" + x
	}
	w.fail("rounding %q is not known here", rounding)
	return ""
}
