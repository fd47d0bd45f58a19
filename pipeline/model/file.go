package model

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	sinks "quern/pipeline/sink"
	"quern/pipeline/sink/parquet"
	"quern/pipeline/source"
	reader "quern/pipeline/source/parquet"
	"quern/pipeline/store"
)

// The file is a ZIP archive: stored, without times, in a fixed order:
//
//	model.json        see document
//	tables/NNN.parquet   key, value: one file per table that the programs look up,
//	                     in the order of "tables" in model.json
//	comment           "quern sha256:" and the SHA-256, hex, of all bytes before the
//	                  end-of-central-directory record's comment
//
// The comment is the last 77 bytes of the file, so a reader checks every byte
// before it understands any.
const sealPrefix = "quern sha256:"

const sealLength = len(sealPrefix) + 2*sha256.Size

// Bytes returns the model file. Equal models have equal bytes.
func (m *Model) Bytes() ([]byte, error) {
	tables := m.Tables()
	text, err := m.document(tables)
	if err != nil {
		return nil, err
	}
	bodies, err := allTableBytes(tables)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer // large enough from the start: tables may be, too
	size := len(text) + 1<<10
	for _, body := range bodies {
		size += len(body) + 1<<9
	}
	out.Grow(size)
	z := zip.NewWriter(&out)
	if err := add(z, entryName(0), text); err != nil {
		return nil, err
	}
	for i, body := range bodies {
		if err := add(z, entryName(i+1), body); err != nil {
			return nil, err
		}
		bodies[i] = nil
	}
	if err := z.SetComment(strings.Repeat(" ", sealLength)); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	b := out.Bytes()
	sum := sha256.Sum256(b[:len(b)-sealLength])
	copy(b[len(b)-sealLength:], sealPrefix+hex.EncodeToString(sum[:]))
	return b, nil
}

func add(z *zip.Writer, name string, body []byte) error {
	w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
	if err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// Tables returns the tables of all programs, each once, in order of first use: equal
// names are one table.
func (m *Model) Tables() []program.Table {
	var all []program.Table
	seen := map[string]bool{}
	for _, p := range m.programs() {
		if *p.program == nil {
			continue
		}
		for _, t := range (*p.program).Tables {
			if !seen[t.Name] {
				seen[t.Name] = true
				all = append(all, t)
			}
		}
	}
	return all
}

// TableBytes returns about how much memory the keys and values of the tables take.
func (m *Model) TableBytes() (bytes int64) {
	for _, t := range m.Tables() {
		bytes += 16*int64(t.Keys.Len) + int64(len(t.Keys.Text.Bytes))
	}
	return bytes
}

// NameTables gives tables of equal content one name in all programs, and others
// different ones: builders name them each on their own. Several tables of equal
// content within a program (folds that taught the same) keep names of their own.
func (m *Model) NameTables() {
	type content struct {
		digest [sha256.Size]byte
		copy   int // within its program
	}
	names := map[content]string{}
	for _, p := range m.programs() {
		if *p.program == nil {
			continue
		}
		tables := (*p.program).Tables
		copies := map[[sha256.Size]byte]int{}
		for i := range tables {
			c := content{digest: tables[i].Digest()}
			c.copy = copies[c.digest]
			copies[c.digest]++
			if names[c] == "" {
				base, _, _ := strings.Cut(tables[i].Name, "#")
				names[c] = fmt.Sprintf("%s#%d", base, len(names)+1)
			}
			tables[i].Name = names[c]
		}
	}
}

// allTableBytes returns the tables as Parquet, made several at a time.
func allTableBytes(tables []program.Table) ([][]byte, error) {
	bodies, errs := make([][]byte, len(tables)), make([]error, len(tables))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(tables)) {
		group.Go(func() {
			w := tableWriter{}
			for i := int(next.Add(1)) - 1; i < len(tables); i = int(next.Add(1)) - 1 {
				bodies[i], errs[i] = w.bytes(&tables[i])
			}
		})
	}
	group.Wait()
	return bodies, errors.Join(errs...)
}

// tableRows is how many rows of a table are a row group: what writing one holds in
// memory beside the table.
const tableRows = 1 << 18

// tableWriter writes tables as Parquet, one after the other. It keeps what has written
// tables of the same types, by these: most of a small table's time would be its making.
type tableWriter map[[2]column.Type]sinks.Part

// part returns what writes a table of keys and values of these types to out. Keys are
// distinct and values mostly ids, so a dictionary is not tried.
func (w tableWriter) part(keys, values column.Type, out *bytes.Buffer) (p sinks.Part, err error) {
	types := [2]column.Type{keys, values}
	if p = w[types]; p != nil {
		return p, p.Reset(out)
	}
	fields := []sinks.Field{{Field: column.Field{Name: "key", Type: keys}}, {Field: column.Field{Name: "value", Type: values}}}
	p, err = parquet.Format{Plain: true}.NewPart(out, fields)
	w[types] = p
	return p, err
}

// bytes returns a table as Parquet.
func (w tableWriter) bytes(t *program.Table) ([]byte, error) {
	var out bytes.Buffer
	p, err := w.part(t.Keys.Type, t.Values.Type, &out)
	if err != nil {
		return nil, err
	}
	keys, values := stored(&t.Keys), stored(&t.Values)
	for from := 0; from == 0 || from < t.Keys.Len; from += tableRows {
		to := min(t.Keys.Len, from+tableRows)
		batch := column.Batch{Rows: to - from, Columns: []column.Column{column.Cut(&keys, from, to), column.Cut(&values, from, to)}}
		if err := p.Write(batch); err != nil {
			return nil, err
		}
		if from == 0 && to < t.Keys.Len { // the first rows tell how long the others are
			out.Grow(int(int64(out.Len())*int64(t.Keys.Len-to)/int64(to)*52/50) + 1<<12)
		}
	}
	if err := p.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// stored returns a vector as a plain column in storage form.
func stored(v *column.Vector) column.Column {
	if !v.Type.Narrow() {
		return column.Column{Len: v.Len, Values: *v}
	}
	s := column.Vector{Type: v.Type}
	for i := range v.Len {
		program.AppendStored(&s, program.ValueAt(v, i))
	}
	return column.Column{Len: v.Len, Values: s}
}

// Read reads a model file whole, verifies it and replays its golden rows. Damage
// of any kind is a *diag.Error: Q301 not a model, Q302 damaged, Q303 not usable
// here.
func Read(data []byte) (*Model, error) { return read(data, false) }

// ReadVouched reads a model file of which the caller knows by a digest that the bytes are
// those that Bytes wrote. It believes the digests of tables that the file says, which are
// most of the work of reading large ones; all else is done as Read does.
func ReadVouched(data []byte) (*Model, error) { return read(data, true) }

func read(data []byte, vouched bool) (*Model, error) {
	if !bytes.HasPrefix(data, []byte("PK\x03\x04")) || len(data) < sealLength {
		return nil, diag.New("Q301", "this is not a quern model")
	}
	seal := data[len(data)-sealLength:]
	if !vouched {
		sum := sha256.Sum256(data[:len(data)-sealLength])
		if string(seal) != sealPrefix+hex.EncodeToString(sum[:]) {
			return nil, diag.New("Q302", "the model file is damaged: its bytes do not have the digest that it says")
		}
	}
	m := &Model{}
	if err := m.read(data, vouched); err != nil {
		return nil, diag.New("Q303", "the model cannot be used").Because(err)
	}
	return m, nil
}

func (m *Model) read(data []byte, vouched bool) error {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	var text []byte
	var tables []program.Table
	for i, f := range z.File {
		if want := entryName(i); f.Name != want {
			return fmt.Errorf("its entry %d is %q and not %s", i, f.Name, want)
		}
		body, err := contents(f, data, vouched)
		if err != nil {
			return err
		}
		if i == 0 {
			text = body
			continue
		}
		t, err := readTable(body)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		tables = append(tables, t)
	}
	parse := parser(program.Parse)
	if vouched {
		parse = program.ParseVouched
	}
	return m.build(text, tables, parse)
}

// build makes m of its document and tables, and checks that it computes what it did where it
// was made.
func (m *Model) build(text []byte, tables []program.Table, parse parser) error {
	d, err := m.parse(text, tables, parse)
	if err != nil {
		return err
	}
	if got := m.Digest(); got != d.Digest {
		return fmt.Errorf("its digest is %s, the file says %s", got, d.Digest)
	}
	got, err := m.replay()
	if err != nil {
		return err
	}
	if got != m.Golden.Digest {
		return fmt.Errorf("golden rows give other values than where the model was made: the arithmetic differs")
	}
	return nil
}

// entryName returns the name of entry i.
func entryName(i int) string {
	if i == 0 {
		return "model.json"
	}
	return fmt.Sprintf("tables/%03d.parquet", i-1)
}

// contents returns the bytes of an entry, which is stored: a part of data, the file.
// Those of a file that nobody vouched for are compared with their checksum.
func contents(f *zip.File, data []byte, vouched bool) ([]byte, error) {
	if f.Method != zip.Store {
		return nil, fmt.Errorf("%s is compressed", f.Name)
	}
	from, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	if size := f.UncompressedSize64; f.CompressedSize64 != size || from < 0 || from > int64(len(data)) || size > uint64(int64(len(data))-from) {
		return nil, fmt.Errorf("%s does not lie in the file", f.Name)
	}
	body := data[from : from+int64(f.UncompressedSize64)]
	if !vouched && crc32.ChecksumIEEE(body) != f.CRC32 {
		return nil, fmt.Errorf("%s: %w", f.Name, zip.ErrChecksum)
	}
	return body, nil
}

// memory is a file in memory.
type memory struct{ *bytes.Reader }

// Close does nothing.
func (memory) Close() error { return nil }

// appendRegisters appends the rows of a column in register form. Most tables are of texts
// and integers, with one null or none.
func appendRegisters(to *column.Vector, c *column.Column) {
	v := &c.Values
	switch kind := v.Type.Kind(); {
	case c.Index != nil || c.Len == 0 || v.Stored() || kind != column.Ints && kind != column.Strings:
		for i := range c.Len {
			program.AppendRegister(to, program.ValueAt(v, c.Slot(i)))
		}
		return
	case kind == column.Ints:
		to.Int64s = append(to.Int64s, v.Int64s[:c.Len]...)
	default:
		first, last := v.Text.Offsets[0], v.Text.Offsets[c.Len]
		to.Text.Offsets = slices.Grow(to.Text.Offsets, c.Len+1)
		if len(to.Text.Offsets) == 0 {
			to.Text.Offsets = append(to.Text.Offsets, 0)
		}
		base := uint32(len(to.Text.Bytes)) - first
		to.Text.Bytes = append(to.Text.Bytes, v.Text.Bytes[first:last]...)
		for _, end := range v.Text.Offsets[1 : c.Len+1] {
			to.Text.Offsets = append(to.Text.Offsets, base+end)
		}
	}
	appendPresence(to, v, c.Len)
	to.Len += c.Len
}

// appendPresence appends which of the first n slots of v are null to a vector that has
// their values already.
func appendPresence(to, v *column.Vector, n int) {
	if to.Valid == nil && v.Nulls() == 0 {
		return
	}
	if to.Valid == nil {
		to.Valid = column.NewBitmap(to.Len)
		to.Valid.Fill(to.Len)
	}
	for 64*len(to.Valid) < to.Len+n {
		to.Valid = append(to.Valid, 0)
	}
	for i := range n {
		if !v.Null(i) {
			to.Valid.Set(to.Len + i)
		}
	}
}

// readTable reads what tableWriter wrote; the name comes from the document.
func readTable(body []byte) (t program.Table, err error) {
	ctx := context.Background()
	open := func(context.Context) (store.Reader, error) { return memory{bytes.NewReader(body)}, nil }
	src, err := reader.Open(ctx, reader.Options{Files: []source.File{{Name: "table", Open: open}}})
	if err != nil {
		return t, err
	}
	defer src.Close()
	schema := src.Schema()
	if len(schema) != 2 || schema[0].Name != "key" || schema[1].Name != "value" {
		return t, fmt.Errorf("not a table of keys and values")
	}
	if schema[0].Type.IsList() || schema[1].Type.IsList() {
		return t, fmt.Errorf("a table of lists")
	}
	t.Keys.Type, t.Values.Type = schema[0].Type, schema[1].Type
	rows, err := src.NewReader([]string{"key", "value"})
	if err != nil {
		return t, err
	}
	defer rows.Close()
	for _, c := range src.Chunks() {
		batch, err := rows.Read(ctx, c)
		if err != nil {
			return t, err
		}
		appendRegisters(&t.Keys, &batch.Columns[0])
		appendRegisters(&t.Values, &batch.Columns[1])
	}
	return program.NewTable("", t.Keys, t.Values), nil
}
