package text

// Block is a run of records of a file, cut into cells. A parser fills it.
type Block struct {
	Cells []Cell // of all records, one after the other
	Ends  []int  // per record: where its cells end
	Size  int    // bytes of the records
	// Alike says that all records have as many cells, of the same columns in the same
	// order.
	Alike bool
}

// blockCells is how many cells a block aims at: what they are made of should still be
// in a core's cache when they are read column by column.
const blockCells = 1024

// Reset empties b and keeps its memory.
func (b *Block) Reset() { b.Cells, b.Ends, b.Size, b.Alike = b.Cells[:0], b.Ends[:0], 0, true }

// Full reports whether b needs no more records.
func (b *Block) Full() bool { return len(b.Cells) >= blockCells || len(b.Ends) >= blockCells }

// End ends a record: it has the cells that were appended after the last one.
func (b *Block) End() { b.Ends = append(b.Ends, len(b.Cells)) }

// width returns how many cells each record has, if they are alike; else 0.
func (b *Block) width() int {
	if !b.Alike || len(b.Ends) == 0 {
		return 0
	}
	return b.Ends[0]
}
