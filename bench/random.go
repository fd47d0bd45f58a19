package bench

import "quern/features/real"

// stream is a splitmix64 generator: fast, and the same numbers on every machine.
// Every column of every row group has a stream of its own, so that data do not depend
// on who makes which first.
type stream struct{ state uint64 }

// newStream returns the stream of a list of numbers.
func newStream(keys ...uint64) stream {
	s := stream{0x9E3779B97F4A7C15}
	for _, k := range keys {
		s.state ^= k
		s.state = s.next()
	}
	return s
}

func (s *stream) next() uint64 {
	s.state += 0x9E3779B97F4A7C15
	return mix(s.state)
}

// mix is splitmix64's finisher: a bijection of 64 bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// below returns a number in [0, n), n < 2^32.
func (s *stream) below(n uint32) uint32 { return uint32(s.next() >> 32 * uint64(n) >> 32) }

// chance is true with probability p.
func (s *stream) chance(p float64) bool { return float64(s.next()>>11) < p*(1<<53) }

// normal returns a number that is nearly normal: the sum of four uniform ones, scaled
// to mean 0 and variance 1. No tail reaches beyond 3.47.
func (s *stream) normal() float64 {
	a, b := s.next(), s.next()
	sum := a>>32 + a&0xFFFFFFFF + b>>32 + b&0xFFFFFFFF
	return float64(float64(sum)*0x1p-32-2) * 1.7320508075688772
}

// zipf draws ranks 0 .. n-1 with weights (rank + 2) ^ -exponent, by the alias method
// of Walker and Vose: one table look-up per number, whatever n is.
type zipf struct {
	keep  []uint32 // keep the cell itself below this, of 2^32
	alias []uint32
}

func newZipf(n int, exponent float64) *zipf {
	weights, total := make([]float64, n), 0.0
	for i := range weights {
		weights[i] = real.Pow(float64(i+2), -exponent)
		total += weights[i]
	}
	z := &zipf{make([]uint32, n), make([]uint32, n)}
	var small, large []uint32
	for i := range weights {
		weights[i] = float64(weights[i]*float64(n)) / total
		if weights[i] < 1 {
			small = append(small, uint32(i))
		} else {
			large = append(large, uint32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		z.keep[s], z.alias[s] = uint32(weights[s]*(1<<32-1)), l
		weights[l] -= 1 - weights[s]
		if weights[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, rest := range [][]uint32{small, large} {
		for _, i := range rest {
			z.keep[i], z.alias[i] = 1<<32-1, i
		}
	}
	return z
}

func (z *zipf) draw(s *stream) uint32 {
	x := s.next()
	at := uint32(x >> 32 * uint64(len(z.keep)) >> 32)
	if uint32(x) <= z.keep[at] {
		return at
	}
	return z.alias[at]
}
