package lookup

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"quern/features/column"
)

// add gives text to a column as a JSON reader would: by its first letter.
func add(c *Cells, text string) Problem {
	switch {
	case strings.HasPrefix(text, `"`):
		return c.AddString([]byte(text[1 : len(text)-1]))
	case text == "true" || text == "false":
		return c.AddBool(text == "true")
	}
	return c.AddNumber([]byte(text))
}

func show(c *Cells) string {
	i := c.Len - 1
	switch c.Type.Kind() {
	case column.Bools:
		return fmt.Sprint(c.Bools[i])
	case column.Ints:
		return fmt.Sprint(c.Vector.Int(i))
	case column.Floats:
		return fmt.Sprint(c.Vector.Float(i))
	}
	return fmt.Sprintf("%q", c.Text.At(i))
}

// TestCoercion reads the table of what is taken for what, and what is refused.
func TestCoercion(t *testing.T) {
	text, err := os.ReadFile("testdata/coercion.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		name, rest, _ := strings.Cut(c, " ")
		rest = strings.TrimSpace(rest)
		value, want, _ := strings.Cut(rest, " ")
		if strings.HasPrefix(rest, `"`) {
			n := strings.Index(rest[1:], `"`) + 2
			value, want = rest[:n], rest[n:]
		}
		want = strings.TrimSpace(want)
		typ, ok := column.ParseType(name)
		if name == "binary" {
			typ, ok = column.String, true
		}
		if !ok {
			t.Fatalf("no type in %q", c)
		}
		var cells Cells
		cells.Reset(typ, name == "binary")
		p := add(&cells, value)
		got := string(p)
		if p == fine {
			got = show(&cells)
		} else if cells.Len != 0 {
			t.Errorf("%s: refused, and still appended", c)
		}
		if got != want {
			t.Errorf("%s from %s: got %s, want %s", name, value, got, want)
		}
	}
}

// TestWholeNumbersAreExact compares with rationals.
func TestWholeNumbersAreExact(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		text := fmt.Sprint(r.Int64() >> r.IntN(64))
		if r.IntN(2) == 0 {
			text = "-" + strings.TrimPrefix(text, "-")
		}
		if r.IntN(2) == 0 {
			text += "." + strings.Repeat("0", r.IntN(3)) + fmt.Sprint(r.IntN(3)*r.IntN(100))
		}
		if r.IntN(2) == 0 {
			text += fmt.Sprintf("e%d", r.IntN(40)-20)
		}
		want, _ := new(big.Rat).SetString(text)
		got, p := wholeNumber([]byte(text))
		exact := want.IsInt() && want.Num().IsInt64()
		if (p == fine) != exact || exact && want.Num().Int64() != got {
			t.Fatalf("%s: got %d %q, is %s", text, got, p, want)
		}
	}
}

// layouts are the forms of times that are taken, for package time.
func layouts() (all []string) {
	for _, zone := range []string{"", "Z07:00", "Z0700"} {
		for _, clock := range []string{"15:04:05.999999999", "15:04:05", "15:04"} {
			all = append(all, "2006-01-02T"+clock+zone, "2006-01-02 "+clock+zone)
		}
	}
	return append(all, "2006-01-02")
}

// FuzzParseTime: what is taken is a time for package time, and the same one. The
// package takes more: hours of one digit, offsets of 60 minutes, commas.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-11-22T10:00:00Z", "0001-01-01", "9999-12-31T23:59:59.999999000-23:59", "2024-02-29 12:30"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, p := ParseTime([]byte(s))
		if p != fine {
			return
		}
		for _, layout := range layouts() {
			if want, err := time.Parse(layout, s); err == nil {
				if want.UnixMicro() != got {
					t.Fatalf("%q: got %d, want %d", s, got, want.UnixMicro())
				}
				return
			}
		}
		t.Fatalf("%q was taken", s)
	})
}

// TestTimesParse writes random times in every form and reads them.
func TestTimesParse(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for range 2_000 {
		for _, layout := range layouts() {
			zone := time.FixedZone("", (r.IntN(2*23*60)-23*60)*60)
			at := time.UnixMicro(r.Int64N(maxSecond-minSecond-2*86400)*1e6 + (minSecond+86400)*1e6 + r.Int64N(1e6)).In(zone)
			text := at.Format(layout)
			want, err := time.Parse(layout, text)
			if err != nil {
				t.Fatal(err)
			}
			if got, p := ParseTime([]byte(text)); p != fine || got != want.UnixMicro() {
				t.Fatalf("%s: %d %q, want %d", text, got, p, want.UnixMicro())
			}
		}
	}
}

// TestCellsKeepTheirShape mixes types and nulls in one memory.
func TestCellsKeepTheirShape(t *testing.T) {
	var c Cells
	for round := range 200 {
		typ := column.Types()[round%len(column.Types())]
		if round%3 == 0 {
			typ = column.ListOf(typ)
		}
		c.Reset(typ, false)
		n := round % 130
		for i := range n {
			switch {
			case i%5 == 3:
				c.AddNull()
			case typ.IsList():
				for range i % 4 {
					c.Element().AddNull()
				}
				if p := c.End(); p != fine {
					t.Fatal(p)
				}
			case c.AddBool(true) == fine, c.AddInt(int64(i)) == fine, c.AddString([]byte("2026-11-22")) == fine:
			default:
				t.Fatalf("%v takes nothing", typ)
			}
		}
		if c.Len != n || c.Nulls() != (n+1)/5 {
			t.Fatalf("%v: %d rows with %d nulls, want %d with %d", typ, c.Len, c.Nulls(), n, (n+1)/5)
		}
		for i := range n {
			if c.Vector.Null(i) != (i%5 == 3) {
				t.Fatalf("%v: null at %d is %v", typ, i, c.Vector.Null(i))
			}
			if !c.Vector.Equal(i, &c.Vector, i) {
				t.Fatalf("%v: row %d is not itself", typ, i)
			}
		}
	}
}

// TestFloatsNarrowToTheNearest checks AddFloat at its bounds.
func TestFloatsNarrowToTheNearest(t *testing.T) {
	var c Cells
	c.Reset(column.Float32, false)
	for _, x := range []float64{0.1, math.Inf(1), math.MaxFloat32, 1e-50} {
		if p := c.AddFloat(x); p != fine || c.Float32s[c.Len-1] != float32(x) {
			t.Errorf("%g: %q", x, p)
		}
	}
	if p := c.AddFloat(1e39); p != outOfRange {
		t.Errorf("1e39: %q", p)
	}
	c.Reset(column.Int64, false)
	if c.AddFloat(3) != fine || c.AddFloat(3.5) != notWhole || c.AddFloat(math.NaN()) == fine || c.AddFloat(1e300) == fine || c.Len != 1 {
		t.Error("floats for int64")
	}
}
