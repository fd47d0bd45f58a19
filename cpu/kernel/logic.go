package kernel

// Ands computes a and b. In Kleene's logic a result is known when both are, or
// when either is a known false; the value is then this one. See AndKnown.
func Ands(dst, a, b []bool) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] && b[i]
	}
}

// Ors computes a or b; see Ands and OrKnown.
func Ors(dst, a, b []bool) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] || b[i]
	}
}

// Nots computes not a.
func Nots(dst, a []bool) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = !a[i]
	}
}

// AndKnown makes known the slots of n where Ands is not null. a and b are the
// values as bits, knownA and knownB (not nil) their validity. known may be any of
// them.
func AndKnown(known, a, knownA, b, knownB []uint64, n int) {
	words := Words(n)
	for i := range known[:words] {
		ka, kb := knownA[i], knownB[i]
		known[i] = ka&kb | ka&^a[i] | kb&^b[i]
	}
	if words > 0 {
		known[words-1] &= tail(n)
	}
}

// OrKnown is AndKnown for Ors: a known true decides.
func OrKnown(known, a, knownA, b, knownB []uint64, n int) {
	words := Words(n)
	for i := range known[:words] {
		ka, kb := knownA[i], knownB[i]
		known[i] = ka&kb | ka&a[i] | kb&b[i]
	}
	if words > 0 {
		known[words-1] &= tail(n)
	}
}

// NaNs tells which values are NaN. The caller sets null slots to false with
// ClearNulls.
func NaNs(dst []bool, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] != a[i]
	}
}

// Infs tells which values are +Inf or -Inf. The caller sets null slots to false
// with ClearNulls.
func Infs(dst []bool, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		x := a[i]
		dst[i] = x == x && x-x != 0 // Inf-Inf is NaN, which differs from 0
	}
}

// ClearNulls sets to false what is null.
func ClearNulls(dst []bool, valid []uint64) {
	if valid == nil {
		return
	}
	for i := range dst {
		dst[i] = dst[i] && valid[i>>6]>>(i&63)&1 != 0
	}
}
