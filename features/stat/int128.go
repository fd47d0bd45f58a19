package stat

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// int128 is a two's complement integer.
type int128 struct{ lo, hi uint64 }

// add adds o, modulo 2^128.
func (x *int128) add(o int128) {
	var c uint64
	x.lo, c = bits.Add64(x.lo, o.lo, 0)
	x.hi, _ = bits.Add64(x.hi, o.hi, c)
}

// sub subtracts o, modulo 2^128.
func (x *int128) sub(o int128) {
	var c uint64
	x.lo, c = bits.Sub64(x.lo, o.lo, 0)
	x.hi, _ = bits.Sub64(x.hi, o.hi, c)
}

// addShifted adds v * 2^s, 0 < s < 64.
func (x *int128) addShifted(v int64, s uint) {
	x.add(int128{uint64(v) << s, uint64(v >> (64 - s))})
}

func (x int128) negative() bool { return x.hi>>63 == 1 }

// abs returns the magnitude as an unsigned integer.
func (x int128) abs() int128 {
	if !x.negative() {
		return x
	}
	var zero int128
	zero.sub(x)
	return zero
}

// big returns x.
func (x int128) big() *big.Int {
	m := x.abs()
	b := new(big.Int).SetUint64(m.hi)
	b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(m.lo))
	if x.negative() {
		b.Neg(b)
	}
	return b
}

// appendInt128 appends a length byte (0 to 16) and x in that many big-endian
// bytes of two's complement, no more than necessary; 0 has none.
func appendInt128(b []byte, x int128) []byte {
	raw := x.bytes()
	k := x.skip(raw)
	return append(append(b, byte(16-k)), raw[k:]...)
}

func (x int128) bytes() (raw [16]byte) {
	binary.BigEndian.PutUint64(raw[:], x.hi)
	binary.BigEndian.PutUint64(raw[8:], x.lo)
	return raw
}

// skip returns how many leading bytes of raw, the bytes of x, say nothing.
func (x int128) skip(raw [16]byte) int {
	if x == (int128{}) {
		return 16
	}
	sign, k := byte(int64(x.hi)>>63), 0
	for k < 15 && raw[k] == sign && raw[k+1]>>7 == sign&1 {
		k++
	}
	return k
}

// readInt128 reads what appendInt128 wrote.
func readInt128(r *reader) int128 {
	n := r.byte()
	raw := r.take(uint64(n))
	if r.bad || n > 16 {
		r.bad = true
		return int128{}
	}
	var full [16]byte
	if n > 0 && raw[0]>>7 == 1 {
		for i := range full {
			full[i] = 0xff
		}
	}
	copy(full[16-n:], raw)
	x := int128{binary.BigEndian.Uint64(full[8:]), binary.BigEndian.Uint64(full[:])}
	r.bad = r.bad || x.skip(full) != 16-int(n)
	return x
}
