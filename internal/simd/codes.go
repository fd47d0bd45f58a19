package simd

import "encoding/binary"

// maxPacked is the widest code that assembly packs: twice as many bits and half a
// byte fit a word.
const maxPacked = 28

// PackCodesSlack is how many bytes dst has after the packed codes, at least. What
// PackCodes leaves there is garbage.
const PackCodesSlack = 16

// PackCodes packs codes into width bits each, 0 < width <= 32, the first into the
// lowest bits, as Parquet's bit-packed runs do. Codes are below 1<<width, and their
// number is a multiple of eight: eight of them take width bytes of dst, which has
// PackCodesSlack bytes more.
func (k *Kernels) PackCodes(dst []byte, codes []int32, width int) {
	size := len(codes) / 8 * width
	if len(codes)%8 != 0 || width < 1 || width > 32 || len(dst) < size+PackCodesSlack {
		panic("quern: bug: codes that cannot be packed")
	}
	if k.packCodes != nil && width <= maxPacked {
		plan := packPlan(width)
		whole := len(codes) &^ 15
		for i := 0; i < whole; i += maxCall {
			end := min(whole, i+maxCall)
			k.packCodes(dst[i/8*width:], codes[i:end], &plan, width)
		}
		dst, codes = dst[whole/8*width:], codes[whole:]
	}
	for ; len(codes) > 0; dst, codes = dst[width:], codes[8:] {
		packEight(dst, (*[8]int32)(codes), width)
	}
}

// packEight packs eight codes.
func packEight(dst []byte, codes *[8]int32, width int) {
	word, have := uint64(0), 0 // have < 8 bits of it are left from the codes before
	for i := 0; i < 8; i += 2 {
		pair := uint64(uint32(codes[i])) | uint64(uint32(codes[i+1]))<<width
		binary.LittleEndian.PutUint64(dst, word|pair<<have)
		bits := have + 2*width
		if bits > 64 { // then have > 0
			dst[8] = byte(pair >> (64 - have))
		}
		dst = dst[bits/8:]
		word, have = uint64(dst[0])&(1<<(bits%8)-1), bits%8
	}
}

// packPlan is the vectors that the kernel of a width needs, each for the two halves of
// eight codes: shifts of the first word of two, shifts of the second up and down, the
// byte that the second half shares with the first, masks of the first and the second
// code of a pair; and at the end the shift that brings the second next to the first.
func packPlan(width int) [26]uint64 {
	w := uint64(width)
	odd := w % 2 * 4
	const all, none = 64, 0x8080808080808080 // shifts everything out; picks zeros
	shared := uint64(none)
	if odd > 0 {
		shared = none&^0xff | w/2
	}
	low := uint64(1)<<w - 1
	high := low << w
	return [26]uint64{
		0, all, odd, all,
		0, 2 * w, 0, 2*w + odd,
		0, 64 - 2*w, 0, 64 - 2*w - odd,
		none, none, shared, none,
		low, low, low, low,
		high, high, high, high,
		32 - w,
	}
}
