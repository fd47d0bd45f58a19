package program

import (
	"bufio"
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"quern/features/column"
)

// randomInt is often near an end of int64 or near 0.
func randomInt(rng *rand.Rand) int64 {
	switch rng.IntN(4) {
	case 0:
		return math.MinInt64 + rng.Int64N(3)
	case 1:
		return math.MaxInt64 - rng.Int64N(3)
	case 2:
		return int64(rng.Uint64()) >> rng.IntN(64)
	}
	return rng.Int64N(9) - 4
}

// Integer arithmetic agrees with arithmetic without bounds.
func TestIntegersAgainstBig(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 50_000 {
		a, b := randomInt(rng), randomInt(rng)
		x, y := big.NewInt(a), big.NewInt(b)
		check := func(name string, got int64, ok bool, want *big.Int) {
			t.Helper()
			if ok != want.IsInt64() || ok && got != want.Int64() {
				t.Fatalf("%s(%d, %d) is %d, %v, not %s", name, a, b, got, ok, want)
			}
		}
		got, ok := AddInt(a, b)
		check("add", got, ok, new(big.Int).Add(x, y))
		got, ok = SubInt(a, b)
		check("sub", got, ok, new(big.Int).Sub(x, y))
		got, ok = MulInt(a, b)
		check("mul", got, ok, new(big.Int).Mul(x, y))
		got, ok = NegInt(a)
		check("neg", got, ok, new(big.Int).Neg(x))
		got, ok = AbsInt(a)
		check("abs", got, ok, new(big.Int).Abs(x))
		if b == 0 {
			continue
		}
		// big's Div is Euclidean: the remainder is never negative.
		q, r := new(big.Int).DivMod(x, y, new(big.Int))
		if b < 0 && r.Sign() != 0 {
			q, r = q.Sub(q, big.NewInt(1)), r.Add(r, y)
		}
		got, ok = FloorDivInt(a, b)
		check("floor_div", got, ok, q)
		check("mod", ModInt(a, b), true, r)
	}
}

func TestCompareIntFloat(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	for range 50_000 {
		x := randomInt(rng)
		y := math.Nextafter(float64(x), float64(rng.IntN(3)-1)*math.Inf(1))
		switch rng.IntN(4) {
		case 0:
			y = float64(x) + 0.5
		case 1:
			y = math.Float64frombits(rng.Uint64())
		}
		if y != y {
			continue
		}
		exact := new(big.Float).SetPrec(2000)
		want := exact.SetInt64(x).Cmp(new(big.Float).SetPrec(2000).SetFloat64(y))
		if got := CompareIntFloat(x, y); got != want {
			t.Fatalf("%d against %v is %d, not %d", x, y, got, want)
		}
	}
}

// Buckets are the number of edges below, counted.
func TestBuckets(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{0, 1, 2, 31, 32, 33, 64, 257} {
		edges := make([]float64, n)
		for i := range edges {
			edges[i] = float64(i)*2 - float64(n)
		}
		for range 500 {
			x := rng.Int64N(int64(2*n+6)) - int64(n) - 3
			for _, right := range []bool{false, true} {
				want := int64(0)
				for _, e := range edges {
					want += one(e < float64(x) || e == float64(x) && !right)
				}
				if a, b := BucketInt(edges, x, right), BucketFloat(edges, float64(x), right, -1); a != want || b != want {
					t.Fatalf("%d among %d edges is in %d and %d, not %d", x, n, a, b, want)
				}
			}
		}
	}
}

// Numbers read as strconv reads them, where it reads the same language.
func TestParseNumbers(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 50_000 {
		text := make([]byte, 1+rng.IntN(6))
		for i := range text {
			text[i] = "0123456789.eE+-_xinfa"[rng.IntN(21)]
		}
		s := string(text)
		want, err := strconv.ParseInt(s, 10, 64)
		if got, ok := ParseIntText(text); ok != (err == nil) || ok && got != want {
			t.Fatalf("%q is %d, %v, not %d, %v", s, got, ok, want, err)
		}
		real, err := strconv.ParseFloat(s, 64)
		legal := err == nil && !strings.ContainsAny(s, "_xX")
		if got, ok := ParseFloatText(text); ok != legal || ok && math.Float64bits(got) != math.Float64bits(Canon(real)) {
			t.Fatalf("%q is %v, %v, not %v, %v", s, got, ok, real, err)
		}
	}
	for _, x := range []int64{math.MinInt64, math.MaxInt64, 0, -1} {
		if got, ok := ParseIntText(strconv.AppendInt(nil, x, 10)); !ok || got != x {
			t.Errorf("%d reads as %d, %v", x, got, ok)
		}
	}
}

// Reals are written so that they read back, as float32 where they are.
func TestAppendReal(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	for range 20_000 {
		x := Canon(math.Float64frombits(rng.Uint64()))
		if got, ok := ParseFloatText(AppendReal(nil, column.Float64, x)); !ok || math.Float64bits(got) != math.Float64bits(x) {
			t.Fatalf("%v reads as %v", x, got)
		}
		x = RoundTo32(Canon(float64(math.Float32frombits(rng.Uint32()))))
		if got, ok := ParseFloatText(AppendReal(nil, column.Float32, x)); !ok || math.Float64bits(RoundTo32(got)) != math.Float64bits(x) {
			t.Fatalf("float32 %v reads as %v", x, got)
		}
	}
}

// randomText mixes ASCII, longer runes and invalid bytes.
func randomText(rng *rand.Rand) []byte {
	var s []byte
	for range rng.IntN(12) {
		switch rng.IntN(4) {
		case 0:
			s = append(s, byte(rng.Uint32()))
		case 1:
			s = utf8.AppendRune(s, rune(rng.IntN(0x3000)))
		default:
			s = append(s, "abAB,, "[rng.IntN(7)])
		}
	}
	return s
}

// runesOf splits s so that each invalid byte is an element of its own.
func runesOf(s []byte) [][]byte {
	var list [][]byte
	for len(s) > 0 {
		_, size := utf8.DecodeRune(s)
		list = append(list, s[:size])
		s = s[size:]
	}
	return list
}

func TestText(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	for range 20_000 {
		s := randomText(rng)
		runes := runesOf(s)
		if LengthText(s) != int64(len(runes)) {
			t.Fatalf("%q has %d runes", s, LengthText(s))
		}
		if utf8.Valid(s) {
			if got := AppendLower([]byte("x"), s); string(got) != "x"+strings.ToLower(string(s)) {
				t.Fatalf("lower case of %q is %q", s, got)
			}
			if got := AppendUpper(nil, s); string(got) != strings.ToUpper(string(s)) {
				t.Fatalf("upper case of %q is %q", s, got)
			}
		}
		start, length := rng.IntN(30)-15, rng.IntN(20)-3
		from := start
		if from < 0 {
			from = max(0, from+len(runes))
		}
		from = min(from, len(runes))
		to := min(from+max(0, length), len(runes))
		want := bytes.Join(runes[from:to], nil)
		if got := SubstrText(s, int64(start), int64(length)); !bytes.Equal(got, want) {
			t.Fatalf("%q from %d, %d long, is %q, not %q", s, start, length, got, want)
		}
		checkFields(t, rng, s)
	}
}

func checkFields(t *testing.T, rng *rand.Rand, s []byte) {
	t.Helper()
	separator := []byte([]string{",", "a", ",,", "ab"}[rng.IntN(4)])
	fields := bytes.Split(s, separator)
	for n := range len(fields) + 2 {
		got, ok := SplitField(s, separator, int64(n))
		if ok != (n < len(fields)) || ok && !bytes.Equal(got, fields[n]) {
			t.Fatalf("field %d of %q by %q is %q, %v", n, s, separator, got, ok)
		}
	}
	got, ok := AppendReplace([]byte("x"), s, separator, []byte("::"))
	if want := bytes.ReplaceAll(s, separator, []byte("::")); !ok || string(got) != "x"+string(want) {
		t.Fatalf("%q with %q replaced is %q, not %q", s, separator, got, want)
	}
}

// A program cannot make strings of any length: growth is a fault.
func TestMaxText(t *testing.T) {
	big := bytes.Repeat([]byte("a"), MaxText)
	old := big[:1024]
	if out, ok := AppendReplace(nil, big, old, bytes.Repeat([]byte("b"), 1024)); !ok || len(out) != MaxText {
		t.Error("a result of MaxText bytes is refused")
	}
	if _, ok := AppendReplace(nil, big, old, big[:1025]); ok {
		t.Error("a replacement grew beyond MaxText")
	}
	types := []column.Type{column.String, column.String}
	for _, more := range []string{"", "b"} {
		_, err := Eval(Concat, column.String, Imm{}, types, []Value{{Str: big}, {Str: []byte(more)}}, nil)
		if (err != nil) != (more != "") {
			t.Errorf("%d bytes more: %v", len(more), err)
		}
	}
}

// The fingerprints of testdata/farm.txt are another implementation's.
func TestFingerprint64(t *testing.T) {
	file, err := os.Open("testdata/farm.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	data := make([]byte, 1025)
	for i := range data {
		data[i] = byte((i*7 + 3) % 251)
	}
	lines := 0
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var n int
		var want uint64
		if _, err := fmt.Sscanf(scanner.Text(), "%d %x", &n, &want); err != nil {
			continue
		}
		lines++
		if got := Fingerprint64(data[:n]); got != want {
			t.Errorf("fingerprint of %d bytes is %016x, not %016x", n, got, want)
		}
	}
	if lines != 85 {
		t.Errorf("%d lines", lines)
	}
}

// Published vectors: scikit-learn's test_murmurhash.py, the XXH3 specification.
func TestHashVectors(t *testing.T) {
	for _, v := range []struct {
		name string
		seed int64
		data string
		want uint64
	}{
		{"murmur3", 0, "foo", 1<<32 - 156908512},
		{"murmur3", 42, "foo", 1<<32 - 1322301282},
		{"murmur3", 0, "\x03\x00\x00\x00", 847579505},
		{"murmur3", 42, "\x03\x00\x00\x00", 1<<32 - 1823081949},
		{"xxh3", 0, "", 0x2d06800538d394c2},
	} {
		if got := FindHash(v.name)(v.seed, []byte(v.data)); got != v.want {
			t.Errorf("%s of %q, seed %d, is %d, not %d", v.name, v.data, v.seed, got, v.want)
		}
	}
	if MixHashes(1, []int64{2, 3}) == MixHashes(1, []int64{3, 2}) {
		t.Error("positions do not count")
	}
	long := make([]int64, 20)
	if MixHashes(0, long[:9]) == MixHashes(0, long[:10]) {
		t.Error("the number of parts does not count")
	}
}

// Canonical bytes ascend with numbers, and are equal exactly for equal values.
func TestCanonical(t *testing.T) {
	for _, typ := range []column.Type{column.Int64, column.Float64} {
		rng := rand.New(rand.NewPCG(7, 7))
		for range 20_000 {
			a, b := Value{Int: randomInt(rng)}, Value{Int: randomInt(rng)}
			if typ == column.Float64 {
				a.Float, b.Float = math.Float64frombits(uint64(a.Int)), math.Float64frombits(uint64(b.Int))
				if a.Float != a.Float || b.Float != b.Float {
					continue
				}
			}
			got := bytes.Compare(AppendCanonical(nil, typ, a), AppendCanonical(nil, typ, b))
			if want := compare(typ.Kind(), a, b); got != want {
				t.Fatalf("%s: %v and %v compare as %d, not %d", typ, a, b, got, want)
			}
		}
	}
	same := [][2]float64{{0, math.Copysign(0, -1)}, {math.NaN(), math.Float64frombits(0xFFF0_0000_0000_0001)}}
	for _, pair := range same {
		if OrderedBits(pair[0]) != OrderedBits(pair[1]) {
			t.Errorf("%v has two forms", pair[0])
		}
	}
	for _, v := range []struct {
		t    column.Type
		v    Value
		want string
	}{
		{column.Int32, Value{Int: -1}, "7fffffffffffffff"},
		{column.Date, Value{Int: 1}, "8000000000000001"},
		{column.Bool, Value{Bool: true}, "01"},
		{column.Float32, Value{Float: 1}, "bff0000000000000"},
		{column.Float64, Value{Float: -1}, "400fffffffffffff"},
		{column.Float64, Value{Float: math.NaN()}, "fff8000000000000"},
		{column.String, Value{Str: []byte("\xff")}, "ff"},
	} {
		if got := fmt.Sprintf("%x", AppendCanonical(nil, v.t, v.v)); got != v.want {
			t.Errorf("canonical bytes of %s are %s, not %s", valueText(v.t, v.v), got, v.want)
		}
	}
}
