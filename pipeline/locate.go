package pipeline

import (
	"errors"

	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/source"
)

// locateRun turns a fault of a program into an error that names both ends: the
// place in the recipe and the row in the data. keep maps the batch's rows to the
// chunk's; nil: they are the same. Other errors stay as they are.
func locateRun(file string, err error, p *program.Program, c *source.Chunk, keep []int32) error {
	var fault *program.RowError
	if !errors.As(err, &fault) {
		return err
	}
	e := diag.New("Q401", "%s", fault.Reason)
	if at := p.Code[fault.Register].Origin; at >= 0 {
		o := p.Origins[at]
		e.Place = diag.Place{File: file, Line: o.Line, Column: o.Col}
		e.Message = o.Path + ": " + e.Message
	}
	if c == nil {
		return e
	}
	name := ""
	if d := p.Root(fault.Register); d >= 0 {
		name = p.Inputs[d].Name
	}
	return inChunk(e.In(diag.Data{Row: int64(fault.Row), Column: name}), c, keep)
}

// inChunk completes the place in the data of an error that knows the row within
// the batch only. keep maps the batch's rows to the chunk's; nil: they are the same.
func inChunk(err error, c *source.Chunk, keep []int32) error {
	var e *diag.Error
	if !errors.As(err, &e) || e.Data == nil || e.Data.File != "" {
		return err
	}
	d := *e.Data
	d.File, d.RowGroup = c.File, c.Group
	if keep != nil && d.Row >= 0 {
		d.Row = int64(keep[d.Row])
	}
	return e.In(d)
}

func (p *Plan) locateRun(err error, of *program.Program, c *source.Chunk, keep []int32) error {
	return locateRun(p.Recipe.File, err, of, c, keep)
}
