package column

import (
	"fmt"
	"strings"
)

// Type is the logical type of a column or of a program register.
//
// The zero value, Invalid, is the type of nothing and is refused everywhere.
type Type uint8

// The types. Their numbers are written into models and statistics: never
// renumber, only append.
const (
	Invalid   Type = iota
	Bool           // true or false
	Int32          // 32-bit signed integer
	Int64          // 64-bit signed integer
	Float32        // IEEE 754 binary32
	Float64        // IEEE 754 binary64
	String         // bytes; usually UTF-8, never required to be
	Timestamp      // an instant: microseconds since 1970-01-01T00:00:00Z
	Datetime       // a wall clock without a zone: microseconds since 1970-01-01T00:00:00
	Date           // a calendar day: days since 1970-01-01
	numTypes

	// listFlag marks the type of lists whose elements have the type that remains.
	listFlag Type = 0x80
)

// ListOf returns the type of lists of t. Lists of lists do not exist: t must be a
// scalar type.
func ListOf(t Type) Type {
	if t.IsList() || t.Kind() == NoKind {
		panic("quern: bug: list of " + t.String())
	}
	return t | listFlag
}

// IsList reports whether t is a type of lists.
func (t Type) IsList() bool { return t&listFlag != 0 }

// Elem returns the type of the elements of lists of type t; for a scalar type, t.
func (t Type) Elem() Type { return t &^ listFlag }

// Like returns t as a scalar, or as the list of it where shape is a list: the type
// of what is computed element by element from shape.
func (t Type) Like(shape Type) Type {
	if shape.IsList() && !t.IsList() {
		return ListOf(t)
	}
	return t
}

// Kind is what a register of a program holds: the four physical forms in which
// instructions and statistics see values.
type Kind uint8

// The kinds. Float32 is a storage type: a register of type Float32 holds a
// float64 that has an exact float32 value.
const (
	NoKind  Kind = iota
	Bools        // []bool
	Ints         // []int64: Int32, Int64, Timestamp, Datetime, Date
	Floats       // []float64: Float32, Float64
	Strings      // Text
	Lists        // Offsets and Elements
)

// Kind returns the physical form of t in a register.
func (t Type) Kind() Kind {
	if t.IsList() && t.Elem().Kind() != NoKind {
		return Lists
	}
	switch t {
	case Bool:
		return Bools
	case Int32, Int64, Timestamp, Datetime, Date:
		return Ints
	case Float32, Float64:
		return Floats
	case String:
		return Strings
	}
	return NoKind
}

// Narrow reports whether values of t are stored in 32 bits (Int32, Date,
// Float32) and widened, exactly, when a program loads them.
func (t Type) Narrow() bool { return t == Int32 || t == Date || t == Float32 }

// Size returns the bytes of a value; 0 for strings and lists, whose values differ in size.
func (t Type) Size() int {
	switch t {
	case Bool:
		return 1
	case Int32, Date, Float32:
		return 4
	case Int64, Float64, Timestamp, Datetime:
		return 8
	}
	return 0
}

// Temporal reports whether t is Timestamp, Datetime or Date.
func (t Type) Temporal() bool { return t == Timestamp || t == Datetime || t == Date }

// Numeric reports whether t takes part in arithmetic: Int32, Int64, Float32, Float64.
func (t Type) Numeric() bool { return t >= Int32 && t <= Float64 }

// Integer reports whether t is Int32 or Int64.
func (t Type) Integer() bool { return t == Int32 || t == Int64 }

// Real reports whether t is Float32 or Float64.
func (t Type) Real() bool { return t == Float32 || t == Float64 }

// String returns the name of t as it is written in recipes and models.
func (t Type) String() string {
	if t.IsList() {
		return "list<" + t.Elem().String() + ">"
	}
	switch t {
	case Bool:
		return "bool"
	case Int32:
		return "int32"
	case Int64:
		return "int64"
	case Float32:
		return "float32"
	case Float64:
		return "float64"
	case String:
		return "string"
	case Timestamp:
		return "timestamp"
	case Datetime:
		return "datetime"
	case Date:
		return "date"
	}
	return fmt.Sprintf("invalid(%d)", uint8(t))
}

// Types returns every scalar type, in the order of their numbers.
func Types() []Type {
	all := make([]Type, 0, numTypes-1)
	for t := Bool; t < numTypes; t++ {
		all = append(all, t)
	}
	return all
}

// ParseType returns the type called name, or Invalid and false.
func ParseType(name string) (Type, bool) {
	if inner, ok := strings.CutPrefix(name, "list<"); ok {
		inner, ok = strings.CutSuffix(inner, ">")
		t, known := ParseType(inner)
		if !ok || !known || t.IsList() {
			return Invalid, false
		}
		return ListOf(t), true
	}
	for _, t := range Types() {
		if t.String() == name {
			return t, true
		}
	}
	return Invalid, false
}

// MarshalText implements encoding.TextMarshaler: the name.
func (t Type) MarshalText() ([]byte, error) {
	if t.Kind() == NoKind {
		return nil, fmt.Errorf("%v is no type", t)
	}
	return []byte(t.String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *Type) UnmarshalText(text []byte) error {
	got, ok := ParseType(string(text))
	if !ok {
		return fmt.Errorf("%q is no type", text)
	}
	*t = got
	return nil
}
