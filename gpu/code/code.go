package code

import (
	"encoding/binary"
	"fmt"
	"slices"

	"quern/features/program"
)

// Kernel names the interpreter's entry, in the module Module of gpu/kernels.
const (
	Module = "program"
	Kernel = "quern_program"
)

// instructionSize is the bytes of an instruction.
const instructionSize = 32

// Result is a register that a launch leaves in a column.
type Result struct {
	Register program.Register
	Type     Type // Bool for bools; I64, or I32 if the register's type is narrow; F64, or F32: rounded once
}

// Code is a device program. It is immutable.
type Code struct {
	// Constants is what the device holds as long as the program: the instructions, then
	// the pool. It starts at a multiple of 16.
	Constants []byte

	// Inputs are the input columns that are read, ascending.
	Inputs []int

	// Columns is how many columns a launch takes: the program's inputs, read or not,
	// then the results.
	Columns int

	// Scratch is the bytes of scratch memory per thread of the grid.
	Scratch int

	instructions int
}

// Encode returns the device form of p, a verified program whose instructions Supports
// holds for. Every instruction is computed, for its faults. Results may name a register
// more than once. Equal programs have equal code.
func Encode(p *program.Program, results []Result) (*Code, error) {
	l := newLowering(p)
	for r := range program.Register(len(p.Code)) {
		if err := l.lower(r); err != nil {
			return nil, err
		}
		for i, result := range results {
			if result.Register == r {
				checkResult(p, result)
				l.emit(Store, l.registers[r], intOf(int64(len(p.Inputs)+i)))
			}
		}
	}
	list, spills := allocate(l.steps)
	c := &Code{Columns: len(p.Inputs) + len(results), Scratch: 16 * spills, instructions: len(list)}
	for _, in := range list {
		c.Constants = in.append(c.Constants)
		if in.op == Load {
			c.Inputs = append(c.Inputs, int(in.bits[0]))
		}
	}
	slices.Sort(c.Inputs)
	c.Inputs = slices.Compact(c.Inputs)
	c.Constants = append(c.Constants, l.pool.bytes...)
	return c, nil
}

func checkResult(p *program.Program, r Result) {
	t := p.Code[r.Register].Type
	held, ok := RegisterType(t)
	stored, _ := StorageType(t)
	if !ok || r.Type != held && r.Type != stored && !(held == F64 && r.Type == F32) {
		panic(fmt.Sprintf("quern: bug: register %%%d is %s, which is not stored as %s", r.Register, t, r.Type))
	}
}

// append writes the instruction as the kernel reads it.
func (in instruction) append(dst []byte) []byte {
	dst = append(dst, byte(in.op), in.result, in.registers[0], in.registers[1], in.registers[2], 0, 0, 0)
	for _, x := range in.bits {
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	return dst
}

// Args returns the arguments of a launch over rows, from the addresses of the constants,
// of an array of Columns, of Scratch bytes per thread of the grid (0 if that is 0), and
// of the fault word: 8 bytes, of which the launch sets bits. A block has Block threads.
//
// A result's column has Valid, of a whole number of words, or 0 if the caller knows that
// no value is null; its Index is 0. It may overlap nothing else. Bits beyond the last row
// are set to 0. Results do not depend on the grid.
func (c *Code) Args(constants, columns, rows, scratch, fault uint64) []uint64 {
	pool := constants + uint64(c.instructions*instructionSize)
	return []uint64{constants, uint64(c.instructions), pool, columns, rows, scratch, fault}
}

// Instructions returns how many instructions a row takes.
func (c *Code) Instructions() int { return c.instructions }
