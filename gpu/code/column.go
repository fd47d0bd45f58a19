package code

import (
	"encoding/binary"

	"quern/features/column"
)

// Type is the type of a column's values in device memory. gpu/kernels/common.cuh has
// the same numbers.
type Type uint32

// The types. A register of a program is Bool, I64 or F64; I32 and F32 are storage.
const (
	Bool Type = iota // a byte, 0 or 1
	I32
	I64
	F32
	F64
)

// Size returns the bytes of a value.
func (t Type) Size() int {
	switch t {
	case Bool:
		return 1
	case I32, F32:
		return 4
	}
	return 8
}

// String returns the name of the type: "f32".
func (t Type) String() string {
	return [...]string{"bool", "i32", "i64", "f32", "f64"}[t]
}

// RegisterType returns the type in which registers of type t, or of lists of it, are
// held, and false for strings.
func RegisterType(t column.Type) (Type, bool) {
	switch t.Elem().Kind() {
	case column.Bools:
		return Bool, true
	case column.Ints:
		return I64, true
	case column.Floats:
		return F64, true
	}
	return 0, false
}

// StorageType returns the type in which columns of type t, or of lists of it, are
// stored, and false for strings.
func StorageType(t column.Type) (Type, bool) {
	held, ok := RegisterType(t)
	if t.Elem().Narrow() {
		held-- // I64 to I32, F64 to F32
	}
	return held, ok
}

// ColumnSize is the bytes of a Column in device memory.
const ColumnSize = 40

// Column describes a column in device memory. All addresses are multiples of 256.
type Column struct {
	Values uint64 // address of Slots values of Type; garbage under nulls
	Valid  uint64 // address of 64-bit words, bit i%64 of word i/64: slot i is not null; 0: no null
	Index  uint64 // address of a code of Width bytes per row, its slot; 0: the slot is the row
	Type   Type
	Width  uint32 // 1, 2 or 4
	Slots  uint64
}

// Append writes the column as kernels read it.
func (c Column) Append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, c.Values)
	dst = binary.LittleEndian.AppendUint64(dst, c.Valid)
	dst = binary.LittleEndian.AppendUint64(dst, c.Index)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(c.Type))
	dst = binary.LittleEndian.AppendUint32(dst, c.Width)
	return binary.LittleEndian.AppendUint64(dst, c.Slots)
}

// The bits of a fault word: see the package's documentation.
const (
	FaultValue = 1
	FaultRange = 2
	FaultCode  = 4
)
