package ptx

import "strconv"

// width returns the bits of a value of type t: 8 to 64, 1 for pred, 0 if t is
// no type that we know.
func width(t string) int {
	switch t {
	case "pred":
		return 1
	case "b8", "u8", "s8":
		return 8
	case "b16", "u16", "s16":
		return 16
	case "b32", "u32", "s32", "f32":
		return 32
	case "b64", "u64", "s64", "f64":
		return 64
	}
	return 0
}

func isFloat(t string) bool  { return t == "f32" || t == "f64" }
func isSigned(t string) bool { return t[0] == 's' }

// isInteger reports whether t is a number or bits of 16 bits or more.
func isInteger(t string) bool { return width(t) >= 16 && !isFloat(t) }

// cType returns the C type of values of type t. Bits are unsigned.
func cType(t string) string {
	switch {
	case t == "pred":
		return "uint8_t"
	case t == "f32":
		return "float"
	case t == "f64":
		return "double"
	case isSigned(t):
		return "int" + decimal(width(t)) + "_t"
	}
	return "uint" + decimal(width(t)) + "_t"
}

// unsigned returns the unsigned type as wide as t.
func unsigned(t string) string { return "u" + decimal(width(t)) }

// twice returns the type of the same kind and twice the width.
func twice(t string) string { return t[:1] + decimal(2*width(t)) }

func decimal(n int) string { return strconv.Itoa(n) }

// number returns the value of a short string of digits.
func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// special reports whether name is a special register that we know.
func special(name string) bool { return specialC(name) != "" }

// specialC returns the C expression of a special register, or "".
func specialC(name string) string {
	switch name {
	case "%tid.x", "%tid.y", "%tid.z":
		return "t->tid[" + axis(name) + "]"
	case "%ntid.x", "%ntid.y", "%ntid.z":
		return "q->ntid[" + axis(name) + "]"
	case "%ctaid.x", "%ctaid.y", "%ctaid.z":
		return "q->ctaid[" + axis(name) + "]"
	case "%nctaid.x", "%nctaid.y", "%nctaid.z":
		return "q->nctaid[" + axis(name) + "]"
	case "%laneid":
		return "(t->number & 31u)"
	case "%warpid":
		return "(t->number >> 5)"
	case "%lanemask_eq":
		return "(1u << (t->number & 31u))"
	case "%lanemask_lt":
		return "((1u << (t->number & 31u)) - 1u)"
	case "%lanemask_le":
		return "((2u << (t->number & 31u)) - 1u)"
	case "%lanemask_gt":
		return "(~((2u << (t->number & 31u)) - 1u))"
	case "%lanemask_ge":
		return "(~((1u << (t->number & 31u)) - 1u))"
	}
	return ""
}

// axis returns the index of the last letter of a special register.
func axis(name string) string { return decimal(int(name[len(name)-1] - 'x')) }
