package program

import "quern/features/column"

// Register names the value that an instruction defines: its position in Program.Code.
type Register int32

// None is the absent register.
const None Register = -1

// Value is one scalar: the meaning of one slot of a register.
type Value struct {
	Null  bool
	Bool  bool
	Int   int64
	Float float64
	Str   []byte
	List  []Value // the elements
}

// Imm holds an instruction's immediate operands. Which fields count is said at
// the Op; the others are zero.
type Imm struct {
	Value  Value
	Int    int64
	Extra  int64 // a second integer
	NaN    int64
	Floats []float64
	Text   string
	Part   Part
}

// Instr defines one register.
type Instr struct {
	Op   Op
	Type column.Type
	Args []Register
	Imm  Imm
	// Origin says which part of the recipe wants it, for run-time errors:
	// an index into Program.Origins, or -1.
	Origin int32
}

// Table is a constant map from keys to integers or to floats. Keys, in register or
// storage form, are distinct by their canonical bytes (see AppendCanonical); one of
// them may be null. Table names are unique within a program.
//
// A table may have millions of keys. One made by NewTable is checked, digested and
// indexed at most once, whatever number of programs it is copied into; a literal is
// each time.
type Table struct {
	Name   string
	Keys   column.Vector
	Values column.Vector // Int64 or Float64, in register form, without nulls, as long as Keys
	facts  *tableFacts
}

// Role says what an output column is for.
type Role string

// The roles. Tensors take features (reals), ids (integers) and labels, each in an array of its own.
const (
	RoleFeature Role = "feature"
	RoleLabel   Role = "label"
	RoleKeep    Role = "keep"
)

// Output names a register that leaves the program.
type Output struct {
	Name     string
	Register Register
	Role     Role
}

// Observed is a tuple of registers that a statistic observes: Stat indexes the
// caller's list of statistics. Several tuples may feed one statistic.
type Observed struct {
	Stat int
	Args []Register
}

// Origin is the place in the recipe that an instruction comes from.
type Origin struct {
	Path string // "features[2].steps[1]"
	Line int    // from 1; 0: unknown
	Col  int
}

// Program is a straight line of instructions from input columns to outputs,
// statistics, or both.
type Program struct {
	Inputs   column.Schema
	Tables   []Table
	Code     []Instr
	Outputs  []Output
	Observes []Observed
	Origins  []Origin
}

// Fields returns the outputs' names and types.
func (p *Program) Fields() column.Schema {
	fields := make(column.Schema, len(p.Outputs))
	for i, o := range p.Outputs {
		fields[i] = column.Field{Name: o.Name, Type: p.Code[o.Register].Type}
	}
	return fields
}

// RowError is a fault of an instruction on a value that a row uses.
type RowError struct {
	Register Register
	Row      int    // within the batch
	Reason   string // "integer overflow in add", `"12x" is not a number`
}

// Error describes the fault; the caller adds the file, the column and the recipe's place.
func (e *RowError) Error() string { return e.Reason }
