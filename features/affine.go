package features

import (
	"math"

	"quern/features/program"
)

// affine is (x - center) / scale, the shape of every scaling operator.
type affine struct {
	center, scale float64
	halved        bool // center, scale and x are halved, so that nothing overflows
}

// newAffine returns (x - center) / scale. Where center or scale is so large that
// x - center may be beyond float64 for an ordinary x of the column, all three are
// halved: that is exact for all but denormals, whose loss is far below the last
// bit of such a result.
func newAffine(center, scale float64) affine {
	const huge = 0x1p1022
	if math.Abs(center) < huge && math.Abs(scale) < huge {
		return affine{center: center, scale: scale}
	}
	return affine{center: center * 0.5, scale: scale * 0.5, halved: true}
}

// between returns (x - center) / (hi - lo), also where hi - lo is beyond float64.
func between(center, lo, hi float64) affine {
	if a := newAffine(center, hi-lo); !math.IsInf(hi-lo, 0) {
		return a
	}
	return affine{center: center * 0.5, scale: hi*0.5 - lo*0.5, halved: true}
}

// emit appends the subtraction and the division, each rounded once.
func (a affine) emit(b *program.Builder, x program.Register) program.Register {
	if a.halved {
		x = b.Emit(program.Mul, program.Imm{}, x, b.ConstFloat(0.5))
	}
	x = b.Emit(program.Sub, program.Imm{}, x, b.ConstFloat(a.center))
	if a.scale != 1 {
		x = b.Emit(program.Div, program.Imm{}, x, b.ConstFloat(a.scale))
	}
	return x
}
