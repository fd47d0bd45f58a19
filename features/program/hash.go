package program

import (
	"encoding/binary"
	"math"

	"github.com/twmb/murmur3"
	"github.com/zeebo/xxh3"

	"quern/features/column"
)

// HashFunction is a hash of bytes by seed.
type HashFunction func(seed int64, data []byte) uint64

// FindHash returns the hash function called name, or nil:
//
//	xxh3     XXH3, 64 bits, any seed
//	murmur3  MurmurHash3 x86, 32 bits extended with zeros, seeds of 32 bits
//	farm     FarmHash fingerprint64, seed 0
func FindHash(name string) HashFunction {
	switch name {
	case "xxh3":
		return func(seed int64, data []byte) uint64 { return xxh3.HashSeed(data, uint64(seed)) }
	case "murmur3":
		return func(seed int64, data []byte) uint64 { return uint64(murmur3.SeedSum32(uint32(seed), data)) }
	case "farm":
		return func(_ int64, data []byte) uint64 { return Fingerprint64(data) }
	}
	return nil
}

// seedFits reports whether the function called name takes seed.
func seedFits(name string, seed int64) bool {
	switch name {
	case "murmur3":
		return seed >= 0 && seed <= math.MaxUint32
	case "farm":
		return seed == 0
	}
	return true
}

// MixHashes returns the XXH3 of the hashes' bytes, 8 each, little-endian, in
// order: it depends on every position.
func MixHashes(seed int64, hashes []int64) int64 {
	var room [64]byte
	data := room[:0]
	for _, h := range hashes {
		data = binary.LittleEndian.AppendUint64(data, uint64(h))
	}
	return int64(xxh3.HashSeed(data, uint64(seed)))
}

// BucketHash returns h, as an unsigned number, modulo n >= 1.
func BucketHash(h, n int64) int64 { return int64(uint64(h) % uint64(n)) }

// AppendCanonical writes the bytes that hashing and table lookup see of a value
// that is not null:
//
//	string           its bytes
//	bool             one byte, 0 or 1
//	integer, time    8 bytes, big-endian, with the sign bit flipped (Int32 and Int64 alike)
//	real             8 bytes of the float64, big-endian, made to ascend: negative
//	                 numbers have all bits flipped, others the sign bit; -0 is
//	                 written as 0, and every NaN as the canonical one (Float32 and Float64 alike)
//
// So values of one kind are equal when their bytes are, and numbers and times
// ascend with their bytes.
func AppendCanonical(dst []byte, t column.Type, v Value) []byte {
	if v.Null {
		panic("quern: bug: null has no canonical bytes")
	}
	switch t.Kind() {
	case column.Bools:
		return append(dst, byte(one(v.Bool)))
	case column.Ints:
		return binary.BigEndian.AppendUint64(dst, uint64(v.Int)^1<<63)
	case column.Floats:
		return binary.BigEndian.AppendUint64(dst, OrderedBits(v.Float))
	}
	return append(dst, v.Str...)
}

// OrderedBits maps a float64 to bits that ascend with it, NaN last; -0 and 0 have
// the same, and so have all NaNs.
func OrderedBits(x float64) uint64 {
	bits := math.Float64bits(Canon(x) + 0) // -0 + 0 is 0
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}
