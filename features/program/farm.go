package program

import (
	"encoding/binary"
	"math/bits"
)

// The odd constants of FarmHash (G. Pike, Google, 2014: farmhashna).
const (
	farmK0 = 0xc3a5c85c97cb3127
	farmK1 = 0xb492b66fbe98f273
	farmK2 = 0x9ae16a3b2f90404f
)

// Fingerprint64 is FarmHash's Fingerprint64, which never changes from version to
// version or machine to machine.
func Fingerprint64(s []byte) uint64 {
	n := uint64(len(s))
	switch {
	case n <= 16:
		return farmTo16(s)
	case n <= 32:
		return farmTo32(s)
	case n <= 64:
		return farmTo64(s)
	}
	const seed = 81
	x, y := uint64(seed), uint64(2480279821605975764) // seed*k1 + 113, modulo 2^64
	z := farmMix(y*farmK2+113) * farmK2
	var v, w [2]uint64
	x = x*farmK2 + farm64(s)
	end := (n - 1) / 64 * 64
	last := s[n-64:]
	for at := uint64(0); at < end; at += 64 {
		b := s[at:]
		x = bits.RotateLeft64(x+y+v[0]+farm64(b[8:]), -37) * farmK1
		y = bits.RotateLeft64(y+v[1]+farm64(b[48:]), -42) * farmK1
		x ^= w[1]
		y += v[0] + farm64(b[40:])
		z = bits.RotateLeft64(z+w[0], -33) * farmK1
		v = farmWeak(b, v[1]*farmK1, x+w[0])
		w = farmWeak(b[32:], z+w[1], y+farm64(b[16:]))
		z, x = x, z
	}
	mul := farmK1 + (z&0xff)<<1
	w[0] += (n - 1) & 63
	v[0] += w[0]
	w[0] += v[0]
	x = bits.RotateLeft64(x+y+v[0]+farm64(last[8:]), -37) * mul
	y = bits.RotateLeft64(y+v[1]+farm64(last[48:]), -42) * mul
	x ^= w[1] * 9
	y += v[0]*9 + farm64(last[40:])
	z = bits.RotateLeft64(z+w[0], -33) * mul
	v = farmWeak(last, v[1]*mul, x+w[0])
	w = farmWeak(last[32:], z+w[1], y+farm64(last[16:]))
	z, x = x, z
	return farmJoin(farmJoin(v[0], w[0], mul)+farmMix(y)*farmK0+z, farmJoin(v[1], w[1], mul)+x, mul)
}

func farm64(s []byte) uint64  { return binary.LittleEndian.Uint64(s) }
func farm32(s []byte) uint64  { return uint64(binary.LittleEndian.Uint32(s)) }
func farmMix(x uint64) uint64 { return x ^ x>>47 }

// farmJoin hashes two words to one.
func farmJoin(u, v, mul uint64) uint64 {
	a := farmMix((u ^ v) * mul)
	return farmMix((v^a)*mul) * mul
}

// farmWeak hashes 32 bytes and two seeds to two words.
func farmWeak(s []byte, a, b uint64) [2]uint64 {
	w, x, y, z := farm64(s), farm64(s[8:]), farm64(s[16:]), farm64(s[24:])
	a += w
	b = bits.RotateLeft64(b+a+z, -21)
	c := a
	a += x + y
	b += bits.RotateLeft64(a, -44)
	return [2]uint64{a + z, b + c}
}

func farmTo16(s []byte) uint64 {
	n := uint64(len(s))
	mul := farmK2 + n*2
	switch {
	case n >= 8:
		a, b := farm64(s)+farmK2, farm64(s[n-8:])
		c := bits.RotateLeft64(b, -37)*mul + a
		d := (bits.RotateLeft64(a, -25) + b) * mul
		return farmJoin(c, d, mul)
	case n >= 4:
		return farmJoin(n+farm32(s)<<3, farm32(s[n-4:]), mul)
	case n > 0:
		y := uint64(s[0]) + uint64(s[n>>1])<<8
		z := n + uint64(s[n-1])<<2
		return farmMix(y*farmK2^z*farmK0) * farmK2
	}
	return farmK2
}

func farmTo32(s []byte) uint64 {
	n := uint64(len(s))
	mul := farmK2 + n*2
	a, b := farm64(s)*farmK1, farm64(s[8:])
	c, d := farm64(s[n-8:])*mul, farm64(s[n-16:])*farmK2
	return farmJoin(bits.RotateLeft64(a+b, -43)+bits.RotateLeft64(c, -30)+d,
		a+bits.RotateLeft64(b+farmK2, -18)+c, mul)
}

func farmTo64(s []byte) uint64 {
	n := uint64(len(s))
	mul := farmK2 + n*2
	a, b := farm64(s)*farmK2, farm64(s[8:])
	c, d := farm64(s[n-8:])*mul, farm64(s[n-16:])*farmK2
	y := bits.RotateLeft64(a+b, -43) + bits.RotateLeft64(c, -30) + d
	z := farmJoin(y, a+bits.RotateLeft64(b+farmK2, -18)+c, mul)
	e, f := farm64(s[16:])*mul, farm64(s[24:])
	g, h := (y+farm64(s[n-32:]))*mul, (z+farm64(s[n-24:]))*mul
	return farmJoin(bits.RotateLeft64(e+f, -43)+bits.RotateLeft64(g, -30)+h,
		e+bits.RotateLeft64(f+a, -18)+g, mul)
}
