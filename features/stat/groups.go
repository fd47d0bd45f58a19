package stat

// groups is the payload of KeyedSums: one Group per id and fold.
type groups struct {
	folds   int
	cells   []Group // id*folds + fold
	wide    bool    // some group may have windows
	spilled []Group // per fold, the total of what is in runs
}

// wideBytes is about what the windows of one group take.
const wideBytes = 208

// of returns the groups of id.
func (g *groups) of(id int) []Group { return g.cells[id*g.folds : (id+1)*g.folds] }

// grow makes the groups of the next id.
func (g *groups) grow() {
	for range g.folds {
		g.cells = append(g.cells, Group{})
	}
}

// addFloats adds x[row] to the group at cells[row], unless that is -1.
func (g *groups) addFloats(cells []int64, x []float64) {
	for row, c := range cells {
		if c < 0 {
			continue
		}
		if v := x[row]; float64(int32(v)) == v {
			g.cells[c].addSmall(int64(v))
		} else {
			g.wide = true
			g.cells[c].addFloatTimes(v, 1)
		}
	}
}

// addInts adds x[row] to the group at cells[row], unless that is -1.
func (g *groups) addInts(cells []int64, x []int64) {
	for row, c := range cells {
		if c < 0 {
			continue
		}
		if v := x[row]; int64(int32(v)) == v {
			g.cells[c].addSmall(v)
		} else {
			g.wide = true
			g.cells[c].addIntTimes(v, 1)
		}
	}
}

// addTo adds what is in memory to the totals per fold.
func (g *groups) addTo(totals []Group) {
	for i := range g.cells {
		totals[i%g.folds].merge(&g.cells[i])
	}
}

func (g *groups) present(id int) bool {
	for _, c := range g.of(id) {
		if c.rows() > 0 {
			return true
		}
	}
	return false
}

func (g *groups) appendBody(b []byte, id int) []byte {
	cells := g.of(id)
	for f := range cells {
		b = appendGroup(b, &cells[f])
	}
	return b
}

func (g *groups) length(data []byte) int {
	r := reader{data: data}
	for range g.folds {
		skipGroup(&r)
	}
	if r.bad {
		return 0
	}
	return len(data) - len(r.data)
}

func (g *groups) combine(b []byte, add, take [][]byte) ([]byte, error) {
	sum, part := make([]Group, g.folds), make([]Group, g.folds)
	for _, body := range add {
		readGroups(&reader{data: body}, part)
		for f := range sum {
			sum[f].merge(&part[f])
		}
	}
	for _, body := range take {
		readGroups(&reader{data: body}, part)
		for f := range sum {
			d, ok := sum[f].minus(&part[f])
			if !ok {
				return b, ErrNotInvertible
			}
			sum[f] = d
		}
	}
	rows := uint64(0)
	for f := range sum {
		rows += sum[f].rows()
	}
	if rows == 0 {
		return b, nil
	}
	for f := range sum {
		b = appendGroup(b, &sum[f])
	}
	return b, nil
}

// reset forgets what is in memory, but for its totals.
func (g *groups) reset() {
	g.addTo(g.spilled)
	g.cells, g.wide = nil, false
}

func (g *groups) bytes() int64 {
	n := groupBytes * int64(cap(g.cells))
	if g.wide {
		n += wideBytes * int64(len(g.cells))
	}
	return n
}

// groupBytes is the size of a Group: three words of numbers and a pointer.
const groupBytes = 32

// readGroups reads a group per fold into folds and returns how many rows they
// have seen.
func readGroups(r *reader, folds []Group) (rows uint64) {
	for f := range folds {
		folds[f] = readGroup(r)
		if n := folds[f].rows(); n <= maxRows-rows {
			rows += n
		} else {
			r.bad = true
		}
	}
	return rows
}
