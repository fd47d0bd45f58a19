package reduce

import (
	"encoding/binary"
	"math"

	"quern/features/column"
	"quern/features/stat"
)

// some is how many keys are handed over at a time: what bounds the memory for it.
const some = 4096

// KeyedTuples gives the cells of quern_keyed_sums, whose keys are codes, to a statistic of
// kind keyed_sums; values are the slots of its key columns, in register form. Cells that
// no rows leave are ErrImpossible; those before them may have been taken.
func KeyedTuples(into *stat.KeyedSums, w Window, values []column.Vector, cells []byte) error {
	n := uint64(1)
	for i := range values {
		n *= uint64(values[i].Len)
	}
	return keyed(into, w, n, cells, func(numbers []uint64) []column.Column { return tuples(values, numbers) })
}

// KeyedKeys is KeyedTuples where the keys are those of a table with IDs: keys and ids (4
// bytes each) are what quern_table_list has written.
func KeyedKeys(into *stat.KeyedSums, w Window, t *Table, keys, ids, cells []byte) error {
	typ := into.Spec().Types[2]
	byID := make([]uint64, t.Used+FirstID)
	byID[TopID] = math.MaxInt64
	for i := range int(t.Used) {
		id := uint64(binary.LittleEndian.Uint32(ids[4*i:]))
		if id < FirstID || id >= uint64(len(byID)) {
			return ErrImpossible
		}
		byID[id] = key(typ, word(keys, i))
	}
	return keyed(into, w, uint64(len(byID)), cells, func(numbers []uint64) []column.Column {
		bits := make([]uint64, len(numbers))
		for i, id := range numbers {
			bits[i] = byID[id]
		}
		v := Values(typ, bits)
		if len(numbers) > 0 && numbers[0] == NullID {
			v.Valid = column.NewBitmap(v.Len)
			v.Valid.Fill(v.Len)
			v.Valid.Clear(0)
		}
		return []column.Column{{Len: v.Len, Values: v}}
	})
}

// keyed hands the cells of n keys over, some keys at a time; columns makes the keys with
// given numbers, which ascend.
func keyed(into *stat.KeyedSums, w Window, n uint64, cells []byte, columns func(numbers []uint64) []column.Column) error {
	folds, words := into.Folds(), w.CellBytes()/8
	var numbers []uint64
	var exact []stat.Exact
	give := func() error {
		if len(numbers) == 0 {
			return nil
		}
		err := into.AddExact(columns(numbers), exact)
		numbers, exact = numbers[:0], exact[:0]
		return err
	}
	for number := range n {
		at := int(number) * folds * words
		if !used(cells, at, folds, words) {
			continue
		}
		numbers = append(numbers, number)
		for f := range folds {
			exact = append(exact, w.sum(cells, at+f*words))
		}
		if len(numbers) == some {
			if err := give(); err != nil {
				return impossible(err)
			}
		}
	}
	return impossible(give())
}

// used reports whether a key has rows in any fold.
func used(cells []byte, at, folds, words int) bool {
	for f := range folds {
		if word(cells, at+f*words)|word(cells, at+f*words+1)|word(cells, at+f*words+2) != 0 {
			return true
		}
	}
	return false
}
