package code

import (
	"math/bits"

	"quern/features/column"
	"quern/features/program"
)

// secret returns words at, at+1, ... of the first 128 bytes of XXH3's default secret
// (Y. Collet, xxHash 0.8).
func secret(word int) uint64 {
	return [...]uint64{
		0xbe4ba423396cfeb8, 0x1cad21f72c81017c, 0xdb979083e96dd4de, 0x1f67b3b7a4a44072,
		0x78e5c0cc4ee679cb, 0x2172ffcc7dd05a82, 0x8e2443f7744608b8, 0x4c263a81e69035e0,
		0xcb00c391bb52283c, 0xa32e531b8b65d088, 0x4ef90da297486471, 0xd8acdea946ef1938,
		0x3f349ce33f76faa8, 0x1d4f0bc7c7bbdcf9, 0x3159b4cd4be0518a, 0x647378d9c97e9fc8,
	}[word]
}

// hash is Hash: of the 8 bytes that ascend with a number, or of a bool's one byte.
func (l *lowering) hash(in *program.Instr, t column.Type, x operand) operand {
	switch kind, _ := RegisterType(t); kind {
	case Bool:
		hash := program.FindHash(in.Imm.Text)
		no, yes := hash(in.Imm.Int, []byte{0}), hash(in.Imm.Int, []byte{1})
		return l.emit(Xor, l.emit(MulInt, x, bitsOf(no^yes)), bitsOf(no))
	case F64:
		x = l.once(Swap, l.once(Ordered, x), intOf(0))
	default:
		x = l.once(Swap, x, bitsOf(1<<63))
	}
	switch in.Imm.Text {
	case "murmur3":
		return l.emit(Murmur3, x, intOf(in.Imm.Int))
	case "farm":
		return l.emit(Farm, x)
	}
	return l.emit(XXH3, x, bitsOf(flipOf(uint64(in.Imm.Int))))
}

// flipOf is what XXH3 mixes into an input of one word.
func flipOf(seed uint64) uint64 {
	seed ^= uint64(bits.ReverseBytes32(uint32(seed))) << 32
	return (secret(1) ^ secret(2)) - seed
}

// mix is HashMix: XXH3 of up to maxMixed words.
func (l *lowering) mix(seed uint64, words []operand) operand {
	n := len(words)
	switch n {
	case 1:
		return l.emit(XXH3, words[0], bitsOf(flipOf(seed)))
	case 2:
		low := l.emit(Xor, words[0], bitsOf((secret(3)^secret(4))+seed))
		high := l.emit(Xor, words[1], bitsOf((secret(5)^secret(6))-seed))
		return l.emit(XXH3Pair, low, high)
	}
	const prime = 0x9E3779B185EBCA87
	sum := bitsOf(uint64(8*n) * prime)
	add := func(at, secretAt int) {
		low := l.emit(Xor, words[at], bitsOf(secret(secretAt)+seed))
		high := l.emit(Xor, words[at+1], bitsOf(secret(secretAt+1)-seed))
		sum = l.emit(XXH3Mix, sum, low, high)
	}
	for i := range (8*n-1)/32 + 1 { // 16 bytes from the front, 16 from the back
		add(2*i, 4*i)
		add(n-2*i-2, 4*i+2)
	}
	return l.emit(XXH3End, sum)
}
