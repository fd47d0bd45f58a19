package simd

// PackBools writes a bit per bool, and zeros past the last one.
func (k *Kernels) PackBools(dst []uint64, src []bool) {
	n := 0
	if k.packBools != nil {
		n = len(src) &^ 63
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		k.packBools(dst[i>>6:end>>6], src[i:end])
	}
	for ; n < len(src); n += 64 {
		word := uint64(0)
		for i, b := range src[n:min(n+64, len(src))] {
			bit := uint64(0)
			if b {
				bit = 1
			}
			word |= bit << (i & 63)
		}
		dst[n>>6] = word
	}
}

// UnpackBits writes true where the bit is set; a nil src has all set.
func (k *Kernels) UnpackBits(dst []bool, src []uint64) { k.unpack(dst, src, 0) }

// UnpackNots writes true where the bit is clear; a nil src has all set.
func (k *Kernels) UnpackNots(dst []bool, src []uint64) { k.unpack(dst, src, 1<<64-1) }

// unpack writes the bits of src xor flip, which is 0 or ones.
func (k *Kernels) unpack(dst []bool, src []uint64, flip uint64) {
	if src == nil {
		for i := range dst {
			dst[i] = flip == 0
		}
		return
	}
	n := 0
	if k.unpackBits != nil {
		n = len(dst) &^ 63
	}
	for i := 0; i < n; i += maxCall {
		end := min(n, i+maxCall)
		k.unpackBits(dst[i:end], src[i>>6:end>>6], flip)
	}
	for i := n; i < len(dst); i++ {
		dst[i] = (src[i>>6]^flip)>>(i&63)&1 != 0
	}
}
