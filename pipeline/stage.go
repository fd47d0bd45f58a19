package pipeline

import (
	"quern/features/backend"
	"quern/features/program"
	"quern/pipeline/source"
)

// stage is a compiled program and where its inputs are among the columns read.
type stage struct {
	program *program.Program
	exe     backend.Executable
	inputs  []int
}

// newStage compiles p, whose inputs are found among columns. nil stays nil.
func newStage(be backend.Backend, p *program.Program, columns []string) (*stage, error) {
	if p == nil {
		return nil, nil
	}
	exe, err := be.Compile(p)
	if err != nil {
		return nil, err
	}
	return &stage{p, exe, positions(p.Inputs.Names(), columns)}, nil
}

// filter returns a filter of a stage with one Bool output; nil for nil.
func (s *stage) filter() *filter {
	if s == nil {
		return nil
	}
	return newFilter(s.exe, s.inputs)
}

// partRows and partBytes end a part: the first chunk that reaches one of them is
// its last. They depend on the chunks alone, so part borders do too.
const (
	partRows  = 1 << 18
	partBytes = 64 << 20
)

// PartsOf groups consecutive chunks into parts. Chunks of whole parts, taken out of the
// rest, are grouped as they are there.
func PartsOf(chunks []source.Chunk) [][]source.Chunk {
	var parts [][]source.Chunk
	var rows, bytes int64
	start := 0
	for i, c := range chunks {
		rows, bytes = rows+max(0, c.Rows), bytes+c.Bytes
		if rows >= partRows || bytes >= partBytes || i == len(chunks)-1 {
			parts = append(parts, chunks[start:i+1])
			start, rows, bytes = i+1, 0, 0
		}
	}
	return parts
}

// rowsOf returns how many rows chunks have; -1 if that is not known before they are read.
func rowsOf(chunks []source.Chunk) int64 {
	rows := int64(0)
	for _, c := range chunks {
		if c.Rows < 0 {
			return -1
		}
		rows += c.Rows
	}
	return rows
}
