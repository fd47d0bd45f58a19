package code

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/bits"

	"quern/features/program"
)

// pool holds the constants that instructions name by their place. Equal ones are there
// once.
type pool struct {
	bytes []byte
	found map[[32]byte]uint64 // by SHA-256: tables may be large
}

// newPool returns a pool in which nothing is at place 0: instructions use that for none.
func newPool() *pool { return &pool{bytes: make([]byte, 8), found: map[[32]byte]uint64{}} }

// add returns the place of words.
func (p *pool) add(words []uint64) uint64 {
	data := make([]byte, 0, 8*len(words))
	for _, w := range words {
		data = binary.LittleEndian.AppendUint64(data, w)
	}
	digest := sha256.Sum256(data)
	at, ok := p.found[digest]
	if !ok {
		at = uint64(len(p.bytes))
		p.bytes = append(p.bytes, data...)
		p.found[digest] = at
	}
	return at
}

// bins is what Bucketize knows: how many edges, 1 if bins are closed on the right, the
// id of NaN, the edges.
func bins(imm *program.Imm) []uint64 {
	words := []uint64{uint64(len(imm.Floats)), uint64(imm.Int), uint64(imm.NaN)}
	for _, x := range imm.Floats {
		words = append(words, math.Float64bits(x))
	}
	return words
}

// placeFactor is 2^64 over the golden ratio, made odd: a key's place in a table is the
// leading bits of their product.
const placeFactor = 0x9E3779B97F4A7C15

// hashTable lays a table out as gpu/kernels/search.cuh describes: shift, a word that is
// no key, whether null has a value, that value, then pairs of key and value, at most
// half of them taken.
func hashTable(t *program.Table) []uint64 {
	keys := make([]uint64, t.Keys.Len)
	for i := range keys {
		keys[i] = keyOf(t, i)
	}
	shift := 63 - bits.Len(uint(len(keys))) // 2^(64-shift) places, at least twice the keys
	empty := noKey(t, keys)
	words := make([]uint64, 4+2<<(64-shift))
	words[0], words[1] = uint64(shift), empty
	for at := 4; at < len(words); at += 2 {
		words[at] = empty
	}
	mask := uint64(1)<<(64-shift) - 1
	for i, key := range keys {
		v := program.ValueAt(&t.Values, i)
		value := uint64(v.Int) | math.Float64bits(v.Float) // one of them is 0
		if t.Keys.Null(i) {
			words[2], words[3] = 1, value
			continue
		}
		place := key * placeFactor >> shift
		for words[4+2*place] != empty {
			place = (place + 1) & mask
		}
		words[4+2*place], words[5+2*place] = key, value
	}
	return words
}

// keyOf returns the word by which the device looks up key i, or 0 for null.
func keyOf(t *program.Table, i int) uint64 {
	v := program.ValueAt(&t.Keys, i)
	kind, _ := RegisterType(t.Keys.Type)
	switch {
	case v.Null:
		return 0
	case kind == F64:
		return program.OrderedBits(v.Float)
	case v.Bool:
		return 1
	}
	return uint64(v.Int)
}

// noKey returns the greatest word that is no key.
func noKey(t *program.Table, keys []uint64) uint64 {
	taken := make([]bool, len(keys)+1) // of the greatest words, from above
	for i, key := range keys {
		if below := math.MaxUint64 - key; below < uint64(len(taken)) && !t.Keys.Null(i) {
			taken[below] = true
		}
	}
	for below, is := range taken {
		if !is {
			return math.MaxUint64 - uint64(below)
		}
	}
	panic("quern: bug: more keys than there are")
}

// twoOverPi is 64 zeros, then the first 1,152 bits of the fraction of 2/pi, then zeros:
// what package features/real has.
func twoOverPi() []uint64 {
	return []uint64{
		0, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
		0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
		0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
		0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
		0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0,
	}
}
