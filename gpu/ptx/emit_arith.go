package ptx

import "fmt"

// arithmetic writes numbers: integer and float.
func (w *writer) arithmetic(base string, m *mods) bool {
	switch base {
	case "add", "sub", "mul", "div", "min", "max", "abs", "neg", "sqrt", "rcp", "copysign", "testp", "rem", "mad", "sad",
		"addc", "subc", "madc":
	default:
		return false
	}
	t := m.kind()
	switch {
	case base == "testp":
		w.classify(m, t)
	case isFloat(t):
		w.float(base, t, m)
	case base == "addc" || base == "subc" || base == "madc" || m.take("cc"):
		w.carried(base, t, m)
	default:
		w.whole(base, t, m)
	}
	m.end()
	return true
}

// classify writes testp.
func (w *writer) classify(m *mods, t string) {
	class := m.one("finite", "infinite", "number", "notanumber", "normal", "subnormal")
	if class == "" || !isFloat(t) {
		w.fail("class is missing")
	}
	a := w.args(2)
	w.set(a[0], "pred", fmt.Sprintf("q_%s_%s(%s)", class, t, w.value(a[1], t)))
}

// float writes IEEE arithmetic. Without .rn ptxas may fuse a product and a sum,
// so it is refused.
func (w *writer) float(base, t string, m *mods) {
	x := func(i int) string { return w.arg(i, t) }
	var expr string
	switch base {
	case "add", "sub", "mul", "div":
		w.rounded(m)
		w.args(3)
		op := map[string]string{"add": "+", "sub": "-", "mul": "*", "div": "/"}[base]
		expr = fmt.Sprintf("q_nan_%s(q, %s %s %s)", t, x(1), op, x(2))
	case "sqrt":
		w.rounded(m)
		w.args(2)
		expr = fmt.Sprintf("q_nan_%s(q, q_sqrt_%s(%s))", t, t, x(1))
	case "rcp":
		w.rounded(m)
		w.args(2)
		expr = fmt.Sprintf("q_nan_%s(q, 1 / %s)", t, x(1))
	case "abs", "neg":
		w.args(2)
		expr = fmt.Sprintf("q_nan_%s(q, q_%s_%s(%s))", t, base, t, x(1))
	case "min", "max":
		w.args(3)
		expr = fmt.Sprintf("q_nan_%s(q, q_%s_%s(%s, %s))", t, base, t, x(1), x(2))
	case "copysign":
		w.args(3)
		expr = fmt.Sprintf("q_copysign_%s(%s, %s)", t, x(1), x(2))
	default:
		w.fail("float form is not known (fused forms never are)")
	}
	w.set(w.in.Args[0], t, expr)
}

func (w *writer) rounded(m *mods) {
	if !m.take("rn") {
		w.fail("float arithmetic must be rounded by .rn")
	}
}

// whole writes integer arithmetic without a carry.
func (w *writer) whole(base, t string, m *mods) {
	if !isInteger(t) || t[0] == 'b' {
		w.fail("type %q is not known here", t)
	}
	u := unsigned(t)
	x := w.arg
	n := 3
	result := t
	var expr string
	switch base {
	case "add", "sub":
		if m.take("sat") {
			expr = fmt.Sprintf("q_%s_sat_s32(%s, %s)", base, x(1, "s32"), x(2, "s32"))
			if t != "s32" {
				w.fail("saturation is known for s32 only")
			}
			break
		}
		expr = fmt.Sprintf("%s %s %s", x(1, u), map[string]string{"add": "+", "sub": "-"}[base], x(2, u))
	case "mul", "mad":
		n, result, expr = w.product(base, t, m)
	case "div", "rem":
		expr = fmt.Sprintf("q_%s_%s(q, t, %d, %s, %s)", base, t, w.in.Line, x(1, t), x(2, t))
	case "min", "max":
		expr = fmt.Sprintf("q_%s_%s(%s, %s)", base, t, x(1, t), x(2, t))
	case "abs", "neg":
		if !isSigned(t) {
			w.fail("type %q is not known here", t)
		}
		n = 2
		expr = fmt.Sprintf("q_%s_%s(%s)", base, t, x(1, u))
	case "sad":
		n = 4
		expr = fmt.Sprintf("(%s)q_sad_%s(%s, %s) + %s", cType(u), t, x(1, t), x(2, t), x(3, u))
	default:
		w.fail("integer form is not known")
	}
	w.args(n)
	w.set(w.in.Args[0], result, expr)
}

// product writes mul and mad: low half, high half, or both (.wide).
func (w *writer) product(base, t string, m *mods) (operands int, result, expr string) {
	u := unsigned(t)
	part := m.one("lo", "hi", "wide")
	result = t
	a := w.arg
	switch {
	case part == "wide" && width(t) <= 32:
		result = twice(t)
		expr = fmt.Sprintf("q_mul_wide_%s(%s, %s)", t, a(1, t), a(2, t))
	case part == "hi":
		expr = fmt.Sprintf("(%s)q_mul_hi_%s(%s, %s)", cType(u), t, a(1, t), a(2, t))
	case part == "lo":
		expr = fmt.Sprintf("q_mul_lo_%s(%s, %s)", u, a(1, u), a(2, u))
	default:
		w.fail("one of .lo, .hi, .wide is missing")
	}
	if base == "mul" {
		return 3, result, expr
	}
	sum := unsigned(result)
	return 4, result, fmt.Sprintf("(%s)%s + %s", cType(sum), expr, a(3, sum))
}

// carried writes the extended precision forms: they write or read the carry.
func (w *writer) carried(base, t string, m *mods) {
	out := m.take("cc") || base == "add" || base == "sub" || base == "mad"
	if !isInteger(t) || t[0] == 'b' || width(t) < 32 {
		w.fail("type %q is not known here", t)
	}
	u := unsigned(t)
	in := "0"
	flag := w.names[carry]
	if base == "addc" || base == "subc" || base == "madc" {
		in = flag
	}
	if !out {
		flag = "carry_"
		w.emit("{ uint32_t carry_; (void)carry_;")
		defer w.emit("}")
	}
	var x, y, op string
	switch base {
	case "mad", "madc":
		w.args(4)
		part := m.one("lo", "hi")
		if part == "" {
			w.fail("one of .lo, .hi is missing")
		}
		kind := t
		if part == "lo" {
			kind = u
		}
		x = fmt.Sprintf("(%s)q_mul_%s_%s(%s, %s)", cType(u), part, kind, w.value(w.in.Args[1], kind), w.value(w.in.Args[2], kind))
		y, op = w.value(w.in.Args[3], u), "add"
	default:
		w.args(3)
		x, y, op = w.value(w.in.Args[1], u), w.value(w.in.Args[2], u), base[:3]
	}
	w.set(w.in.Args[0], u, fmt.Sprintf("q_%s_carry_%s(%s, %s, %s, &%s)", op, u, x, y, in, flag))
}
