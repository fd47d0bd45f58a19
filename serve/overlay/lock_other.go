//go:build !unix

package overlay

import (
	"io"
	"strings"
)

// lock keeps nobody out: it is for the one process of a trial.
func lock(string) (io.Closer, error) { return io.NopCloser(strings.NewReader("")), nil }
