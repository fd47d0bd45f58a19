//go:build !purego

package simd

// elementsAVX2 sets the kernels of elements.
func (k *Kernels) elementsAVX2() {
	k.addConst = addConstAVX2
	k.subConst = subConstAVX2
	k.mulConst = mulConstAVX2
	k.divConst = divConstAVX2
	k.addScaled = addScaledAVX2
	k.addFloats = addFloatsAVX2
	k.subFloats = subFloatsAVX2
	k.mulFloats = mulFloatsAVX2
	k.divFloats = divFloatsAVX2
	k.coalesceConst = coalesceConstAVX2
	k.choose = chooseAVX2
	k.canonical = canonicalAVX2
	k.round32 = round32AVX2
	k.widenFloats = widenFloatsAVX2
	k.narrowFloats = narrowFloatsAVX2
	k.widenInts = widenIntsAVX2
	k.narrowInts = narrowIntsAVX2
	k.floats32 = floats32AVX2
	k.floats64 = floats64AVX2
	k.clampFloats, k.clampInts = clamp_float64AVX2, clamp_int64AVX2
	k.compareFloats = [6]constKernel[bool, float64]{eqFloat64AVX2, neFloat64AVX2, ltFloat64AVX2, leFloat64AVX2, gtFloat64AVX2, geFloat64AVX2}
	k.compareInts = [6]constKernel[bool, int64]{eqInt64AVX2, neInt64AVX2, ltInt64AVX2, leInt64AVX2, gtInt64AVX2, geInt64AVX2}
	k.range64, k.range32 = minMax_float64AVX2, minMax_float32AVX2
	k.rangeInts, k.rangeInts32 = minMax_int64AVX2, minMax_int32AVX2
	k.rankFloats, k.rankInts = rank_float64AVX2, rank_int64AVX2
	k.sumInts = sumIntsAVX2
	k.packBools, k.unpackBits = packBoolsAVX2, unpackBitsAVX2
	k.packCodes = packCodesAVX2
	k.compact64, k.compact32 = compact_uint64AVX2, compact_uint32AVX2
	k.expand64, k.expand32 = expand_uint64AVX2, expand_uint32AVX2
}

// elementsAVX512 sets the kernels of elements.
func (k *Kernels) elementsAVX512() {
	k.addConst = addConstAVX512
	k.subConst = subConstAVX512
	k.mulConst = mulConstAVX512
	k.divConst = divConstAVX512
	k.addScaled = addScaledAVX512
	k.addFloats = addFloatsAVX512
	k.subFloats = subFloatsAVX512
	k.mulFloats = mulFloatsAVX512
	k.divFloats = divFloatsAVX512
	k.coalesceConst = coalesceConstAVX512
	k.choose = chooseAVX512
	k.canonical = canonicalAVX512
	k.round32 = round32AVX512
	k.widenFloats = widenFloatsAVX512
	k.narrowFloats = narrowFloatsAVX512
	k.widenInts = widenIntsAVX512
	k.narrowInts = narrowIntsAVX512
	k.floats32 = floats32AVX512
	k.floats64 = floats64AVX512
	k.clampFloats, k.clampInts = clamp_float64AVX512, clamp_int64AVX512
	k.compareFloats = [6]constKernel[bool, float64]{eqFloat64AVX512, neFloat64AVX512, ltFloat64AVX512, leFloat64AVX512, gtFloat64AVX512, geFloat64AVX512}
	k.compareInts = [6]constKernel[bool, int64]{eqInt64AVX512, neInt64AVX512, ltInt64AVX512, leInt64AVX512, gtInt64AVX512, geInt64AVX512}
	k.range64, k.range32 = minMax_float64AVX512, minMax_float32AVX512
	k.rangeInts, k.rangeInts32 = minMax_int64AVX512, minMax_int32AVX512
	k.rankFloats, k.rankInts = rank_float64AVX512, rank_int64AVX512
	k.sumInts = sumIntsAVX512
	k.packBools, k.unpackBits = packBoolsAVX512, unpackBitsAVX512
	k.packCodes = packCodesAVX512
	k.compact64, k.compact32 = compact_uint64AVX512, compact_uint32AVX512
	k.expand64, k.expand32 = expand_uint64AVX512, expand_uint32AVX512
}
