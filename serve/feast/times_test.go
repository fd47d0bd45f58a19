package feast

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"quern/serve/lookup"
)

// stamps are instants at the edges, and random ones of the years 1 to 9999.
func stamps() []int64 {
	all := []int64{0, 1, -1, 999, 1000, 999_999, 1_000_000, -1_000_000, -999_999, minSecond * 1e6, maxSecond*1e6 + 999_999}
	for year := 1; year < 10000; year += 99 {
		for _, day := range []time.Time{time.Date(year, 2, 28, 23, 59, 59, 999e6, time.UTC), time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(year, 12, 31, 1, 2, 3, 120e6, time.UTC)} {
			all = append(all, day.UnixMicro())
		}
	}
	r := rand.New(rand.NewPCG(7, 8))
	for range 20_000 {
		all = append(all, (minSecond+r.Int64N(maxSecond-minSecond))*1e6+r.Int64N(1e6))
	}
	return all
}

func TestTimesAreThoseOfTheLibrary(t *testing.T) {
	for _, us := range stamps() {
		at := time.UnixMicro(us).UTC()
		want := at.Format(`"2006-01-02T15:04:05`)
		switch us := at.Nanosecond() / 1000; {
		case us == 0:
		case us%1000 == 0:
			want += at.Format(".000")
		default:
			want += at.Format(".000000")
		}
		if got := string(appendTime(nil, us)); got != want+`Z"` {
			t.Fatalf("%d: %s, want %sZ\"", us, got, want)
		}
		wire, err := proto.MarshalOptions{Deterministic: true}.Marshal(timestamppb.New(at))
		if err != nil {
			t.Fatal(err)
		}
		if got := appendTimestamp(nil, us); string(got[2:]) != string(wire) || int(got[1]) != len(wire) || got[0] != 3<<3|2 {
			t.Fatalf("%d: %x, want %x", us, got, wire)
		}
	}
	for us, want := range map[int64]string{
		lookup.NoTime:     `"1970-01-01T00:00:00Z"`,
		lookup.NoTime + 1: `"0001-01-01T00:00:00Z"`,
		math.MaxInt64:     `"9999-12-31T23:59:59.999999Z"`,
	} {
		if got := string(appendTime(nil, us)); got != want {
			t.Errorf("%d: %s, want %s", us, got, want)
		}
	}
}

// TestPowersOfTen computes the table again, from rationals.
func TestPowersOfTen(t *testing.T) {
	if len(powers) != mostPower-leastPower+1 {
		t.Fatalf("%d powers", len(powers))
	}
	one := big.NewInt(1)
	for i, w := range powers {
		p := leastPower + i
		got := new(big.Int).SetUint64(w[0])
		got.Lsh(got, 64).Add(got, new(big.Int).SetUint64(w[1]))
		ten := new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(p, -p))), nil))
		if p < 0 {
			ten.Inv(ten)
		}
		// 10^p = x 2^e with x of 128 bits; e as shortest computes it.
		e := p*108853>>15 - 127
		scale := new(big.Rat).SetInt(new(big.Int).Lsh(one, uint(max(e, -e))))
		if e > 0 {
			scale.Inv(scale)
		}
		x := ten.Mul(ten, scale)
		want, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
		if rest.Sign() != 0 {
			want.Add(want, one)
		}
		if got.Cmp(want) != 0 || got.BitLen() != 128 {
			t.Fatalf("10^%d: %x, want %x", p, got, want)
		}
	}
}

// TestLogarithms checks the integer forms of logarithms that shortest uses.
func TestLogarithms(t *testing.T) {
	for e := -1074; e <= 971; e++ {
		if got, want := e*78913>>18, int(math.Floor(float64(e)*math.Log10(2))); got != want {
			t.Errorf("log10 2^%d: %d, want %d", e, got, want)
		}
		if got, want := (e*631305-261663)>>21, int(math.Floor(float64(e)*math.Log10(2)+math.Log10(0.75))); got != want {
			t.Errorf("log10 3/4 2^%d: %d, want %d", e, got, want)
		}
	}
}

// TestStringsOfJSON has what encoding/json is lenient with.
func TestStringsOfJSON(t *testing.T) {
	for text, ok := range map[string]bool{
		`"\ud83d\ude00"`: true, `"\ud800"`: false, `"\ud800\ud800"`: false, `"\ud800x"`: false, `"\udc00"`: false, `"\ud800\n"`: false,
		"\"\x1f\"": false, "\"\x01\"": false, "\"\x7f\"": true, "\"\xff\"": false, "\"\xed\xa0\x80\"": false, `"\u00zz"`: false, `"\x"`: false, `"\"`: false, `"`: false,
	} {
		s := scanner{text: []byte(text)}
		if _, _, err := s.value(); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
