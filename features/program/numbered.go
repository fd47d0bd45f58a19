package program

import "strconv"

// AddNumbered adds a table under its name or, where another table has that name
// already, under the first of NAME#2, NAME#3 ... that is free. A table that is
// there already, under any of these names, is found again.
func (b *Builder) AddNumbered(t Table) int {
	t = t.remembered()
	name, digest := t.Name, t.Digest()
	for n := 2; ; n++ {
		at := b.tableNamed(t.Name)
		if at < 0 || b.digests[at] == digest {
			return b.AddTable(t)
		}
		t.Name = name + "#" + strconv.Itoa(n)
	}
}

// tableNamed returns the number of the table called name, or -1.
func (b *Builder) tableNamed(name string) int {
	for i := range b.program.Tables {
		if b.program.Tables[i].Name == name {
			return i
		}
	}
	return -1
}
