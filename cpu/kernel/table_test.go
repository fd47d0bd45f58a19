package kernel

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"quern/features/program"
)

// A table finds each of its keys that are present and nothing else, whether they are
// close together, far apart, or few.
func TestTable(t *testing.T) {
	for _, n := range sizes() {
		for spread, scale := range []int64{1, 3, 1 << 40} {
			rng := newRand(n)
			rows := map[int64]int32{}
			var words []uint64
			valid := randomBits(rng, n)
			for i := range n {
				key := (int64(i) - 20) * scale
				if present(valid, i) {
					rows[key] = int32(i)
				}
				words = append(words, uint64(key))
			}
			table := NewTable(words, valid)
			probes := append(randomInts(rng, 100), math.MinInt64, math.MaxInt64)
			for key := range int64(n) {
				key = (key - 20) * scale
				probes = append(probes, key, key+1, key-1)
			}
			dst, check := guarded[int32](t, len(probes), 77)
			FindInts(dst, probes, table, new(Probe))
			check()
			for i, key := range probes {
				want, ok := rows[key]
				if !ok {
					want = -1
				}
				if dst[i] != want {
					t.Fatalf("%d keys, spread %d: %d is number %d, want %d", n, spread, key, dst[i], want)
				}
			}
		}
	}
}

// vocabularies are lists of distinct strings, for each way of comparing keys.
func vocabularies(rng *rand.Rand) map[string][]string {
	eight := make([]string, 300)
	for i := range eight {
		eight[i] = fmt.Sprintf("%08x", i*i)
	}
	short := []string{"", "\x00", "\x00\x00", "a", "a\x00", "b", "aaaaaaa", "aaaaaaaa", "aaaaaaa\x00"}
	long := []string{strings.Repeat("x", 17), strings.Repeat("x", 18), strings.Repeat("x", 300), strings.Repeat("x", 299) + "y"}
	middle := []string{"aaaaaaaaa", "aaaaaaaab", "baaaaaaaa", strings.Repeat("a", 16), "b" + strings.Repeat("a", 15), strings.Repeat("a", 15) + "b"}
	random := map[string]bool{}
	for range 200 {
		key := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, rng.Uint64()), rng.Uint64())
		random[string(key[:rng.IntN(17)])] = true
	}
	all := map[string][]string{"none": nil, "one": {"x"}, "tail": {"x", "abcd", "abcdefg"}, "eight": eight, "short": short,
		"middle": slices.Concat(short, middle), "long": slices.Concat(long, middle, short, eight)}
	for key := range random {
		all["random"] = append(all["random"], key)
	}
	slices.Sort(all["random"])
	return all
}

// textsOf returns strings behind each other.
func textsOf(keys []string) *Views {
	v := &Views{Start: make([]uint32, len(keys)), End: make([]uint32, len(keys))}
	for i, key := range keys {
		v.Put(i, []byte(key))
	}
	return v
}

// A string table finds each of its present keys and nothing else, whatever part of
// the hash tells them apart.
func TestStringTable(t *testing.T) {
	words := vocabularies(newRand(1))
	for name, keys := range words {
		for _, keep := range []uint64{math.MaxUint64, 0, 1<<32 - 1, 3 | 1<<63} {
			t.Run(fmt.Sprintf("%s/%x", name, keep), func(t *testing.T) { checkStringTable(t, keys, words, keep) })
		}
	}
}

// tableOf returns a table of the strings that are present, with slots that this package
// has filled from the bits keep of its own hashes.
func tableOf(bytes []byte, offsets []uint32, valid []uint64, keep uint64) *StringTable {
	count := max(0, len(offsets)-1)
	x := newIndex(count)
	x.keep = keep
	p := new(Probe)
	for from := 0; from < count; from += batch {
		n := min(batch, count-from)
		p.texts(&Views{Bytes: bytes, Start: offsets[:count], End: offsets[1:]}, from, n, wordOf(valid, from))
		for i := range n {
			if present(valid, from+i) {
				x.insert(p, i, int32(from+i))
			}
		}
	}
	t := NewStringTable(bytes, offsets, valid, x.slots)
	t.index.keep = keep
	return t
}

// A KeyIndex is filled by the hashes that this package looks for, and has no more.
func TestHashesOfKeys(t *testing.T) {
	rng := newRand(3)
	for name, keys := range vocabularies(rng) {
		texts := textsOf(keys)
		p := new(Probe)
		for from := 0; from < len(keys); from += batch {
			n := min(batch, len(keys)-from)
			p.texts(texts, from, n, ^uint64(0))
			x := index{keep: ^uint64(0)}
			for i, key := range keys[from : from+n] {
				hash := program.KeyHash([]byte(key))
				if p.hash[i] != hash || x.tag(p, i) != program.KeyTag(hash, len(key)) {
					t.Fatalf("%s: key %q has hash %x and tag %x, not %x and %x", name, key, p.hash[i], x.tag(p, i), hash, program.KeyTag(hash, len(key)))
				}
			}
		}
	}
}

func checkStringTable(t *testing.T, keys []string, others map[string][]string, keep uint64) {
	rng := newRand(len(keys))
	valid, rows := randomBits(rng, len(keys)), map[string]int32{}
	probes := []string{"no", "", "aaaaaaaa "}
	for i, key := range keys {
		if present(valid, i) {
			rows[key] = int32(i)
		}
	}
	for _, other := range others {
		probes = append(probes, other...)
	}
	texts := textsOf(keys)
	table := tableOf(texts.Bytes, append(slices.Clone(texts.Start), uint32(len(texts.Bytes))), valid, keep)
	found := textsOf(probes)
	known := randomBits(rng, len(probes))
	for i := range probes {
		if !present(known, i) {
			found.Start[i], found.End[i] = math.MaxUint32, 5 // not to be trusted
		}
	}
	dst, check := guarded[int32](t, len(probes), 77)
	FindStrings(dst, found, known, table, new(Probe))
	check()
	for i, probe := range probes {
		want, ok := rows[probe]
		if !ok {
			want = -1
		}
		if dst[i] != want && present(known, i) {
			t.Fatalf("key %q is number %d, want %d", probe, dst[i], want)
		}
		if dst[i] < -1 || int(dst[i]) >= max(1, len(keys)) {
			t.Fatalf("a null has number %d of %d", dst[i], len(keys))
		}
	}
}

// A table without strings finds none.
func TestStringTableEmpty(t *testing.T) {
	dst := []int32{7, 7}
	FindStrings(dst, textsOf([]string{"", "x"}), nil, tableOf(nil, nil, nil, 0), new(Probe))
	if !slices.Equal(dst, []int32{-1, -1}) {
		t.Errorf("found %v", dst)
	}
}

// FillNulls gives null slots a value and leaves the others as they are.
func TestFillNulls(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		valid, before := randomBits(rng, n), make([]uint64, Words(n))
		copy(before, randomBits(rng, n))
		dst, check := guarded[int64](t, n, 77)
		found, checkFound := guarded[uint64](t, Words(n), 77)
		for i := range dst {
			dst[i] = int64(i)
		}
		copy(found, before)
		FillNulls(dst, found, valid, -5)
		check()
		checkFound()
		for i := range dst {
			null := !present(valid, i)
			if want := int64(i); null && dst[i] != -5 || !null && dst[i] != want || present(found, i) != (null || present(before, i)) {
				t.Fatalf("%d slots: slot %d is %d, %v; null %v", n, i, dst[i], present(found, i), null)
			}
		}
		FillNulls(dst, found, nil, -9)
		if slices.Contains(dst, -9) {
			t.Fatalf("%d slots: a value without nulls is filled", n)
		}
	}
}

// Values, Sequence and PutNulls turn numbers into values and bits.
func TestValues(t *testing.T) {
	for _, n := range sizes() {
		rng := newRand(n)
		numbers := make([]int32, n)
		for i := range numbers {
			numbers[i] = int32(rng.IntN(5)) - 1
		}
		valid := randomBits(rng, n)
		before := slices.Clone(numbers)
		PutNulls(numbers, valid, 2)
		for name, compute := range map[string]func(dst []int64, found []uint64){
			"values":   func(dst []int64, found []uint64) { Values(dst, found, []int64{10, 11, 12, 13}, numbers) },
			"sequence": func(dst []int64, found []uint64) { Sequence(dst, found, 10, numbers) },
		} {
			dst, check := guarded[int64](t, n, 77)
			found, checkFound := guarded[uint64](t, Words(n), 77)
			compute(dst, found)
			check()
			checkFound()
			for i, want := range before {
				if !present(valid, i) {
					want = 2
				}
				if present(found, i) != (want >= 0) || want >= 0 && dst[i] != 10+int64(want) {
					t.Fatalf("%s, %d slots: slot %d is %d, %v; number %d", name, n, i, dst[i], present(found, i), want)
				}
			}
			checkTail(t, found, n)
		}
	}
}

// BenchmarkTables finds keys of 8 bytes, and integers, in random order in tables of
// three sizes, half of them there, and makes the tables.
func BenchmarkTables(b *testing.B) {
	const n = 1 << 16
	for _, size := range []int{10_000, 100_000, 1_000_000} {
		rng := newRand(1)
		texts := &Views{Start: make([]uint32, size), End: make([]uint32, size)}
		words := make([]uint64, size)
		for i := range size {
			word := uint32(i) * 2654435761
			words[i] = uint64(word) << 20
			texts.Put(i, fmt.Appendf(nil, "%08x", word))
		}
		offsets := append(slices.Clone(texts.Start), texts.End[size-1])
		probes, ints, found := &Views{Start: make([]uint32, n), End: make([]uint32, n)}, make([]int64, n), make([]int32, n)
		for i := range n {
			word := uint32(rng.IntN(2*size)) * 2654435761
			ints[i] = int64(word) << 20
			probes.Put(i, fmt.Appendf(nil, "%08x", word))
		}
		var table *StringTable
		var numbers *Table
		var probe Probe
		measure(b, fmt.Sprint("make_strings/", size), size, func() { table = tableOf(texts.Bytes, offsets, nil, ^uint64(0)) })
		measure(b, fmt.Sprint("make_ints/", size), size, func() { numbers = NewTable(words, nil) })
		measure(b, fmt.Sprint("find_strings/", size), n, func() { FindStrings(found, probes, nil, table, &probe) })
		measure(b, fmt.Sprint("find_ints/", size), n, func() { FindInts(found, ints, numbers, &probe) })
	}
}
