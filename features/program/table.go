package program

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"

	"quern/features/column"
)

// checkTable checks that t is a map: whole vectors, distinct keys, values without
// nulls. Keys are equal when their canonical bytes are, so 0 and -0 are one key,
// and so are all NaNs.
func checkTable(t *Table) error {
	if t.Name == "" {
		return errors.New("a table has no name")
	}
	check := t.checkDistinct
	if t.facts != nil && t.facts.distinct && t.Keys.Len >= manyKeys && !t.facts.indexed.Load() {
		check = func() error { return checkTableVectors(t) }
	}
	if err := check(); err != nil {
		return fmt.Errorf("table %q: %w", t.Name, err)
	}
	return nil
}

// checkDistinct checks that the vectors are whole and no two keys equal.
func (t *Table) checkDistinct() error {
	_, err := t.Index()
	return err
}

// NewTable returns the table of keys and values. It keeps the vectors, which must
// not change any more.
func NewTable(name string, keys, values column.Vector) Table {
	return Table{Name: name, Keys: keys, Values: values}.remembered()
}

// NewDistinctTable is NewTable of keys that the caller knows to be distinct, as those of a
// statistic are. A large table of such is not indexed before it is wanted, which only whoever
// transforms with it does.
func NewDistinctTable(name string, keys, values column.Vector) Table {
	t := NewTable(name, keys, values)
	t.facts.distinct = true
	return t
}

// remembered returns t with facts, which its copies share.
func (t Table) remembered() Table {
	if t.facts == nil {
		t.facts = newTableFacts(t)
	}
	return t
}

// Identity returns what copies of a table have in common, and other tables have not:
// a comparable value by which what is prepared for one copy is found again. It is nil
// for tables that NewTable has not made.
func (t *Table) Identity() any {
	if t.facts == nil {
		return nil
	}
	return t.facts
}

// tableFacts is what is found out about a table once, by whoever asks first.
type tableFacts struct {
	index    func() (*KeyIndex, error)
	digest   func() [32]byte
	distinct bool        // whoever made the table knows that its keys are
	indexed  atomic.Bool // index has been called, and has an answer
	asking   sync.Mutex  // of few
	few      *few
}

func newTableFacts(t Table) *tableFacts {
	f := &tableFacts{digest: sync.OnceValue(func() [32]byte { return digestTable(&t) })}
	f.index = sync.OnceValues(func() (*KeyIndex, error) {
		defer f.indexed.Store(true)
		return newKeyIndex(&t, nil)
	})
	return f
}

// Index returns the index of t's keys, or why t is no map.
func (t *Table) Index() (*KeyIndex, error) {
	if t.facts != nil {
		return t.facts.index()
	}
	return newKeyIndex(t, nil)
}

func checkTableVectors(t *Table) error {
	if err := checkVector(&t.Keys); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	if t.Values.Type != column.Int64 && t.Values.Type != column.Float64 {
		return fmt.Errorf("values are %s, not int64 or float64", t.Values.Type)
	}
	if err := checkVector(&t.Values); err != nil {
		return fmt.Errorf("values: %w", err)
	}
	if t.Keys.Len != t.Values.Len {
		return fmt.Errorf("%d keys but %d values", t.Keys.Len, t.Values.Len)
	}
	if t.Values.Nulls() != 0 {
		return errors.New("a value is null")
	}
	return nil
}

// checkVector checks that a vector is whole: as many slots as it says, in exactly
// one slice, which its type allows.
func checkVector(v *column.Vector) error {
	if v.Type.Kind() == column.NoKind {
		return errors.New("no type")
	}
	if v.Len < 0 || v.Len > math.MaxInt32 {
		return fmt.Errorf("%d slots", v.Len)
	}
	if v.Valid != nil && len(v.Valid) < (v.Len+63)/64 {
		return errors.New("the bitmap is too short")
	}
	lengths := [...]int{len(v.Bools), len(v.Int32s), len(v.Int64s), len(v.Float32s), len(v.Float64s), v.Text.Len()}
	total := 0
	for _, n := range lengths {
		total += n
	}
	if v.Type.IsList() {
		return errors.New("lists are not in tables")
	}
	held := 0
	switch v.Type.Kind() {
	case column.Bools:
		held = len(v.Bools)
	case column.Ints:
		held = len(v.Int64s)
		if v.Type.Narrow() {
			held += len(v.Int32s)
		}
	case column.Floats:
		held = len(v.Float64s)
		if v.Type.Narrow() {
			held += len(v.Float32s)
		}
	case column.Strings:
		held = v.Text.Len()
	}
	if v.Int64s != nil && v.Int32s != nil || v.Float64s != nil && v.Float32s != nil {
		return errors.New("values in two forms")
	}
	if held != v.Len || total != v.Len {
		return fmt.Errorf("%d slots, but %d values of its type and %d of others", v.Len, held, total-held)
	}
	return checkText(&v.Text)
}

func checkText(t *column.Text) error {
	for i := 1; i < len(t.Offsets); i++ {
		if t.Offsets[i] < t.Offsets[i-1] {
			return errors.New("string offsets descend")
		}
	}
	if n := len(t.Offsets); n > 0 && int64(t.Offsets[n-1]) > int64(len(t.Bytes)) {
		return errors.New("strings end after their bytes")
	}
	return nil
}

// Digest returns the SHA-256 of the table's types and rows in order: per row the
// key (a byte that is 0 for null and else 1, the length, the canonical bytes) and
// the 8 bytes of the value. Its name is not in it.
func (t *Table) Digest() [32]byte {
	if t.facts != nil {
		return t.facts.digest()
	}
	return digestTable(t)
}

// believe takes t for a table that another process has checked, and the digest that ends a
// line of text for t's, if it is one.
func (t *Table) believe(line string) {
	if t.facts == nil {
		return
	}
	t.facts.distinct = true
	var digest [32]byte
	if _, said, ok := strings.Cut(line, " sha256="); ok && len(said) == hex.EncodedLen(len(digest)) {
		if _, err := hex.Decode(digest[:], []byte(said)); err == nil {
			t.facts.digest = func() [32]byte { return digest }
		}
	}
}

func digestTable(t *Table) [32]byte {
	h := sha256.New()
	buf := binary.LittleEndian.AppendUint64([]byte{byte(t.Keys.Type), byte(t.Values.Type)}, uint64(t.Keys.Len))
	var key []byte
	for i := range t.Keys.Len {
		if t.Keys.Null(i) {
			buf = append(buf, 0)
		} else {
			canonical := keyBytes(&t.Keys, i, &key)
			buf = binary.LittleEndian.AppendUint64(append(buf, 1), uint64(len(canonical)))
			buf = append(buf, canonical...)
		}
		value := ValueAt(&t.Values, i)
		buf = binary.LittleEndian.AppendUint64(buf, uint64(value.Int)|math.Float64bits(value.Float))
		if len(buf) > 1<<15 {
			h.Write(buf)
			buf = buf[:0]
		}
	}
	h.Write(buf)
	return [32]byte(h.Sum(nil))
}
