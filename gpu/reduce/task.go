package reduce

import (
	"encoding/binary"

	"quern/gpu/code"
)

// Task is one column's share of a launch: Task of gpu/kernels/rows.cuh. What State and P
// are is each kernel's own matter; see the package's documentation.
type Task struct {
	X     code.Column
	Rows  uint64
	State uint64
	P     [9]uint64
}

// TaskBytes is the size of a Task in device memory.
const TaskBytes = code.ColumnSize + 11*8

// Append appends t as it lies in device memory.
func (t *Task) Append(b []byte) []byte {
	b = t.X.Append(b)
	b = binary.LittleEndian.AppendUint64(b, t.Rows)
	b = binary.LittleEndian.AppendUint64(b, t.State)
	for _, p := range t.P {
		b = binary.LittleEndian.AppendUint64(b, p)
	}
	return b
}

// word returns word i of a state. A state that is too short is a bug of the caller.
func word(state []byte, i int) uint64 { return binary.LittleEndian.Uint64(state[8*i:]) }
