package code

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
)

// String writes an instruction per line: "r2 = add_real r0 1.5".
func (c *Code) String() string {
	var b strings.Builder
	for i := range c.instructions {
		b.WriteString(decode(c.Constants[i*instructionSize:]).String())
		b.WriteByte('\n')
	}
	return b.String()
}

func decode(data []byte) (in instruction) {
	in.op, in.result = Op(data[0]), data[1]
	for i := range in.registers {
		in.registers[i] = data[2+i]
		in.bits[i] = binary.LittleEndian.Uint64(data[8+8*i:])
	}
	return in
}

// String writes one instruction.
func (in instruction) String() string {
	var b strings.Builder
	if in.op.result() {
		fmt.Fprintf(&b, "r%d = ", in.result)
	}
	b.WriteString(in.op.String())
	for i := range in.op.operands() {
		b.WriteByte(' ')
		switch {
		case in.registers[i] != immediateRegister:
			fmt.Fprintf(&b, "r%d", in.registers[i])
		case in.op.reals():
			fmt.Fprintf(&b, "%v", math.Float64frombits(in.bits[i]))
		default:
			fmt.Fprintf(&b, "%d", int64(in.bits[i]))
		}
	}
	return b.String()
}

// operands returns how many of x, y and z an operation reads.
func (op Op) operands() int {
	switch op {
	case Null:
		return 0
	case ClampReal, ClampInt, Select, Dot, XXH3Mix:
		return 3
	case Load, Fill, NegReal, AbsReal, SignReal, Floor, Ceil, Round, Trunc, Sqrt, Log, Log1p, Exp, Expm1, AbsInt, SignInt,
		Not, IsNull, IsNaN, IsInf, ToReal, ToInt, Round32, Narrow, Ordered, Farm, XXH3End:
		return 1
	}
	return 2
}
