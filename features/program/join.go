package program

import "quern/features/column"

// Join returns one program with the outputs of all programs, in order; nil ones are
// left out. The programs are verified, their inputs of one name have one type, and no
// two outputs have one name. Observations are not taken over.
func Join(programs ...*Program) *Program {
	var inputs column.Schema
	for _, p := range programs {
		if p == nil {
			continue
		}
		for _, f := range p.Inputs {
			if inputs.Find(f.Name) < 0 {
				inputs = append(inputs, f)
			}
		}
	}
	b := NewBuilder(inputs)
	for _, p := range programs {
		if p == nil {
			continue
		}
		loads := make([]Register, len(p.Inputs))
		for i, f := range p.Inputs {
			loads[i] = b.Load(inputs.Find(f.Name))
		}
		for i, r := range b.Append(p, loads) {
			b.Output(p.Outputs[i].Name, r, p.Outputs[i].Role)
		}
	}
	return b.Finish()
}
