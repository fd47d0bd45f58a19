package kernel

// Kernels whose second argument is one constant for all slots. They save a stream
// of memory, which is what these loops wait for.

// AddConst computes a+x.
func AddConst(dst, a []float64, x float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + x
	}
}

// SubConst computes a-x.
func SubConst(dst, a []float64, x float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] - x
	}
}

// MulConst computes a*x.
func MulConst(dst, a []float64, x float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * x
	}
}

// DivConst computes a/x. (The product with 1/x would round twice.)
func DivConst(dst, a []float64, x float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] / x
	}
}

// ClampConst computes low where x < low, else high where x > high, else x.
func ClampConst[T Number](dst, x []T, low, high T) {
	x = x[:len(dst)]
	for i := range dst {
		v := x[i]
		if v > high {
			v = high
		}
		if x[i] < low {
			v = low
		}
		dst[i] = v
	}
}

// CoalesceConst computes a where its bit is set, and x where it is not.
func CoalesceConst[T Number](dst, a []T, valid []uint64, x T) {
	a = a[:len(dst)]
	if valid == nil {
		copy(dst, a)
		return
	}
	for i := range dst {
		v := a[i]
		if valid[i>>6]>>(i&63)&1 == 0 {
			v = x
		}
		dst[i] = v
	}
}

// EqConst computes a == x.
func EqConst[T Number](dst []bool, a []T, x T) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] == x
	}
}

// NeConst computes a != x.
func NeConst[T Number](dst []bool, a []T, x T) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] != x
	}
}

// LtConst computes a < x.
func LtConst[T Number](dst []bool, a []T, x T) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] < x
	}
}

// LeConst computes a <= x.
func LeConst[T Number](dst []bool, a []T, x T) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] <= x
	}
}

// GtConst computes x < a: a comparison whose first argument is the constant.
func GtConst[T Number](dst []bool, a []T, x T) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = x < a[i]
	}
}

// GeConst computes x <= a.
func GeConst[T Number](dst []bool, a []T, x T) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = x <= a[i]
	}
}
