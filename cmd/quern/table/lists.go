package table

import (
	"errors"
	"fmt"
	"strings"

	"quern/features/column"
	"quern/features/diag"
	"quern/features/program"
	"quern/pipeline/sink/safetensors"
)

// maxElements is the most elements that the lists of arrayRows rows may have to be
// shown.
const maxElements = 1 << 24

// joinLists makes one array of each pair NAME.values and NAME.offsets, called NAME,
// whose rows are lists.
func joinLists(arrays []array) []array {
	named := map[string]*array{}
	for i := range arrays {
		named[arrays[i].name] = &arrays[i]
	}
	var joined []array
	for _, a := range arrays {
		stem, isOffsets := strings.CutSuffix(a.name, ".offsets")
		if isOffsets && named[stem+".values"].holdsElements(&a) {
			continue
		}
		if stem, ok := strings.CutSuffix(a.name, ".values"); ok && a.holdsElements(named[stem+".offsets"]) {
			a.name, a.offsets = stem, named[stem+".offsets"]
		}
		joined = append(joined, a)
	}
	return joined
}

// holdsElements reports whether a has the elements of lists that begin at offsets.
func (a *array) holdsElements(offsets *array) bool {
	return a != nil && offsets != nil && typeOf(a.dtype) != column.Invalid && len(a.shape) == 1 &&
		offsets.dtype == "I64" && len(offsets.shape) == 1 && offsets.shape[0] > 0
}

// lists reports whether the rows of a are lists.
func (a *array) lists() bool { return a.offsets != nil || a.matrix }

// readLists reads n rows of lists.
func (a *array) readLists(from, n int64) (column.Column, error) {
	bounds := make([]int64, n+1)
	for i := range bounds {
		if a.matrix {
			bounds[i] = (from + int64(i)) * a.shape[1]
		}
	}
	if a.offsets != nil {
		data := make([]byte, 8*(n+1))
		if _, err := a.offsets.file.ReadAt(data, a.offsets.from+8*from); err != nil {
			return column.Column{}, a.unreadable(err)
		}
		for i := range bounds {
			bounds[i] = element("I64", data[8*i:]).Int
			if bounds[i] < 0 || bounds[i] > a.shape[0] || i > 0 && bounds[i] < bounds[i-1] {
				return column.Column{}, a.unreadable(fmt.Errorf("list %d begins at %d of %d elements", from+int64(i), bounds[i], a.shape[0]))
			}
		}
	}
	first, size := bounds[0], safetensors.ElementSize(a.dtype)
	if bounds[n]-first > maxElements {
		return column.Column{}, a.unreadable(errors.New("its lists are too long to be shown"))
	}
	data := make([]byte, (bounds[n]-first)*size)
	if _, err := a.file.ReadAt(data, a.from+first*size); err != nil && len(data) > 0 {
		return column.Column{}, a.unreadable(err)
	}
	v := column.Vector{Type: column.ListOf(typeOf(a.dtype))}
	for r := range n {
		list := []program.Value{}
		for e := bounds[r]; e < bounds[r+1]; e++ {
			list = append(list, element(a.dtype, data[(e-first)*size:]))
		}
		program.AppendStored(&v, program.Value{List: list})
	}
	return column.Column{Len: int(n), Values: v}, nil
}

// unreadable says that rows of a cannot be read.
func (a *array) unreadable(err error) error {
	return diag.New("Q516", "array %s cannot be read", a.name).Because(err)
}
