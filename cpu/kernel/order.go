package kernel

// Number is what arithmetic registers hold.
type Number interface{ int64 | float64 }

// Mins computes the smaller of a and b; NaN if either is NaN; -0 below 0.
func Mins[T Number](dst, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = min(a[i], b[i])
	}
}

// Maxs computes the larger of a and b; NaN if either is NaN; 0 above -0.
func Maxs[T Number](dst, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = max(a[i], b[i])
	}
}

// Clamps computes low where x < low, else high where x > high, else x.
func Clamps[T Number](dst, x, low, high []T) {
	x, low, high = x[:len(dst)], low[:len(dst)], high[:len(dst)]
	for i := range dst {
		v := x[i]
		if v > high[i] {
			v = high[i]
		}
		if x[i] < low[i] {
			v = low[i]
		}
		dst[i] = v
	}
}

// Eqs compares for equality; floats as IEEE 754 says.
func Eqs[T Number | bool](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] == b[i]
	}
}

// Nes compares for difference; floats as IEEE 754 says (NaN differs from itself).
func Nes[T Number | bool](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] != b[i]
	}
}

// Lts computes a < b.
func Lts[T Number](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] < b[i]
	}
}

// Les computes a <= b.
func Les[T Number](dst []bool, a, b []T) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] <= b[i]
	}
}

// LtBools computes a < b, where false < true.
func LtBools(dst, a, b []bool) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = !a[i] && b[i]
	}
}

// LeBools computes a <= b, where false < true.
func LeBools(dst, a, b []bool) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = !a[i] || b[i]
	}
}
