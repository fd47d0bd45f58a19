package jsonl

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/source/csv"
	"quern/pipeline/source/text"
	"quern/pipeline/source/text/texttest"
)

// read opens files and reads them.
func read(opts Options, files ...source.File) (*texttest.Table, error) {
	opts.Files = files
	s, err := Open(context.Background(), opts)
	if err != nil {
		return nil, err
	}
	return texttest.Read(s)
}

// readText reads one file.
func readText(opts Options, data string) (*texttest.Table, error) {
	return read(opts, texttest.File("f.jsonl", []byte(data)))
}

func TestReading(t *testing.T) {
	for _, c := range []struct{ name, data, want string }{
		{"types", `{"i":1,"x":1.5,"b":true,"s":"a","d":"2001-06-01","t":"2001-06-01 12:00","z":"2001-06-01T12:00Z"}
 { "z" : "2001-06-01T12:00+02" , "i" : -2 , "x" : -0 , "b" : false , "s" : "é\u00e9\ud83d\ude00\n\"\/" , "d" : null }` + "\r\n",
			`"i":int64 "x":float64 "b":bool "s":string "d":date "t":datetime "z":timestamp
["1" "1.5 3ff8000000000000" "true" "a" "11474" "991396800000000" "991396800000000"]
["-2" "-0 8000000000000000" "false" "éé😀\n\"/" "<null>" "<null>" "991389600000000"]`},
		{"missing keys", "{\"a\":1}\n\n{}\n{\"b\":\"\"}\n", `"a":int64 "b":string
["1" "<null>"]
["<null>" "<null>"]
["<null>" ""]`},
		{"digits in quotes", `{"a":"12","b":"true"}`, "\"a\":string \"b\":string\n[\"12\" \"true\"]"},
		{"wide", `{"a":9223372036854775808}`, "\"a\":string\n[\"9223372036854775808\"]"},
		{"wide among reals", "{\"a\":9223372036854775808}\n{\"a\":1e0}", "\"a\":float64\n[\"9.223372036854775808e+18 43e0000000000000\"]\n[\"1 3ff0000000000000\"]"},
		{"escaped keys", "{\"a\":1,\"\\u0062\":2}\n{\"b\":3,\"\\u0061\":4}", "\"a\":int64 \"b\":int64\n[\"1\" \"2\"]\n[\"4\" \"3\"]"},
		{"byte order mark", "\xef\xbb\xbf{\"a\":1}", "\"a\":int64\n[\"1\"]"},
		{"nothing", "", ""},
		{"blanks", "\n \r\n\t", ""},
		{"all null", "{\"a\":null}", "\"a\":string\n[\"<null>\"]"},
	} {
		got, err := readText(Options{}, c.data)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		want := strings.ReplaceAll(c.want, "9.223372036854775808e+18", fmt.Sprint(math.Exp2(63)))
		if strings.TrimSuffix(strings.ReplaceAll(got.String(), " \n", "\n"), " ") != want {
			t.Errorf("%s: got\n%v\nwant\n%s", c.name, got, want)
		}
	}
}

func TestUnusableColumns(t *testing.T) {
	data := `{"a":[1,{"x":[]}],"b":1,"c":true,"d":"x","ok":1,"e":1}
{"a":null,"b":"1","c":0,"d":{},"ok":2,"e":2.5}`
	s, err := Open(context.Background(), Options{Files: []source.File{texttest.File("f", []byte(data))}})
	if err != nil {
		t.Fatal(err)
	}
	for name, reason := range map[string]string{"a": "objects or nested arrays", "b": "numbers beside strings", "c": "true and false beside numbers", "d": "objects or nested arrays"} {
		if !strings.Contains(s.Unusable()[name], reason) {
			t.Errorf("%s: %q", name, s.Unusable()[name])
		}
		if _, err := s.NewReader([]string{name}); texttest.Code(err) != "Q211" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := texttest.Read(s); err != nil || got.String() != "\"ok\":int64 \"e\":float64 \n[\"1\" \"1 3ff0000000000000\"]\n[\"2\" \"2.5 4004000000000000\"]" {
		t.Errorf("%v, %v", got, err)
	}
	types := column.Schema{{Name: "b", Type: column.String}, {Name: "c", Type: column.Bool}, {Name: "new", Type: column.Date}}
	got, err := readText(Options{Types: types}, data)
	want := "\"b\":string \"c\":bool \"ok\":int64 \"e\":float64 \"new\":date \n" + `["1" "true" "1" "1 3ff0000000000000" "<null>"]
["1" "false" "2" "2.5 4004000000000000" "<null>"]`
	if err != nil || got.String() != want {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := readText(Options{Types: column.Schema{{Name: "a", Type: column.String}}}, data); err != nil {
		t.Errorf("%v", err)
	}
}

// value draws a value for a key, as JSON and as a Table has it.
func value(t *rapid.T, kind int) (raw string, want string) {
	if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
		return "null", texttest.Null
	}
	if kind >= scalarKinds {
		return list(t, kind-scalarKinds)
	}
	switch kind {
	case 0:
		x := rapid.Int64().Draw(t, "int")
		return fmt.Sprint(x), fmt.Sprint(x)
	case 1:
		x := rapid.Float64().Draw(t, "real")
		s := strconv.FormatFloat(x, 'e', -1, 64)
		return s, fmt.Sprintf("%v %016x", x, math.Float64bits(x))
	case 2:
		b := rapid.Bool().Draw(t, "bool")
		return fmt.Sprint(b), fmt.Sprint(b)
	}
	s := rapid.StringOf(rapid.SampledFrom([]rune("ab\"\\/\n\t\x00é😀\u2028<"))).Draw(t, "string")
	encoded, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded), s
}

// scalarKinds is how many kinds of scalars value draws; as many kinds of arrays follow.
const scalarKinds = 4

// list draws an array of scalars of one kind.
func list(t *rapid.T, kind int) (raw string, want string) {
	raws, wants := []string{}, []string{}
	for range rapid.IntRange(0, 3).Draw(t, "length") {
		r, w := value(t, kind)
		raws, wants = append(raws, r), append(wants, w)
	}
	space := rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "space")
	return "[" + space + strings.Join(raws, space+","+space) + space + "]", fmt.Sprintf("%q", wants)
}

// document draws lines whose keys a, b ... are of one kind each, in any order.
func document(t *rapid.T) (data []byte, rows []map[string]string) {
	kinds := rapid.SliceOfN(rapid.IntRange(0, 2*scalarKinds-1), 1, 5).Draw(t, "kinds")
	for range rapid.IntRange(0, 12).Draw(t, "rows") {
		row := map[string]string{}
		var members []string
		for _, k := range rapid.Permutation([]int{0, 1, 2, 3, 4}[:len(kinds)]).Draw(t, "order") {
			if rapid.IntRange(0, 4).Draw(t, "missing") == 0 {
				continue
			}
			raw, want := value(t, kinds[k])
			key := string(rune('a' + k))
			row[key] = want
			members = append(members, fmt.Sprintf("%q : %s", key, raw))
		}
		rows = append(rows, row)
		data = append(data, "{"+strings.Join(members, ", ")+"}"+rapid.SampledFrom([]string{"\n", "\r\n", "\n\n"}).Draw(t, "eol")...)
	}
	return data, rows
}

func TestAgainstTheStandardLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, rows := document(t)
		got, err := readText(Options{}, string(data))
		if err != nil || len(got.Rows) != len(rows) {
			t.Fatalf("%q: %v, %v, want %d rows", data, got, err, len(rows))
		}
		for i, row := range rows {
			for j, f := range got.Schema {
				want, ok := row[f.Name]
				if !ok {
					want = texttest.Null
				}
				if got.Rows[i][j] != want {
					t.Fatalf("%q: row %d, column %s is %q, want %q", data, i, f.Name, got.Rows[i][j], want)
				}
			}
		}
	})
}

func TestEveryCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data, _ := document(t)
		want, err := readText(Options{}, string(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range []source.File{texttest.File("f.jsonl", data), texttest.File("f.jsonl.gz", texttest.Gzip(data)), texttest.File("f", texttest.Zstd(data))} {
			limits := text.Limits{Chunk: int64(rapid.IntRange(1, 40).Draw(t, "chunk")), Window: rapid.IntRange(1, 64).Draw(t, "window")}
			got, err := read(Options{Workers: rapid.IntRange(1, 8).Draw(t, "workers"), limits: limits}, file)
			if err != nil || got.String() != want.String() {
				t.Fatalf("%q %+v: got %v, %v, want %v", data, limits, got, err, want)
			}
		}
	})
}

// TestOneAnswerWithCSV reads one table from both formats.
func TestOneAnswerWithCSV(t *testing.T) {
	table := "i,x,b,s,d,t,z\n1,1.5,true,a,2001-06-01,2001-06-01T12:00,2001-06-01T12:00Z\n,,,,,,\n2,-0.0,false,\"\",1969-12-31,2001-06-01,2001-06-01T12:00+02\n"
	lines := `{"i":1,"x":1.5,"b":true,"s":"a","d":"2001-06-01","t":"2001-06-01T12:00","z":"2001-06-01T12:00Z"}
{}
{"i":2,"x":-0.0,"b":false,"s":"","d":"1969-12-31","t":"2001-06-01","z":"2001-06-01T12:00+02"}`
	got, err := readText(Options{}, lines)
	if err != nil {
		t.Fatal(err)
	}
	s, err := csv.Open(context.Background(), csv.Options{Files: []source.File{texttest.File("f", []byte(table))}})
	if err != nil {
		t.Fatal(err)
	}
	want, err := texttest.Read(s)
	if err != nil || got.String() != want.String() {
		t.Errorf("got %v, want %v, %v", got, want, err)
	}
}

// checkOracle compares one line with encoding/json, which accepts more than we do.
func checkOracle(t *testing.T, line []byte) {
	p := format{}.NewParser("", nil).(*parser)
	var b text.Block
	err := p.Cut(line, true, &b)
	size, cells := b.Size, b.Cells
	if len(b.Ends) > 0 {
		cells = cells[:b.Ends[0]]
	}
	trimmed := bytes.TrimLeft(line, " \t\r\n")
	first, _, _ := bytes.Cut(line, []byte("\n"))
	if err == nil && len(b.Ends) == 0 {
		if size == 0 || len(bytes.Trim(first, " \t\r")) > 0 {
			t.Errorf("%q is taken for a blank line", line)
		}
		return
	}
	var want map[string]json.RawMessage
	wrong := json.Unmarshal(first, &want)
	if err == nil && wrong != nil {
		t.Errorf("%q: accepted, but %v", line, wrong)
	}
	if err != nil {
		if wrong == nil && len(trimmed) > 0 && !stricter(first, err.Error()) {
			t.Errorf("%q: %v", line, err)
		}
		return
	}
	if len(cells) != len(want) {
		t.Errorf("%q: %d cells of %d", line, len(cells), len(want))
	}
	for _, c := range cells {
		checkCell(t, p, line, c, want[p.names[c.Column]])
	}
}

// checkCell compares a cell with the raw value of the oracle.
func checkCell(t *testing.T, p *parser, line []byte, c text.Cell, raw json.RawMessage) {
	got := string(line[c.Start:c.End])
	if c.Kind == text.Quoted || c.Kind == text.Escaped {
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if c.Kind == text.Escaped {
			got = string(p.Unescape(nil, line[c.Start:c.End]))
		}
		raw = json.RawMessage(s)
	}
	if got != string(raw) {
		t.Errorf("%q: cell %q, want %q", line, got, raw)
	}
}

// stricter reports whether the line is one of those that only we refuse.
func stricter(line []byte, message string) bool {
	if string(bytes.TrimSpace(line)) == "null" {
		return true // into a map, the oracle takes null
	}
	return slices.ContainsFunc([]string{"twice", "surrogate", "UTF-8", "nested more"}, func(s string) bool { return strings.Contains(message, s) })
}

// lines are seeds of the fuzzer, and cases on their own.
func lines() []string {
	return []string{``, ` `, `{}`, `{"a":1}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{"a":1 "b":2}`, `{"a":01}`, `{"a":-}`, `{"a":1.}`, `{"a":.5}`, `{"a":1e}`, `{"a":1e+5}`, `{"a":+1}`,
		`{"a":"\u00e9"}`, `{"a":"\ud83d\ude00"}`, `{"a":"\ud83d"}`, `{"a":"\ude00"}`, `{"a":"\ud83d\u0041"}`, `{"a":"\x"}`, `{"a":"\u12"}`, `{"a":"\`, `{"a":"`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}",
		`{"a":[1,2,{"b":[]}]}`, `{"a":[1,2}`, `{"a":{"b":1,"b":2}}`, `{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":nul}`, `{"a":null}`, `{"a":truefalse}`, `{"a":true}x`, `{"a":1}}`, `[1]`, `1`, `null`, `"x"`,
		`{"a":NaN}`, `{'a':1}`, `{"a":1}//`, strings.Repeat(`{"a":`, 20) + `1` + strings.Repeat(`}`, 20), `{"a":` + strings.Repeat(`[`, 1100) + strings.Repeat(`]`, 1100) + `}`, `{"":""}`, "{\"a\":1}\n{", "{\"a\":\n1}",
		`{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaé":"bbbbbbbbbbbbbbbbbbbbbbb\\cccccccc\"ddddddddd"}`, "{\"a\":1}\r\n", "\ufeff{}", `{"a":1e5,"b":-0,"c":1E-5,"d":123456789012345678901234567890}`,
		`{"a":[]}`, `{"a":[1,null,-2.5e3]}`, `{"a":[ "x" , "\u00e9\"]" , "" ]}`, `{"a":[true,false]}`, `{"a":[1,"x"]}`, `{"a":[[]]}`, `{"a":[1,{}]}`, `{"a":["2001-06-01",null]}`, `{"a":[1,]}`, `{"a":["]}`}
}

func TestLinesAgainstTheStandardLibrary(t *testing.T) {
	for _, l := range lines()[1:] {
		checkOracle(t, []byte(l))
	}
}

func FuzzLine(f *testing.F) {
	for _, l := range lines() {
		f.Add([]byte(l))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if len(line) > 0 {
			checkOracle(t, line)
		}
	})
}

// FuzzJSONL checks that any bytes give the same table or error however they are cut.
func FuzzJSONL(f *testing.F) {
	f.Add([]byte(strings.Join(lines(), "\n")), uint8(7), uint8(30))
	for _, l := range lines() {
		f.Add([]byte("{\"a\":1}\n"+l+"\n{\"b\":\"2001-06-01\"}\n"), uint8(10), uint8(9))
	}
	f.Fuzz(func(t *testing.T, data []byte, chunk, window uint8) {
		want, wrong := readText(Options{limits: text.Limits{Row: 1000}, Memory: 1 << 20}, string(data))
		if texttest.Code(wrong) == "?" {
			t.Fatalf("%q: %v", data, wrong)
		}
		limits := text.Limits{Chunk: int64(chunk) + 1, Window: int(window) + 1, Row: 1000}
		got, err := readText(Options{limits: limits, Workers: 3, Memory: 1 << 20}, string(data))
		if fmt.Sprint(err) != fmt.Sprint(wrong) || err == nil && got.String() != want.String() {
			t.Fatalf("%q %+v: got %v, %v, want %v, %v", data, limits, got, err, want, wrong)
		}
	})
}

// TestDigests: records that name their cells have no header to count.
func TestDigests(t *testing.T) {
	var seen []string
	for _, data := range []string{"{\"a\":1}\n", "{\"a\":2}\n", "{\"b\":1}\n"} {
		for _, file := range []source.File{texttest.File("f", []byte(data)), texttest.File("f.gz", texttest.Gzip([]byte(data)))} {
			s, err := Open(context.Background(), Options{Files: []source.File{file}})
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, s.Chunks()[0].Digest)
		}
	}
	for i := 0; i < len(seen); i += 2 {
		if seen[i] == "" || seen[i] != seen[i+1] || slices.Contains(seen[:i], seen[i]) {
			t.Errorf("digests %q", seen)
		}
	}
}
