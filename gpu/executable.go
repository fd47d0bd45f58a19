package gpu

import (
	"fmt"
	"slices"
	"sync"

	"quern/features/backend"
	"quern/features/column"
	"quern/features/program"
	"quern/features/stat"
)

// executable is a compiled program: whole, for the reference back end, and cut in two for
// each combination of encodings that its batches have had.
type executable struct {
	b       *Backend
	program *program.Program
	whole   backend.Executable
	memo    memory

	mu      sync.Mutex
	cuts    map[string]*prepared
	rests   map[string]backend.Executable
	refused map[int]bool // statistics whose tuples do not fit the device
}

// prepared is a cut that is ready to run.
type prepared struct {
	*cut
	host   backend.Executable // nil: there is no host part
	passes []preparedPass
}

// preparedPass is a pass whose program is on the device.
type preparedPass struct {
	*pass
	loaded *loaded // nil: statistics only
}

func newExecutable(b *Backend, p *program.Program, whole backend.Executable) *executable {
	return &executable{
		b: b, program: p, whole: whole,
		cuts: map[string]*prepared{}, rests: map[string]backend.Executable{}, refused: map[int]bool{},
	}
}

// NewSession returns a session. Several of them keep the device busy while others fill
// their slots.
func (e *executable) NewSession() backend.Session {
	return &session{executable: e, whole: e.whole.NewSession(), clock: clock{device: e.b.timed}}
}

// prepare returns the cut for a batch and its statistics.
func (e *executable) prepare(in column.Batch, into []stat.Statistic) (*prepared, error) {
	coded := make([]bool, len(in.Columns))
	for i := range in.Columns {
		c := &in.Columns[i]
		if c.Type().IsList() {
			c = c.Values.Elements
		}
		coded[i] = c.Dict()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	key := fmt.Sprint(coded, e.kinds(into), e.refused)
	if p := e.cuts[key]; p != nil {
		return p, nil
	}
	p, err := e.newPrepared(coded, into)
	if err == nil {
		e.cuts[key] = p
	}
	return p, err
}

// kinds returns the kinds of the statistics: what may observe what does not depend on
// anything else in a spec but folds.
func (e *executable) kinds(into []stat.Statistic) []string {
	var kinds []string
	for _, s := range into {
		spec := s.Spec()
		kinds = append(kinds, fmt.Sprint(spec.Kind, spec.Folds))
	}
	return kinds
}

func (e *executable) newPrepared(coded []bool, into []stat.Statistic) (*prepared, error) {
	can := abilities(func(n int) stat.Spec { return into[n].Spec() })
	kernel := can.statistic
	can.statistic = func(n int, args []argument) bool { return !e.refused[n] && kernel(n, args) }
	p := &prepared{cut: cutProgram(e.program, coded, can)}
	if p.cut.host != nil {
		host, err := e.b.reference.Compile(p.cut.host)
		if err != nil {
			panic("quern: bug: gpu: the host's part of a program is not one: " + err.Error())
		}
		p.host = host
	}
	for i := range p.cut.passes {
		pass := preparedPass{pass: &p.cut.passes[i]}
		if pass.program != nil {
			var err error
			if pass.loaded, err = e.b.load(pass.program); err != nil {
				return nil, err
			}
		}
		p.passes = append(p.passes, pass)
	}
	return p, nil
}

// refuse has statistic n observed by the host from now on.
func (e *executable) refuse(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refused[n] = true
}

// rest returns some outputs and observations of the program, for the reference back end.
func (e *executable) rest(outputs, observed []int) backend.Executable {
	e.mu.Lock()
	defer e.mu.Unlock()
	key := fmt.Sprint(outputs, observed)
	if x := e.rests[key]; x != nil {
		return x
	}
	part := *e.program
	part.Outputs, part.Observes = nil, nil
	for _, i := range outputs {
		part.Outputs = append(part.Outputs, e.program.Outputs[i])
	}
	for _, i := range observed {
		part.Observes = append(part.Observes, e.program.Observes[i])
	}
	x, err := e.b.reference.Compile(restOf(&part))
	if err != nil {
		panic("quern: bug: gpu: a part of a program is not one: " + err.Error())
	}
	e.rests[key] = x
	return x
}

// restOf prunes p but keeps all of its inputs, so that it takes the batches of p.
func restOf(p *program.Program) *program.Program {
	pruned := p.Pruned()
	number := make([]int64, len(pruned.Inputs))
	for i, f := range pruned.Inputs {
		number[i] = int64(p.Inputs.Find(f.Name))
	}
	pruned.Inputs = slices.Clone(p.Inputs)
	for i := range pruned.Code {
		if in := &pruned.Code[i]; in.Op == program.Load {
			in.Imm.Int = number[in.Imm.Int]
		}
	}
	return pruned
}
