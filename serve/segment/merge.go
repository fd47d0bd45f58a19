package segment

import (
	"bufio"
	"bytes"

	"quern/serve/row"
)

// merge gives the rows of runs in the order of the segment, one for each key, the one
// that wins. The rows are valid until yield returns. The runs are used up.
func (b *Builder) merge(runs []*run, yield func(row.Hash, row.Row) error) error {
	m := merger{layout: b.layout}
	for _, r := range runs {
		in := &runReader{run: r, in: bufio.NewReaderSize(r.file, b.o.buffer), left: r.rows}
		more, err := in.next(b.layout)
		if err != nil {
			return err
		}
		if more {
			m.heads = append(m.heads, in)
		}
	}
	for i := len(m.heads)/2 - 1; i >= 0; i-- {
		m.sink(i)
	}
	var last []byte // the key that was given last
	for first := true; len(m.heads) > 0; {
		top := m.heads[0]
		if key := b.layout.Key(top.row); first || !bytes.Equal(key, last) {
			if err := yield(top.hash, top.row); err != nil {
				return err
			}
			first, last = false, append(last[:0], key...)
		}
		if err := m.advance(); err != nil {
			return err
		}
	}
	return nil
}

// merger is a binary heap of runs by their next row.
type merger struct {
	layout *row.Layout
	heads  []*runReader
}

// advance replaces the first row by the next one of its run.
func (m *merger) advance() error {
	more, err := m.heads[0].next(m.layout)
	if err != nil {
		return err
	}
	if !more {
		last := len(m.heads) - 1
		m.heads[0], m.heads = m.heads[last], m.heads[:last]
	}
	m.sink(0)
	return nil
}

func (m *merger) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(m.heads) {
			return
		}
		if child+1 < len(m.heads) && m.less(child+1, child) {
			child++
		}
		if !m.less(child, i) {
			return
		}
		m.heads[i], m.heads[child] = m.heads[child], m.heads[i]
		i = child
	}
}

func (m *merger) less(i, j int) bool {
	x, y := m.heads[i], m.heads[j]
	return compareRows(m.layout, x.hash, x.row, y.hash, y.row) < 0
}
