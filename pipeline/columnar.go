package pipeline

import (
	"quern/features/program"
	"quern/pipeline/source"
)

// columnar returns src as a source whose columns can be read apart, or nil.
func columnar(src source.Source) source.Columnar {
	if in, ok := src.(*inputs); ok {
		src = in.Source
	}
	c, _ := src.(source.Columnar)
	return c
}

// componentsOf returns what of p can be computed apart, if that is wanted: else, or
// where there is nothing to compute, p as it is.
func componentsOf(p *program.Program, apart bool) []program.Component {
	if apart {
		if c := p.Split(); len(c) > 0 {
			return c
		}
	}
	return []program.Component{p.Whole()}
}

// sharesOf returns which part of the bytes that all components read each of them
// reads, once uncompressed. src is nil where columns are not read apart.
func sharesOf(src source.Columnar, components []program.Component) []float64 {
	shares, total := make([]float64, len(components)), 0.0
	for i, c := range components {
		shares[i] = 1
		if src != nil {
			shares[i] += float64(src.ColumnBytes(c.Program.Inputs.Names()))
		}
		total += shares[i]
	}
	for i := range shares {
		shares[i] /= total
	}
	return shares
}
