package feast

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
)

// python returns what Python's repr gives for x, from strconv's shortest digits.
func python(x float64) string {
	s := strconv.FormatFloat(x, 'e', -1, 64)
	_, exp, _ := strings.Cut(s, "e")
	if e, _ := strconv.Atoi(exp); e < -4 || e >= 16 {
		return s
	}
	s = strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func checkFloat(t *testing.T, x float64) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return
	}
	var w [maxFloat]byte
	if got, want := string(w[:putFloat(w[:], x)]), python(x); got != want {
		t.Fatalf("%x: printed %s, want %s", math.Float64bits(x), got, want)
	}
}

func TestFloatsPrintAsTheirShortestDecimal(t *testing.T) {
	for _, x := range []float64{
		0, math.Copysign(0, -1), 1, -1, 0.1, 0.5, 2, 10, 1e15, 1e16, 123456789012345680, 1e17, 1e-4, 1e-5, 9.999e-5, 1e22, 1e23,
		9007199254740993, 5e-324, 1e-323, 2.2250738585072014e-308, 2.225073858507201e-308, math.MaxFloat64, 0.3, 1.0 / 3, 1e100,
		float64(float32(0.1)), float64(float32(1e-7)), math.MaxFloat32, math.SmallestNonzeroFloat32, 9.5367431640625e-07, 4.35, 100, 1234.5,
	} {
		checkFloat(t, x)
		checkFloat(t, -x)
	}
	for e := -1074; e < 1024; e++ { // powers of two have uneven neighbours
		x := math.Ldexp(1, e)
		for _, y := range []float64{x, math.Nextafter(x, 0), math.Nextafter(x, math.Inf(1))} {
			checkFloat(t, y)
		}
	}
	for e := -323; e < 309; e++ {
		x, _ := strconv.ParseFloat("1e"+strconv.Itoa(e), 64)
		for _, y := range []float64{x, math.Nextafter(x, 0), math.Nextafter(x, math.Inf(1)), 3 * x, 7.5 * x} {
			checkFloat(t, y)
		}
	}
	n := 250_000
	if os.Getenv("QUERN_LONG") != "" {
		n = 25_000_000
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		bits := r.Uint64()
		checkFloat(t, math.Float64frombits(bits))
		checkFloat(t, float64(math.Float32frombits(uint32(bits))))
		checkFloat(t, float64(r.Float32()))
		checkFloat(t, float64(bits>>40)/float64(uint64(1)<<(bits&31)))
	}
}
