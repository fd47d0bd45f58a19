package code

import (
	"quern/features/column"
	"quern/features/program"
)

// maxMixed is how many hashes HashMix may mix: XXH3 has other rules for longer input.
const maxMixed = 16

// Supports reports whether the device can do an instruction whose arguments have the
// given types. Lists stand for their elements. Of an instruction that it can do, every
// result is the reference's, or a bit of the fault word is set.
func Supports(in *program.Instr, args []column.Type) bool {
	if in.Op.Whole() || in.Op == program.HashMix && len(args) > maxMixed {
		return false
	}
	for _, t := range args {
		if _, ok := RegisterType(t); !ok {
			return false
		}
	}
	_, ok := RegisterType(in.Type)
	return ok
}
