package segment

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"sync"

	"quern/features/diag"
	"quern/serve/row"
)

// BuildOptions says how a segment is made. The zero value makes the only shard of a view
// without a name.
type BuildOptions struct {
	View, Version string   // names, at most 4,096 bytes each
	Model         [32]byte // digest of the model whose rows these are
	Shard, Shards int      // which of how many; 0 shards are one
	Seed          uint64   // of the keys' hashes; the same for all shards of a version
	Memory        int64    // bytes of rows that are held before they are spilled; 0: 256 MiB
	Temp          string   // folder for what is spilled; "": os.TempDir()

	wide   bool // rows of 40 bits whatever their number, for tests
	fanIn  int  // runs that are merged at once; 0: 64
	buffer int  // bytes of buffer of each run; 0: 256 KiB
}

func (o BuildOptions) withDefaults() (BuildOptions, error) {
	if o.Shards == 0 {
		o.Shards = 1
	}
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	if o.fanIn == 0 {
		o.fanIn = 64
	}
	if o.buffer == 0 {
		o.buffer = 256 << 10
	}
	if o.Shard < 0 || o.Shard >= o.Shards || o.Shards > 1<<20 || o.Memory < 0 {
		panic(fmt.Sprintf("quern: bug: shard %d of %d in %d bytes", o.Shard, o.Shards, o.Memory))
	}
	if len(o.View) > maxName || len(o.Version) > maxName {
		return o, diag.New("Q651", "the name of a view or of its version has more than %d bytes", maxName)
	}
	return o, nil
}

// Builder makes a segment of rows that come in any order. Of the rows of one key the
// greatest by row.Layout.Compare stays: the latest event. It sorts by the hash of the
// key; what does not fit in memory goes to sorted runs in a folder of its own, which are
// merged at the end.
type Builder struct {
	layout *row.Layout
	o      BuildOptions

	mu     sync.Mutex
	arena  *arena
	sort   []entry  // memory of sorted
	levels [][]*run // runs that were merged level times
	temp   string   // the folder, made when it is needed
	given  int64    // rows added
	done   bool
}

// NewBuilder starts a segment of rows of a layout. The caller must Close it.
func NewBuilder(l *row.Layout, o BuildOptions) (*Builder, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return &Builder{layout: l, o: o, arena: newArena(l, o.Memory)}, nil
}

// Add adds copies of rows. Rows of other shards are left out, so the builders of all
// shards may be given the same rows. It is safe for concurrent use.
func (b *Builder) Add(rows *row.Rows) error {
	mine := b.mine(rows)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		panic("quern: bug: rows added to a finished segment")
	}
	for i := range rows.Len() {
		if mine != nil && !mine[i] {
			continue
		}
		r := rows.At(i)
		if b.arena.rows > 0 && (b.arena.size()+b.arena.cost(r) > b.o.Memory || b.arena.full()) {
			if err := b.spill(); err != nil {
				return err
			}
		}
		b.arena.add(r)
		b.given++
	}
	return nil
}

// mine says which rows are of this shard; nil: all of them.
func (b *Builder) mine(rows *row.Rows) []bool {
	if b.o.Shards == 1 {
		return nil
	}
	mine := make([]bool, rows.Len())
	for i := range mine {
		h := row.HashKey(b.layout.Key(rows.At(i)), b.o.Seed)
		mine[i] = h.Shard(b.o.Shards) == b.o.Shard
	}
	return mine
}

// Close removes what was spilled. It is called once the segment is written, or given up.
func (b *Builder) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done, b.arena, b.sort = true, nil, nil
	for _, level := range b.levels {
		for _, r := range level {
			r.file.Close()
		}
	}
	b.levels = nil
	if b.temp == "" {
		return nil
	}
	err := os.RemoveAll(b.temp)
	b.temp = ""
	return err
}

// entry is a row of the arena that is being sorted.
type entry struct {
	hash row.Hash
	row  uint32
}

// sorted returns the rows of the arena in the order of the file, one for each key: the
// one that wins.
func (b *Builder) sorted() []entry {
	a := b.arena
	b.sort = slices.Grow(b.sort[:0], a.rows)[:a.rows]
	entries := b.sort
	for i := range entries {
		entries[i] = entry{row.HashKey(b.layout.Key(a.at(uint32(i))), b.o.Seed), uint32(i)}
	}
	slices.SortFunc(entries, func(x, y entry) int {
		if x.hash.Hi != y.hash.Hi {
			if x.hash.Hi < y.hash.Hi {
				return -1
			}
			return 1
		}
		return compareRows(b.layout, x.hash, a.at(x.row), y.hash, a.at(y.row))
	})
	return slices.CompactFunc(entries, func(x, y entry) bool {
		return x.hash == y.hash && bytes.Equal(b.layout.Key(a.at(x.row)), b.layout.Key(a.at(y.row)))
	})
}

// compareRows orders rows by hash and key, and those of one key by who wins, first.
func compareRows(l *row.Layout, hx row.Hash, x row.Row, hy row.Hash, y row.Row) int {
	if c := compareKeys(hx, l.Key(x), hy, l.Key(y)); c != 0 {
		return c
	}
	return -l.Compare(x, y)
}
