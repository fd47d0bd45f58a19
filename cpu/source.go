package cpu

import (
	"quern/features/column"
	"quern/features/program"
)

// place says where a register is evaluated: per slot of a source, whose number it
// is, or in one of these places.
type place int

const (
	once   place = -1 // at Compile: a constant
	perRow place = -2 // several sources meet
)

// definition says where a source comes from. Sources are numbered: the inputs first,
// then what instructions make of lists, in the order of the program, so that a source
// comes after the one that it is made of.
type definition struct {
	elements bool // its column is one of elements of lists, else one of rows

	// Of a source that an instruction makes:
	maker *program.Instr   // nil: an input
	list  program.Register // the lists that it sees
	from  place            // the source where those are evaluated
	fill  program.Value    // what it puts where there is no element
	pool  pool             // what it makes of each list, or nil: it chooses elements
}

// define returns where the sources come from, and the place of every register.
func (b *binder) define() ([]definition, []place) {
	list := make([]definition, len(b.p.Inputs))
	for i, f := range b.p.Inputs {
		list[i].elements = f.Type.IsList()
	}
	domains := b.p.Domains()
	places := make([]place, len(domains))
	for i := range b.p.Code {
		in := &b.p.Code[i]
		switch d := domains[i]; {
		case d == program.Constant:
			places[i] = once
		case d == program.Rows:
			places[i] = perRow
		case in.Op.Whole():
			places[i] = place(len(list))
			list = append(list, definition{
				elements: in.Type.IsList(), maker: in, list: in.Args[0], from: places[in.Args[0]], pool: b.pooling(in),
				fill: program.NullValue(),
			})
		case d.Maker() != program.None:
			places[i] = places[d.Maker()]
		default:
			places[i] = place(d)
		}
	}
	return list, places
}

// encoding is how a source's column comes.
type encoding uint8

const (
	plain   encoding = iota
	coded            // a dictionary: evaluated per slot
	indexed          // a dictionary that is read through its index, as if it were plain
)

// crowded is how many slots per row make a dictionary cheaper to read row by row:
// then at least half of its slots are used by no row of this batch.
const crowded = 2

// source is what registers are evaluated over: a column of the input, the column of
// elements of an input of lists, or what an instruction makes of lists. What follows
// of it is of the batch at hand.
type source struct {
	column   *column.Column
	encoding encoding
	valid    column.Bitmap // of the lists, if it is of elements
	offsets  []uint32      // of the lists

	made    column.Column // what column points to, if an instruction makes it
	lacking bool          // made.Values has a slot for what is no element, behind the others
	memory  sourceMemory
}

// sourceMemory is what a source keeps from batch to batch.
type sourceMemory struct {
	offsets []uint32
	index   []int32
	values  column.Vector
	bits    []uint64
}

// slots returns how many slots the source is evaluated over.
func (s *source) slots() int {
	if s.encoding == coded {
		return s.column.Values.Len
	}
	return s.column.Len
}

// index returns the slot of each row of the source, or nil: row i has slot i.
func (s *source) index() []int32 {
	if s.encoding == coded {
		return s.column.Index
	}
	return nil
}

// find finds the sources of the batch at hand: columns, shapes and indexes. The values
// of what instructions make come later (see fill).
func (s *session) find() error {
	for i := range s.sources {
		src := &s.sources[i]
		s.counts[i].fresh = false
		if s.definitions[i].maker != nil {
			if err := s.shape(i); err != nil {
				return err
			}
			continue
		}
		src.column = &s.in.Columns[i]
		if v := &src.column.Values; s.definitions[i].elements {
			src.column, src.valid, src.offsets = v.Elements, v.Valid, v.Offsets
		}
		src.encoding = encodingOf(src.column)
	}
	return nil
}

func encodingOf(c *column.Column) encoding {
	switch {
	case !c.Dict():
		return plain
	case c.Values.Len <= crowded*c.Len:
		return coded
	}
	return indexed
}

// apart reports whether source i has a pass of its own: it is evaluated over other
// slots than the rows.
func (s *session) apart(i place) bool {
	return s.definitions[i].elements || s.sources[i].encoding == coded
}
