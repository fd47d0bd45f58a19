package parquet

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// renderList returns list s of v as text: its elements in brackets.
func renderList(v *column.Vector, s int) string {
	lo, hi := v.List(s)
	all := make([]string, 0, hi-lo)
	for i := lo; i < hi; i++ {
		all = append(all, render(v.Elements, i))
	}
	return "[" + strings.Join(all, " ") + "]"
}

// listFault says how a column of lists breaks the contract of package column, or "".
func listFault(c *column.Column) string {
	v := &c.Values
	if !v.Type.IsList() {
		return ""
	}
	switch {
	case c.Dict() || v.Elements == nil || v.Elements.Type() != v.Type.Elem():
		return "lists are dictionary-coded, or of other elements than they say"
	case len(v.Offsets) != v.Len+1 || v.Offsets[0] != 0 || int(v.Offsets[v.Len]) != v.Elements.Len:
		return fmt.Sprintf("%d offsets of %d lists of %d elements in all", len(v.Offsets), v.Len, v.Elements.Len)
	}
	for i := range v.Len {
		if lo, hi := v.List(i); hi < lo || hi > lo && v.Null(i) {
			return fmt.Sprintf("list %d is from %d to %d, null: %v", i, lo, hi, v.Null(i))
		}
	}
	for i, slot := range v.Elements.Index {
		if slot < 0 || int(slot) >= v.Elements.Values.Len {
			return fmt.Sprintf("element %d has slot %d of %d", i, slot, v.Elements.Values.Len)
		}
	}
	return ""
}

// leafOf returns the leaf of a column in parquet-go's schema, and its outermost node.
func leafOf(t *testing.T, schema *pq.Schema, name string) (pq.LeafColumn, pq.Node) {
	t.Helper()
	for _, f := range schema.Fields() {
		if f.Name() != name {
			continue
		}
		path, at := []string{name}, pq.Node(f)
		for !at.Leaf() {
			path, at = append(path, at.Fields()[0].Name()), at.Fields()[0]
		}
		leaf, ok := schema.Lookup(path...)
		if !ok {
			t.Fatalf("parquet-go has no column %s", path)
		}
		return leaf, f
	}
	t.Fatalf("parquet-go has no column %s", name)
	return pq.LeafColumn{}, nil
}

// theirRows renders the values of a column, by the levels that parquet-go gives them.
func theirRows(values []pq.Value, leaf pq.LeafColumn, top pq.Node) (rows []string) {
	lists := leaf.MaxRepetitionLevel > 0
	empty := 0
	if top.Optional() {
		empty = 1
	}
	for _, v := range values {
		text := expect(v, leaf.Node)
		last := len(rows) - 1
		switch {
		case !lists:
			rows = append(rows, text)
		case v.RepetitionLevel() > 0:
			rows[last] = strings.TrimSuffix(rows[last], "]") + " " + text + "]"
		case v.DefinitionLevel() < empty:
			rows = append(rows, "null")
		case v.DefinitionLevel() == empty:
			rows = append(rows, "[]")
		default:
			rows = append(rows, "["+text+"]")
		}
	}
	return rows
}

// listNode makes a column of lists from one of its elements. Its names are those of the forms.
func listNode(form string, elem pq.Node) pq.Node {
	switch form {
	case "repeated":
		return pq.Repeated(elem)
	case "req_req":
		return pq.List(elem)
	case "req_opt":
		return pq.List(pq.Optional(elem))
	case "opt_req":
		return pq.Optional(pq.List(elem))
	}
	return pq.Optional(pq.List(pq.Optional(elem)))
}

func listForms() []string { return []string{"repeated", "req_req", "req_opt", "opt_req", "opt_opt"} }

// listCases returns lists of all elements that we read, in every encoding, each in one
// of the forms; turn chooses which.
func listCases(turn int) map[string]pq.Node {
	cases := map[string]pq.Node{}
	for name, node := range leafCases() {
		if !node.Optional() {
			form := listForms()[(turn+len(name))%len(listForms())]
			cases[name+" "+form] = listNode(form, node)
		}
	}
	return cases
}

// writeLists writes n random rows of list columns with parquet-go. It returns the file
// and, by column, what render must give.
func writeLists(t testing.TB, r *rand.Rand, columns map[string]pq.Node, n int, options ...pq.WriterOption) ([]byte, map[string][]string) {
	t.Helper()
	schema := pq.NewSchema("table", pq.Group(columns))
	var out bytes.Buffer
	w := pq.NewWriter(&out, append(options, schema)...)
	few, longest, written := r.IntN(2) == 0, []int{2, 5, 40}[r.IntN(3)], map[string][]string{}
	for range n {
		var row pq.Row
		for i, f := range schema.Fields() {
			leaf := pq.Node(f)
			for !leaf.Leaf() {
				leaf = leaf.Fields()[0]
			}
			l := randomList{r: r, typ: leaf.Type(), nullable: f.Optional(), optional: leaf.Optional(), few: few, longest: longest}
			values := l.values(i)
			row = append(row, values...)
			full := pq.LeafColumn{Node: leaf, MaxRepetitionLevel: 1}
			written[f.Name()] = append(written[f.Name()], theirRows(values, full, f)...)
		}
		if _, err := w.WriteRows([]pq.Row{row}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), written
}

// randomList says what lists there may be.
type randomList struct {
	r                  *rand.Rand
	typ                pq.Type
	nullable, optional bool // the list, its elements
	few                bool
	longest            int
}

// values returns one list with its levels, for column i.
func (l *randomList) values(i int) (all []pq.Value) {
	empty := 0
	if l.nullable {
		empty = 1
		if l.r.IntN(5) == 0 {
			return []pq.Value{pq.NullValue().Level(0, 0, i)}
		}
	}
	n := l.r.IntN(l.longest)
	if n == 0 {
		return []pq.Value{pq.NullValue().Level(0, empty, i)}
	}
	for k := range n {
		v, level := randomValue(l.r, l.typ, l.few), empty+1
		switch {
		case l.optional && l.r.IntN(4) == 0:
			v = pq.NullValue()
		case l.optional:
			level++
		}
		all = append(all, v.Level(min(k, 1), level, i))
	}
	return all
}

func TestReadsListsThatParquetGoWrites(t *testing.T) {
	for i, n := range []int{0, 1, 2, 7, 9, 63, 65, 130} {
		if raceEnabled && n > 70 {
			break
		}
		for version := 1; version <= 2; version++ {
			columns, codec := listCases(i+version), codecs()[(i*2+version)%len(codecs())]
			r := rand.New(rand.NewPCG(uint64(i), uint64(10+version)))
			data, want := writeLists(t, r, columns, n, pq.Compression(codec), pq.DataPageVersion(version),
				pq.PageBufferSize(64<<(i%5)), pq.MaxRowsPerRowGroup(int64(1+n*(1+i%3)/2)))
			if compare(t, data, want) != n*len(columns) {
				t.Fatal("not every list was compared")
			}
		}
	}
}

func TestReadsListsOfEveryForm(t *testing.T) {
	for turn := range listForms() {
		data, want := writeLists(t, rand.New(rand.NewPCG(uint64(turn), 20)), listCases(turn), 30, pq.Compression(codecs()[turn]), pq.DataPageVersion(1+turn%2))
		compare(t, data, want)
	}
}

func TestListsThatGiveUpTheirDictionary(t *testing.T) {
	columns := map[string]pq.Node{}
	for turn := range listForms() {
		for name, node := range listCases(turn) {
			if strings.Contains(name, "dictionary") {
				columns[name] = node
			}
		}
	}
	mixed := 0
	for seed := range uint64(4) {
		data, want := writeLists(t, rand.New(rand.NewPCG(seed, 21)), columns, 150,
			pq.PageBufferSize(256), pq.DictionaryMaxBytes(500), pq.DataPageVersion(int(1+seed%2)))
		compare(t, data, want)
		mixed += countMixed(t, data)
	}
	if mixed == 0 {
		t.Fatal("no chunk gave its dictionary up: the test tests nothing")
	}
}

func TestDictionariesOfListsAreKept(t *testing.T) {
	coded := pq.Encoded(pq.String(), &pq.RLEDictionary)
	columns := map[string]pq.Node{"opt": listNode("opt_opt", coded), "req": listNode("opt_req", coded)}
	data, _ := writeLists(t, rand.New(rand.NewPCG(5, 22)), columns, 300)
	b, _ := readFirst(t, Options{Files: []source.File{inMemory("f", data)}}, "req", "opt")
	req, opt := b.Columns[0].Values.Elements, b.Columns[1].Values.Elements
	if !req.Dict() || req.Values.Valid != nil || req.Values.Len >= req.Len {
		t.Errorf("required elements came as %+v", req.Values)
	}
	if !opt.Dict() || !opt.Values.Null(opt.Values.Len-1) {
		t.Errorf("optional elements came as %+v", opt.Values)
	}
}

// readFirst reads columns of the first chunk of files.
func readFirst(t *testing.T, o Options, columns ...string) (column.Batch, source.Source) {
	t.Helper()
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader(columns)
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Read(context.Background(), s.Chunks()[0])
	if err != nil {
		t.Fatal(err)
	}
	return b, s
}

// counted is a file in memory that counts the bytes that are read.
type counted struct {
	memory
	bytes *int64
}

func (c counted) ReadAt(b []byte, at int64) (int, error) {
	*c.bytes += int64(len(b))
	return c.memory.ReadAt(b, at)
}

// Columns that nobody asks for cost nothing, whatever they are.
func TestListsThatAreNotAskedForAreNotRead(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 23))
	data, _ := writeLists(t, r, map[string]pq.Node{"a": listNode("opt_opt", pq.String()), "b": listNode("req_req", pq.Leaf(pq.Int64Type))}, 500)
	read := int64(0)
	f := source.File{Name: "f", Open: func(context.Context) (store.Reader, error) {
		return counted{memory{bytes.NewReader(data)}, &read}, nil
	}}
	s, err := Open(context.Background(), Options{Files: []source.File{f}})
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names(s.Schema()) {
		read = 0
		if err := readColumns(s, name); err != nil {
			t.Fatal(err)
		}
		if chunk := s.(*table).files[0].groups[0].columns[i].length; read != chunk {
			t.Errorf("column %s: %d bytes read of %d", name, read, chunk)
		}
	}
}

// BenchmarkLists reports nanoseconds per element.
func BenchmarkLists(b *testing.B) {
	data, _ := writeLists(b, rand.New(rand.NewPCG(1, 24)), map[string]pq.Node{
		"words": listNode("opt_opt", pq.Encoded(pq.String(), &pq.RLEDictionary)),
		"ids":   listNode("opt_req", pq.Encoded(pq.Leaf(pq.Int64Type), &pq.RLEDictionary)),
		"x":     listNode("req_req", pq.Leaf(pq.DoubleType)),
	}, 50_000, pq.Compression(&pq.Zstd))
	s, err := openBytes(data)
	if err != nil {
		b.Fatal(err)
	}
	r, err := s.NewReader(names(s.Schema()))
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	elements := 0
	b.ReportAllocs()
	for b.Loop() {
		for _, c := range s.Chunks() {
			batch, err := r.Read(context.Background(), c)
			if err != nil {
				b.Fatal(err)
			}
			for i := range batch.Columns {
				elements += batch.Columns[i].Values.Elements.Len
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(elements), "ns/element")
}
