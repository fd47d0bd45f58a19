package row

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"quern/features/column"
	"quern/features/diag"
)

// ErrCorrupt: the bytes are no row, key or schema of the layout that they are read with.
var ErrCorrupt = errors.New("corrupt row")

// NoTime is the event or creation time of a row that has none.
const NoTime = math.MinInt64

// Limits of a layout. They keep offsets in 32 bits and hostile schemas small.
const (
	MaxKeys   = 64      // columns of a key
	MaxFields = 1 << 16 // fields of a row
	maxName   = 1 << 12 // bytes of a name
	MaxHeap   = 1 << 28 // bytes of one row's heap

	version = 1
)

// Schema says what the rows of a view hold. Keys are columns of integers, bools, days,
// times or strings; Fields are columns of any type. Names are unique among the keys and
// among the fields: a feature that is made of a key may have its name. Time says whether
// the rows have event times; without, those of all rows are NoTime.
type Schema struct {
	Keys, Fields []column.Field
	Time         bool
}

// Equal reports whether s and o are the same: names, types, order.
func (s Schema) Equal(o Schema) bool {
	return s.Time == o.Time && s.SameColumns(o)
}

// SameColumns reports whether two schemas have the same keys and fields, in the same order.
func (s Schema) SameColumns(o Schema) bool {
	return slices.Equal(s.Keys, o.Keys) && slices.Equal(s.Fields, o.Fields)
}

// Digest returns the SHA-256 of the schema's binary form, which names the layout.
func (s Schema) Digest() [32]byte { return sha256.Sum256(s.AppendBinary(nil)) }

// check says what a view cannot have, Q651.
func (s Schema) check() error {
	switch {
	case len(s.Keys) == 0:
		return diag.New("Q651", "a view without keys").WithHint("name the columns that tell its rows apart")
	case len(s.Keys) > MaxKeys:
		return diag.New("Q651", "a key of %d columns: at most %d", len(s.Keys), MaxKeys)
	case len(s.Fields) > MaxFields:
		return diag.New("Q651", "a view of %d features: at most %d", len(s.Fields), MaxFields)
	}
	seen := map[string]bool{}
	for i, f := range slices.Concat(s.Keys, s.Fields) {
		key, kind := i < len(s.Keys), f.Type.Kind()
		if i == len(s.Keys) {
			clear(seen) // a feature may have the name of a key
		}
		switch {
		case f.Name == "" || len(f.Name) > maxName:
			return diag.New("Q651", "a name of %d bytes: 1 to %d", len(f.Name), maxName)
		case seen[f.Name]:
			return diag.New("Q651", "%q is there twice", f.Name)
		case kind == column.NoKind:
			return diag.New("Q651", "%q has no type", f.Name)
		case key && (kind == column.Floats || kind == column.Lists):
			return diag.New("Q651", "%q is a key of type %v", f.Name, f.Type).
				WithHint("a key is an integer, a string, a bool, a day or a time")
		}
		seen[f.Name] = true
	}
	return nil
}

// AppendBinary appends s in its binary form, little endian:
//
//	version uint8 = 1, time uint8 (0 or 1), keys uint16, fields uint32,
//	then for each key and each field: type uint8, length of the name uint16, name
func (s Schema) AppendBinary(b []byte) []byte {
	time := byte(0)
	if s.Time {
		time = 1
	}
	b = append(b, version, time)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(s.Keys)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Fields)))
	for _, f := range slices.Concat(s.Keys, s.Fields) {
		b = append(b, byte(f.Type))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(f.Name)))
		b = append(b, f.Name...)
	}
	return b
}

// ParseSchema reads what AppendBinary wrote, all of b. Anything else is ErrCorrupt.
func ParseSchema(b []byte) (Schema, error) {
	if len(b) < 8 || b[0] != version || b[1] > 1 {
		return Schema{}, ErrCorrupt
	}
	keys, fields := int(binary.LittleEndian.Uint16(b[2:])), int(binary.LittleEndian.Uint32(b[4:]))
	s := Schema{Time: b[1] == 1}
	b = b[8:]
	if keys > MaxKeys || fields > MaxFields {
		return Schema{}, ErrCorrupt
	}
	for i := range keys + fields {
		if len(b) < 3 {
			return Schema{}, ErrCorrupt
		}
		n := int(binary.LittleEndian.Uint16(b[1:]))
		if len(b) < 3+n {
			return Schema{}, ErrCorrupt
		}
		f := column.Field{Name: string(b[3 : 3+n]), Type: column.Type(b[0])}
		if b = b[3+n:]; i < keys {
			s.Keys = append(s.Keys, f)
		} else {
			s.Fields = append(s.Fields, f)
		}
	}
	if len(b) > 0 || s.check() != nil {
		return Schema{}, ErrCorrupt
	}
	return s, nil
}
