package text

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"slices"

	"quern/features/column"
)

// gatherer learns the classes of a column's cells in a chunk, and keeps the cells so
// that nobody has to parse them again. Its stages are those of a builder: a dictionary
// of texts, then plain values. Only the first stage is without a type. When the second
// begins, the type is that of all texts so far; it is widened where that needs no
// texts, and where it does the column is lost: it only learns on, and readers parse
// the chunk once more.
type gatherer struct {
	scannedColumn
	given  column.Type // what the user says; Invalid: to infer
	strict bool        // the format's
	state  gatherState
	keep   bool // else the dictionary only spares classifying its texts again
	quoted bool // strict: how the first text of the dictionary is written
	mixed  bool // strict: there are quoted and bare texts
	rows   int  // how many have been added
	codes  []uint16
	texts  dictionary
	plain  column.Vector
	nulls  []int32 // of plain: the rows; of codes: only their number counts
	empty  int
}

// gatherState says how a gatherer keeps its cells.
type gatherState uint8

const (
	gatherCoded gatherState = iota
	gatherPlain
	gatherLost
)

// nullCode stands for a null until it is known how many texts there are.
const nullCode = maxSlots

// maxLearnt is how many bytes a dictionary may have whose column is not kept.
const maxLearnt = 1 << 20

// reset begins a column of a chunk.
func (g *gatherer) reset(given column.Type, strict, keep bool, seed maphash.Seed) {
	g.scannedColumn = scannedColumn{}
	g.given, g.strict, g.keep, g.state = given, strict, keep, gatherCoded
	g.mixed, g.rows, g.empty = false, 0, 0
	g.codes, g.nulls = g.codes[:0], g.nulls[:0]
	g.plain = column.Vector{Bools: g.plain.Bools[:0], Int32s: g.plain.Int32s[:0], Int64s: g.plain.Int64s[:0],
		Float32s: g.plain.Float32s[:0], Float64s: g.plain.Float64s[:0], Text: column.Text{Bytes: g.plain.Text.Bytes[:0], Offsets: g.plain.Text.Offsets[:0]}}
	g.texts.reset(seed)
	if !keep && given != column.Invalid {
		g.state = gatherLost
	}
}

// forget stops keeping cells.
func (g *gatherer) forget() {
	g.keep = false
	if g.state != gatherCoded || g.given != column.Invalid || len(g.texts.texts.Bytes) > maxLearnt {
		g.lose()
	}
	g.codes = nil
}

// lose stops keeping cells, and frees what is kept, the dictionary included.
func (g *gatherer) lose() {
	g.state = gatherLost
	g.codes, g.nulls, g.plain = nil, nil, column.Vector{}
	g.texts = dictionary{seed: g.texts.seed, short: g.texts.short, cells: g.texts.cells}
}

// size returns how many bytes the cells take that are kept so far.
func (g *gatherer) size() int64 {
	if g.state == gatherLost {
		return 0
	}
	return int64(2*len(g.codes) + 4*len(g.nulls) + len(g.texts.texts.Bytes) + 4*len(g.texts.texts.Offsets) + vectorBytes(&g.plain))
}

// vectorBytes returns how many bytes the values of a vector of scalars take.
func vectorBytes(v *column.Vector) int {
	return len(v.Bools) + 4*(len(v.Int32s)+len(v.Float32s)+len(v.Text.Offsets)) + 8*(len(v.Int64s)+len(v.Float64s)+len(v.Valid)) + len(v.Text.Bytes)
}

// add takes the text of a scalar that is not null, of the next row or a later one.
func (g *gatherer) add(row int, text []byte, quoted bool) {
	if g.state != gatherCoded {
		g.addPlain(row, text, quoted)
		return
	}
	slot, cell, at := g.texts.find(text)
	switch {
	case slot < 0 && (crowded(g.texts.texts.Len(), row) || !g.keep && len(g.texts.texts.Bytes) > maxLearnt):
		if g.keep {
			g.spread()
		} else {
			g.lose()
		}
		g.addPlain(row, text, quoted)
		return
	case slot < 0:
		if g.texts.texts.Len() == 0 {
			g.quoted = quoted
		}
		g.mixed = g.mixed || quoted != g.quoted
		g.learn(text, quoted)
		slot = g.texts.add(text, cell, at)
	case g.strict && (g.mixed || quoted != g.quoted):
		g.mixed = true
		g.learn(text, quoted) // the same text may be a string and a number
	}
	if g.rows < row {
		g.pad(row)
	}
	g.rows = row + 1
	if g.keep {
		g.codes = append(g.codes, uint16(slot))
	}
}

// addKnown adds every width-th cell as long as they are nulls, or texts that the
// dictionary has where it looks first: most cells are. It returns how many it added.
func (g *gatherer) addKnown(row int, data []byte, cells []Cell, width int) (added int) {
	table, mask := g.texts.cells, uint64(len(g.texts.cells)-1)
	low, high := g.texts.short[0], g.texts.short[1]
	codes := g.codes
	if g.rows < row {
		g.pad(row)
		codes = g.codes
	}
	for i := 0; i < len(cells); i += width {
		c := &cells[i]
		size := c.End - c.Start
		var code uint16
		switch {
		case c.Kind == Null:
			g.empty++
			code = nullCode
		case c.Kind > Quoted || g.strict && (g.mixed || (c.Kind == Quoted) != g.quoted):
			goto unknown
		case size <= 8 && int(c.Start)+8 <= len(data):
			x := binary.LittleEndian.Uint64(data[c.Start:]) & (1<<(8*size) - 1)
			h, l := bits.Mul64(x^low, high)
			at := (h ^ l) & mask
			have := &table[at]
			for (have.low != x || have.size != size) && have.slot != 0 {
				at = (at + 1) & mask
				have = &table[at]
			}
			if have.slot == 0 {
				goto unknown
			}
			code = uint16(have.slot - 1)
		case size > maxShort && g.texts.isLast(data[c.Start:c.End]):
			code = uint16(g.texts.last)
		default:
			slot, _, _ := g.texts.find(data[c.Start:c.End])
			if slot < 0 {
				goto unknown
			}
			code = uint16(slot)
		}
		codes = append(codes, code)
		added++
	}
unknown:
	if g.codes = codes; !g.keep {
		g.codes = codes[:0]
	}
	g.rows = row + added
	return added
}

// pad makes rows up to row null.
func (g *gatherer) pad(row int) {
	for ; g.rows < row; g.rows++ {
		g.empty++
		if g.state == gatherCoded {
			if g.keep {
				g.codes = append(g.codes, nullCode)
			}
			continue
		}
		g.nulls = append(g.nulls, int32(g.rows))
		appendZero(&g.plain)
	}
}

// learn notes the class of a text; it matters only if the user does not say the type.
func (g *gatherer) learn(text []byte, quoted bool) {
	if g.given != column.Invalid {
		return
	}
	class := classOf(text, quoted, g.strict)
	if class == otherCell {
		g.other(text)
	}
	g.classes |= class
}

// element learns from an element of a list that is not null. Lists are not kept.
func (g *gatherer) element(text []byte, quoted bool) {
	class := classOf(text, quoted, g.strict)
	if class == otherCell {
		g.other(text)
	}
	g.elements |= class
}

// classOf returns the class of a scalar that is not null.
func classOf(text []byte, quoted, strict bool) classes {
	if strict && quoted {
		return classifyTime(text)
	}
	return classify(text)
}

// spread goes over to plain values of the type that the texts so far have.
func (g *gatherer) spread() {
	typ := g.given
	if typ == column.Invalid {
		typ = judgeScalars(g.classes, g.strict, column.Invalid).typ
	}
	var b builder
	b.slots.Type = typ
	b.plain, b.typ = g.plain, typ
	empty(&b.plain, typ)
	if typ == column.String {
		b.texts.texts = g.texts.texts
	} else if empty(&b.slots, typ); !b.convert(&g.texts.texts, g.texts.texts.Len()) {
		g.lose() // the reader finds the mistake, and its row
		return
	}
	for _, code := range g.codes {
		if code == nullCode {
			b.index = append(b.index, -1)
			continue
		}
		b.index = append(b.index, int32(code))
	}
	b.spread(len(b.index))
	g.state, g.plain, g.nulls, g.codes = gatherPlain, b.plain, b.nulls, g.codes[:0]
	g.texts.texts.Reset()
}

// addPlain takes a text when there is no dictionary any more.
func (g *gatherer) addPlain(row int, text []byte, quoted bool) {
	before := g.classes
	if g.state == gatherPlain && g.rows < row {
		g.pad(row)
	}
	g.rows = row + 1
	if g.given == column.Invalid {
		if g.state == gatherPlain && (!quoted || !g.strict) && g.addNumber(text) {
			return
		}
		g.learn(text, quoted)
	}
	if g.state == gatherLost {
		return
	}
	if g.given == column.Invalid && g.classes != before && !g.widen() || !appendValue(&g.plain, text) {
		g.lose()
	}
}

// addNumber adds the text if it is a number as most are written, and of the column's
// type. It is the fast path of addPlain.
func (g *gatherer) addNumber(text []byte) bool {
	switch g.plain.Type {
	case column.Int64:
		x, ok := plainInt(text)
		if ok { // the class is known: it made the type
			g.plain.Int64s = append(g.plain.Int64s, x)
		}
		return ok
	case column.Float64:
		x, class, ok := plainFloat(text)
		if ok {
			g.classes |= class
			g.plain.Float64s = append(g.plain.Float64s, x)
		}
		return ok
	}
	return false
}

// widen makes the plain values ones of the type that the classes now say, and returns
// false if that needs their texts.
func (g *gatherer) widen() bool {
	typ := judgeScalars(g.classes, g.strict, column.Invalid).typ
	wide, ok := widened(&g.plain, typ)
	if ok {
		g.plain = wide
	}
	return ok
}

// widened returns v as values of a type, exactly those that its texts stand for under
// it; false if the values do not tell them. An integer, for one, that rounds to a
// float64 does so in the same way as its digits.
func widened(v *column.Vector, typ column.Type) (column.Vector, bool) {
	w := column.Vector{Type: typ, Len: v.Len, Valid: v.Valid}
	switch {
	case typ == v.Type:
		return *v, true
	case v.Type == column.Int64 && typ == column.Float64:
		w.Float64s = make([]float64, len(v.Int64s))
		for i, x := range v.Int64s {
			w.Float64s[i] = float64(x)
		}
		return w, true
	case v.Type == column.Date && typ == column.Datetime:
		w.Int64s = make([]int64, len(v.Int32s))
		for i, day := range v.Int32s {
			w.Int64s[i] = int64(day) * 86_400_000_000
		}
		return w, true
	}
	return column.Vector{}, false
}

// finish returns what is kept of a column of so many rows, in memory of its own.
func (g *gatherer) finish(rows int) kept {
	switch g.state {
	case gatherLost:
		return kept{state: keptLost}
	case gatherPlain:
		g.pad(rows)
		return g.finishPlain(rows)
	}
	g.pad(rows)
	n := g.texts.texts.Len()
	k := kept{state: keptCoded, count: n}
	k.texts = column.Text{Offsets: append(make([]uint32, 0, n+2), g.texts.texts.Offsets...), Bytes: slices.Clone(g.texts.texts.Bytes)}
	if g.empty > 0 {
		k.texts.Append(nil)
		k.valid = column.NewBitmap(n + 1)
		k.valid.Fill(n + 1)
		k.valid.Clear(n)
	}
	if n < 1<<8 {
		k.bytes = narrow[uint8](g.codes, n)
	} else {
		k.words = narrow[uint16](g.codes, n)
	}
	return k
}

// narrow returns codes as numbers of a smaller type, with that of the nulls for nullCode.
func narrow[T uint8 | uint16](codes []uint16, null int) []T {
	out := make([]T, len(codes))
	for i, code := range codes {
		if code == nullCode {
			code = uint16(null)
		}
		out[i] = T(code)
	}
	return out
}

// finishPlain returns the plain values.
func (g *gatherer) finishPlain(rows int) kept {
	v := column.Vector{Type: g.plain.Type, Len: rows}
	switch v.Type {
	case column.Bool:
		v.Bools = slices.Clone(g.plain.Bools)
	case column.Int32, column.Date:
		v.Int32s = slices.Clone(g.plain.Int32s)
	case column.Float32:
		v.Float32s = slices.Clone(g.plain.Float32s)
	case column.Float64:
		v.Float64s = slices.Clone(g.plain.Float64s)
	case column.Int64, column.Datetime, column.Timestamp:
		v.Int64s = slices.Clone(g.plain.Int64s)
	case column.String:
		v.Text = column.Text{Offsets: slices.Clone(g.plain.Text.Offsets), Bytes: slices.Clone(g.plain.Text.Bytes)}
	}
	if len(g.nulls) > 0 {
		v.Valid = column.NewBitmap(rows)
		v.Valid.Fill(rows)
		for _, row := range g.nulls {
			v.Valid.Clear(int(row))
		}
	}
	return kept{state: keptPlain, plain: v}
}
