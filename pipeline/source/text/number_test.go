package text

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"quern/features/column"
	"quern/features/program"
)

// samples are texts near the borders of what the parsers accept.
func samples() []string {
	return []string{"", "0", "-0", "+0", "-", "+", ".", "-.", "1.", ".5", "-.5", "1e5", "1E5", "1e", "1e+", "1e-5", "e5", ".e5", "0x10", "1_0", " 1", "1 ",
		"007", "+5", "00", "00.5", "0.5", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"99999999999999999999", "00000000000000000000000001", "1e308", "1.7976931348623157e308", "1.7976931348623159e308", "1e309", "-1e999", "1e-400", "4.9e-324",
		"1e99999999999999999999", "1e-99999999999999999999", "0e99999999999999999999", "123456789012345678901234567890", "0.1", "0.30000000000000004", "9007199254740993", "9007199254740993.0",
		"nan", "NaN", "-nan", "+nan", "inf", "INF", "-inf", "+inf", "Infinity", "-infinity", "infinit", "true", "TRUE", "True", "false", "1", "t", "yes",
		"2001-06-01", "2001-02-29", "2000-02-29", "1900-02-29", "2001-6-1", "2001-06-01 ", "2001-06-01T", "2001-06-01T17:30", "2001-06-01 17:30:00", "2001-06-01t17:30:00.25",
		"2001-06-01T17:30:00.1234567", "2001-06-01T17:30:00.123456000", "2001-06-01T17:30:00.", "2001-06-01T24:00", "2001-06-01T23:59:60", "2001-06-01T17:30Z", "2001-06-01T17:30:00z",
		"2001-06-01T17:30:00+02", "2001-06-01T17:30:00+0200", "2001-06-01T17:30:00+02:00", "2001-06-01T17:30:00-23:59", "2001-06-01T17:30:00+24", "2001-06-01T17:30:00+02:60", "2001-06-01Z",
		"-0044-03-15", "+12024-01-01", "+9999999-12-31", "-9999999-01-01", "+12345678-01-01", "+294247-01-10T04:00:54.775807Z", "+294247-01-10T04:00:54.775808Z",
		"-290308-12-21T19:59:05.224192Z", "-290308-12-21T19:59:05.224191Z", "-290308-12-21T19:59:05.224192", "-290308-12-21T19:59:05", "+294247-01-10T04:00:54.775807",
		"+294247-01-10T05:00:54.775807+01:00", "-290308-12-21T18:59:05.224192-01:00", "+294247-01-11", "-290308-12-20", "-290308-12-22", "+5881580-07-11", "+5881580-07-12", "-5877641-06-23", "-5877641-06-22",
		"2001-13-01", "2001-00-10", "2001-06-00", "12024-01-01", "0000-01-01", "-0000-01-01", "2001-06-01T1x:30", "2001-06-01T17:3", "20x1-06-01"}
}

// mutants yields variations of the samples.
func mutants(rng *rand.Rand, n int) []string {
	all := samples()
	alphabet := "0123456789+-.:eETZ naif"
	for len(all) < n {
		s := []byte(all[rng.IntN(len(samples()))])
		for range 1 + rng.IntN(3) {
			at := rng.IntN(len(s) + 1)
			c := alphabet[rng.IntN(len(alphabet))]
			if at == len(s) || rng.IntN(3) == 0 {
				s = append(s[:at], append([]byte{c}, s[at:]...)...)
			} else {
				s[at] = c
			}
		}
		all = append(all, string(s))
	}
	return all
}

// checkAgreement compares the parsers with the meaning that programs give to text.
func checkAgreement(t interface{ Errorf(string, ...any) }, s string) {
	b := []byte(s)
	gotInt, ok := parseInt(b)
	if want, wantOK := program.ParseIntText(b); ok != wantOK || ok && gotInt != want {
		t.Errorf("parseInt(%q) = %d, %v, want %d, %v", s, gotInt, ok, want, wantOK)
	}
	gotFloat, ok := parseFloat(b)
	if want, wantOK := program.ParseFloatText(b); ok != wantOK || ok && math.Float64bits(gotFloat) != math.Float64bits(want) {
		t.Errorf("parseFloat(%q) = %v, %v, want %v, %v", s, gotFloat, ok, want, wantOK)
	}
	for _, typ := range []column.Type{column.Date, column.Datetime, column.Timestamp} {
		got, ok := parseTime(typ, b)
		if want, wantOK := program.ParseTimeText(typ, b); ok != wantOK || ok && got != want {
			t.Errorf("parseTime(%v, %q) = %d, %v, want %d, %v", typ, s, got, ok, want, wantOK)
		}
	}
	if x, ok := parseFloat32(b); ok {
		want, err := strconv.ParseFloat(s, 32)
		if err == nil && math.Float32bits(x) != math.Float32bits(float32(want)) && x == x {
			t.Errorf("parseFloat32(%q) = %v, want %v", s, x, want)
		}
	}
	checkClass(t, b)
}

// checkClass checks that the type inferred for a single cell takes that cell.
func checkClass(t interface{ Errorf(string, ...any) }, s []byte) {
	class := classify(s)
	v := column.Vector{Type: judgeScalars(class, false, column.Invalid).typ}
	if !appendValue(&v, s) {
		t.Errorf("%q is inferred as %v but is none", s, v.Type)
	}
	if x, ok := plainInt(s); ok {
		if want, ok := parseInt(s); !ok || x != want || class != intCell {
			t.Errorf("plainInt(%q) = %d, want %d; its class is %b", s, x, want, class)
		}
	}
	if x, c, ok := plainFloat(s); ok {
		if want, ok := parseFloat(s); !ok || math.Float64bits(x) != math.Float64bits(want) || class != c {
			t.Errorf("plainFloat(%q) = %v, %b, want %v, %b", s, x, c, want, class)
		}
	}
	if class == wideCell {
		if _, ok := parseFloat(s); !ok {
			t.Errorf("%q may become a real but is none", s)
		}
	}
	if class&^inexact == dateCell {
		if _, ok := parseTime(column.Datetime, s); !ok {
			t.Errorf("%q may become a datetime but is none", s)
		}
	}
}

func TestParsersAgreeWithPrograms(t *testing.T) {
	for _, s := range mutants(rand.New(rand.NewPCG(1, 2)), 50_000) {
		checkAgreement(t, s)
	}
}

// TestPlainNumbers: what is usual takes the short way.
func TestPlainNumbers(t *testing.T) {
	for _, s := range []string{"0", "7", "-12", "123456789012345678"} {
		if _, ok := plainInt([]byte(s)); !ok {
			t.Errorf("plainInt refuses %s", s)
		}
	}
	for _, s := range []string{"0", "-7", "0.25", "-12.5", ".5", "5.", "-0.0", "123456.789012345", "9007199254740991"} {
		if _, _, ok := plainFloat([]byte(s)); !ok {
			t.Errorf("plainFloat refuses %s", s)
		}
	}
}

func FuzzValue(f *testing.F) {
	for _, s := range samples() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkAgreement(t, s) })
}

func TestFloatsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Float64().Draw(t, "x")
		for _, format := range []byte{'g', 'e', 'f'} {
			if got, ok := parseFloat(strconv.AppendFloat(nil, x, format, -1, 64)); !ok || math.Float64bits(got) != math.Float64bits(x) {
				t.Fatalf("%v became %v", x, got)
			}
			y := float32(x)
			if math.IsInf(float64(y), 0) {
				continue
			}
			if got, ok := parseFloat32(strconv.AppendFloat(nil, float64(y), format, -1, 32)); !ok || math.Float32bits(got) != math.Float32bits(y) {
				t.Fatalf("%v became %v", y, got)
			}
		}
	})
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		cells string // separated by blanks
		want  string
	}{
		{"true FALSE True", "bool"},
		{"true 1", "string"},
		{"1 -2 0 9223372036854775807", "int64"},
		{"1 1.5", "float64"},
		{"1 nan -inf", "float64"},
		{"1 -0", "float64"},
		{"1 007", "string"},
		{"1 +5", "string"},
		{"1.5 01.5", "string"},
		{"1 99999999999999999999", "string!"},
		{"1.5 99999999999999999999", "float64"},
		{"1e999", "string!"},
		{"2001-06-01", "date"},
		{"2001-06-01 2001-06-01T12:00", "datetime"},
		{"2001-06-01T12:00:00.1234567", "datetime!"},
		{"2001-06-01T12:00Z 2001-06-01T12:00+02", "timestamp"},
		{"2001-06-01T12:00Z 2001-06-01T12:00", "string"},
		{"2001-06-01T12:00:00.1234567 x", "string"},
		{"2001-06-01 5", "string"},
		{"x", "string"},
		{"", "string"},
		{"nan inf Infinity", "float64"},
	} {
		var set classes
		for _, s := range splitBlanks(c.cells) {
			set |= classify([]byte(s))
		}
		v := judgeScalars(set, false, column.Invalid)
		got := v.typ.String()
		if v.notice != "" {
			got += "!"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.cells, got, c.want)
		}
	}
}

func splitBlanks(s string) (all []string) {
	for start, i := 0, 0; i <= len(s); i++ {
		if i == len(s) || s[i] == ' ' {
			if i > start {
				all = append(all, s[start:i])
			}
			start = i + 1
		}
	}
	return all
}
