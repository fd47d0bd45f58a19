package output

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"quern/pipeline/sink"
)

// The content digest of a column is a polynomial over its values, in order, modulo
// the prime 2^61-1: h = sum of v[i] * base^(n-1-i). Two stretches of rows combine
// without being read again, so the digest does not depend on where batches and parts
// end. It finds differences, not forgeries: the files' SHA-256 does that. A list is one
// value, whose code is made of the codes of its elements and their number.
const (
	prime = 1<<61 - 1
	base  = 0x1B873593CC9E2D51 % prime
)

// content is the digest of a stretch of one column.
type content struct {
	hash uint64 // below prime
	rows uint64
}

// then appends a stretch that follows.
func (h content) then(next content) content {
	return content{addMod(mulMod(h.hash, powMod(base, next.rows)), next.hash), h.rows + next.rows}
}

// String is how records keep a stretch.
func (h content) String() string { return fmt.Sprintf("%d:%016x", h.rows, h.hash) }

// parseContent reads what String wrote.
func parseContent(s string) (h content, ok bool) {
	rows, hash, found := strings.Cut(s, ":")
	var err1, err2 error
	h.rows, err1 = strconv.ParseUint(rows, 10, 64)
	h.hash, err2 = strconv.ParseUint(hash, 16, 64)
	return h, found && err1 == nil && err2 == nil && h.hash < prime
}

// contentDigest names the rows of all columns: SHA-256 over names, types and
// polynomial digests.
func contentDigest(fields []sink.Field, columns []content) string {
	h := sha256.New()
	fmt.Fprintf(h, "quern rows 1\n")
	for i, f := range fields {
		fmt.Fprintf(h, "%q %v %v\n", f.Name, f.Type, columns[i])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// block is how many rows are summed up before the sum is reduced: products are below
// 2^122, so 64 of them fit in 128 bits.
const block = 64

// powers are base^63 ... base^0, the weights of a block's rows.
type powers [block]uint64

func newPowers() (p powers) {
	x := uint64(1)
	for i := range p {
		p[block-1-i] = x
		x = mulMod(x, base)
	}
	return p
}

// append appends rows whose codes are given; codes are below 2^61.
func (h *content) append(p *powers, codes []uint64) {
	h.rows += uint64(len(codes))
	shift := p.shift()
	for len(codes) >= block {
		h.hash = addMod(mulMod(h.hash, shift), p.sum((*[block]uint64)(codes)))
		codes = codes[block:]
	}
	for _, v := range codes {
		h.hash = addMod(mulMod(h.hash, base), reduce(v))
	}
}

// shift returns base^block.
func (p *powers) shift() uint64 { return mulMod(p[0], base) }

// gather is sum for the codes that index picks.
func (p *powers) gather(codes []uint64, index *[block]int32) uint64 {
	var high, low, carry uint64
	for i := 0; i < block; i += 2 {
		h0, l0 := bits.Mul64(codes[index[i]], p[i])
		h1, l1 := bits.Mul64(codes[index[i+1]], p[i+1])
		low, carry = bits.Add64(low, l0, 0)
		high, _ = bits.Add64(high, h0, carry)
		low, carry = bits.Add64(low, l1, 0)
		high, _ = bits.Add64(high, h1, carry)
	}
	return reduceWide(high, low)
}

// sum returns the digest of one block. Its products wait for no one: only the
// additions form a chain.
func (p *powers) sum(codes *[block]uint64) uint64 {
	var high, low, carry uint64
	for i := 0; i < block; i += 4 {
		h0, l0 := bits.Mul64(codes[i], p[i])
		h1, l1 := bits.Mul64(codes[i+1], p[i+1])
		h2, l2 := bits.Mul64(codes[i+2], p[i+2])
		h3, l3 := bits.Mul64(codes[i+3], p[i+3])
		low, carry = bits.Add64(low, l0, 0)
		high, _ = bits.Add64(high, h0, carry)
		low, carry = bits.Add64(low, l1, 0)
		high, _ = bits.Add64(high, h1, carry)
		low, carry = bits.Add64(low, l2, 0)
		high, _ = bits.Add64(high, h2, carry)
		low, carry = bits.Add64(low, l3, 0)
		high, _ = bits.Add64(high, h3, carry)
	}
	return reduceWide(high, low)
}

// reduce returns x modulo the prime.
func reduce(x uint64) uint64 {
	x = x&prime + x>>61
	if x >= prime {
		x -= prime
	}
	return x
}

// reduceWide returns high*2^64 + low modulo the prime: 2^64 is 8, 2^61 is 1.
func reduceWide(high, low uint64) uint64 {
	return addMod(reduce(low), addMod(reduce(high<<3&prime), reduce(high>>58)))
}

func addMod(a, b uint64) uint64 {
	s := a + b
	if s >= prime {
		s -= prime
	}
	return s
}

func mulMod(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return reduceWide(high, low)
}

func powMod(b, e uint64) uint64 {
	result := uint64(1)
	for ; e > 0; e >>= 1 {
		if e&1 == 1 {
			result = mulMod(result, b)
		}
		b = mulMod(b, b)
	}
	return result
}
