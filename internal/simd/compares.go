package simd

// Comparison is an order relation; those of floats are false for NaN, but for Ne.
type Comparison int

const (
	// Eq is a == x.
	Eq Comparison = iota
	// Ne is a != x.
	Ne
	// Lt is a < x.
	Lt
	// Le is a <= x.
	Le
	// Gt is a > x.
	Gt
	// Ge is a >= x.
	Ge
)

// CompareFloats computes whether a stands in relation to x.
func (k *Kernels) CompareFloats(dst []bool, a []float64, relation Comparison, x float64) {
	k.compareFloats[relation].each(dst, a, x, floatTwin(relation))
}

// CompareInts computes whether a stands in relation to x.
func (k *Kernels) CompareInts(dst []bool, a []int64, relation Comparison, x int64) {
	k.compareInts[relation].each(dst, a, x, intTwin(relation))
}

// Of each type on its own: a function of type parameters would allocate its result.

func floatTwin(relation Comparison) constKernel[bool, float64] {
	switch relation {
	case Eq:
		return equals[float64]
	case Ne:
		return differs[float64]
	case Lt:
		return lesses[float64]
	case Le:
		return atMosts[float64]
	case Gt:
		return greaters[float64]
	default:
		return atLeasts[float64]
	}
}

func intTwin(relation Comparison) constKernel[bool, int64] {
	switch relation {
	case Eq:
		return equals[int64]
	case Ne:
		return differs[int64]
	case Lt:
		return lesses[int64]
	case Le:
		return atMosts[int64]
	case Gt:
		return greaters[int64]
	default:
		return atLeasts[int64]
	}
}

func equals[T Number](dst []bool, a []T, x T) {
	for i := range dst {
		dst[i] = a[i] == x
	}
}

func differs[T Number](dst []bool, a []T, x T) {
	for i := range dst {
		dst[i] = a[i] != x
	}
}

func lesses[T Number](dst []bool, a []T, x T) {
	for i := range dst {
		dst[i] = a[i] < x
	}
}

func atMosts[T Number](dst []bool, a []T, x T) {
	for i := range dst {
		dst[i] = a[i] <= x
	}
}

func greaters[T Number](dst []bool, a []T, x T) {
	for i := range dst {
		dst[i] = a[i] > x
	}
}

func atLeasts[T Number](dst []bool, a []T, x T) {
	for i := range dst {
		dst[i] = a[i] >= x
	}
}
