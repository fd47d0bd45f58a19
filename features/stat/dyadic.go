package stat

import (
	"encoding/binary"
	"math/big"
)

// appendDyadic appends x times 2^exp, x odd or 0:
//
//	0                                         zero
//	1 (positive) or 2 (negative), varint exp, uvarint length, big-endian |x|
func appendDyadic(b []byte, x *big.Int, exp int) []byte {
	switch x.Sign() {
	case 0:
		return append(b, 0)
	case 1:
		b = append(b, 1)
	default:
		b = append(b, 2)
	}
	b = binary.AppendVarint(b, int64(exp))
	raw := x.Bytes()
	b = binary.AppendUvarint(b, uint64(len(raw)))
	return append(b, raw...)
}

// readDyadic reads what appendDyadic wrote. All bits must weigh between
// 2^low and 2^high.
func readDyadic(r *reader, low, high int) (x *big.Int, exp int) {
	x = new(big.Int)
	sign := r.byte()
	if sign == 0 {
		return x, 0
	}
	e := r.varint()
	raw := r.take(r.uvarint())
	if r.bad || sign > 2 || len(raw) == 0 || raw[0] == 0 || raw[len(raw)-1]&1 == 0 ||
		e < int64(low) || e > int64(high) || len(raw) > 1024 {
		r.bad = true
		return x, 0
	}
	x.SetBytes(raw)
	if int(e)+x.BitLen() > high {
		r.bad = true
	}
	if sign == 2 {
		x.Neg(x)
	}
	return x, int(e)
}

// skipDyadic reads what appendDyadic wrote without a look at it.
func skipDyadic(r *reader) {
	if r.byte() > 0 {
		r.uvarint()
		r.take(r.uvarint())
	}
}
