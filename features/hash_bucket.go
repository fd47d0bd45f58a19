package features

import (
	"math"

	"quern/features/column"
	"quern/features/program"
)

// HashBucket turns values into ids by hashing: nothing is learnt, and values that
// share a bucket share an id.
type HashBucket struct {
	// Buckets is the number of ids of values; at least 1.
	Buckets int `quern:"buckets"`
	// Hash is the function.
	Hash HashFunction `quern:"hash"`
	// Seed of the function; farm has none.
	Seed int64 `quern:"seed"`
	// Padding reserves id 0 for padding, which no value gets.
	Padding bool `quern:"padding"`
	// NullID gives null an id; without it null stays null.
	NullID bool `quern:"null_id"`
}

// HashFunction names a hash of a value's canonical bytes (program.Hash).
type HashFunction string

// The functions; the zero value is XXH3.
const (
	XXH3    HashFunction = "xxh3"    // xxh3_64
	Murmur3 HashFunction = "murmur3" // murmur3_x86_32
	Farm    HashFunction = "farm"    // FarmHash fingerprint64
)

// Choices implements Chooser.
func (HashFunction) Choices() []string { return []string{string(XXH3), string(Murmur3), string(Farm)} }

// hashed emits the hash of x: null for null.
func (h HashFunction) hashed(b *program.Builder, x program.Register, seed int64) program.Register {
	if h == "" {
		h = XXH3
	}
	return b.Emit(program.Hash, program.Imm{Text: string(h), Int: seed}, x)
}

// maxHashBuckets keeps ids well inside of int64.
const maxHashBuckets = 1 << 40

// checkBuckets refuses a number of buckets that is missing or out of range.
func checkBuckets(buckets int) error {
	switch {
	case buckets == 0:
		return missingOption("", "buckets is missing: how many ids shall the values share?")
	case buckets < 0 || buckets > maxHashBuckets:
		return wrongOption("buckets", "buckets must be between 1 and %d, not %d", maxHashBuckets, buckets)
	}
	return nil
}

// Bind implements Operator.
func (h HashBucket) Bind(in []column.Field) (Bound, error) {
	if err := typedOnly("hash_bucket", in); err != nil {
		return nil, err
	}
	if err := checkBuckets(h.Buckets); err != nil {
		return nil, err
	}
	if err := chosen("hash", h.Hash); err != nil {
		return nil, err
	}
	if h.Hash == Farm && h.Seed != 0 {
		return nil, missingOption("seed", "farm has no seed")
	}
	if h.Hash == Murmur3 && (h.Seed < 0 || h.Seed > math.MaxUint32) {
		return nil, wrongOption("seed", "seed must be between 0 and %d for murmur3, not %d", uint32(math.MaxUint32), h.Seed)
	}
	return hashBucketBound{spec: h}, nil
}

// hashBucketBound is HashBucket bound to a lane.
type hashBucketBound struct {
	stateless
	spec HashBucket
}

// Out implements Bound.
func (h hashBucketBound) Out() []column.Field { return []column.Field{{Type: column.Int64}} }

// Lower implements Bound.
func (h hashBucketBound) Lower(b *program.Builder, in []program.Register, _ Mode) []program.Register {
	hash := h.spec.Hash.hashed(b, in[0], h.spec.Seed)
	return []program.Register{bucketIDs{h.spec.Buckets, h.spec.Padding, h.spec.NullID}.lower(b, hash)}
}

// Sizes implements Sized.
func (h hashBucketBound) Sizes() []int64 {
	return []int64{bucketIDs{h.spec.Buckets, h.spec.Padding, h.spec.NullID}.size()}
}

// bucketIDs is the id layout of hashes: padding, null, then the buckets.
type bucketIDs struct {
	buckets         int
	padding, nullID bool
}

// size returns how many ids there are.
func (l bucketIDs) size() int64 {
	return int64(boolRank(l.padding)) + int64(boolRank(l.nullID)) + int64(l.buckets)
}

// lower emits the ids of hashes, which are null for what counts as null.
func (l bucketIDs) lower(b *program.Builder, hash program.Register) program.Register {
	bucket := b.Emit(program.Bucket, program.Imm{Int: int64(l.buckets)}, hash)
	id := shifted(b, bucket, l.size()-int64(l.buckets))
	if l.nullID {
		id = b.Coalesce(id, b.ConstInt(int64(boolRank(l.padding))))
	}
	return id
}

// NewHashBucket returns the defaults, with padding and null reserved; Buckets must be set.
func NewHashBucket() *HashBucket { return &HashBucket{Hash: XXH3, Padding: true, NullID: true} }

// hashBucketEntry is hash_bucket in the catalogue.
func hashBucketEntry() Entry {
	return Entry{
		Name:    "hash_bucket",
		New:     func() Operator { return NewHashBucket() },
		Doc:     hashBucketDoc(),
		Samples: hashBucketSamples,
	}
}

func hashBucketDoc() Doc {
	return Doc{
		Summary:  "Turns values into ids by hashing, without learning a vocabulary.",
		Does:     "id = first + (hash(canonical bytes of the value) as an unsigned integer) mod `buckets`. Ids are laid out as: 0 padding (no value gets it), 1 null, 2 .. buckets+1 the buckets. `padding: false` and `null_id: false` leave those ids out and what follows moves down.",
		Null:     "The null id, 1 by default; with `null_id: false` null stays null. Null is never hashed.",
		NaN:      "Hashed like any other value; all NaNs hash alike, and 0 and -0 do. There is no fit.",
		Inf:      "Hashed like any other value. There is no fit.",
		Unseen:   "Not applicable: nothing is learnt, every value has a bucket.",
		Constant: "Not applicable: nothing is learnt. A constant column has one id.",
		Output:   "One int64 per lane, with the lane's name. Ids are in [0, buckets+2).",
		Source:   "Feature hashing (Weinberger et al., 2009), without the sign. xxh3_64; murmur3_x86_32 for ONNX runtimes, scikit-learn (seed 0) and Spark (seed 42); FarmHash fingerprint64 for TensorFlow Transform.",
		Options: []Option{
			{"buckets", "integer", "required", "How many ids the values share. Two of n values collide often once n is beyond the square root of this."},
			{"hash", "xxh3 | murmur3 | farm", "xxh3", "The hash function."},
			{"seed", "integer", "0", "Seed of the hash; farm has none, murmur3's has 32 bits."},
			{"padding", "bool", "true", "Reserve id 0 for padding."},
			{"null_id", "bool", "true", "Give null an id of its own; false: null stays null."},
		},
		Example: "hash_bucket: {buckets: 1024}",
	}
}

func hashBucketSamples() []Sample {
	standard := HashBucket{Buckets: 64, Padding: true, NullID: true}
	var samples []Sample
	for _, t := range column.Types() {
		samples = append(samples, Sample{Name: t.String(), Operator: &standard, In: []column.Type{t}})
	}
	text := []column.Type{column.String}
	return append(samples,
		Sample{Name: "murmur3", Operator: &HashBucket{Buckets: 1000, Hash: Murmur3, Seed: 42}, In: text},
		Sample{Name: "farm", Operator: &HashBucket{Buckets: 1000, Hash: Farm, NullID: true}, In: text},
		Sample{Name: "one_bucket", Operator: &HashBucket{Buckets: 1, Padding: true}, In: text},
	)
}
