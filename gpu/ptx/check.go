package ptx

import (
	"fmt"
	"slices"
	"strings"
)

// Finding is something that a kernel of ours must not contain.
type Finding struct {
	Line  int
	Entry string
	What  string
}

// String returns "line N: entry: what".
func (f Finding) String() string { return fmt.Sprintf("line %d: %s: %s", f.Line, f.Entry, f.What) }

// maxShared is the static shared memory that every GPU gives to a block.
const maxShared = 48 << 10

// Check returns what must not be in a kernel, in the order of the text:
//
//   - fused products and sums (fma, mad.f), and float arithmetic without .rn,
//     which ptxas may fuse: both round once where the CPU rounds twice;
//   - approximations and flushed denormals;
//   - float atomics, whose sum depends on the order of the threads;
//   - local memory: an array that did not fit into registers; more shared memory
//     than a block can have;
//   - what C cannot express: every instruction without a translation.
func (m *Module) Check() []Finding {
	var found []Finding
	for _, e := range m.Entries {
		size := 0
		for _, v := range e.Shared {
			size += v.Size
		}
		if size > maxShared {
			found = append(found, Finding{e.Line, e.Name, fmt.Sprintf("%d bytes of shared memory, more than %d", size, maxShared)})
		}
		for _, v := range e.Local {
			found = append(found, Finding{v.Line, e.Name, "local memory: keep arrays in registers"})
		}
		for _, in := range e.Body {
			if what := in.check(); what != "" {
				found = append(found, Finding{in.Line, e.Name, in.Op + ": " + what})
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	if _, err := m.C("check"); err != nil {
		f := err.(*Error)
		return []Finding{{f.Line, "", f.Reason}}
	}
	return nil
}

// check returns what is wrong with one instruction, or "".
func (in *Instr) check() string {
	base, mods := in.base()
	if len(mods) == 0 {
		if base == "call" {
			return "call: inline the function"
		}
		return ""
	}
	t := mods[len(mods)-1]
	has := func(m string) bool { return slices.Contains(mods, m) }
	switch {
	case base == "fma" || base == "mad" && isFloat(t):
		return "fused: it rounds once"
	case has("approx") || has("full"):
		return "approximation"
	case has("ftz"):
		return "flushes denormals"
	case (base == "atom" || base == "red") && (isFloat(t) || strings.HasPrefix(t, "f16") || strings.HasPrefix(t, "bf16")):
		return "float atomic: its result depends on the order of the threads"
	case (base == "ld" || base == "st") && has("local"):
		return "local memory"
	case isFloat(t) && !has("rn"):
		switch base {
		case "add", "sub", "mul", "div", "sqrt", "rcp":
			return "without .rn: it may be fused, or rounds another way"
		}
	}
	return ""
}
