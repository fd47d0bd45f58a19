package segment

import (
	"io"
	"os"
)

// readFile reads a file into memory of the process's own, which the collector gives back: what
// mapFile does where files are not mapped, and tests do everywhere.
func readFile(file *os.File, size int64) (mapping, error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(file, b); err != nil {
		return mapping{}, err
	}
	return mapping{bytes: b}, nil
}
