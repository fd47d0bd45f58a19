package parquet

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"
	pqencoding "github.com/parquet-go/parquet-go/encoding"

	"quern/features/column"
	"quern/pipeline/source"
	"quern/pipeline/store"
)

// memory is a file in memory.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// inMemory returns a source.File over data.
func inMemory(name string, data []byte) source.File {
	return source.File{Name: name, Open: func(context.Context) (store.Reader, error) { return memory{bytes.NewReader(data)}, nil }}
}

// openBytes opens one file in memory.
func openBytes(data []byte) (source.Source, error) {
	return Open(context.Background(), Options{Files: []source.File{inMemory("test.parquet", data)}})
}

// names returns the names of the fields.
func names(s column.Schema) []string {
	all := make([]string, len(s))
	for i, f := range s {
		all[i] = f.Name
	}
	return all
}

// render returns row i as text in which different values differ.
func render(c *column.Column, i int) string {
	v, s := &c.Values, c.Slot(i)
	if v.Null(s) {
		return "null"
	}
	switch v.Type.Kind() {
	case column.Lists:
		return renderList(v, s)
	case column.Bools:
		return strconv.FormatBool(v.Bools[s])
	case column.Ints:
		return strconv.FormatInt(v.Int(s), 10)
	case column.Floats:
		return fmt.Sprintf("%x", math.Float64bits(v.Float(s)))
	}
	return strconv.Quote(string(v.Text.At(s)))
}

// expect returns what render must give for a value that parquet-go has read from a
// column described by node. It knows nothing of our schema code.
func expect(v pq.Value, node pq.Node) string {
	if v.IsNull() {
		return "null"
	}
	kind, logical := node.Type().Kind(), ""
	if l := node.Type().LogicalType(); l != nil {
		logical = l.String()
	}
	switch kind {
	case pq.Boolean:
		return strconv.FormatBool(v.Boolean())
	case pq.Int32:
		if logical == "INT(32,false)" {
			return strconv.FormatUint(uint64(v.Uint32()), 10)
		}
		return strconv.FormatInt(int64(v.Int32()), 10)
	case pq.Int64:
		switch {
		case strings.Contains(logical, "MILLIS"):
			return strconv.FormatInt(v.Int64()*1000, 10)
		case strings.Contains(logical, "NANOS"):
			return floorThousandth(big.NewInt(v.Int64()))
		}
		return strconv.FormatInt(v.Int64(), 10)
	case pq.Int96:
		i := v.Int96()
		nanos := new(big.Int).SetUint64(uint64(i[1])<<32 | uint64(i[0]))
		days := big.NewInt(int64(i[2]) - 2440588)
		return floorThousandth(nanos.Add(nanos, days.Mul(days, big.NewInt(86400e9))))
	case pq.Float:
		return fmt.Sprintf("%x", math.Float64bits(float64(v.Float())))
	case pq.Double:
		return fmt.Sprintf("%x", math.Float64bits(v.Double()))
	}
	if kind == pq.FixedLenByteArray && node.Type().Length() == 2 { // FLOAT16, which parquet-go has no name for
		return fmt.Sprintf("%x", math.Float64bits(halfByFormula(uint16(v.ByteArray()[0])|uint16(v.ByteArray()[1])<<8)))
	}
	return strconv.Quote(string(v.ByteArray()))
}

func floorThousandth(n *big.Int) string { return n.Div(n, big.NewInt(1000)).String() }

// halfByFormula returns the value of binary16 bits by the definition.
func halfByFormula(h uint16) float64 {
	sign, exponent, mantissa := 1-2*float64(h>>15), int(h>>10&31), float64(h&1023)
	switch {
	case exponent == 31 && mantissa != 0:
		return float64(math.Float32frombits(uint32(h>>15)<<31 | 0xff<<23 | uint32(h&1023)<<13))
	case exponent == 31:
		return sign * math.Inf(1)
	case exponent == 0:
		return sign * math.Ldexp(mantissa, -24)
	}
	return sign * math.Ldexp(1024+mantissa, exponent-25)
}

// readAll reads data, every column and row group, checks the columns' form, and
// returns the values rendered, by column.
func readAll(t *testing.T, data []byte) map[string][]string {
	t.Helper()
	s, err := openBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader(names(s.Schema()))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	all := map[string][]string{}
	for _, c := range s.Chunks() {
		batch, err := r.Read(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		for i, f := range s.Schema() {
			checkColumn(t, f, &batch.Columns[i])
			if batch.Columns[i].Len != batch.Rows {
				t.Fatalf("column %s: %d rows of %d", f.Name, batch.Columns[i].Len, batch.Rows)
			}
			for row := range batch.Rows {
				all[f.Name] = append(all[f.Name], render(&batch.Columns[i], row))
			}
		}
	}
	return all
}

// compare reads data and fails if it differs from want. It returns how many values
// it compared.
func compare(t *testing.T, data []byte, want map[string][]string) (compared int) {
	t.Helper()
	got := readAll(t, data)
	if len(got) != len(want) {
		t.Fatalf("%d columns instead of %d", len(got), len(want))
	}
	for name := range want {
		if len(got[name]) != len(want[name]) {
			t.Fatalf("column %s: %d rows instead of %d", name, len(got[name]), len(want[name]))
		}
		for row := range want[name] {
			if got[name][row] != want[name][row] {
				t.Fatalf("column %s, row %d: got %s, want %s", name, row, got[name][row], want[name][row])
			}
		}
		compared += len(want[name])
	}
	return compared
}

// theirs reads the columns called names with parquet-go, value by value.
func theirs(t *testing.T, data []byte, names []string) map[string][]string {
	t.Helper()
	f, err := pq.OpenFile(bytes.NewReader(data), int64(len(data)), pq.SkipPageIndex(true), pq.SkipBloomFilters(true))
	if err != nil {
		t.Fatalf("parquet-go: %v", err)
	}
	all := map[string][]string{}
	for _, name := range names {
		leaf, top := leafOf(t, f.Schema(), name)
		for _, g := range f.RowGroups() {
			values := readValues(t, g.ColumnChunks()[leaf.ColumnIndex])
			all[name] = append(all[name], theirRows(values, leaf, top)...)
		}
	}
	return all
}

// checkColumn holds a column against the contract of package column.
func checkColumn(t *testing.T, f column.Field, c *column.Column) {
	t.Helper()
	v := &c.Values
	if what := listFault(c); what != "" {
		t.Fatalf("column %s: %s", f.Name, what)
	}
	if f.Type.IsList() && v.Type == f.Type {
		checkColumn(t, column.Field{Name: f.Name + "'s elements", Type: f.Type.Elem()}, v.Elements)
	}
	switch {
	case v.Type != f.Type:
		t.Fatalf("column %s is %s instead of %s", f.Name, v.Type, f.Type)
	case !c.Dict() && v.Len != c.Len, c.Dict() && len(c.Index) != c.Len:
		t.Fatalf("column %s of %d rows has %d slots and %d indexes", f.Name, c.Len, v.Len, len(c.Index))
	case v.Type == column.String && v.Text.Len() != v.Len:
		t.Fatalf("column %s of %d slots has %d strings", f.Name, v.Len, v.Text.Len())
	case v.Valid != nil && (len(v.Valid) != (v.Len+63)/64 || v.Len&63 != 0 && v.Valid[v.Len>>6]>>(v.Len&63) != 0):
		t.Fatalf("column %s: the bitmap has bits past slot %d", f.Name, v.Len)
	case v.Valid != nil && !c.Dict() && v.Nulls() == 0:
		t.Fatalf("column %s has a bitmap and no nulls", f.Name)
	case c.Dict() && v.Valid != nil && (v.Nulls() != 1 || !v.Null(v.Len-1)):
		t.Fatalf("column %s: the null slot of the dictionary is not its last", f.Name)
	}
}

// readValues reads a column chunk with parquet-go.
func readValues(t *testing.T, c pq.ColumnChunk) []pq.Value {
	t.Helper()
	pages := c.Pages()
	defer pages.Close()
	var all []pq.Value
	for {
		p, err := pages.ReadPage()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("parquet-go: %v", err)
		}
		values := make([]pq.Value, p.NumValues())
		if n, err := p.Values().ReadValues(values); n < len(values) {
			t.Fatalf("parquet-go: %v", err)
		}
		for _, v := range values {
			all = append(all, v.Clone())
		}
		pq.Release(p)
	}
}

// randomValue returns a value of the kind; few says that there are only few different ones.
func randomValue(r *rand.Rand, typ pq.Type, few bool) pq.Value {
	bits := r.Uint64()
	if few {
		bits %= 7
	}
	switch typ.Kind() {
	case pq.Boolean:
		return pq.BooleanValue(bits&1 == 1)
	case pq.Int32:
		return pq.Int32Value(int32(bits))
	case pq.Int64:
		return pq.Int64Value(int64(bits) / 1000)
	case pq.Int96:
		return pq.Int96Value(deprecated.Int96{uint32(bits), uint32(bits >> 32 % 19000), 2440588 - 1000 + uint32(bits%50000)})
	case pq.Float:
		return pq.FloatValue(math.Float32frombits(uint32(bits)))
	case pq.Double:
		return pq.DoubleValue(math.Float64frombits(bits))
	case pq.FixedLenByteArray:
		b := make([]byte, typ.Length())
		for i := range b {
			b[i] = byte(bits >> (i % 8 * 8))
		}
		return pq.FixedLenByteArrayValue(b)
	}
	return pq.ByteArrayValue([]byte(strings.Repeat("grain ", int(bits%4)) + strconv.FormatUint(bits%100_000, 36)))
}

// leafCases returns every flat column that we read, in every encoding that
// parquet-go writes it with. Names say what they are.
func leafCases() map[string]pq.Node {
	cases := map[string]pq.Node{}
	add := func(name string, n pq.Node, encodings ...pqencoding.Encoding) {
		for _, e := range encodings {
			full := name + "_" + strings.ToLower(e.String())
			cases[full] = pq.Encoded(n, e)
			cases[full+"_opt"] = pq.Optional(pq.Encoded(n, e))
		}
	}
	ints := []pqencoding.Encoding{&pq.Plain, &pq.RLEDictionary, &pq.DeltaBinaryPacked, &pq.ByteStreamSplit}
	reals := []pqencoding.Encoding{&pq.Plain, &pq.RLEDictionary, &pq.ByteStreamSplit}
	add("bool", pq.Leaf(pq.BooleanType), &pq.Plain, &pq.RLE)
	add("int32", pq.Leaf(pq.Int32Type), ints...)
	add("int64", pq.Leaf(pq.Int64Type), ints...)
	add("uint32", pq.Uint(32), &pq.Plain, &pq.RLEDictionary)
	add("uint8", pq.Uint(8), &pq.Plain)
	add("int16", pq.Int(16), &pq.DeltaBinaryPacked)
	add("date", pq.Date(), &pq.Plain, &pq.RLEDictionary)
	for name, unit := range map[string]pq.TimeUnit{"ms": pq.Millisecond, "us": pq.Microsecond, "ns": pq.Nanosecond} {
		add("utc_"+name, pq.Timestamp(unit), ints[:3]...)
		add("wall_"+name, pq.TimestampAdjusted(unit, false), ints[:2]...)
	}
	add("int96", pq.Leaf(pq.Int96Type), &pq.Plain, &pq.RLEDictionary)
	add("float", pq.Leaf(pq.FloatType), reals...)
	add("double", pq.Leaf(pq.DoubleType), reals...)
	add("string", pq.String(), &pq.Plain, &pq.RLEDictionary, &pq.DeltaLengthByteArray, &pq.DeltaByteArray)
	add("bytes", pq.Leaf(pq.ByteArrayType), &pq.Plain)
	add("json", pq.JSON(), &pq.RLEDictionary)
	add("uuid", pq.UUID(), &pq.Plain, &pq.RLEDictionary, &pq.DeltaByteArray)
	add("fixed5", pq.Leaf(pq.FixedLenByteArrayType(5)), &pq.Plain, &pq.RLEDictionary)
	return cases
}

// writeTable writes n random rows of columns with parquet-go. It returns the file and,
// by column, the values as render must give them.
func writeTable(t testing.TB, r *rand.Rand, columns map[string]pq.Node, n int, options ...pq.WriterOption) ([]byte, map[string][]string) {
	t.Helper()
	schema := pq.NewSchema("table", pq.Group(columns))
	var out bytes.Buffer
	w := pq.NewWriter(&out, append(options, schema)...)
	few, nulls, written := r.IntN(2) == 0, r.IntN(3), map[string][]string{}
	for range n {
		var row pq.Row
		for i, f := range schema.Fields() {
			v, defined := randomValue(r, f.Type(), few), 0
			if f.Optional() {
				defined = 1
				if r.IntN(3) < nulls && r.IntN(4) > 0 {
					v, defined = pq.NullValue(), 0
				}
			}
			row = append(row, v.Level(0, defined, i))
			written[f.Name()] = append(written[f.Name()], expect(v, f))
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

// codecs returns what compresses what we read.
func codecs() []compress.Codec {
	return []compress.Codec{&pq.Uncompressed, &pq.Snappy, &pq.Gzip, &pq.Brotli, &pq.Zstd, &pq.Lz4Raw}
}

func TestReadsWhatParquetGoWrites(t *testing.T) {
	sizes := []int{0, 1, 2, 7, 8, 9, 31, 33, 63, 64, 65, 127, 129, 255, 257, 1023, 1025}
	for i, n := range sizes {
		if raceEnabled && n > 300 {
			break // parquet-go writes slowly under the race detector
		}
		r := rand.New(rand.NewPCG(uint64(i), 1))
		for version := 1; version <= 2; version++ {
			codec := codecs()[(i*2+version)%len(codecs())]
			data, want := writeTable(t, r, leafCases(), n, pq.Compression(codec), pq.DataPageVersion(version),
				pq.PageBufferSize(64<<(i%5)), pq.MaxRowsPerRowGroup(int64(1+n*(1+i%3)/2)))
			if compare(t, data, want) != n*len(leafCases()) {
				t.Fatal("not every value was compared")
			}
		}
	}
}

func TestReadsEveryCodec(t *testing.T) {
	for i, codec := range codecs() {
		for version := 1; version <= 2; version++ {
			data, want := writeTable(t, rand.New(rand.NewPCG(uint64(i), 3)), leafCases(), 100, pq.Compression(codec), pq.DataPageVersion(version))
			compare(t, data, want)
		}
	}
}

// Writers give a dictionary up when it gets too large; the rest of the chunk is plain.
func TestReadsChunksThatGiveUpTheirDictionary(t *testing.T) {
	columns := map[string]pq.Node{}
	for name, node := range leafCases() {
		if strings.Contains(name, "dictionary") {
			columns[name] = node
		}
	}
	mixed := 0
	for seed := range uint64(4) {
		data, want := writeTable(t, rand.New(rand.NewPCG(seed, 2)), columns, 900,
			pq.PageBufferSize(256), pq.DictionaryMaxBytes(500), pq.DataPageVersion(int(1+seed%2)))
		compare(t, data, want)
		mixed += countMixed(t, data)
	}
	if mixed == 0 {
		t.Fatal("no chunk gave its dictionary up: the test tests nothing")
	}
}

// countMixed counts the chunks of data with both kinds of pages.
func countMixed(t *testing.T, data []byte) (mixed int) {
	size := int64(len(data))
	length, err := footerLength(bytes.NewReader(data), size)
	if err != nil {
		t.Fatal(err)
	}
	f, err := readFooter(bytes.NewReader(data), size, length)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.groups {
		for _, col := range f.columns {
			k := g.columns[col.leaf]
			pages, err := listPages(data[k.offset:k.offset+k.length], &col, k.values, nil)
			if err != nil {
				t.Fatal(err)
			}
			coded := 0
			for _, p := range pages[1:] {
				if p.encoding.dictionary() {
					coded++
				}
			}
			if coded > 0 && coded < len(pages)-1 {
				mixed++
			}
		}
	}
	return mixed
}

func TestHalfFloats(t *testing.T) {
	for h := range 1 << 16 {
		got, want := float64(widenHalf(uint16(h))), halfByFormula(uint16(h))
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%04x: got %v, want %v", h, got, want)
		}
	}
}

func TestDictionariesAreKept(t *testing.T) {
	columns := map[string]pq.Node{
		"opt": pq.Optional(pq.Encoded(pq.String(), &pq.RLEDictionary)),
		"req": pq.Encoded(pq.Leaf(pq.Int64Type), &pq.RLEDictionary),
	}
	data, _ := writeTable(t, rand.New(rand.NewPCG(5, 5)), columns, 300)
	s, err := openBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.NewReader([]string{"req", "opt"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := r.Read(context.Background(), s.Chunks()[0])
	if err != nil {
		t.Fatal(err)
	}
	req, opt := &b.Columns[0], &b.Columns[1]
	if !req.Dict() || req.Values.Valid != nil || req.Type() != column.Int64 {
		t.Errorf("a required column came as %+v", req.Values)
	}
	if !opt.Dict() || !opt.Values.Null(opt.Values.Len-1) || opt.Type() != column.String {
		t.Errorf("an optional column came as %+v", opt.Values)
	}
}
