package row

import (
	"encoding/binary"
	"math/bits"

	"github.com/zeebo/xxh3"

	"quern/features/column"
)

// Hash is the 128-bit hash of a key: XXH3-128 of its canonical bytes, with a seed. Lo
// chooses the shard and tells keys of one slot apart, Hi orders the rows of a segment.
type Hash struct{ Hi, Lo uint64 }

// HashKey returns the hash of a key's canonical bytes.
func HashKey(key []byte, seed uint64) Hash {
	h := xxh3.Hash128Seed(key, seed)
	return Hash{h.Hi, h.Lo}
}

// Shard returns which of n shards the key belongs to, 0 to n-1.
func (h Hash) Shard(n int) int {
	hi, _ := bits.Mul64(h.Lo, uint64(n))
	return int(hi)
}

// Keys is a batch of keys to look up, in canonical bytes. It is filled column by column of
// each key: PutInt or PutBytes once for each column of the key, in order, then for the next
// key. It keeps its memory between batches and belongs to one goroutine at a time.
type Keys struct {
	layout *Layout
	next   int // the column of the key that is put next
	bytes  []byte
	ends   []int // of each key; unused where keys are 8 bytes
	hashes []Hash
	hashed int // how many hashes are of this batch and of seed
	seed   uint64
}

// Reset empties k for keys of a layout.
func (k *Keys) Reset(l *Layout) {
	k.layout, k.next, k.hashed = l, 0, 0
	k.bytes, k.ends = k.bytes[:0], k.ends[:0]
}

// Len returns how many whole keys there are.
func (k *Keys) Len() int {
	if k.layout != nil && k.layout.inline {
		return len(k.bytes) / 8
	}
	return len(k.ends)
}

// Key returns the canonical bytes of key i, valid until the next Put or Reset.
func (k *Keys) Key(i int) []byte {
	if k.layout.inline {
		return k.bytes[8*i : 8*i+8 : 8*i+8]
	}
	from := 0
	if i > 0 {
		from = k.ends[i-1]
	}
	return k.bytes[from:k.ends[i]:k.ends[i]]
}

// PutInt gives the value of the key's next column, which is no string: bools are 0 and 1,
// dates days, times microseconds.
func (k *Keys) PutInt(v int64) {
	k.expect(false)
	k.bytes = appendInt(k.bytes, v, len(k.layout.schema.Keys) > 1)
	k.advance()
}

// PutBytes gives the value of the key's next column, a string. The bytes are copied.
func (k *Keys) PutBytes(v []byte) {
	k.expect(true)
	k.bytes = appendText(k.bytes, v, len(k.layout.schema.Keys) > 1)
	k.advance()
}

func (k *Keys) expect(text bool) {
	if f := k.layout.schema.Keys[k.next]; text != (f.Type == column.String) {
		panic("quern: bug: key column " + f.Name + " is of type " + f.Type.String())
	}
}

func (k *Keys) advance() {
	if k.next++; k.next < len(k.layout.schema.Keys) {
		return
	}
	if k.next = 0; !k.layout.inline {
		k.ends = append(k.ends, len(k.bytes))
	}
}

// Hashes returns the hash of every key. They are computed once for a batch and a seed.
func (k *Keys) Hashes(seed uint64) []Hash {
	n := k.Len()
	if k.seed != seed {
		k.seed, k.hashed = seed, 0
	}
	k.hashes = k.hashes[:k.hashed]
	for i := k.hashed; i < n; i++ {
		k.hashes = append(k.hashes, HashKey(k.Key(i), seed))
	}
	k.hashed = n
	return k.hashes
}

// appendInt appends one column of a key; tagged where the key has several.
func appendInt(b []byte, v int64, tagged bool) []byte {
	if tagged {
		b = append(b, 1)
	}
	return binary.LittleEndian.AppendUint64(b, uint64(v))
}

func appendText(b, v []byte, tagged bool) []byte {
	if tagged {
		b = binary.LittleEndian.AppendUint32(append(b, 2), uint32(len(v)))
	}
	return append(b, v...)
}
