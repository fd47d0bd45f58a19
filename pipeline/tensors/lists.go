package tensors

import (
	"fmt"
	"strings"
)

// checkLists checks that the offsets of every column of lists rise from 0 to the number
// of its elements, so that whoever slices by them cannot fail.
func (p *Part) checkLists() error {
	for i := range p.Arrays {
		a := &p.Arrays[i]
		stem, ok := strings.CutSuffix(a.Name, ".offsets")
		values := p.Array(stem + ".values")
		offsets, isInts := a.Data.([]int64)
		if !ok || values == nil || !isInts || len(a.Shape) != 1 || len(offsets) != p.Rows+1 {
			continue
		}
		at := int64(0)
		for row, end := range offsets {
			if end < at || row == 0 && end != 0 {
				return fmt.Errorf("list %d of %s ends at %d, before %d", row-1, stem, end, at)
			}
			at = end
		}
		if at != int64(values.Shape[0]) {
			return fmt.Errorf("the lists of %s end at %d of %d elements", stem, at, values.Shape[0])
		}
	}
	return nil
}
