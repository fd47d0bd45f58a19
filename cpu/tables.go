package cpu

import (
	"runtime"
	"sync"
	"weak"

	"quern/cpu/kernel"
	"quern/features/column"
	"quern/features/program"
)

// table is a program.Table prepared for lookups: find gives the row of each key, null
// the row of the null key; -1: none. It never changes once made.
type table struct {
	find   func(c *call, rows []int32)
	null   int32
	ints   []int64
	floats []float64
	first  int64 // without ints and floats: row i has the value first+i
	apart  bool  // the null row, which is the last, has not that value but other
	other  int64
}

func newTable(source *program.Table) *table {
	t := &table{null: nullRow(&source.Keys), find: finder(source)}
	switch v := &source.Values; {
	case v.Len == 0 && v.Type == column.Float64:
		t.floats = make([]float64, 1) // Values wants one, if only to pass over it
	case v.Type == column.Float64:
		t.floats = v.Float64s
	case sequence(v.Int64s):
		t.first = firstOf(v.Int64s)
	case int(t.null) == v.Len-1 && sequence(v.Int64s[:t.null]):
		t.first, t.apart, t.other = firstOf(v.Int64s), true, v.Int64s[t.null]
	default:
		t.ints = v.Int64s
	}
	return t
}

// sequence reports whether values count up by one, as the ids of a vocabulary do.
func sequence(values []int64) bool {
	for i, x := range values {
		if uint64(x) != uint64(values[0])+uint64(i) {
			return false
		}
	}
	return true
}

func firstOf(values []int64) int64 {
	if len(values) == 0 {
		return 0
	}
	return values[0]
}

func nullRow(keys *column.Vector) int32 {
	if keys.Valid == nil {
		return -1
	}
	for i := range keys.Len {
		if keys.Null(i) {
			return int32(i)
		}
	}
	return -1
}

// finder returns the search for keys of one kind. A null argument's slot gets
// any row.
func finder(source *program.Table) func(c *call, rows []int32) {
	keys := &source.Keys
	if keys.Type.Kind() == column.Strings {
		index, err := source.Index()
		if err != nil {
			panic("quern: bug: a table that was not verified: " + err.Error())
		}
		t := kernel.NewStringTable(keys.Text.Bytes, keys.Text.Offsets, keys.Valid, index.Slots())
		return func(c *call, rows []int32) {
			kernel.FindStrings(rows, &c.args[0].text, c.args[0].valid, t, c.probe)
		}
	}
	t := kernel.NewTable(tableWords(keys), keys.Valid)
	switch keys.Type.Kind() {
	case column.Bools:
		return func(c *call, rows []int32) {
			kernel.BoolsToInts(c.ints[:c.n], c.args[0].bools)
			kernel.FindInts(rows, c.ints, t, c.probe)
		}
	case column.Ints:
		return func(c *call, rows []int32) { kernel.FindInts(rows, c.args[0].ints, t, c.probe) }
	}
	return func(c *call, rows []int32) {
		kernel.OrderedFloats(c.ints[:c.n], c.args[0].floats)
		kernel.FindInts(rows, c.ints, t, c.probe)
	}
}

// tableWords returns the keys as words that are equal when their canonical bytes are.
// Those under nulls are garbage.
func tableWords(keys *column.Vector) []uint64 {
	words := make([]uint64, keys.Len)
	for i := range words {
		switch keys.Type.Kind() {
		case column.Bools:
			words[i] = kernel.Bit(keys.Bools[i])
		case column.Ints:
			words[i] = uint64(keys.Int(i))
		case column.Floats:
			words[i] = program.OrderedBits(keys.Float(i))
		}
	}
	return words
}

// shelf holds the tables that executables of a back end have prepared, as long as one
// of them is in use: programs cut from one another share theirs.
type shelf struct {
	lock   sync.Mutex
	places map[any]*shelved // by program.Table.Identity
}

// shelved is one table's place; its lock is held while the table is prepared.
type shelved struct {
	lock  sync.Mutex
	table weak.Pointer[table]
}

// get returns t prepared.
func (s *shelf) get(t *program.Table) *table {
	id := t.Identity()
	if id == nil {
		return newTable(t)
	}
	at := s.place(id)
	at.lock.Lock()
	defer at.lock.Unlock()
	if made := at.table.Value(); made != nil {
		return made
	}
	made := newTable(t)
	at.table = weak.Make(made)
	runtime.AddCleanup(made, s.forget, id)
	return made
}

func (s *shelf) place(id any) *shelved {
	s.lock.Lock()
	defer s.lock.Unlock()
	at := s.places[id]
	if at == nil {
		at = &shelved{}
		s.places[id] = at
	}
	return at
}

// forget clears the place of a table that is no longer in use, unless the place has
// been taken again.
func (s *shelf) forget(id any) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if at := s.places[id]; at != nil && at.lock.TryLock() {
		if at.table.Value() == nil {
			delete(s.places, id)
		}
		at.lock.Unlock()
	}
}

// prepare returns those of p's tables that are wanted, a processor for each at a
// time; nil for the others.
func (s *shelf) prepare(p *program.Program, which []int) []*table {
	tables := make([]*table, len(p.Tables))
	wanted := make(chan int)
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(which)) {
		group.Go(func() {
			for i := range wanted {
				tables[i] = s.get(&p.Tables[i])
			}
		})
	}
	for _, i := range which {
		wanted <- i
	}
	close(wanted)
	group.Wait()
	return tables
}
