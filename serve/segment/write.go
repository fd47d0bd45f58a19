package segment

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"quern/features/diag"
	"quern/serve/row"
)

// Write writes the segment, from the first byte to the last without looking back, so w may
// be an object that can only be appended to. It ends the builder: rows cannot be added any
// more, and it cannot be called again. Dropped says how many rows lost against another one
// of their key.
func (b *Builder) Write(w io.Writer) (info Info, dropped int64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		panic("quern: bug: segment written twice")
	}
	b.done = true
	f := &writer{b: b, out: newOutput(w), scratch: make([]byte, b.layout.Stride())}
	f.tail = tail{
		seed: b.o.Seed, minEvent: row.NoTime, maxEvent: row.NoTime,
		shard: uint32(b.o.Shard), shards: uint32(b.o.Shards), model: b.o.Model,
		view: b.o.View, version: b.o.Version, schema: b.layout.Schema(),
		nulls: make([]int64, len(b.layout.Schema().Fields)),
	}
	var from winners
	if len(b.levels) == 0 {
		from = inMemory{b.arena, b.sorted()}
	} else {
		m, err := b.newMerged()
		if err != nil {
			return Info{}, 0, err
		}
		defer m.close()
		from = m
	}
	if err := f.body(from); err != nil {
		return Info{}, 0, err
	}
	seal, err := f.end()
	if err != nil {
		return Info{}, 0, err
	}
	return f.tail.info(seal, int64(f.out.at)), b.given - int64(f.tail.rows), nil
}

// writer writes one file.
type writer struct {
	b       *Builder
	out     *output
	tail    tail
	heap    uint64 // bytes of the heaps so far
	scratch []byte
}

// body writes header, rows, heap and slots.
func (f *writer) body(from winners) error {
	f.out.write(fileHeader())
	f.tail.at[0].at = f.out.at
	if err := from.rows(f.row); err != nil {
		return err
	}
	f.tail.at[0].size = f.out.at - f.tail.at[0].at
	f.out.pad()
	f.tail.at[1] = section{f.out.at, f.heap}
	if err := from.heaps(f.out); err != nil {
		return err
	}
	f.out.pad()
	f.tail.at[2].at = f.out.at
	if err := f.slots(from); err != nil {
		return err
	}
	f.tail.at[2].size = f.out.at - f.tail.at[2].at
	return f.out.flush()
}

// row writes a row and counts what the tail says of the rows.
func (f *writer) row(_ row.Hash, r row.Row) error {
	l, t := f.b.layout, &f.tail
	copy(f.scratch, r.Fixed)
	l.SetBase(f.scratch, f.heap)
	f.heap += uint64(len(r.Heap))
	t.rows++
	l.NullCounts(r, t.nulls)
	if event := l.Event(r); event != row.NoTime {
		if t.minEvent == row.NoTime || event < t.minEvent {
			t.minEvent = event
		}
		t.maxEvent = max(t.maxEvent, event)
	}
	return f.out.write(f.scratch)
}

// slots writes the slots: rows come in the order of their homes.
func (f *writer) slots(from winners) error {
	t := &f.tail
	t.rowBits = 32
	if f.b.o.wide || t.rows >= 1<<32-1 {
		t.rowBits = wideRows
	}
	t.capacity = t.rows + (t.rows+1)/2
	var slot [8]byte
	next, i := uint64(0), uint64(0)
	put := func(v uint64) error {
		next++
		binary.LittleEndian.PutUint64(slot[:], v)
		return f.out.write(slot[:])
	}
	err := from.hashes(func(h row.Hash) error {
		at := home(h.Hi, t.capacity)
		for next < at {
			if err := put(0); err != nil {
				return err
			}
		}
		if t.probe = max(t.probe, uint32(min(next-at, maxProbe))+1); t.probe > maxProbe {
			return diag.New("Q657", "more than %d keys share a place", maxProbe)
		}
		i++
		return put(tagOf(h.Lo, t.rowBits) | i)
	})
	for err == nil && next < t.capacity {
		err = put(0)
	}
	t.slots = next
	return err
}

// end writes tail and trailer and returns the seal.
func (f *writer) end() ([32]byte, error) {
	body := f.out.at
	f.tail.sums = f.out.finish()
	ends := f.tail.append(nil)
	trailer := binary.LittleEndian.AppendUint64(nil, body)
	trailer = binary.LittleEndian.AppendUint64(trailer, uint64(len(ends)))
	trailer = binary.LittleEndian.AppendUint32(trailer, version)
	trailer = append(binary.LittleEndian.AppendUint32(trailer, 0), endMagic...)
	seal := sealOf(fileHeader(), ends, trailer)
	f.out.write(ends)
	f.out.write(trailer)
	f.out.write(seal[:])
	return seal, f.out.flush()
}

func fileHeader() []byte {
	header := make([]byte, headerSize)
	copy(header, magic)
	binary.LittleEndian.PutUint32(header[8:], version)
	return header
}

// output gathers bytes into blocks, and sums them up. After an error it writes no more.
type output struct {
	w    io.Writer
	buf  []byte // a block in the making
	at   uint64 // bytes given so far
	sums []uint32
	body bool // blocks are summed
	err  error
}

func newOutput(w io.Writer) *output {
	return &output{w: w, buf: make([]byte, 0, blockSize), body: true}
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) { return len(b), o.write(b) }

func (o *output) write(b []byte) error {
	for o.at += uint64(len(b)); len(b) > 0 && o.err == nil; {
		n := copy(o.buf[len(o.buf):cap(o.buf)], b)
		o.buf, b = o.buf[:len(o.buf)+n], b[n:]
		if len(o.buf) == cap(o.buf) {
			o.flush()
		}
	}
	return o.err
}

// flush writes the block as it is: in the body only when it is full or the last one.
func (o *output) flush() error {
	if len(o.buf) > 0 && o.err == nil {
		if o.body {
			o.sums = append(o.sums, crc32.Checksum(o.buf, crc32.MakeTable(crc32.Castagnoli)))
		}
		_, o.err = o.w.Write(o.buf)
		o.buf = o.buf[:0]
	}
	return o.err
}

// finish ends the body and returns its sums.
func (o *output) finish() []uint32 {
	o.flush()
	o.body = false
	return o.sums
}

// pad writes zeros up to the alignment.
func (o *output) pad() {
	if over := o.at % align; over > 0 {
		o.write(make([]byte, align-over))
	}
}
