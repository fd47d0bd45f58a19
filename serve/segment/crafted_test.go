package segment

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"quern/features/column"
	"quern/serve/row"
)

// crafted is a small file that a test changes on purpose and gives a seal that agrees.
type crafted struct {
	body []byte
	tail *tail
	keys []int64
}

func newCrafted(tb testing.TB) *crafted {
	l := wideLayout(tb)
	b, err := NewBuilder(l, BuildOptions{})
	if err != nil {
		tb.Fatal(err)
	}
	defer b.Close()
	c := &crafted{}
	for i := range 40 {
		c.keys = append(c.keys, wideKey(i))
	}
	addWide(tb, b, l, 0, 40, false)
	var out bytes.Buffer
	if _, _, err := b.Write(&out); err != nil {
		tb.Fatal(err)
	}
	s, err := openBytes(out.Bytes())
	if err != nil {
		tb.Fatal(err)
	}
	c.body, c.tail = s.body, s.tail
	return c
}

// file returns the file with body and tail as they are now.
func (c *crafted) file() []byte {
	ends := c.tail.append(nil)
	b := append(bytes.Clone(c.body), ends...)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(c.body)))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(ends)))
	b = binary.LittleEndian.AppendUint32(b, version)
	b = append(binary.LittleEndian.AppendUint32(b, 0), endMagic...)
	return reseal(append(b, make([]byte, 32)...))
}

// slot returns the bytes of slot i.
func (c *crafted) slot(i uint64) []byte { return c.body[c.tail.at[2].at+8*i:][:8] }

// TestCraftedTails: numbers that do not fit the body are refused by Open.
func TestCraftedTails(t *testing.T) {
	if _, err := openBytes(newCrafted(t).file()); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*tail){
		"rows that wrap round":     func(t *tail) { t.rows += 1 << 60 },
		"more rows":                func(t *tail) { t.rows++ },
		"fewer rows":               func(t *tail) { t.rows-- },
		"no capacity":              func(t *tail) { t.capacity = 0 },
		"capacity beyond slots":    func(t *tail) { t.capacity = t.slots + 1 },
		"more slots":               func(t *tail) { t.slots++ },
		"slots that wrap round":    func(t *tail) { t.slots += 1 << 61 },
		"sections that wrap round": func(t *tail) { t.at[1].size = align - t.at[1].at },
		"a section beyond the end": func(t *tail) { t.at[2].at += align },
		"heap that wraps round":    func(t *tail) { t.at[1].size -= align; t.at[2].at -= 2 * align; t.at[2].size += 2 * align },
		"sections that overlap":    func(t *tail) { t.at[1].at -= align },
		"a crooked section":        func(t *tail) { t.at[2].at -= 8; t.at[2].size += 8; t.slots++ },
		"no probe":                 func(t *tail) { t.probe = 0 },
		"a long probe":             func(t *tail) { t.probe = maxProbe + 1 },
		"bits of a row":            func(t *tail) { t.rowBits = 64 },
		"few bits of a row":        func(t *tail) { t.rowBits = 4 },
		"no shards":                func(t *tail) { t.shards = 0 },
		"shard of others":          func(t *tail) { t.shard = 1 },
		"fewer sums":               func(t *tail) { t.sums = t.sums[1:] },
		"more sums":                func(t *tail) { t.sums = append(t.sums, 0) },
		"another schema":           func(t *tail) { t.schema.Fields = t.schema.Fields[2:]; t.nulls = t.nulls[2:] },
		"a schema without keys":    func(t *tail) { t.schema.Keys = nil },
	} {
		c := newCrafted(t)
		change(c.tail)
		if s, err := openBytes(c.file()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
			if err == nil {
				s.Verify(context.Background())
			}
		}
	}
}

// TestCraftedSlots: what Open does not see is found by look-ups, or by Verify.
func TestCraftedSlots(t *testing.T) {
	for name, change := range map[string]func(c *crafted, h row.Hash, at uint64){
		"a row that is not there":       func(c *crafted, h row.Hash, at uint64) { c.put(at, h, 1<<31) },
		"another row, then none":        func(c *crafted, h row.Hash, at uint64) { c.put(at, h, c.otherRow(at)); c.put(at+1, h, 1<<31) },
		"another row, then row nothing": func(c *crafted, h row.Hash, at uint64) { c.put(at, h, c.otherRow(at)); c.put(at+1, h, 0) },
	} {
		c := newCrafted(t)
		var keys row.Keys
		keys.Reset(wideLayout(t))
		keys.PutInt(c.keys[3])
		h := keys.Hashes(0)[0]
		c.tail.probe = max(c.tail.probe, 2)
		change(c, h, home(h.Hi, c.tail.capacity))
		s, err := openBytes(c.file())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Lookup(&keys, make([]row.Row, 1)); err != ErrCorrupt {
			t.Errorf("%s: a look-up ends with %v", name, err)
		}
		if err := s.Verify(context.Background()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: verify ends with %v", name, err)
		}
	}
}

func (c *crafted) put(at uint64, h row.Hash, slot uint64) {
	binary.LittleEndian.PutUint64(c.slot(at), tagOf(h.Lo, c.tail.rowBits)|slot)
}

// otherRow returns a row, counted from 1, that is far from slot at.
func (c *crafted) otherRow(at uint64) uint64 {
	if at > c.tail.slots/2 {
		return 1
	}
	return c.tail.rows
}

// TestVerifyReadsAllSlots: also those that no key leads to, and whose shard the rows are of.
func TestVerifyReadsAllSlots(t *testing.T) {
	for i := range newCrafted(t).tail.slots {
		c := newCrafted(t)
		if binary.LittleEndian.Uint64(c.slot(i)) == 0 {
			c.slot(i)[0] = 1
		} else {
			clear(c.slot(i))
		}
		s, err := openBytes(c.file())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(context.Background()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("slot %d: %v", i, err)
		}
	}
	c := newCrafted(t)
	c.tail.shards = 2
	s, err := openBytes(c.file())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(context.Background()); !errors.Is(err, ErrCorrupt) {
		t.Errorf("rows of another shard: %v", err)
	}
}

// TestSlotsThatEndTooSoon: the last rows have no slots.
func TestSlotsThatEndTooSoon(t *testing.T) {
	l := wideLayout(t)
	for seed := range uint64(1000) {
		b, err := NewBuilder(l, BuildOptions{Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		addWide(t, b, l, 0, 40, false)
		var out bytes.Buffer
		if _, _, err := b.Write(&out); err != nil {
			t.Fatal(err)
		}
		b.Close()
		s, err := openBytes(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if s.tail.slots == s.tail.capacity {
			continue
		}
		c := &crafted{body: s.body, tail: s.tail}
		c.tail.slots = c.tail.capacity
		c.tail.at[2].size = 8 * c.tail.slots
		c.body = c.body[:c.tail.at[2].at+c.tail.at[2].size]
		if s, err = openBytes(c.file()); err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(context.Background()); !errors.Is(err, ErrCorrupt) {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no file has slots beyond its capacity")
}

// TestMemoryIsBounded: what is held does not grow with the rows, nor do the open files.
func TestMemoryIsBounded(t *testing.T) {
	l, err := row.NewLayout(row.Schema{Keys: []column.Field{{Name: "k", Type: column.String}},
		Fields: []column.Field{{Name: "s", Type: column.String}}})
	if err != nil {
		t.Fatal(err)
	}
	const memory = 64 << 10
	b, err := NewBuilder(l, BuildOptions{Memory: memory, Temp: t.TempDir(), fanIn: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		text := func(n int) *column.Column {
			c := &column.Column{Len: 1, Values: column.Vector{Type: column.String, Len: 1}}
			c.Values.Text.Append(bytes.Repeat([]byte{byte(rnd.Uint32())}, n))
			return c
		}
		var rows row.Rows
		in := row.Input{Rows: 1, Keys: []*column.Column{text(1 + rnd.IntN(30))}, Fields: []*column.Column{text(rnd.IntN(3000))}}
		if err := l.Encode(in, &rows); err != nil {
			t.Fatal(err)
		}
		if err := b.Add(&rows); err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, list := range [][][]byte{b.arena.fixed, b.arena.heap, b.arena.freeFixed, b.arena.freeHeap} {
			for _, c := range list {
				held += cap(c)
			}
		}
		if held > 2*memory {
			t.Fatalf("%d bytes are held", held)
		}
	}
	runs := 0
	for _, level := range b.levels {
		runs += len(level)
	}
	if len(b.levels) < 3 || runs > 3*len(b.levels) {
		t.Errorf("%d runs on %d levels", runs, len(b.levels))
	}
}

// TestKeysThatShareAPlace: keys chosen so that their homes are close, as an attacker who
// knows the seed could. They are found, or if they are too many, the file is refused.
func TestKeysThatShareAPlace(t *testing.T) {
	l, err := row.NewLayout(row.Schema{Keys: []column.Field{{Name: "k", Type: column.Int64}}})
	if err != nil {
		t.Fatal(err)
	}
	var chosen []int64
	var one row.Keys
	for i := int64(0); len(chosen) < 6000; i++ {
		one.Reset(l)
		one.PutInt(i)
		if one.Hashes(5)[0].Hi>>58 == 63 { // at the very end
			chosen = append(chosen, i)
		}
	}
	for _, n := range []int{3000, 6000} {
		b, err := NewBuilder(l, BuildOptions{Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		key := &column.Column{Len: n, Values: column.Vector{Type: column.Int64, Len: n, Int64s: chosen[:n]}}
		var rows row.Rows
		if err := l.Encode(row.Input{Rows: n, Keys: []*column.Column{key}}, &rows); err != nil {
			t.Fatal(err)
		}
		if err := b.Add(&rows); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, _, err := b.Write(&out); n == 6000 {
			if !isCode(err, "Q657") {
				t.Errorf("%d keys: %v", n, err)
			}
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		s, err := openBytes(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Verify(context.Background()); err != nil {
			t.Error(err)
		}
		one.Reset(l)
		for _, k := range chosen {
			one.PutInt(k)
		}
		found := make([]row.Row, len(chosen))
		if err := s.Lookup(&one, found); err != nil {
			t.Fatal(err)
		}
		for i, r := range found {
			if r.Missing() != (i >= n) {
				t.Fatalf("key %d of %d: missing is %v", i, n, r.Missing())
			}
		}
	}
}
