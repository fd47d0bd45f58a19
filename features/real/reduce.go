package real

import (
	"math"
	"math/bits"
)

// reduce returns n (of which the two low bits count) and y with x = n pi/2 + y,
// |y| <= pi/4 (a little more at the border), y to a relative error below 2^-60.
// x is finite.
func reduce(x float64) (n uint64, y wide) {
	if math.Abs(x) <= 0x1p20 {
		return reduceSmall(x)
	}
	n, y = reduceLarge(math.Abs(x))
	if x < 0 {
		return -n, wide{-y.hi, -y.lo}
	}
	return n, y
}

// reduceSmall is reduce for |x| <= 2^20: pi/2 in four parts, three of them of 33
// bits, so that their products with n < 2^20 are exact. (Cody and Waite 1980.)
func reduceSmall(x float64) (n uint64, y wide) {
	const twoOverPi = 0x1.45f306dc9c883p-1
	const rounder = 0x1.8p52 // adding it leaves an integer in the low bits
	const part1, part2 = 0x1.921fb54400000p+0, 0x1.0b4611a600000p-34
	const part3, part4 = 0x1.3198a2e000000p-69, 0x1.b839a252049c1p-104
	shifted := mulAdd(x, twoOverPi, rounder)
	k := shifted - rounder
	s, e := twoSum(x-float64(k*part1), -float64(k*part2))
	t, f := twoSum(s, -float64(k*part3))
	high, low := twoSum(t, (e+f)-float64(k*part4))
	return math.Float64bits(shifted), wide{high, low}
}

// reduceLarge is reduce for x > 2^20: the product of x's 53 bits with those bits
// of 2/pi that decide the quadrant and the fraction, in integers. (M. H. Payne and
// R. N. Hanek, Radian reduction for trigonometric functions, SIGNUM 18, 1983.)
//
// x = m 2^e with a 64-bit m. Bits of 2/pi of weight 2^(2-e) and up contribute
// multiples of 4, which are whole turns; from there on 192 bits are taken, and of
// the product the upper 128: two of quadrant, 126 of fraction. No double comes
// nearer than 2^-62 to a multiple of pi/2, so more than 60 good bits remain.
func reduceLarge(x float64) (n uint64, y wide) {
	b := math.Float64bits(x)
	m := (b&(1<<52-1) | 1<<52) << 11
	start := uint(b>>52) - 1024 // = e + 62: as 2/pi is kept with 64 zeros before it
	v0, v1, v2 := twoOverPi(start), twoOverPi(start+64), twoOverPi(start+128)
	h1, l1 := bits.Mul64(m, v1)
	h2, _ := bits.Mul64(m, v2)
	low, carry := bits.Add64(l1, h2, 0)
	high, _ := bits.Add64(m*v0, h1, carry)

	n, high, low = high>>62, high<<2|low>>62, low<<2
	sign := 1.0
	if high>>63 == 1 { // half a quadrant or more: count from the next one
		n++
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		high, _ = bits.Sub64(0, high, borrow)
		sign = -1
	}
	return n, fractionToRadians(high, low, sign)
}

// fractionToRadians is sign * (high 2^-64 + low 2^-128) * pi/2.
func fractionToRadians(high, low uint64, sign float64) wide {
	const piHigh, piLow = 0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54 // pi/2
	zeros := bits.LeadingZeros64(high)
	high, low = high<<zeros|low>>(64-zeros), low<<zeros
	unit := float64(sign * powerOfTwo(-zeros))
	f := wide{
		float64(float64(int64(high>>11)) * float64(unit*0x1p-53)),
		float64(float64(int64((high<<53|low>>11)>>1)) * float64(unit*0x1p-116)),
	}
	p := f.times(wide{piHigh, piLow})
	hi, lo := fastTwoSum(p.hi, p.lo)
	return wide{hi, lo}
}

// twoOverPi returns 64 bits of 2/pi, from bit at of: 64 zeros, then its fraction.
func twoOverPi(at uint) uint64 {
	word, shift := at/64, at%64
	return twoOverPiWord(word)<<shift | twoOverPiWord(word+1)>>(64-shift)
}

// twoOverPiWord is word i of: 64 zeros, then the first 1,152 bits of the fraction of 2/pi.
func twoOverPiWord(i uint) uint64 {
	switch i {
	case 1:
		return 0xa2f9836e4e441529
	case 2:
		return 0xfc2757d1f534ddc0
	case 3:
		return 0xdb6295993c439041
	case 4:
		return 0xfe5163abdebbc561
	case 5:
		return 0xb7246e3a424dd2e0
	case 6:
		return 0x06492eea09d1921c
	case 7:
		return 0xfe1deb1cb129a73e
	case 8:
		return 0xe88235f52ebb4484
	case 9:
		return 0xe99c7026b45f7e41
	case 10:
		return 0x3991d639835339f4
	case 11:
		return 0x9c845f8bbdf9283b
	case 12:
		return 0x1ff897ffde05980f
	case 13:
		return 0xef2f118b5a0a6d1f
	case 14:
		return 0x6d367ecf27cb09b7
	case 15:
		return 0x4f463f669e5fea2d
	case 16:
		return 0x7527bac7ebe5f17b
	case 17:
		return 0x3d0739f78a5292ea
	case 18:
		return 0x6bfb5fb11f8d5d08
	}
	return 0
}
