package stat

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math"
	"math/rand"
	"os"
	"slices"
	"strings"
	"testing"

	"quern/features/column"
)

var rewrite = flag.Bool("rewrite", false, "write the golden files of testdata")

// samples are small, fixed states of every kind.
func samples(t testing.TB) map[string]Statistic {
	all := make(map[string]Statistic)
	for _, sub := range subjects() {
		r := rand.New(rand.NewSource(21))
		s := must(t, sub.spec, Resources{})
		cols := sub.table(r, 9)
		args := make([]column.Column, len(cols))
		for c := range cols {
			args[c] = plain(sub.spec.Types[c], cols[c])
		}
		s.Observe(args, nil)
		all[sub.name] = s
	}
	return all
}

// The bytes of every kind are a format: they are in models and partials. When
// this test fails, the version must change.
func TestGolden(t *testing.T) {
	const path = "testdata/states.txt"
	var b strings.Builder
	all := samples(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s\n%s\n", name, hex.Dump(encode(t, all[name])))
	}
	if *rewrite {
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != string(want) {
		t.Errorf("bytes have changed:\n%s", got)
	}
}

// Cut or prolonged bytes are an error; what decodes has exactly these bytes.
func TestDecodeDamaged(t *testing.T) {
	for name, s := range samples(t) {
		data := encode(t, s)
		for cut := range data {
			decodeCanonical(t, data[:cut])
		}
		decodeCanonical(t, append(bytes.Clone(data), 0))
		for at := range data {
			for _, bit := range []byte{1, 2, 0x10, 0x80} {
				bad := bytes.Clone(data)
				bad[at] ^= bit
				decodeCanonical(t, bad)
			}
		}
		bad := append(bytes.Clone(data[:len(data)-1]), 0xff, 0xff)
		if err := s.UnmarshalBinary(bad); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if got := encode(t, s); !bytes.Equal(got, data) {
			t.Errorf("%s: bytes that do not decode changed the state", name)
		}
		if _, err := Decode(data[:3], Resources{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// decodeCanonical fails if data decodes to a state with other bytes, or the
// state cannot be read.
func decodeCanonical(t testing.TB, data []byte) {
	t.Helper()
	s, err := Decode(data, Resources{})
	if err != nil {
		return
	}
	if got := encode(t, s); !bytes.Equal(got, data) {
		t.Fatalf("decoded bytes are not canonical:\n%x\n%x", data, got)
	}
	exercise(t, s)
}

// exercise calls what reads a state.
func exercise(t testing.TB, s Statistic) {
	other, err := New(s.Spec(), Resources{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Merge(s); err != nil {
		t.Fatal(err)
	}
	switch s := s.(type) {
	case *Sums:
		s.Mean()
		if v, ok := s.Variance(0); ok && !(v >= 0) {
			t.Fatalf("variance %g", v)
		}
		s.Std(1)
	case *Histogram:
		s.BinsFor(rats("0", "0.3", "1"), Linear)
	case *BinCounts:
		if err := s.eachValue(func(int64, int, uint64) {}); err != nil {
			t.Fatal(err)
		}
	case *ValueCounts:
		if len(s.spec.Types) == 1 {
			s.Ranked(2, 3)
		}
	case *KeyedSums:
		s.Each(func(_ []byte, folds []Group) bool {
			for _, g := range folds {
				if v, ok := g.Variance(0); ok && (v < 0 || math.IsNaN(v)) {
					t.Fatalf("variance %g", v)
				}
			}
			return true
		})
		s.Totals()
	case *Gram:
		s.Covariance(0)
	case *Extremes:
		s.Min()
		s.Max()
	}
}

// Sums that no rows can have are corrupt, however well formed.
func TestDecodeImpossible(t *testing.T) {
	f := column.Float64
	sums := must(t, Spec{Kind: KindSums, Types: []column.Type{f}}, Resources{}).(*Sums)
	sums.total = Group{n: 2, i1: 10, i2: 49} // the variance would be negative
	wide := must(t, sums.spec, Resources{}).(*Sums)
	wide.Observe([]column.Column{floatColumn(f, 0.5, 0.25)}, nil)
	wide.total = *wide.group()
	wide.total.wide.s1.add(1, 0, 0, 3, false)
	gram := must(t, Spec{Kind: KindGram, Types: []column.Type{f, f}, Grid: []int{1, 1}}, Resources{}).(*Gram)
	gram.Observe([]column.Column{floatColumn(f, 1, 0.5), floatColumn(f, 0.5, 1)}, nil)
	gram.products[1].add(gram.products[1]) // a correlation above 1
	histogram := must(t, Spec{Kind: KindHistogram, Types: []column.Type{f}}, Resources{}).(*Histogram)
	histogram.page(3)[3] = maxRows
	histogram.page(9)[9] = 1
	for _, s := range []Statistic{sums, wide, gram, histogram} {
		if _, err := Decode(encode(t, s), Resources{}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", s.Spec().Kind, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(encode(f, s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { decodeCanonical(t, data) })
}
