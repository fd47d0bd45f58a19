package tensor

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"quern/features/column"
	"quern/features/diag"
	"quern/internal/oracletest"
	"quern/serve/lookup"
)

// allTypes are the types that columns of messages have.
func allTypes() []column.Type {
	all := column.Types()
	for _, t := range column.Types() {
		all = append(all, column.ListOf(t))
	}
	return all
}

// randomCells makes n values of a type; one in eight is null where nulls is true.
func randomCells(rnd *rand.Rand, t column.Type, n int, nulls bool) column.Vector {
	var c lookup.Cells
	c.Reset(t, false)
	for range n {
		if nulls && rnd.IntN(8) == 0 {
			c.AddNull()
			continue
		}
		if !t.IsList() {
			addRandom(&c, rnd)
			continue
		}
		for range rnd.IntN(4) {
			if nulls && rnd.IntN(5) == 0 {
				c.Element().AddNull()
			} else {
				addRandom(c.Element(), rnd)
			}
		}
		c.End()
	}
	return c.Vector
}

func addRandom(c *lookup.Cells, rnd *rand.Rand) {
	switch t := c.Type; {
	case t == column.Bool:
		c.AddBool(rnd.IntN(2) == 0)
	case t == column.String:
		c.AddBytes([]byte(fmt.Sprint("ü", rnd.IntN(1000)))[:rnd.IntN(4)])
	case t == column.Date:
		c.AddString([]byte("2001-02-03"))
	case t.Real():
		c.AddFloat([]float64{0.5, -3, math.Inf(1), math.Copysign(0, -1), 1e10}[rnd.IntN(5)])
	case t == column.Int32 || t == column.Int64:
		c.AddInt(rnd.Int64N(1<<32) - 1<<31)
	default:
		c.AddMicros(rnd.Int64())
	}
}

// random makes a message of columns of all types in a random order, some more than once.
func random(seed uint64, kind Kind, rows int) *Message {
	rnd := rand.New(rand.NewPCG(seed, 7))
	m := &Message{Kind: kind, Layout: Layout(rnd.IntN(2)), Rows: rows}
	s := Schema{}
	types := allTypes()
	for range rnd.IntN(20) + 1 {
		t := types[rnd.IntN(len(types))]
		for range rnd.IntN(3) + 1 {
			c := Column{Values: column.Column{Len: rows, Values: randomCells(rnd, t, rows, rnd.IntN(3) > 0)}}
			if rnd.IntN(4) == 0 && !t.IsList() && rows > 0 {
				c.Values.Index = make([]int32, rows)
				for r := range c.Values.Index {
					c.Values.Index[r] = int32(rnd.IntN(rows))
				}
			}
			if rnd.IntN(4) == 0 {
				c.Shown = column.NewBitmap(rows)
				for r := range rows {
					if rnd.IntN(3) > 0 && !c.Values.Null(r) {
						c.Shown.Set(r)
					}
				}
			}
			m.Columns, s.Columns = append(m.Columns, c), append(s.Columns, fmt.Sprint("c", len(s.Columns)))
			s.Of = append(s.Of, 0)
		}
	}
	for i := 0; kind == Answer && i < 2; i++ {
		v := View{}
		for range rows {
			v.Status, v.Event = append(v.Status, []byte{1, 3, 4}[rnd.IntN(3)]), append(v.Event, rnd.Int64())
		}
		m.Views, s.Views = append(m.Views, v), append(s.Views, SchemaView{fmt.Sprint("v", i), "1"})
	}
	m.Schema = s.Append(nil)
	return m
}

// same compares a message with what was read of it: where a value is there, its bits.
func same(t *testing.T, want, got *Message) {
	t.Helper()
	if got.Kind != want.Kind || got.Rows != want.Rows || got.Layout != want.Layout || !bytes.Equal(got.Schema, want.Schema) ||
		len(got.Columns) != len(want.Columns) || len(got.Views) != len(want.Views) {
		t.Fatalf("%d columns of %d rows, want %d of %d", len(got.Columns), got.Rows, len(want.Columns), want.Rows)
	}
	for i := range want.Columns {
		a, b := &want.Columns[i], &got.Columns[i]
		for r := range want.Rows {
			if a.There(r) != b.There(r) {
				t.Fatalf("column %d (%v), row %d: there is %v", i, a.Values.Type(), r, b.There(r))
			}
			if a.There(r) && !a.Values.Values.Equal(a.Values.Slot(r), &b.Values.Values, r) {
				t.Fatalf("column %d (%v), row %d differs", i, a.Values.Type(), r)
			}
		}
	}
	for i := range want.Views {
		if !bytes.Equal(want.Views[i].Status, got.Views[i].Status) || fmt.Sprint(want.Views[i].Event) != fmt.Sprint(got.Views[i].Event) {
			t.Fatalf("view %d differs", i)
		}
	}
}

// TestRoundTrip: what is written is read, at the sizes where words end, into memory that
// was used before; a message starts anywhere in a buffer.
func TestRoundTrip(t *testing.T) {
	var got Message
	seed := uint64(0)
	for _, rows := range []int{0, 1, 2, 63, 64, 65, 129, 1000} {
		for _, kind := range []Kind{Answer, Features, Keys, Raw} {
			for range 5 {
				seed++
				m := random(seed, kind, rows)
				b := Append([]byte("abc"), m)[3:]
				if err := Read(b, kind, Limits{}, &got); err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				same(t, m, &got)
				if again := Append(nil, &got); rows > 0 && len(again) > len(b) {
					t.Errorf("seed %d: %d bytes, then %d", seed, len(b), len(again))
				}
				if err := Read(b, kind%Raw+1, Limits{}, &Message{}); codeOf(err) != "Q622" {
					t.Errorf("of another kind: %v", err)
				}
			}
		}
	}
}

func codeOf(err error) diag.Code {
	if e, ok := err.(*diag.Error); ok {
		return e.Code
	}
	return ""
}

// TestGapsAreClean: nothing of what lies under values that are not there is written.
func TestGapsAreClean(t *testing.T) {
	for _, typ := range allTypes() {
		v := randomCells(rand.New(rand.NewPCG(1, 2)), typ, 10, false)
		hidden := &Message{Kind: Features, Rows: 10, Columns: []Column{{Values: column.Column{Len: 10, Values: v}, Shown: column.NewBitmap(10)}}}
		var c lookup.Cells
		c.Reset(typ, false)
		for range 10 {
			c.AddNull()
		}
		nulls := &Message{Kind: Features, Rows: 10, Columns: []Column{{Values: column.Column{Len: 10, Values: c.Vector}}}}
		if !bytes.Equal(Append(nil, hidden), Append(nil, nulls)) {
			t.Errorf("%v: hidden values are not like nulls", typ)
		}
	}
}

// TestDamage: every flipped bit, and every other length, is Q622.
func TestDamage(t *testing.T) {
	b := Append(nil, random(3, Answer, 5))
	for i := range 8 * len(b) {
		bad := bytes.Clone(b)
		bad[i/8] ^= 1 << (i % 8)
		if err := Read(bad, Answer, Limits{}, &Message{}); codeOf(err) != "Q622" {
			t.Fatalf("bit %d flipped: %v", i, err)
		}
	}
	for n := range len(b) {
		if err := Read(b[:n], Answer, Limits{}, &Message{}); codeOf(err) != "Q622" {
			t.Fatalf("%d bytes of %d: %v", n, len(b), err)
		}
	}
	for _, l := range []Limits{{Rows: 4}, {Columns: 2}, {Cells: 10}} {
		if err := Read(b, Answer, l, &Message{}); codeOf(err) != "Q609" {
			t.Errorf("beyond %+v: %v", l, err)
		}
	}
}

// sealed gives b the length and checksum that it should have.
func sealed(b []byte) []byte {
	if len(b) >= headerSize {
		binary.LittleEndian.PutUint64(b[16:], uint64(len(b)))
		binary.LittleEndian.PutUint32(b[60:], checksum(b))
	}
	return b
}

// FuzzRead: hostile bytes are Q622 or a message that is written and read again alike.
func FuzzRead(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(Append(nil, random(seed, Kind(seed%4+1), int(seed%4))))
	}
	var m Message
	f.Fuzz(func(t *testing.T, b []byte) {
		b = sealed(bytes.Clone(b)) // else the fuzzer would have to find the checksum
		for kind := Answer; kind <= Raw; kind++ {
			err := Read(b, kind, Limits{Rows: 1 << 16, Columns: 1 << 10}, &m)
			if err != nil {
				if code := codeOf(err); code != "Q622" && code != "Q609" {
					t.Fatal(err)
				}
				continue
			}
			var again Message
			if err := Read(Append(nil, &m), kind, Limits{}, &again); err != nil {
				t.Fatalf("written again: %v", err)
			}
			same(t, &m, &again)
		}
	})
}

// TestHostileTables runs the fuzzer's invariants over messages with one field of the header
// or the table changed, sealed again.
func TestHostileTables(t *testing.T) {
	for seed := range uint64(6) {
		b := Append(nil, random(seed, Answer, 3))
		end := headerSize + entrySize*int(binary.LittleEndian.Uint32(b[32:]))
		for at := 8; at+4 <= end; at += 4 {
			for _, x := range []uint32{0, 1, 2, 1 << 16, math.MaxInt32, math.MaxUint32, binary.LittleEndian.Uint32(b[at:]) + 1} {
				bad := bytes.Clone(b)
				binary.LittleEndian.PutUint32(bad[at:], x)
				var m Message
				if err := Read(sealed(bad), Answer, Limits{}, &m); err == nil {
					Append(nil, &m)
				} else if code := codeOf(err); code != "Q622" && code != "Q609" {
					t.Fatalf("%x at %d: %v", x, at, err)
				}
			}
		}
	}
}

// TestAppendAllocatesNothing, once there is memory.
func TestAppendAllocatesNothing(t *testing.T) {
	m := random(5, Answer, 100)
	buffer := Append(nil, m)
	if n := testing.AllocsPerRun(10, func() { buffer = Append(buffer[:0], m) }); n > 0 {
		t.Errorf("%v allocations for a message", n)
	}
}

// TestPython reads messages with the documented reader, in numpy, and compares all values.
func TestPython(t *testing.T) {
	dir := t.TempDir()
	var args []string
	var messages []*Message
	for seed := range uint64(12) {
		m := random(seed, Kind(seed%2+1), []int{1, 64, 65, 100}[seed%4])
		path := filepath.Join(dir, fmt.Sprint(seed))
		if err := os.WriteFile(path, Append(nil, m), 0o644); err != nil {
			t.Fatal(err)
		}
		args, messages = append(args, path), append(messages, m)
	}
	reader, err := os.ReadFile("testdata/tensor.py")
	if err != nil {
		t.Fatal(err)
	}
	check, err := os.ReadFile("testdata/check.py")
	if err != nil {
		t.Fatal(err)
	}
	var got [][][]any
	oracletest.Run(t, string(reader)+string(check), &got, args...)
	for k, m := range messages {
		for i := range m.Columns {
			for r := range m.Rows {
				want, _ := json.Marshal(plain(&m.Columns[i], r))
				have, _ := json.Marshal(got[k][i][r])
				if !bytes.Equal(want, have) {
					t.Fatalf("message %d, column %d (%v), row %d: numpy reads %s, want %s", k, i, m.Columns[i].Values.Type(), r, have, want)
				}
			}
		}
	}
}

// plain returns a value as testdata/check.py prints it: bits as text, so that JSON keeps them.
func plain(c *Column, r int) any {
	if !c.There(r) {
		return nil
	}
	return plainSlot(&c.Values.Values, c.Values.Slot(r))
}

func plainSlot(v *column.Vector, i int) any {
	switch {
	case v.Null(i):
		return nil
	case v.Type.IsList():
		lo, hi := v.List(i)
		list := []any{}
		for k := lo; k < hi; k++ {
			list = append(list, plainSlot(&v.Elements.Values, v.Elements.Slot(k)))
		}
		return list
	case v.Type == column.Bool:
		return v.Bools[i]
	case v.Type == column.String:
		return base64.StdEncoding.EncodeToString(v.Text.At(i))
	case v.Type == column.Float32:
		return fmt.Sprint(math.Float32bits(v.Float32s[i]))
	case v.Type == column.Float64:
		return fmt.Sprint(math.Float64bits(v.Float64s[i]))
	}
	return fmt.Sprint(v.Int(i))
}

// BenchmarkAppend writes 100 rows of 50 float32, as an answer, by columns and by rows.
func BenchmarkAppend(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for layout, name := range []string{"columns", "rows"} {
		b.Run(name, func(b *testing.B) {
			m := &Message{Kind: Answer, Layout: Layout(layout), Rows: 100, Views: []View{{make([]byte, 100), make([]int64, 100)}}}
			for range 50 {
				m.Columns = append(m.Columns, Column{Values: column.Column{Len: 100, Values: randomCells(rnd, column.Float32, 100, false)}})
			}
			buffer := Append(nil, m)
			b.SetBytes(int64(len(buffer)))
			b.ReportAllocs()
			for b.Loop() {
				buffer = Append(buffer[:0], m)
			}
		})
	}
}
