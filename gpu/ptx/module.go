package ptx

import "fmt"

// Error is PTX text that cannot be read or translated. Line counts from 1; 0
// means the file as a whole.
type Error struct {
	Line   int
	Reason string
}

// Error returns "ptx line N: reason".
func (e *Error) Error() string {
	if e.Line == 0 {
		return "ptx: " + e.Reason
	}
	return fmt.Sprintf("ptx line %d: %s", e.Line, e.Reason)
}

// fault makes an *Error.
func fault(line int, reason string, args ...any) *Error {
	return &Error{line, fmt.Sprintf(reason, args...)}
}

// Module is one PTX file.
type Module struct {
	Version, Target string   // "8.4", "sm_75"
	Vars            []*Var   // .global and .const, in the order of the text
	Entries         []*Entry // kernels, in the order of the text
}

// Var is memory that the text declares: .global, .const, .shared or .local.
type Var struct {
	Name, Space string
	Align, Size int    // bytes; Size 0: shared memory whose size the launch gives
	Init        []byte // nil or Size bytes
	Line        int
}

// Param is one parameter of a kernel: Size bytes at Offset in the parameter
// block.
type Param struct {
	Name         string
	Offset, Size int
}

// Entry is one kernel.
type Entry struct {
	Name       string
	Line       int
	Params     []Param
	MaxThreads int // .maxntid or .reqntid, product of the dimensions; 0: no limit
	Shared     []*Var
	Local      []*Var
	Body       []*Instr

	regs   map[string]string   // register -> declared type
	labels map[string]int      // label -> index in Body
	tables map[string][]string // label of .branchtargets -> labels
}

// Instr is one instruction.
type Instr struct {
	Line     int
	Guard    string // predicate register, or ""
	GuardNot bool
	Op       string // with all modifiers: "ld.global.nc.v2.u32"
	Args     []Operand
}

// Kind says what an Operand is.
type Kind uint8

// The kinds of operands.
const (
	Register Kind = iota
	Special       // %tid.x and its like
	Symbol        // variable, parameter, label; with Offset
	Integer       // Value, two's complement
	Float32       // Value holds the bits
	Float64       // Value holds the bits
	Vector        // {a, b, ...}
	Address       // [List[0]+Offset]; List[0] is a Register, Symbol or Integer
	Pair          // a|b, two destinations
	Sink          // _
)

// Operand is one operand of an instruction.
type Operand struct {
	Kind   Kind
	Name   string
	Not    bool // !p
	Value  uint64
	Offset int64
	List   []Operand
}
