//go:build !linux

package segment

import "os"

// mapping is a file in memory.
type mapping struct {
	bytes  []byte
	mapped bool // never
}

// mapFile reads the file.
func mapFile(file *os.File, size int64) (mapping, error) { return readFile(file, size) }

func (m *mapping) populate(from, to int) {}

func (m *mapping) unmap() { m.bytes = nil }

func (m *mapping) resident() (int64, error) { return int64(len(m.bytes)), nil }
