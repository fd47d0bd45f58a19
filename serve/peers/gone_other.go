//go:build !unix

package peers

// Gone reports whether the client closed its end. Here nobody can look without waiting, so it
// is there.
func (c *Conn) Gone() bool { return false }
