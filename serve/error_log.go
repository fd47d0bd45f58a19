package serve

import (
	"bytes"

	"quern/internal/pace"
)

// errorLog logs what net/http says of connections, at most one line a second.
type errorLog struct {
	log func(format string, args ...any)
	pace.Seldom
}

// Write is io.Writer's.
func (l *errorLog) Write(line []byte) (int, error) {
	if l.May() {
		l.log("%s", bytes.TrimSpace(line))
	}
	return len(line), nil
}
