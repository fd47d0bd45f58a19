package bench

import (
	"fmt"
	"time"

	"quern/features/column"
	"quern/features/program"
)

// crossoverColumns is how many columns the batches of the crossover have.
const crossoverColumns = 4

// crossover measures batches of 1 Ki rows, four times as many, and so on: a chain of
// float32 columns as it is usual for click logs.
func (c *comparer) crossover() ([]Crossing, error) {
	p := crossoverProgram()
	var found []Crossing
	for rows := min(1024, c.Crossover); rows <= c.Crossover; rows *= 4 {
		batch := column.Batch{Rows: rows}
		for i := range crossoverColumns {
			s := newStream(uint64(i), uint64(rows))
			f := &reals{null: 0.05}
			batch.Columns = append(batch.Columns, f.fill(&s, rows))
		}
		x := Crossing{Rows: rows}
		for _, side := range []struct {
			seconds *float64
			workers int
			gpu     bool
		}{{&x.One, 1, false}, {&x.All, c.Cores, false}, {&x.GPU, 1, true}} {
			took, err := c.oneBatch(p, batch, side.workers, side.gpu)
			if err != nil {
				return nil, err
			}
			*side.seconds = took
		}
		c.say("batches of %d rows: one core %.3g s, %d cores %.3g s, GPU %.3g s", rows, x.One, c.Cores, x.All, x.GPU)
		found = append(found, x)
	}
	return found, nil
}

// oneBatch returns how long a batch takes, at best of some rounds: whole on the device,
// and cut among the workers on the CPU.
func (c *comparer) oneBatch(p *program.Program, batch column.Batch, workers int, gpu bool) (float64, error) {
	be, batches := c.cpu, cutAmong(batch, workers)
	if gpu {
		be, batches = c.GPU, []column.Batch{batch}
	}
	a, err := newApplier(be, p, p.Inputs, batches)
	if err != nil {
		return 0, err
	}
	least := 0.0
	for i := range 2 + c.Runs {
		start := time.Now()
		if err := a.run(workers); err != nil {
			return 0, err
		}
		if t := time.Since(start).Seconds(); i == 0 || t < least {
			least = t
		}
	}
	return max(least, 1e-9), nil
}

// cutAmong cuts a batch of plain columns into n of about the same size.
func cutAmong(b column.Batch, n int) []column.Batch {
	step := max(64, (b.Rows+n-1)/n+63) &^ 63
	var cut []column.Batch
	for from := 0; from < b.Rows; from += step {
		to := min(b.Rows, from+step)
		part := column.Batch{Rows: to - from}
		for i := range b.Columns {
			part.Columns = append(part.Columns, column.Cut(&b.Columns[i], from, to))
		}
		cut = append(cut, part)
	}
	return cut
}

// crossoverProgram fills, takes logarithms and scales.
func crossoverProgram() *program.Program {
	var schema column.Schema
	for i := range crossoverColumns {
		schema = append(schema, column.Field{Name: fmt.Sprintf("x%d", i), Type: column.Float32})
	}
	b := program.NewBuilder(schema)
	for i, f := range schema {
		x := b.Coalesce(b.Convert(b.Load(i), column.Float64), b.ConstFloat(0))
		x = b.Emit(program.Log1p, program.Imm{}, b.Emit(program.Max, program.Imm{}, x, b.ConstFloat(0)))
		x = b.Emit(program.Div, program.Imm{}, b.Emit(program.Sub, program.Imm{}, x, b.ConstFloat(0.8)), b.ConstFloat(0.5))
		b.Output(f.Name, b.Emit(program.Round32, program.Imm{}, x), program.RoleFeature)
	}
	return b.Finish()
}
