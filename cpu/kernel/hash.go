package kernel

import (
	"math/bits"

	"quern/features/program"
)

// XXH3 of 8 and of 16 bytes, which is what numbers and pairs of hashes are, written
// out: the general function spends more time on finding out how long its input is.
// The constants and steps are XXH3's (Y. Collet, xxHash 0.8, XXH3_len_4to8_64b and
// XXH3_len_9to16_64b); the words are bytes 8 to 55 of its default secret, pairwise
// combined as those two functions do.
const (
	secret8  = 0x1cad21f72c81017c ^ 0xdb979083e96dd4de
	secret16 = 0x1f67b3b7a4a44072 ^ 0x78e5c0cc4ee679cb
	secret24 = 0x2172ffcc7dd05a82 ^ 0x8e2443f7744608b8

	prime = 0x9FB21C651E98DF25
	mixer = 0x165667919E3779F9
)

// xxh8 hashes 8 bytes, given as a little-endian word.
func xxh8(word, flip uint64) uint64 {
	h := bits.RotateLeft64(word, 32) ^ flip
	h ^= bits.RotateLeft64(h, 49) ^ bits.RotateLeft64(h, 24)
	h *= prime
	h ^= h>>35 + 8
	h *= prime
	return h ^ h>>28
}

// flip8 returns the word that xxh8 combines its input with.
func flip8(seed int64) uint64 {
	s := uint64(seed)
	s ^= uint64(bits.ReverseBytes32(uint32(s))) << 32
	return secret8 - s
}

// HashInts hashes integers with XXH3: of their canonical bytes, which are
// big-endian with the sign flipped.
func HashInts(dst, a []int64, seed int64) {
	a = a[:len(dst)]
	flip := flip8(seed)
	for i := range dst {
		dst[i] = int64(xxh8(bits.ReverseBytes64(uint64(a[i])^1<<63), flip))
	}
}

// HashFloats hashes floats with XXH3: of their canonical bytes.
func HashFloats(dst []int64, a []float64, seed int64) {
	a = a[:len(dst)]
	flip := flip8(seed)
	for i := range dst {
		dst[i] = int64(xxh8(bits.ReverseBytes64(program.OrderedBits(a[i])), flip))
	}
}

// HashCanonical hashes the canonical bytes of values with any function: appendTo
// writes them into room, which is returned because it may have grown.
func HashCanonical[T any](dst []int64, a []T, valid []uint64, room []byte, appendTo func([]byte, T) []byte, hash func([]byte) int64) []byte {
	for i := range dst {
		if present(valid, i) {
			room = appendTo(room[:0], a[i])
			dst[i] = hash(room)
		}
	}
	return room
}

// MixPairs combines two hashes by position: XXH3 of their 16 little-endian bytes.
func MixPairs(dst, a, b []int64, seed int64) {
	a, b = a[:len(dst)], b[:len(dst)]
	flipLow, flipHigh := secret16+uint64(seed), secret24-uint64(seed)
	for i := range dst {
		low, high := uint64(a[i])^flipLow, uint64(b[i])^flipHigh
		top, bottom := bits.Mul64(low, high)
		h := 16 + bits.ReverseBytes64(low) + high + (top ^ bottom)
		h ^= h >> 37
		h *= mixer
		dst[i] = int64(h ^ h>>32)
	}
}

// MixMany combines any number of hashes by position. room holds one row's.
func MixMany(dst []int64, parts [][]int64, room []int64, seed int64) {
	for i := range dst {
		for k, p := range parts {
			room[k] = p[i]
		}
		dst[i] = program.MixHashes(seed, room[:len(parts)])
	}
}

// OrderedFloats maps floats to integers that are equal when their canonical bytes
// are: the keys that a Table finds.
func OrderedFloats(dst []int64, a []float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = int64(program.OrderedBits(a[i]))
	}
}
