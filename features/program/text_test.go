package program

import (
	"reflect"
	"strings"
	"testing"
)

// The golden file shows the text form to people; it reads back to the same program.
func TestTextGolden(t *testing.T) {
	p := testProgram()
	golden(t, "testdata/program.txt", p.Text())
	q, err := Parse(p.Text(), testTables()...)
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(q); err != nil {
		t.Fatal(err)
	}
	if q.String() != p.Text() || !reflect.DeepEqual(q.Outputs, p.Outputs) || !reflect.DeepEqual(q.Inputs, p.Inputs) ||
		!reflect.DeepEqual(q.Observes, p.Observes) || !reflect.DeepEqual(q.Origins, p.Origins) {
		t.Errorf("read back as\n%s", q)
	}
}

func TestParseErrors(t *testing.T) {
	good := testProgram().Text()
	table := strings.SplitN(good[strings.Index(good, "table "):], "\n", 2)[0]
	for _, c := range []struct{ text, want string }{
		{"", "line 1: the text does not start"},
		{"\n\nquern program 2\n", "line 3: the text does not start"},
		{header + "\ninput x int64", "line 2: a string in double quotes is missing"},
		{header + "\ninput \"x\"int64", "line 2: a space is missing"},
		{header + "\ninput \"x\" int65", "line 2: unknown type \"int65\""},
		{header + "\ninput \"x\" int64\ninput \"x\" bool", "line 3: a second input called \"x\""},
		{header + "\ninput \"x\" int64 y", "line 2: unexpected \"y\""},
		{header + "\n# why\n\nfoo", "line 4: unknown line \"foo\""},
		{header + "\n%1 int64 = const 5", "line 2: the next register is %0, not %1"},
		{header + "\n%x int64 = const 5", "line 2: \"%x\" is no register"},
		{header + "\n%0 int64 const 5", "line 2: = is missing"},
		{header + "\n%0 int64 = konst 5", "line 2: unknown operation \"konst\""},
		{header + "\n%0 int64 = const true", "line 2: \"true\" is no constant of type int64"},
		{header + "\n%0 int64 = const 9223372036854775808", "is no constant of type int64"},
		{header + "\n%0 float64 = const 1e999", "is no constant of type float64"},
		{header + "\n%0 string = const abc", "is no constant of type string"},
		{header + "\n%0 int64 = const 5 @-1", "line 2: unexpected \"@-1\""},
		{header + "\n%0 int64 = const 5 @99999999999", "line 2: unexpected"},
		{header + "\n%0 int64 = load \"x\"", "line 2: \"x\" is not declared above"},
		{header + "\n%0 int64 = bucketize %0 edges=1", "line 2: edges are not a list in brackets"},
		{header + "\n%0 int64 = bucketize %0 edges=[1 x]", "line 2: \"x\" is no number"},
		{header + "\n%0 int64 = bucketize %0 edges=[1]", "line 2: right_closed= is missing"},
		{header + "\n%0 int64 = bucket %0 buckets=many", "line 2: \"many\" is no integer"},
		{header + "\n%0 int64 = date_part %0 part=eon", "line 2: unknown part \"eon\""},
		{header + "\nobserve x", "line 2: an observation starts with the number"},
		{header + "\norigin \"x\" 5", "line 2: an origin's place"},
		{header + "\ntable \"t\" string int64 rows=0 sha256=", "line 2: table \"t\" was not supplied"},
		{header + "\n" + table + "\n" + table, "line 3: a second table called"},
		{header + "\n" + strings.Replace(table, "rows=", "rows=1", 1), "not what was supplied"},
	} {
		_, err := Parse(c.text, testTables()...)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, not %q", c.text, err, c.want)
		}
	}
}

// A table's digest tells its types, keys, order and values apart.
func TestDigest(t *testing.T) {
	seen := map[[32]byte]string{}
	add := func(name string, change func(*Table)) {
		table := testTables()[0]
		change(&table)
		if err := checkTable(&table); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		d := table.Digest()
		if seen[d] != "" {
			t.Errorf("%s has the digest of %s", name, seen[d])
		}
		seen[d] = name
	}
	text := func(s string) Value { return Value{Str: []byte(s)} }
	add("the table", func(*Table) {})
	add("another value", func(t *Table) { t.Values.Int64s[0] = 5 })
	add("another key", func(t *Table) { t.Keys = RegisterVector(t.Keys.Type, text("a"), text("c"), NullValue()) })
	add("other borders", func(t *Table) { t.Keys = RegisterVector(t.Keys.Type, text("ab"), text(""), NullValue()) })
	add("another order", func(t *Table) { t.Keys = RegisterVector(t.Keys.Type, NullValue(), text("a"), text("b")) })
	add("no null", func(t *Table) { t.Keys = RegisterVector(t.Keys.Type, text("a"), text("b"), text("")) })
	add("reals", func(t *Table) { t.Values = RegisterVector(5, Value{}, Value{}, Value{}) })
	add("nothing", func(t *Table) { t.Keys, t.Values = RegisterVector(t.Keys.Type), RegisterVector(t.Values.Type) })
}

// FuzzParse: no text panics; what parses is written and read back to the same
// text; what verifies has an evaluator.
func FuzzParse(f *testing.F) {
	f.Add(testProgram().Text())
	for _, line := range strings.Split(testProgram().Text(), "\n") {
		f.Add(header + "\n" + line)
	}
	f.Add(header + "\n%0 string = const \"a\"\n%1 bool = match %0 pattern=\"(((a{1000}){1000}){1000})\"\noutput \"x\" %1 keep")
	f.Add(header + "\n%0 int64 = const 0\n%1 timestamp = retype %0\n%2 date = to_date %1 zone=\"../x\"\noutput \"x\" %2 keep")
	f.Add(listProgram().Text())
	for _, line := range strings.Split(listProgram().Text(), "\n") {
		f.Add(header + "\n" + line)
	}
	f.Add(lines(`list<int64> = load "a"`, `int64 = const 1`, `list<int64> = list_pad %0 %1 length=65536 before=1`, `output "y" %2 keep`))
	f.Add(lines(`list<int64> = load "a"`, `list<int64> = list_slice %0 start=-9223372036854775808 end=-1`, `int64 = list_at %1 position=-9223372036854775808`, `output "y" %2 keep`))
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text, testTables()...)
		if err != nil {
			return
		}
		if Verify(p) != nil {
			return
		}
		written := p.Text()
		q, err := Parse(written, testTables()...)
		if err != nil || q.Text() != written {
			t.Fatalf("written as\n%s\nread back: %v", written, err)
		}
		e, err := q.Evaluator()
		if err != nil {
			t.Fatalf("verified, but: %v\n%s", err, written)
		}
		row := make([]Value, len(q.Inputs))
		for i := range row {
			row[i] = NullValue()
		}
		e.Row(row)
	})
}
